"""A simulated movie of silicon-doped graphene under the beam, cached: its frames and truths."""

import dataclasses
from pathlib import Path

import numpy as np

from vaerun.microscopy.frame import Frame
from vaerun.microscopy.simulation.movie import Scenario, Truth, simulate_movie
from vaerun.microscopy.simulation.stem_imaging import Optics, expose
from vaerun.utils.arrays import Arrays, cached
from vaerun.utils.progress import bar

_VERSION = 3  # of the cached arrays; raise it when the same seed gives others


def simulated(
    root: Path, scenario: Scenario, optics: Optics, seed: int, *, progress: bool = True
) -> tuple[list[Frame], list[Truth]]:
    """The frames of a movie, and the true atoms of each.

    Parameters
    ----------
    root
        The data folder, in which the movie is cached.
    scenario, optics
        Events of the movie, and how its frames are taken.
    seed
        Of all random numbers; also the number of the movie.
    progress
        Whether to show a progress bar.
    """
    key = {
        "version": _VERSION,
        "seed": seed,
        "scenario": dataclasses.asdict(scenario),
        "optics": dataclasses.asdict(optics),
    }
    arrays = cached(
        root / "graphene",
        "movie",
        key,
        lambda: _simulate(scenario, optics, seed, progress=progress),
    )
    images, pixel_nm = arrays["images"].astype(np.float32), optics.pixel_A / 10
    frames = [
        Frame(image=image, pixel_nm=pixel_nm, name=f"frame {number}", movie=seed)
        for number, image in enumerate(images)
    ]
    return frames, _truths(arrays)


def _simulate(scenario: Scenario, optics: Optics, seed: int, *, progress: bool) -> Arrays:
    rng = np.random.default_rng((seed, 1))
    shape = (round(scenario.height / optics.pixel_A), round(scenario.width / optics.pixel_A))
    images, truths = [], []
    movie = simulate_movie(scenario, seed)
    for truth in bar(movie, "simulating frames", scenario.n_frames, shown=progress):
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
    """The truth of each frame, from arrays of all frames one after the other."""
    atoms, bonds = np.cumsum(arrays["n_atoms"])[:-1], np.cumsum(arrays["n_bonds"])[:-1]
    parts = {
        f.name: np.split(arrays[f.name], bonds if f.name == "bonds" else atoms)
        for f in dataclasses.fields(Truth)
    }
    return [
        Truth(**{name: part[i] for name, part in parts.items()})
        for i in range(len(parts["bonds"]))
    ]
