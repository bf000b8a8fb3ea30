"""Train the atom finder of the package on simulated frames; write weights and their record.

python scripts/train_atom_finder.py

Doses, probes, scales, defects and contamination vary widely, so that real frames are within their
range. It takes some 20 minutes on two cores.
"""

import argparse
import datetime
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from judge_atom_finder import judge, record, table
from safetensors.torch import save_file
from torch import Tensor

from vaerun.microscopy import atom_finder
from vaerun.microscopy.graphene import SILICON
from vaerun.microscopy.simulation import stem_imaging
from vaerun.microscopy.simulation.movie import Scenario, Truth, simulate_movie
from vaerun.utils.devices import quick_at_bfloat16
from vaerun.utils.provenance import git_revision, package_versions

SIDE_PX = 256
BATCH = 8
SI_WEIGHT = 3.0  # of the loss at silicon pixels, which are rare
LEARNING_RATE = 3e-3

Crop = tuple[npt.NDArray[np.float16], npt.NDArray[np.uint8]]


def random_scenario(rng: np.random.Generator) -> Scenario:
    """A short movie with many events, drawn at random."""
    return Scenario(
        n_frames=6,
        height=52,
        width=52,
        silicon=int(rng.integers(4, 60)),
        fourfold=int(rng.integers(0, 12)),
        hop=1.0,
        rotations=(int(rng.integers(0, 12)), 2.0),
        vacancies=(int(rng.integers(0, 6)), 1.0),
        holes=int(rng.integers(0, 4)),
        growth=8.0,
        amorphous=float(rng.choice([0.0, rng.uniform(5, 20)])),
        grain=float(rng.choice([0.0, rng.uniform(5, 12)])),
        grain_turn_deg=float(rng.uniform(5, 30)),
        boundary=bool(rng.random() < 0.35),
        strain=float(rng.uniform(0, 0.03)),
        drift=0.5,
    )


def random_optics(rng: np.random.Generator) -> stem_imaging.Optics:
    """Optics from very good to very bad, drawn at random."""
    return stem_imaging.Optics(
        pixel_A=atom_finder.PIXEL_A,
        probe_A=rng.uniform(0.3, 0.75),
        tail=rng.uniform(0, 0.5),
        dose=float(np.exp(rng.uniform(np.log(1.5), np.log(200)))),
        background=float(np.exp(rng.uniform(np.log(0.03), np.log(3)))),
        contamination=rng.uniform(0, 1.2),
        cover=float(rng.choice([0.0, rng.uniform(0.05, 0.6)], p=[0.7, 0.3])),
        contrast=rng.uniform(2.5, 5.5),
        jitter_px=rng.uniform(0, 0.7),
        blur_px=float(rng.choice([0.0, rng.uniform(0.3, 1.0)])),
    )


def crops(seed: int) -> list[Crop]:
    """Crops of one movie, 30 in all, each with its own optics."""
    rng = np.random.default_rng(seed)
    scenario = random_scenario(rng)
    movie = list(simulate_movie(scenario, seed))
    return [crop(movie[k % len(movie)], scenario, rng) for k in range(5 * len(movie))]


def crop(truth: Truth, scenario: Scenario, rng: np.random.Generator) -> Crop:
    """A crop at a random place, rotation and scale: image (H, W) and `target`."""
    middle = np.array([scenario.height, scenario.width]) / 2
    position = truth.position - middle - rng.uniform(-6, 6, 2)
    angle, scale = rng.uniform(0, 2 * np.pi), rng.uniform(0.92, 1.08)
    cos, sin = np.cos(angle), np.sin(angle)
    skew = np.eye(2) + rng.normal(0, 0.015, (2, 2))  # of scan and drift
    turned = scale * position @ np.array([[cos, sin], [-sin, cos]]) @ skew
    turned = turned + rng.normal(0, 0.03, turned.shape)
    pixel = turned / atom_finder.PIXEL_A + (SIDE_PX - 1) / 2
    species = truth.species.copy()
    if rng.random() < 0.3:  # clusters of silicon
        together = truth.bonds[rng.random(len(truth.bonds)) < 0.01]
        species[together.ravel()] = SILICON
    exposure = stem_imaging.expose(pixel, species, (SIDE_PX, SIDE_PX), random_optics(rng), rng)
    return exposure.image.astype(np.float16), target(pixel, species, exposure.hidden)


