"""Spectra predicted from images of particles by `model=ved`, which turning must not change.

python scripts/judge_predictions.py 0 1 2
python scripts/judge_predictions.py 0 1 2 --size 48 --out outputs/predictions_48

Each draw is 5,000 pairs of files as users have them: particles of four outlines, of any angle,
size and shear, with noise, and spectra that depend on outline, size and shear alone. `ved` gets
the pairs, nothing else. It is judged on the pairs held back, and on 1,000 unseen particles that
are drawn at two angles each, without noise and with it. Finished runs in `--out` are not run
again. Draws from 100 on are for trying.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from judge_checks import train

from vaerun.config.compose import compose
from vaerun.data.datasets.particle_outlines import OUTLINES
from vaerun.data.image_set import ImageSet
from vaerun.data.load import load
from vaerun.runs.config import validate
from vaerun.runs.folder import RunFolder
from vaerun.runs.run import Run
from vaerun.runs.run import load as load_run
from vaerun.utils.format import markdown_table

N_PAIRS, N_UNSEEN = 5000, 1000
ENERGY = np.linspace(0, 10, 100)
NOISE = 3.0  # sd of the spectra, whose line has a height of 100
HEADER = ("draw", "outlines", "R²", "within 1 sd", "change by the angle", "of the predicted sd",
          "with other noise", "its sd", "ms an image")  # fmt: skip

Floats = npt.NDArray[np.float64]


def outlines(draw: int) -> list[str]:
    """Four outlines, others in each draw."""
    return sorted(np.random.default_rng(3000 + draw).choice(list(OUTLINES), 4, replace=False))


def particles(
    draw: int, n: int, seed: int, *, size: int, noise_sd: float, range_deg: float
) -> ImageSet:
    """Particles of a draw; with the same seed they differ in their angles and noise alone."""
    words = ["data=particles", f"data.outlines=[{','.join(outlines(draw))}]", f"data.size={size}",
             f"data.diameter_px={0.6 * size}", "data.size_variation=0.25", "data.shear_deg=12",
             f"data.rotation_deg={range_deg}", f"data.noise_sd={noise_sd}", f"data.train_size={n}",
             "data.val_size=1", f"seed={seed}"]  # fmt: skip
    config = validate(compose(words))
    return load(config.data, config.seed).train


def spectra(drawn: ImageSet) -> Floats:
    """Spectra (N, 100) without noise: two lines, whose place and height are of the particle."""
    kind = drawn.label.numpy()[:, None]
    size, shear = (drawn.factors[name].numpy()[:, None] for name in ("scale", "shear"))
    centre = 1.8 + 1.7 * kind + 1.6 * (size - 1)
    width = 0.45 + 0.4 * np.abs(shear) + 0.2 * (size - 1)
    height = 15 + 40 * (size - 0.75) + 60 * np.abs(shear)
    first = 100 * np.exp(-0.5 * ((ENERGY - centre) / width) ** 2)
    return np.asarray(first + height * np.exp(-0.5 * ((ENERGY - 8.8) / 0.45) ** 2))


def write_pairs(draw: int, size: int, path: Path) -> None:
    """Images (N, S, S) and spectra (N, 100) of a draw, with noise."""
    drawn = particles(draw, N_PAIRS, 2 * draw, size=size, noise_sd=0.1, range_deg=180)
    clean = spectra(drawn)
    with h5py.File(path, "w") as file:
        file["images"] = drawn.images[:, 0].numpy()
        noise = NOISE * np.random.default_rng(draw).normal(size=clean.shape)
        file["spectra"] = (clean + noise).astype(np.float32)


def judge(draw: int, size: int, out: Path, words: list[str]) -> dict[str, float]:
    """Train on a draw, unless that has been done, and measure what it predicts."""
    folder = RunFolder(out / f"run_{draw}")
    pairs = out / f"pairs_{draw}.h5"
    out.mkdir(parents=True, exist_ok=True)
    if not pairs.is_file():
        write_pairs(draw, size, pairs)
    train(folder, ["model=ved", "data=pairs", f"data.path={pairs}", "data.key=images",
                   f"data.target_path={pairs}", "data.target_key=spectra", f"seed={draw}",
                   *words])  # fmt: skip
    run = load_run(folder.path)
    found: dict[str, float] = dict(run.metrics["prediction"])
    for name, noise_sd in (("clean", 0.0), ("noisy", 0.1)):
        changed = turned(run, draw, noise_sd)
        found |= {f"{name}_{key}": value for key, value in changed.items()}
    return found


def turned(run: Run, draw: int, noise_sd: float) -> dict[str, float]:
    """Root mean squared change of predictions from one angle of a particle to another.

    ``of_targets`` over the sd of true spectra about their mean, ``of_sd`` over that predicted.
    """
    first, other = (
        particles(
            draw,
            N_UNSEEN,
            2 * draw + 1,
            size=run.network.shape.image[1],
            noise_sd=noise_sd,
            range_deg=degrees,
        )
        for degrees in (180, 70)
    )
    begin = time.process_time()
    before = run.predict(first.images)
    seconds = time.process_time() - begin
    change = run.predict(other.images).mean - before.mean
    rms = float(np.sqrt(np.square(change).mean()))
    truth = spectra(first)
    spread = float(np.sqrt(np.square(truth - truth.mean(0)).mean()))
    return {
        "of_targets": rms / spread,
        "of_sd": rms / float(before.sd.mean()),
        "ms": 1e3 * seconds / N_UNSEEN,
    }


def row(draw: int, size: int, out: Path, words: list[str]) -> list[str]:
    """A row of the table."""
    f: dict[str, Any] = judge(draw, size, out, words)
    return [str(draw), " ".join(outlines(draw)), f"{f['r2']:.3f}",
            f"{100 * f['coverage_68']:.1f} %", f"{100 * f['clean_of_targets']:.2f} %",
            f"{100 * f['clean_of_sd']:.1f} %", f"{100 * f['noisy_of_targets']:.2f} %",
            f"{100 * f['noisy_of_sd']:.1f} %", f"{f['clean_ms']:.1f}"]  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("draws", nargs="+", type=int)
    parser.add_argument("--out", type=Path, default=Path("outputs/predictions"))
    parser.add_argument("--size", type=int, default=32, help="side of the images, pixels")
    parser.add_argument("--words", nargs="*", default=[], help="further overrides")
    asked = parser.parse_args()
    rows = []
    for draw in asked.draws:
        rows.append(row(draw, asked.size, asked.out.resolve(), asked.words))
        print(*rows[-1], flush=True)
    print(markdown_table(HEADER, rows))


if __name__ == "__main__":
    main()
