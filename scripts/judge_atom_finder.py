"""Score the atom finder on simulated movies that it was not trained on, at each of several doses.

python scripts/judge_atom_finder.py

Scores: F1 within 0.5 Å; error of the position; share of the atoms outside the amorphous region
whose class by the rings of detected atoms is the true one; seconds a frame.
"""

import json
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from vaerun.microscopy import atom_finder
from vaerun.microscopy.atom_finder import UNet
from vaerun.microscopy.atoms import Atoms
from vaerun.microscopy.detection_score import Score, matches, score
from vaerun.microscopy.rings import PAPER_CLASSES, classify, restrict_sizes
from vaerun.microscopy.simulation import stem_imaging
from vaerun.microscopy.simulation.movie import Scenario, Truth, simulate_movie
from vaerun.utils.devices import quick_at_bfloat16
from vaerun.utils.provenance import git_revision

DOSES = (0.5, 1.0, 1.5, 3.0, 5.0, 10.0, 20.0, 50.0, 150.0)
SEEDS = range(10_000, 10_003)  # not those of training
N_FRAMES = 4
SIDE_PX = 512  # of the frames
EDGE_PX, RINGS_PX = 5.0, 21.0  # margins in which the edge may cut atoms, and rings
COUNTED = (5, 7)  # smallest and largest ring that counts for a class

Bools = npt.NDArray[np.bool_]


def judge(network: UNet, *, mixed: bool) -> list[dict[str, float]]:
    """The scores at each dose."""
    movies = [list(simulate_movie(Scenario(n_frames=N_FRAMES), seed)) for seed in SEEDS]
    return [_at_dose(network, movies, dose, mixed=mixed) for dose in DOSES]


def table(rows: list[dict[str, float]]) -> str:
    """The scores as a Markdown table."""
    lines = [
        "| dose (electrons a C peak) | F1 C | F1 Si | position error, Å | class right | s |",
        "|---|---|---|---|---|---|",
    ]
    for r in rows:
        lines.append(
            f"| {r['dose']:g} | {r['f1_c']:.3f} | {r['f1_si']:.3f} | {r['rms_A']:.3f} | "
            f"{100 * r['class_right']:.1f} % | {r['seconds']:.2f} |"
        )
    return "\n".join(lines)


def _at_dose(
    network: UNet, movies: list[list[Truth]], dose: float, *, mixed: bool
) -> dict[str, float]:
    rng = np.random.default_rng(int(1000 * dose))
    scores: list[Score] = []
    right: list[Bools] = []
    seconds = 0.0
    for truth in (frame for movie in movies for frame in movie):
        optics = stem_imaging.Optics(dose=dose)
        position = truth.position / optics.pixel_A - 0.5
        shape = (SIDE_PX, SIDE_PX)
        image = stem_imaging.expose(position, truth.species, shape, optics, rng).image
        start = time.perf_counter()
        detected = atom_finder.atoms(atom_finder.segment(network, image, mixed=mixed))
        seconds += time.perf_counter() - start
        ours, true = _inside(detected.position, EDGE_PX), _inside(position, EDGE_PX)
        scores.append(
            score(
                detected.position[ours],
                detected.species[ours],
                position[true],
                truth.species[true],
                optics.pixel_A,
            )
        )
        right.append(_classes_right(detected, truth, position, optics.pixel_A))
    total = sum(scores[1:], scores[0])
    carbon, silicon = total.f1
    return {
        "dose": dose,
        "f1_c": float(carbon),
        "f1_si": float(silicon),
        "rms_A": total.rms_A,
        "class_right": float(np.concatenate(right).mean()),
        "seconds": seconds / len(scores),
    }


def _classes_right(
    detected: atom_finder.DetectedAtoms,
    truth: Truth,
    position: npt.NDArray[np.float64],
    pixel_A: float,
) -> Bools:
    """Whether the class is right, of true atoms with all rings in the frame, not amorphous."""
    shape = (SIDE_PX, SIDE_PX)
    atoms = Atoms.of_frames([detected], [shape], pixel_A, PAPER_CLASSES, COUNTED)
    true_class = classify(restrict_sizes(truth.ring_sizes, *COUNTED), PAPER_CLASSES)
    i, j = matches(detected.position, position, 0.5 / pixel_A)
    right = np.zeros(len(position), bool)
    right[j] = atoms.ring_class[i] == true_class[j]
    return right[_inside(position, RINGS_PX) & ~truth.amorphous]


def _inside(points: npt.NDArray[np.float64], edge: float) -> Bools:
    return ((points > edge) & (points < SIDE_PX - 1 - edge)).all(1)


def record(rows: list[dict[str, float]], weights: Path, **about: object) -> None:
    """Write the scores, and facts ``about`` the training, into the JSON file of the weights."""
    path = weights.with_suffix(".json")
    old = json.loads(path.read_text()) if path.is_file() else {}
    judged = {"judged_revision": git_revision(), "fresh_movies": list(SEEDS), "scores": rows}
    path.write_text(json.dumps(old | about | judged, indent=2) + "\n")


def main() -> None:
    """Score the weights of the package, print the table, update their record."""
    rows = judge(atom_finder.load_network(torch.device("cpu")), mixed=quick_at_bfloat16("cpu"))
    print(table(rows))
    record(rows, atom_finder.WEIGHTS)


if __name__ == "__main__":
    main()
