"""The simulated movie: frames of silicon-doped graphene under the beam, and the truth."""

import dataclasses
from pathlib import Path

import numpy as np

from vaerun.microscopy.frame import Frame
from vaerun.microscopy.simulation.movie import Scenario, Truth, simulate_movie
from vaerun.microscopy.simulation.stem_imaging import Optics, expose
from vaerun.utils.arrays import Arrays, cached
from vaerun.utils.progress import bar

_VERSION = 3  # of what a seed makes; to be raised when that changes


def simulated(
    root: Path, story: Scenario, optics: Optics, seed: int, *, progress: bool = True
) -> tuple[list[Frame], list[Truth]]:
    """The frames of a movie and the atoms in each; kept under ``root`` and made only once.

    Parameters
    ----------
    root
        The data folder.
    story, optics
        What happens, and how it is seen.
    seed
        Of both.
    progress
        Whether to show a bar.
    """
    key = {
        "version": _VERSION,
        "seed": seed,
        "story": dataclasses.asdict(story),
        "optics": dataclasses.asdict(optics),
    }
    arrays = cached(
        root / "graphene", "movie", key, lambda: _made(story, optics, seed, progress=progress)
    )
    pixel_nm = optics.pixel_A / 10
    frames = [
        Frame(
            image=image.astype(np.float32),
            pixel_nm=pixel_nm,
            name=f"frame {number}",
            movie=seed,
        )
        for number, image in enumerate(arrays["images"])
    ]
    return frames, _truths(arrays)


def _made(story: Scenario, optics: Optics, seed: int, *, progress: bool) -> Arrays:
    rng = np.random.default_rng((seed, 1))
    shape = (round(story.height / optics.pixel_A), round(story.width / optics.pixel_A))
    images, truths = [], []
    movie = simulate_movie(story, seed)
    for truth in bar(movie, "simulating frames", story.n_frames, shown=progress):
        position = truth.position / optics.pixel_A - 0.5
        images.append(expose(position, truth.species, shape, optics, rng).image)
        truths.append(truth)
    return {
        "images": np.stack(images).astype(np.uint16),
        "n_atoms": np.array([len(t.position) for t in truths]),
        "n_bonds": np.array([len(t.bonds) for t in truths]),
        **{
            f.name: np.concatenate([getattr(t, f.name) for t in truths])
            for f in dataclasses.fields(Truth)
        },
    }


def _truths(arrays: Arrays) -> list[Truth]:
    """Back from arrays that hold all frames one after the other."""
    atoms, bonds = np.cumsum(arrays["n_atoms"])[:-1], np.cumsum(arrays["n_bonds"])[:-1]
    parts = {
        f.name: np.split(arrays[f.name], bonds if f.name == "bonds" else atoms)
        for f in dataclasses.fields(Truth)
    }
    return [
        Truth(**{name: part[i] for name, part in parts.items()})
        for i in range(len(parts["bonds"]))
    ]
