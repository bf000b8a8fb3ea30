# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A map of spectra
#
# Name your own file in `file`: curves, or a map of them. Without one, a map is drawn whose line
# shifts from row to row, is of any height, and is broader in a disc. Install once by
# `%pip install "vaerun[notebook]"`.

# %%
from pathlib import Path

import h5py
import matplotlib.pyplot as plt
import numpy as np

import vaerun

file = Path("map.h5")  # or .hspy, .npy, .csv ...
if not file.exists():
    rng = np.random.default_rng(0)
    row, column = np.mgrid[:30, :40]
    energy = np.linspace(280, 300, 100)
    centre = 289 + 0.1 * row[..., None]
    width = np.where(np.hypot(row - 15, column - 20) < 10, 1.5, 0.8)[..., None]
    height = rng.uniform(0.5, 1, row.shape)[..., None]
    line = height * np.exp(-0.5 * ((energy - centre) / width) ** 2)
    with h5py.File(file, "w") as opened:
        opened["map"] = line + rng.normal(0, 0.02, line.shape)
        opened["energy"] = energy
        opened["energy"].attrs["units"] = "eV"

# %% [markdown]
# Shift along the axis (t), and gain and offset (i), have latents of their own; z is left with the
# shape.

# %%
run = vaerun.train(
    "model=rvae", "data=spectra", f"data.path={file}", "model.invariances=[t,i]",
    "trainer.max_epochs=6",
)  # fmt: skip
run

# %% [markdown]
# Every curve has a place, so each latent is a map.

# %%
table = run.latents.to_dataframe()
maps = table.pivot(index="centre_1", columns="centre_2")
figure, axes = plt.subplots(1, 3, figsize=(12, 3))
shown = {"shift / eV": "shift_1", "gain": "gain", "z1": "z_mean_1"}
for place, (name, column) in zip(axes, shown.items(), strict=True):
    image = place.imshow(maps[column])
    figure.colorbar(image, ax=place, label=name)
    place.set(xlabel="column", ylabel="row")

# %% [markdown]
# What z means: curves decoded along its first dimension, without shift and gain.

# %%
z = np.zeros((5, run.latents.z_mean.shape[1]))
z[:, 0] = np.quantile(run.latents.z_mean[:, 0], np.linspace(0.02, 0.98, 5))
figure, axes = plt.subplots()
for value, curve in zip(z[:, 0], run.decode(z), strict=True):
    axes.plot(curve.ravel(), color=plt.get_cmap("viridis")((value - z[0, 0]) / np.ptp(z[:, 0])))
axes.set(xlabel="point", ylabel="intensity, 0 to 1")

# %% [markdown]
# Point at a place of the map to see its curve and the model's.

# %%
run.explore()
