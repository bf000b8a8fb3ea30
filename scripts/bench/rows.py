"""The rows of the table: which numbers are compared, and their targets.

A row names the processes whose readings it needs (`bench.processes`), and how to get our number
and the other's from those of one round. Where less is better the ratio is other over ours.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.judge import Spread, first_reached, spread
from bench.session import Reading

Round = Mapping[str, Reading]  # readings of one round, by process
Getter = Callable[[Round], float | None]

HOLDS = {">=": operator.ge, "<=": operator.le}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    name
        Name for ``--only``; several rows may share one.
    needs
        Names of processes.
    ours, other
        From the readings of a round to a number, or None; the target is of their ratio, or of our
        number if there is no other.
    against
        What the other number is of.
    inverse
        Whether the ratio is other over ours.
    target, direction
        The median over rounds should be ``>=`` or ``<=`` this; None if it is only reported.
    """

    name: str
    title: str
    needs: tuple[str, ...]
    ours: Getter
    unit: str = ""
    other: Getter | None = None
    against: str = ""
    inverse: bool = False
    target: float | None = None
    direction: str = "<="


def at(process: str, key: str) -> Getter:
    """Getter of a number of a process."""
    return lambda readings: readings[process].get(key)


def last(process: str, key: str) -> Getter:
    """Getter of a number of a process's last epoch."""
    return lambda readings: readings[process]["epochs"][-1].get(key)


BOUND, BOTH = ("loss",), ("loss", "angle_error_deg")


def when_reached(key: str, what: tuple[str, ...] = BOUND) -> Getter:
    """Getter of a number of our first epoch as good as pyroVED's last by these numbers."""

    def get(readings: Round) -> float | None:
        goal = readings["pyroved_quality"]["epochs"][-1]
        epoch = first_reached(readings["quality"]["epochs"], goal, what)
        return None if epoch is None else epoch[key]

    return get


def _faster(
    name: str, title: str, process: str, peer: str, target: float | None = None, other: str = ""
) -> Row:
    """The row of our throughput over that of a peer."""
    other = other or f"{peer.lower()}_speed"
    key = "images_per_second"
    return Row(name=name, title=title, needs=(process, other), unit="images/s", against=peer,
               ours=at(process, key), other=at(other, key), target=target,
               direction=">=")  # fmt: skip


def _sooner(
    title: str, key: str, target: float | None = None, what: tuple[str, ...] = BOUND
) -> Row:
    """The row of pyroVED's time over ours until we are as good."""
    return Row(name="quality", title=title, needs=("pyroved_quality", "quality"), unit="s",
               ours=when_reached(key, what), other=last("pyroved_quality", key),
               against="pyroVED", inverse=True, target=target, direction=">=")  # fmt: skip


def _alone(title: str, key: str, unit: str, target: float | None = None) -> Row:
    """The row of a number of the default run."""
    return Row(name="default", title=title, needs=("default_run",), unit=unit,
               ours=at("default_run", key), target=target)  # fmt: skip


