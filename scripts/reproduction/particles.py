"""Rows on particles: what makes images hard, one thing at a time and all at once.

Seed s draws the images and chooses the outlines. Seeds from `DEVELOPMENT` on are for trying things
out: in no setting do they have a combination of outlines that is reported. For example

python scripts/reproduce.py 'particles_*' --seeds 100,101     # development
python scripts/reproduce.py 'particles_*'                     # seeds 0, 1, 2: the report
"""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

from reproduction.row import Measure, Row
from vaerun.data.datasets.particle_outlines import OUTLINES

DEVELOPMENT = 100  # the first seed for development

# Pairs of which one covers the other by more than three quarters (intersection over union) when
# turned, mirrored and scaled to fit best.
LOOK_ALIKES = frozenset(map(frozenset, (
    ("teardrop", "notched_teardrop"), ("teardrop", "ellipse"), ("teardrop", "parallelogram"),
    ("teardrop", "trapezium"), ("notched_teardrop", "trapezium"),
    ("notched_teardrop", "parallelogram"), ("notched_teardrop", "ellipse"),
    ("ellipse", "parallelogram"), ("ellipse", "peanut"), ("ell", "flag"),
    ("trapezium", "comma"), ("comma", "square"), ("comma", "pentagon"), ("comma", "hexagon"),
    ("square", "pentagon"), ("square", "hexagon"), ("pentagon", "hexagon"),
    ("triangle", "trefoil"),
)))  # fmt: skip
# Look-alikes of which one has a detail that the other lacks: a notch, a waist, an arm, dents.
DETAILS = frozenset(map(frozenset, (
    ("teardrop", "notched_teardrop"), ("ellipse", "peanut"), ("ell", "flag"),
    ("triangle", "trefoil"),
)))  # fmt: skip

