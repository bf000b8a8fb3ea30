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
# # Your own particles
#
# Any stack or folder of images will do: name it in `images`. Here are some that are drawn, in any
# orientation: ellipses of three widths, one end brighter, and a few broken ones. Install once by
# `%pip install "vaerun[notebook]"`.

# %%
from pathlib import Path

import numpy as np

import vaerun

images = Path("my_particles.npy")  # a file, a folder, or a pattern such as scans/*.tif
if not images.exists():
    rng = np.random.default_rng(0)
    row, column = np.mgrid[:32, :32] - 15.5
    angle, width = rng.uniform(-np.pi, np.pi, (2, 800, 1, 1))
    width = np.select([width < -1, width < 1], [2, 4], 7)
    along = column * np.cos(angle) - row * np.sin(angle)
    across = column * np.sin(angle) + row * np.cos(angle)
    drawn = np.exp(-((along / 9) ** 2) - (across / width) ** 2) * (1 + 0.7 * np.tanh(along / 4))
    drawn[:8] *= np.abs(across[:8]) > 2  # broken
    np.save(images, drawn + rng.normal(0, 0.05, drawn.shape))

# %%
run = vaerun.train("model=rvae", "data=images", f"data.path={images}", "trainer.max_epochs=10")
run

# %% [markdown]
# Images that the model cannot draw are unlike the others: the broken ones have the largest error.

# %%
table = run.latents.to_dataframe()
worst = table.error.nlargest(10)
worst

# %% [markdown]
# The next run leaves them out. Others are chosen with the pointer in `run.explore()`, which saves
# a CSV for `data.drop` or `data.keep`.

# %%
again = vaerun.train(
    f"data.from_run={run.path}",
    f"data.drop=error>{worst.iloc[-1]:.6f}",
    f"model.start_from={run.path}",
    "trainer.max_epochs=5",
)
again

# %% [markdown]
# New images are encoded by a finished run; the numbers are those of the images that you give.

# %%
latents = again.encode(np.clip(np.load(images)[:5], 0, 1))
np.rad2deg(latents.angle)

# %%
again.explore()
