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
# # A micrograph, atom by atom
#
# Name your own frame in `frame`; its atoms are found without training. Without one, a simulated
# dichalcogenide of two grains stands in, some of whose columns lack an atom. Install once by
# `%pip install "vaerun[notebook]"`.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vaerun

frame = Path("frame.hspy")  # or .dm3, .dm4, .emd, .tif, .npy ...
data = (
    ["data=patches", "data.centres=peaks", f"data.path={frame}"]
    if frame.exists()
    else ["data=lattices", "data.crystal=dichalcogenide", "data.grains=2"]
)

# %%
run = vaerun.train("model=rvae", *data, "trainer.max_epochs=6")
run

# %% [markdown]
# Each atom has a place on the frame, an angle and a content. The angle tells grains and
# sublattices.

# %%
table = run.latents.to_dataframe()
one = table[table.frame == table.frame.min()]
figure, axes = plt.subplots(1, 2, figsize=(11, 5))
shown = {"angle / °": np.rad2deg(one.angle), "z1": one.z_mean_1}
for place, (name, values) in zip(axes, shown.items(), strict=True):
    dots = place.scatter(one.centre_2, one.centre_1, c=values, s=8)
    figure.colorbar(dots, ax=place, label=name)
    place.set(aspect="equal", xlabel="column / px", ylabel="row / px")
    place.invert_yaxis()

# %% [markdown]
# The atoms that stand out in z, and where they are.

# %%
distance = np.hypot(one.z_mean_1 - one.z_mean_1.median(), one.z_mean_2 - one.z_mean_2.median())
one.assign(distance=distance).nlargest(8, "distance")[["centre_1", "centre_2", "distance"]]

# %% [markdown]
# Select atoms in one plot and see them in the other.

# %%
run.explore()