Combination = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What images of a row are like.

    Attributes
    ----------
    name
        Of the row, after ``particles_``.
    overrides
        Those of every seed.
    n_outlines
        Number of outlines of each combination.
    kinds
        ``any`` with at least one that no rotation leaves as it is, ``symmetric`` ones alone, or
        ``look_alikes``: a pair of `DETAILS` and others. There are no further look-alikes.
    """

    name: str
    overrides: tuple[str, ...] = ()
    n_outlines: int = 4
    kinds: str = "any"


_SHIFT = ("data.shift_px=3", "model.invariances=[r,t]")
_FEW = ("data.train_size=150", "data.val_size=1000")
SETTINGS = (
    Setting(name="clean", overrides=("data.noise_sd=0", "data.background=0")),
    Setting(name="noise", overrides=("data.noise_sd=0.3",)),
    Setting(name="background", overrides=(
        "data.background=0.2", "data.counts=6", "data.noise_sd=0",
    )),
    Setting(name="size", overrides=(
        "data.size_variation=0.25", "data.shift_px=3", "model.invariances=[r,t,s]",
    )),
    Setting(name="shares", overrides=("data.shares=[90,8,2]",), n_outlines=3),
    Setting(name="few", overrides=_FEW, n_outlines=3),
    Setting(name="symmetric", overrides=_SHIFT, kinds="symmetric"),
    Setting(name="look_alikes", n_outlines=3, kinds="look_alikes"),
    Setting(name="moderate", overrides=(
        "data.shift_px=3", "data.size_variation=0.15", "data.shear_deg=8", "data.noise_sd=0.12",
        "data.background=0.15", "data.background_gradient=0.1", "data.contrast=0.7",
        "data.contrast_variation=0.2", "data.shares=[4,3,2,1]", "model.invariances=[r,t,s]",
    )),
)  # fmt: skip
RVAE_SETTINGS = (
    Setting(name="few_rvae", overrides=_FEW, n_outlines=3),
    Setting(name="few_shift_rvae", overrides=(*_FEW, *_SHIFT), n_outlines=3),
)


def outlines_of(setting: Setting, seed: int) -> Combination:
    """The outlines of a seed.

    Reported seeds count through the combinations in a mixed order, those for development from its
    end, and both begin again after half of them.
    """
    order = _combinations(setting.name, setting.n_outlines, setting.kinds)
    half = len(order) // 2
    return order[-1 - (seed - DEVELOPMENT) % half] if seed >= DEVELOPMENT else order[seed % half]


@cache
def _combinations(name: str, n_outlines: int, kinds: str) -> tuple[Combination, ...]:
    """All combinations that a setting permits, in an order of its own that never changes."""
    permitted = (c for c in _with_look_alikes(n_outlines, kinds) if _has_kinds(c, kinds))
    return tuple(sorted(permitted, key=partial(_digest, name)))


def _with_look_alikes(n_outlines: int, kinds: str) -> Iterator[Combination]:
    """Combinations without look-alikes, or with one pair of `DETAILS` and no other."""
    for combination in itertools.combinations(OUTLINES, n_outlines):
        alike = LOOK_ALIKES.intersection(map(frozenset, itertools.combinations(combination, 2)))
        if (len(alike) == 1 and alike <= DETAILS) if kinds == "look_alikes" else not alike:
            yield combination


def _has_kinds(combination: Combination, kinds: str) -> bool:
    """Whether none is asymmetric where all should be symmetric, and some elsewhere."""
    has_asymmetric = any(OUTLINES[name].symmetry == 1 for name in combination)
    return has_asymmetric != (kinds == "symmetric") or kinds == "look_alikes"


def _digest(name: str, combination: Combination) -> bytes:
    """A number that is the same on every machine, for the order of combinations."""
    return hashlib.sha256(" ".join((name, *combination)).encode()).digest()


def _measures(setting: Setting) -> tuple[Measure, ...]:
    """Classes of all outlines and angles, of the mean and of the worst seed."""
    recall_target = 0.95 if setting.name == "shares" else None
    sheared = setting.name == "moderate"
    error = "angle.mae_deg_given_factors" if sheared else "angle.mae_deg"
    measures = [
        Measure("classes found, one to one", "clustering.hungarian", "%", target=0.98),
        Measure("the same, worst run", "clustering.hungarian", "%", target=0.93, over="min"),
        Measure("recall of a class, least", "clustering.recall:min", "%", target=recall_target),
    ]
    if setting.kinds == "any":
        title = "angle error, asymmetric outlines" + (", shear allowed for" if sheared else "")
        measures.append(Measure(title, f"{error}[asymmetric]:mean", "°", 1, "–", 4, "<="))
    return (*measures, _orientations(asymmetric=sheared))


def _orientations(*, asymmetric: bool) -> Measure:
    """Most orientations of any outline; a sheared hexagon may rightly have two."""
    which = "[asymmetric]" if asymmetric else ""
    title = "orientations, most of any " + ("asymmetric outline" if asymmetric else "outline")
    return Measure(title, f"angle.ground_states{which}:max", "", 1, "–", 1, "<=", over="max")


def _rvae_measures() -> tuple[Measure, ...]:
    resultant = Measure("angle agreement R, least of asymmetric outlines",
                        "angle.resultant[asymmetric]:min", "", 3, "–", 0.98)  # fmt: skip
    return (resultant, _orientations(asymmetric=False))


def _overrides_of(setting: Setting, seed: int) -> tuple[str, ...]:
    return (f"data.outlines=[{','.join(outlines_of(setting, seed))}]",)


def _row(setting: Setting, experiment: str, measures: tuple[Measure, ...]) -> Row:
    return Row(f"particles_{setting.name}", experiment, measures, overrides=setting.overrides,
               overrides_of=partial(_overrides_of, setting))  # fmt: skip


PARTICLES = (
    *(_row(setting, "best/jrvae_particles", _measures(setting)) for setting in SETTINGS),
    *(_row(setting, "best/rvae_particles", _rvae_measures()) for setting in RVAE_SETTINGS),
)
