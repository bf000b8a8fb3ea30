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
# # Cards: the same object in any orientation
#
# Card suits are turned by any angle and sheared. An invariant VAE finds the angle of each and is
# left with what they are. Install it once, on Colab too, by `%pip install "vaerun[notebook]"`.

# %%
import matplotlib.pyplot as plt
import numpy as np

import vaerun

# %% [markdown]
# The words are those of the command line. Training shows a bar; the run shows what it has learned.

# %%
run = vaerun.train("model=rvae", "data=cards_iv", "data.train_size=4000", "trainer.max_epochs=12")
run

# %% [markdown]
# Every image has content z, an angle and their uncertainties. Suits are apart in z, although no
# label was used.

# %%
table = run.latents.to_dataframe()
validation = table[table.split == 1]
figure, axes = plt.subplots()
axes.scatter(validation.z_mean_1, validation.z_mean_2, c=validation.label, s=3, cmap="tab10")
axes.set(xlabel="z1", ylabel="z2")
validation.groupby("label")[["z_mean_1", "z_mean_2", "error"]].mean()

# %% [markdown]
# The angle that was found follows the true one, up to an offset for each suit.

# %%
figure, axes = plt.subplots()
true, found = np.rad2deg(validation.true_angle), np.rad2deg(validation.angle)
axes.scatter(true, found, c=validation.label, s=3)
axes.set(xlabel="true angle / °", ylabel="angle found / °")

# %% [markdown]
# Decode any content in any orientation.

# %%
heart = run.latents.val.z_mean[run.latents.val.label == 2][0]
turned = run.decode(np.tile(heart, (6, 1)), angle=np.linspace(0, np.pi, 6))
figure, axes = plt.subplots(1, 6, figsize=(9, 1.6))
for one, image in zip(axes, turned, strict=True):
    one.imshow(image[0], cmap="gray")
    one.set_axis_off()

# %% [markdown]
# Point at dots, select some, save them for the next run.

# %%
run.explore()
