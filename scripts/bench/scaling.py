"""The scaling series: speed and memory of training when one thing is varied at a time.

Every point is one training, a process of its own; one that several series share runs once a round.
What is varied, and in which steps, is in `bench.sizes.Scales`.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.judge import spread
from bench.processes import attempt
from bench.session import Reading, Session
from bench.sizes import Scales

N_HELD_OUT = 100
PEER = "pyroVED"


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is trained, and on what.

    Attributes
    ----------
    model
        ``vae`` or ``rvae`` of vaerun, or ``pyroVED``, its rVAE.
    n_images
        Images of an epoch.
    side
        Of the image, pixels.
    bins
        Rotation bins K, of vaerun's rvae only.
    classes
        Classes J; above 1 an rvae becomes a jrvae.
    latents
        Latent dimensions of the content.
    """

    model: str
    n_images: int
    side: int = 48
    bins: int = 8
    classes: int = 1
    latents: int = 2

    @property
    def name(self) -> str:
        """Name of the process and of its folder."""
        what = {"n": self.n_images, "side": self.side, "K": self.bins, "J": self.classes,
                "z": self.latents}  # fmt: skip
        return "_".join(["scaling", self.model.lower(), *(f"{k}{v}" for k, v in what.items())])

    def words(self) -> list[str]:
        """Overrides of vaerun, less those of model and images."""
        words = [f"model.latent_dim={self.latents}"]
        if self.model == "rvae":
            words.append(f"model.pose.bins={self.bins}")
        if self.classes > 1:
            words.append(f"model.category.n_classes={self.classes}")
        return words

    def __call__(self, session: Session) -> Reading:
        """Train, on the same images whatever the package."""
        epochs = session.sizes.speed_epochs
        if self.model == PEER:
            return session.peer(self.name, "pyroved", self.n_images, epochs, side=self.side,
                                latents=self.latents)  # fmt: skip
        words = [f"data.batch_size={session.sizes.batch}", f"trainer.max_epochs={epochs}"]
        model = "jrvae" if self.classes > 1 else self.model
        return session.training(self.name, [*words, *self.words()], n_images=self.n_images,
                                model=model, side=self.side, n_held_out=N_HELD_OUT)  # fmt: skip


class Point(NamedTuple):
    """A point of a series: which field of `Training` is varied, in which line, and its value."""

    axis: str
    series: str
    x: int
    training: Training


def points(scales: Scales) -> list[Point]:
    """All points: axis after axis, along each by value, so that packages follow each other."""
    ours, peer = scales.images, scales.peer_images
    start = {
        "vae": Training(model="vae", n_images=ours),
        "rvae": Training(model="rvae", n_images=ours),
        "jrvae": Training(model="rvae", n_images=ours),
        PEER: Training(model=PEER, n_images=peer),
    }
    varied: dict[str, dict[str, tuple[int, ...]]] = {
        "side": {"vae": scales.sides, "rvae": scales.sides, PEER: scales.peer_sides},
        "n_images": {"vae": scales.counts, "rvae": scales.counts, PEER: scales.peer_counts},
        "bins": {"rvae": scales.bins},
        "classes": {"jrvae": scales.classes},
        "latents": {"vae": scales.latents, "rvae": scales.latents, PEER: scales.peer_latents},
    }
    return [
        Point(axis, series, x, dataclasses.replace(start[series], **{axis: x}))
        for axis, lines in varied.items()
        for x in sorted({x for values in lines.values() for x in values})
        for series, values in lines.items()
        if x in values
    ]


Readings = Mapping[Training, Reading]  # of one round


def measured(session: Session) -> Readings:
    """Speed and memory of every training of the series, or the reason why there is none."""
    trainings = dict.fromkeys(point.training for point in points(session.sizes.scales))
    return {training: attempt(session, training.name, training) for training in trainings}


def over_rounds(scales: Scales, rounds: Sequence[Readings]) -> list[dict[str, Any]]:
    """Every point as plain containers: spread over the rounds of its numbers, or why none.

    Attributes of each: ``axis``, ``series``, ``x``; ``images_per_second`` and ``peak_gb``, each
    with ``median``, ``least``, ``most``, or None; ``missing``, the reason of a gap, or None.
    """
    return [_over_rounds(point, rounds) for point in points(scales)]


def _over_rounds(point: Point, rounds: Sequence[Readings]) -> dict[str, Any]:
    readings = [readings[point.training] for readings in rounds]
    missing = [reading["failed"] for reading in readings if "failed" in reading]
    good = [reading for reading in readings if "failed" not in reading]
    speed = spread([reading["images_per_second"] for reading in good])
    memory = spread([reading["peak_mb"] / 1000 for reading in good])
    return {
        "axis": point.axis,
        "series": point.series,
        "x": point.x,
        "images_per_second": speed and speed._asdict(),
        "peak_gb": memory and memory._asdict(),
        "missing": missing[0] if missing else None,
    }
