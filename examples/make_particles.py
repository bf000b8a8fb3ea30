"""Make some particles to try vaerun on: particles.h5, photos/, sorted/ and known.csv, here.

python examples/make_particles.py

Ellipses with one bright end, at any angle, of three widths: 2,000 in particles.h5, of which 90 are
also pictures, once in one folder and once in a folder for each width. known.csv has the width of
most of the pictures, as labels.
"""

from pathlib import Path

import h5py
import numpy as np
from PIL import Image

rng = np.random.default_rng(0)
row, column = np.mgrid[:32, :32] - 15.5
angle, width = rng.uniform(-np.pi, np.pi, 2000), rng.choice([2, 4, 7], 2000)
cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
along, across = column * cos - row * sin, column * sin + row * cos
images = np.exp(-((along / 9) ** 2) - (across / width[:, None, None]) ** 2)
images *= 1 + 0.7 * np.tanh(along / 4)
images += rng.normal(0, 0.05, images.shape)  # of the camera
with h5py.File("particles.h5", "w") as file:
    file["images"], file["width"], file["angle"] = 4000 * images + 90, width, angle
for i in range(90):
    picture = Image.fromarray((images[i].clip(0) / images.max() * 255).astype(np.uint8))
    for folder in (Path("photos"), Path("sorted", str(width[i]))):
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{i}.png")
rows = [f"{i}.png,{width[i] if i % 4 else ''}" for i in range(90)]
Path("known.csv").write_text("\n".join(["file,shape", *rows]) + "\n")
