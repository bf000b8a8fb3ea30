"""One number for how good a run is, without labels: for choosing between settings.

    score = drawn · latents · passed · (3 + grouped) / 4

A model that lacks a latent draws less; each dimension of z must draw more to be worth it, and a
latent that does not vary costs more; wrong invariances and classes fail checks, each of which
halves the score; and where images are of kinds, a right model's z falls into groups. Groups
may be of pose instead, one for each range of angles or for each orientation of one kind, so they
count only where orientation and invariances were found to be right. The score says little between
data sets.
"""

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import entr
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun
from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.checks.latents_used import used_dimensions
from vaerun.utils.arrays import evenly

_MOST_GROUPS, _MOST_POINTS = 8, 2000
_OF_POSE = {"invariances", "one_orientation"}  # checks that fail where z may have groups of pose
_FROM_LABELS = {"truth_convention"}  # checks that true values take part in
# A pose latent is used if what is found varies by more than this (sd).
_ANGLE, _SHIFT, _LOG_SCALE = 0.15, 0.02, 0.03  # radians, of the shorter side, of the size
# What is left of the score for each dimension of z, and for each latent that does not vary. By a
# share of unused ones further dimensions of z would make up for an invariance that is of no use.
_PER_DIMENSION, _PER_UNUSED = 0.98, 0.8

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Reward:
    """How good a run is, and why.

    Attributes
    ----------
    drawn
        Share of the structure of the images that is drawn, see `CheckedRun.explained`.
    latents
        0.98 to the power of the dimensions of z, times 0.8 to the power of the latents, of content
        and pose, that do not vary with the images.
    passed
        Half to the power of the checks that failed.
    grouped
        1 − exp(−gain), of the gain in nats per image of a mixture of Gaussians in z over one, by
        the integrated completed likelihood; 0 where these may be groups of pose.
    """

    drawn: float
    latents: float
    passed: float
    grouped: float

    @property
    def score(self) -> float:
        """The four as one number, 0 to 1."""
        return self.drawn * self.latents * self.passed * (3 + self.grouped) / 4

    def to_json(self) -> dict[str, float]:
        """Entry ``reward`` of `metrics.json`."""
        return {"score": self.score, **asdict(self)}


def reward(run: CheckedRun, findings: Mapping[str, Finding]) -> Reward:
    """The reward of a run with these findings."""
    failed = [name for name, finding in findings.items() if finding.passed is False]
    n_failed = len(set(failed) - _FROM_LABELS)
    active = used_dimensions(run.encodings.z_mean)
    d, (n_pose, n_pose_used) = run.encodings.z_mean.shape[1], _pose(run)
    n_unused = d + n_pose - len(active) - n_pose_used
    z = run.all_encodings.z_mean[:, active]
    return Reward(
        drawn=float(np.clip(run.explained, 0, 1)),
        latents=_PER_DIMENSION**d * _PER_UNUSED**n_unused,
        passed=0.5**n_failed,
        grouped=0.0 if _OF_POSE & set(failed) else _grouped(z),
    )


def _grouped(z: Floats) -> float:
    return 1 - float(np.exp(-icl_gain(z[evenly(len(z), _MOST_POINTS)])))


def _pose(run: CheckedRun) -> tuple[int, int]:
    """Number of invariances (angle, shift, scale) of the model, and of those that are used.

    One that the data rule out, such as rotation within ±0°, has no latent, and is not used.
    """
    e, side = run.encodings, min(run.x.shape[-2:])
    resultant = np.abs(np.exp(1j * e.angle).mean())
    varies = {
        "angle": np.sqrt(-2 * np.log(max(float(resultant), 1e-9))) > _ANGLE,
        "shift": e.shift.std(0).max() > _SHIFT * side,
        "scale": np.log(np.maximum(e.scale, 1e-6)).std() > _LOG_SCALE,
    }
    asked = set(run.plain["model"]["invariances"]) & set("rts")
    has = {"angle": run.has_angle, "shift": run.has_shift, "scale": run.has_scale}
    return len(asked), sum(bool(has[name] and varies[name]) for name in has)


def icl_gain(z: Floats) -> float:
    """How much better a mixture of Gaussians describes z than one, nats per image, at least 0.

    By the integrated completed likelihood, BIC plus twice the entropy of the assignments: groups
    that overlap gain nothing (Biernacki, Celeux and Govaert, IEEE PAMI 22 (2000) 719).

    Parameters
    ----------
    z
        (n, a), of any scale.
    """
    z = np.asarray(z, np.float64)
    n, a = z.shape
    if a == 0 or n < FEWEST:
        return 0.0
    scaled = (z - z.mean(0)) / np.maximum(z.std(0), 1e-12)
    most = max(min(_MOST_GROUPS, n // (10 * a)), 1)
    icl = []
    with warnings.catch_warnings():
        # of more groups than there are distinct points: its criterion is none the better
        warnings.simplefilter("ignore", ConvergenceWarning)
        for k in range(1, most + 1):
            mixture = GaussianMixture(k, reg_covar=1e-3, max_iter=500, random_state=0).fit(scaled)
            entropy = float(entr(mixture.predict_proba(scaled)).sum())
            icl.append(mixture.bic(scaled) + 2 * entropy)
    return max(icl[0] - min(icl), 0.0) / (2 * n)