def target(
    position: npt.NDArray[np.float64],
    species: npt.NDArray[np.int64],
    hidden: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    """Share of each pixel covered by carbon and silicon, in 255ths, (2, H, W)."""
    height, width = hidden.shape
    reach = int(np.ceil(atom_finder.RADIUS_PX)) + 1
    offset = np.stack(np.mgrid[-reach : reach + 1, -reach : reach + 1], axis=-1).reshape(-1, 2)
    pixel = np.round(position).astype(np.int64)[:, None] + offset  # (N, P, 2)
    away = np.hypot(*np.moveaxis(pixel - position[:, None], -1, 0))
    share = np.clip(atom_finder.RADIUS_PX + 0.5 - away, 0, 1)
    rows, columns = pixel[..., 0], pixel[..., 1]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    image = np.zeros((2, height, width), np.float32)
    which = np.broadcast_to(species[:, None], rows.shape)[inside]
    np.maximum.at(image, (which, rows[inside], columns[inside]), share[inside])
    image[0] = np.minimum(image[0], 1 - image[1])
    image[:, hidden] = 0
    return (255 * image).round().astype(np.uint8)


def pool(n_movies: int, jobs: int, first_seed: int = 1) -> tuple[Tensor, Tensor]:
    """Network inputs (N, 2, H, W) of all crops, and their targets (N, 2, H, W)."""
    with ProcessPoolExecutor(jobs) as workers:
        parts = list(workers.map(crops, range(first_seed, first_seed + n_movies)))
    images = [atom_finder.normalised(i.astype(np.float32)) for part in parts for i, _ in part]
    classes = [c for part in parts for _, c in part]
    return torch.from_numpy(np.stack(images).astype(np.float16)), torch.from_numpy(
        np.stack(classes)
    )


def fit(images: Tensor, classes: Tensor, minutes: float, mixed: bool) -> torch.nn.Module:
    """Train for some minutes; the learning rate falls to 0 as a cosine."""
    torch.manual_seed(0)
    network = atom_finder.new_network().to(memory_format=torch.channels_last)
    adam = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-4)
    start, step, mean = time.monotonic(), 0, 0.0
    while (spent := (time.monotonic() - start) / 60 / minutes) < 1:
        for group in adam.param_groups:
            warm = min((step + 1) / 100, 1.0)
            group["lr"] = LEARNING_RATE * warm * 0.5 * (1 + np.cos(np.pi * spent))
        chosen = torch.randint(len(images), (BATCH,))
        x, y = _turned(images[chosen].float(), classes[chosen].float() / 255)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            logits = network(x.contiguous(memory_format=torch.channels_last))
        loss = _loss(logits.float(), y)
        adam.zero_grad()
        loss.backward()
        adam.step()
        mean = 0.98 * mean + 0.02 * float(loss.detach())
        step += 1
        if step % 100 == 0:
            print(f"step {step}, {100 * spent:.0f} %, loss {mean:.4f}", flush=True)
    return network.eval()


def _turned(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """A batch rotated by a multiple of 90° and mirrored, at random."""
    turns, mirrored = int(torch.randint(4, ())), bool(torch.rand(()) < 0.5)
    x, y = torch.rot90(x, turns, (2, 3)), torch.rot90(y, turns, (2, 3))
    return (x.flip(3), y.flip(3)) if mirrored else (x, y)


def _loss(logits: Tensor, share: Tensor) -> Tensor:
    """Cross-entropy with the shares of background, carbon and silicon in each pixel."""
    full = torch.cat([1 - share.sum(1, keepdim=True), share], dim=1)
    weight = 1 + (SI_WEIGHT - 1) * share[:, 1]
    return (weight * F.cross_entropy(logits, full, reduction="none")).mean()


def main() -> None:
    """Simulate, train, save, score."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10, help="of training (10)")
    parser.add_argument("--movies", type=int, default=80, help="simulated, 30 crops each (80)")
    parser.add_argument("--jobs", type=int, default=2, help="processes that simulate (2)")
    parser.add_argument("--crops", type=Path, help="file to save the simulated crops in")
    parser.add_argument(
        "--out", type=Path, default=atom_finder.WEIGHTS, help="where the weights go"
    )
    options = parser.parse_args()
    mixed = quick_at_bfloat16("cpu")
    start = time.monotonic()
    if options.crops is not None and options.crops.is_file():
        images, classes = torch.load(options.crops, weights_only=True)
    else:
        images, classes = pool(options.movies, options.jobs)
        if options.crops is not None:
            torch.save((images, classes), options.crops)
    print(f"{len(images)} crops after {time.monotonic() - start:.0f} s", flush=True)
    network = fit(images, classes, options.minutes, mixed)
    weights = {
        name: t.half().contiguous()
        for name, t in network.state_dict().items()
        if t.is_floating_point()
    }
    save_file(weights, options.out)
    rows = judge(atom_finder.load_network(torch.device("cpu"), options.out), mixed=mixed)
    print(table(rows))
    record(
        rows,
        options.out,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        revision=git_revision(),
        versions=package_versions(),
        crops=len(images),
        minutes=options.minutes,
    )


if __name__ == "__main__":
    main()
