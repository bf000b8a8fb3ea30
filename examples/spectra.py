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
    "model.latent_dim=1", "trainer.max_epochs=12",
)  # fmt: skip
run

# %% [markdown]
# Every curve has a place, so each latent is a map.

# %%
table = run.latents.to_dataframe()
maps = table.pivot(index="centre_1", columns="centre_2")
figure, axes = plt.subplots(1, 3, figsize=(12, 3), layout="constrained")
shown = {"shift / eV": "shift_1", "gain": "gain", "z1": "z_mean_1"}
for place, (name, column) in zip(axes, shown.items(), strict=True):
    image = place.imshow(maps[column])
    figure.colorbar(image, ax=place, label=name)
    place.set(xlabel="column", ylabel="row")

# %% [markdown]
# What z means: the curves at both of its ends, shifts taken out. Their height is left to the gain,
# so that it is made the same here.

# %%
figure, axes = plt.subplots()
for z in np.quantile(run.latents.z_mean, [0.05, 0.95]):
    curve = run.decode(np.array([[z]])).ravel()
    axes.plot((curve - curve.min()) / np.ptp(curve), label=f"z = {z:.1f}")
axes.set(xlabel="point", ylabel="intensity, 0 to 1")
axes.legend()

# %% [markdown]
# Point at a place of the map to see its curve and the model's.

# %%
run.explore()