ROWS = (
    _sooner("default rVAE: time to pyroVED's bound, from process start", "since_start", 60),
    _sooner("the same, training alone", "since_training", 100),
    Row(name="quality", title="angle error at that time", needs=("pyroved_quality", "quality"),
        ours=when_reached("angle_error_deg"), other=last("pyroved_quality", "angle_error_deg"),
        against="pyroVED", unit="°", target=1),
    Row(name="quality", title="held-out bound at that time", needs=("pyroved_quality", "quality"),
        ours=when_reached("loss"), other=last("pyroved_quality", "loss"), against="pyroVED",
        unit="nats"),
    _sooner("time to its bound and its angle error both, from process start", "since_start",
            what=BOTH),
    _faster("spatial", "spatial, amortised, all pixels, fp32", "spatial_speed", "pyroVED", 1.1),
    _faster("spatial", "the same", "spatial_speed", "AtomAI", 1.4),
    _faster("bf16", "the same with bf16", "bf16_speed", "pyroVED", 2),
    _faster("subset", "the same with a ninth of the pixels", "subset_speed", "pyroVED", 8),
    Row(name="subset", title="final bound of that", needs=("all_pixels_bound", "subset_bound"),
        ours=last("subset_bound", "loss"), other=last("all_pixels_bound", "loss"),
        against="ours, all pixels", unit="nats", target=1.01),
    _faster("orbit", "orbit K = 8, canonical decoder, hidden 256², batches of 200", "orbit_speed",
            "pyroVED", 140, "pyroved_large_batch"),
    _faster("orbit", "the default: hidden 256³, batches of 100", "orbit_default", "pyroVED"),
    Row(name="scale", title="training an image, 600,000 against 12,000 images of cards",
        needs=("few_images", "many_images"), ours=at("many_images", "microseconds"),
        other=at("few_images", "microseconds"), against="ours, 12,000", unit="µs", target=1.1),
    Row(name="disk", title="2,000,000 patches of 40×40 from disk, vae",
        needs=("disk_patches", "memory_patches"), ours=at("disk_patches", "images_per_second"),
        other=at("memory_patches", "images_per_second"), against="ours, in memory",
        unit="images/s", target=0.9, direction=">="),
    Row(name="disk", title="peak memory of that, report included", needs=("disk_patches",),
        ours=at("disk_patches", "peak_gb"), unit="GB", target=2),
    _alone("`vaerun model=rvae data=cards_iv`, to the finished report", "seconds", "s", 75),
    _alone("its bound", "loss", "nats", 75),
    _alone("its peak memory", "peak_gb", "GB", 1.2),
    _alone("command to first training step", "first_step", "s", 6),
    _alone("command to training (start-up)", "start_up", "s"),
    _alone("an epoch of 12,000 images with its validation", "epoch", "s"),
    _alone("results stage: encodings, metrics, figures, report", "results", "s"),
    _alone("its angle error", "angle_error_deg", "°"),
    Row(name="help", title="`vaerun --help`", needs=("help_page",), unit="s",
        ours=at("help_page", "seconds"), target=1),
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A row with its numbers over the rounds.

    Attributes
    ----------
    ours, other, ratio
        None where there is no number; ratio also where there is no other.
    passed
        None where nothing is asked, or nothing could be measured.
    missing
        Why a process that the row needs has failed.
    """

    row: Row
    ours: Spread | None
    other: Spread | None
    ratio: Spread | None
    passed: bool | None
    missing: str | None = None


def over_rounds(row: Row, rounds: Sequence[Round]) -> Line:
    """Median and spread of a row, and whether the median reaches the target."""
    complete = [r for r in rounds if not any("failed" in r[name] for name in row.needs)]
    missing = [r[name]["failed"] for r in rounds for name in row.needs if "failed" in r[name]]
    why = missing[0] if missing else None
    if not complete:
        return Line(row, None, None, None, None, why)
    ours = [row.ours(readings) for readings in complete]
    if row.other is None:
        mine = spread([v for v in ours if v is not None])
        return Line(row, mine, None, None, _passed(row, mine, ours), why)
    other = [row.other(readings) for readings in complete]
    ratios = [_ratio(row, *pair) for pair in zip(ours, other, strict=True)]
    mine, theirs, ratio = (
        spread([v for v in values if v is not None]) for values in (ours, other, ratios)
    )
    return Line(row, mine, theirs, ratio, _passed(row, ratio, ratios), why)


def _ratio(row: Row, ours: float | None, other: float | None) -> float | None:
    if ours is None or other is None:
        return None
    return other / ours if row.inverse else ours / other


def _passed(row: Row, judged: Spread | None, values: Sequence[float | None]) -> bool | None:
    """Whether the target is reached; a round without the number (a bound never reached) fails."""
    if row.target is None:
        return None
    if judged is None or None in values:
        return False
    return HOLDS[row.direction](judged.median, row.target)
