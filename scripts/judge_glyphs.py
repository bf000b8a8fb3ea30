"""Classes and angles of glyphs, which no setting was chosen on, from files as users have them.

python scripts/judge_glyphs.py 200 201 202 --out outputs/glyphs

Each draw is a set of two to five glyphs of a font, of any size, shares, number, noise, background,
contrast, shear, shift and sign. `vaerun model=jrvae data=images` gets the images and the number of
classes, nothing else. Finished runs in `--out` are not run again. Draws below 100 are for trying.
"""

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from scipy import ndimage

from vaerun.evaluation.metrics.clustering import agreement
from vaerun.utils.format import markdown_table

GLYPHS = list("RF2GJ4ePbQ7ykahnLr6CAE5KdtjmgY1&?%")
SYMMETRY = {"%": 2}  # by which part of a turn a glyph looks the same; 1 for the others
FINE_PX = 160  # of a glyph before it is resampled
HEADER = ("draw", "glyphs", "images", "side", "noise", "counts", "rarest", "one to one", "least R")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the images of a draw have in common."""

    glyphs: str
    shares: Floats
    n: int
    side: int
    diameter: int
    noise_sd: float
    background: float
    counts: int | None
    size_variation: float
    shift_px: float
    gradient: float
    shear_deg: float
    is_dark: bool


def drawn_setting(draw: int) -> Setting:
    """The setting of a draw."""
    rng = np.random.default_rng(1000 + draw)
    n_kinds, side = int(rng.integers(2, 6)), int(rng.choice([28, 32, 40, 48, 56]))
    diameter = int(side * rng.uniform(0.5, 0.65))
    kind = rng.choice(["even", "rare", "any"], p=[0.4, 0.35, 0.25])
    shares = np.full(n_kinds, 1 / n_kinds)
    if kind == "rare":
        shares = np.r_[0.9, np.full(n_kinds - 1, 0.1 / (n_kinds - 1))]
    elif kind == "any":
        shares = rng.dirichlet(np.full(n_kinds, 3))
    shares = np.maximum(shares, 0.02)
    return Setting(
        glyphs="".join(rng.choice(GLYPHS, n_kinds, replace=False)),
        shares=shares / shares.sum(),
        n=int(rng.choice([200, 400, 800, 1500, 3000])),
        side=side,
        diameter=diameter,
        noise_sd=float(rng.choice([0.05, 0.1, 0.2, 0.3])),
        background=float(rng.uniform(0, 0.4)),
        counts=[None, None, 10, 30][rng.integers(4)],
        size_variation=float(rng.choice([0, 0.1, 0.2, 0.3])),
        shift_px=float(rng.choice([0, 1, 2])),
        gradient=float(rng.choice([0, 0.2])),
        shear_deg=float(rng.choice([0, 0, 12])),
        is_dark=bool(rng.integers(2)),
    )


def fine_glyph(character: str) -> Floats:
    """A glyph of 160 × 160 pixels with its centre of mass in the middle; inside is 1."""
    path = TextPath((0, 0), character, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    low, high = path.vertices.min(0), path.vertices.max(0)
    line = (np.arange(FINE_PX) + 0.5) / FINE_PX - 0.5
    down, across = np.meshgrid(line, line, indexing="ij")
    points = np.stack([across, -down], -1) * 1.5 * (high - low).max() + (low + high) / 2
    inside = path.contains_points(points.reshape(-1, 2)).reshape(FINE_PX, FINE_PX).astype(float)
    off = (FINE_PX - 1) / 2 - np.array(ndimage.center_of_mass(inside))
    return np.asarray(ndimage.shift(inside, off, order=1))


def draw_images(setting: Setting, seed: int) -> dict[str, npt.NDArray[Any]]:
    """Images (n, S, S), with the kind and angle of each."""
    rng, s = np.random.default_rng(seed), setting
    kind = rng.choice(len(s.shares), s.n, p=s.shares)
    angle = rng.uniform(-np.pi, np.pi, s.n)
    scale = FINE_PX / 1.5 / s.diameter
    fine = [ndimage.gaussian_filter(fine_glyph(one), 0.6 * scale) for one in s.glyphs]
    line = np.arange(s.side) / s.side - 0.5
    down, across = np.meshgrid(line, line, indexing="ij")
    images = np.zeros((s.n, s.side, s.side), np.float32)
    for i in range(s.n):
        cos, sin = np.cos(angle[i]), np.sin(angle[i])
        sheared = np.array([[1, np.tan(np.radians(rng.uniform(-1, 1) * s.shear_deg))], [0, 1]])
        grown = scale / rng.uniform(1 - s.size_variation, 1 + s.size_variation)
        matrix = np.array([[cos, -sin], [sin, cos]]) @ sheared * grown
        centre = (s.side - 1) / 2 + s.shift_px * rng.normal(size=2)
        offset = (FINE_PX - 1) / 2 - matrix @ centre
        shape = (s.side, s.side)
        x = ndimage.affine_transform(fine[kind[i]], matrix, offset, shape, order=1)
        steepest = rng.uniform(0, 2 * np.pi)
        slope = np.cos(steepest) * across + np.sin(steepest) * down
        x = s.background + x * (1 - s.background) * rng.uniform(0.7, 1) + s.gradient * slope
        if s.counts is not None:
            x = rng.poisson(np.clip(x, 0, None) * s.counts) / s.counts
        images[i] = x + s.noise_sd * rng.normal(size=x.shape)
    return {"images": 1 - images if s.is_dark else images, "kind": kind, "angle": angle}


def row(draw: int, out: Path) -> list[str]:
    """Draw images, train on them, and compare: a row of the table."""
    setting, folder = drawn_setting(draw), out / str(draw)
    truth = draw_images(setting, draw)
    if not list(folder.rglob("report.html")):
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "images.npy", truth["images"])
        words = ["model=jrvae", "data=images", f"data.path={folder / 'images.npy'}",
                 f"model.category.n_classes={len(setting.glyphs)}", "model.invariances=[r,t,s]",
                 f"seed={draw}", f"out={folder}"]  # fmt: skip
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with (folder / "log.txt").open("w") as log:
            command = [sys.executable, "-m", "vaerun", *words]
            subprocess.run(command, check=True, env=environment, stdout=log, stderr=log)
    with h5py.File(next(folder.rglob("latents.h5"))) as latents:
        index, angle = latents["index"][:], latents["angle"][:].ravel()
        found = latents["class_probability"][:].argmax(1)
    kind, true = truth["kind"][index], truth["angle"][index]
    right = agreement(found, kind)["hungarian"]
    resultant = min(
        abs(np.exp(1j * SYMMETRY.get(setting.glyphs[k], 1) * (angle + true))[kind == k].mean())
        for k in np.unique(kind)
    )
    return [str(draw), setting.glyphs, f"{setting.n:,}", str(setting.side),
            f"{setting.noise_sd:g}", str(setting.counts or "–"),
            f"{100 * setting.shares.min():.0f} %", f"{100 * right:.1f} %",
            f"{resultant:.3f}"]  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("draws", nargs="+", type=int)
    parser.add_argument("--out", type=Path, default=Path("outputs/glyphs"))
    asked = parser.parse_args()
    rows = []
    for draw in asked.draws:
        rows.append(row(draw, asked.out.resolve()))
        print(*rows[-1], flush=True)
    print(markdown_table(HEADER, rows))


if __name__ == "__main__":
    main()
