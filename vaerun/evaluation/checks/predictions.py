"""Whether predictions beat the mean, are as sure as they say, and stay when inputs are moved."""

import numpy as np
import numpy.typing as npt

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun
from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.checks.predicting_run import PredictingRun
from vaerun.geometry import is_curve
from vaerun.utils.arrays import evenly

_WITHIN = (0.60, 0.76)  # of the true values within 1 sd; 0.683 of a normal distribution
_MOST_CHANGED = 0.15  # of the spread of predictions
_MOST_UNEVEN = 0.15  # of the shares within 1 sd at different points
_BINS = 8  # as in conf/model/pose/orbit.yaml
_MOST_SHOWN = 4000  # true values in the picture

# n images, P numbers predicted of each.


def better_than_mean(run: CheckedRun) -> Finding | None:
    """Compare errors of predictions with those of the mean of the training targets.

    A share of explained variance within twice its standard error over images is none.
    """
    if not isinstance(run, PredictingRun) or len(run) < FEWEST:
        return None
    own = np.nansum(np.square(run.truth - run.predictions.mean), 1)  # (n,)
    of_mean = np.nansum(np.square(run.truth - run.mean_target), 1)
    whole = max(float(of_mean.sum()), 1e-12)
    left = float(own.sum()) / whole
    uncertain = float((own - left * of_mean).std()) * len(own) ** 0.5 / whole
    text = (
        f"predictions explain {100 * (1 - left):.1f} ± {100 * uncertain:.1f} % of how targets "
        "differ from their mean over the training"
    )
    failed = 1 - left <= 2 * uncertain
    if failed:
        text += ": that mean is as good, or inputs and targets do not belong together"
    usual = whole / len(own)
    return Finding(
        value=1 - left,
        limits=(0.0, None),
        text=text,
        mend=f"objective.beta_end=0.3 trainer.max_epochs={3 * run.epochs}",
        arrays={"error": own / usual, "of_mean": of_mean / usual},
        failed=failed,
    )


def spread_true(run: CheckedRun) -> Finding | None:
    """Share of the true values within one sd of the predicted ones.

    It may miss the limits by twice its standard error over images.
    """
    if not isinstance(run, PredictingRun) or len(run) < FEWEST:
        return None
    away = np.abs(run.truth - run.predictions.mean) / run.predictions.sd
    known = np.isfinite(away)
    each = (away <= 1).sum(1) / np.maximum(known.sum(1), 1)  # (n,)
    share = float((away <= 1).sum() / max(known.sum(), 1))
    uncertain = 2 * float(each.std()) / len(each) ** 0.5
    narrow, wide = share + uncertain < _WITHIN[0], share - uncertain > _WITHIN[1]
    text = f"{100 * share:.0f} % of the true values are within 1 sd of the predicted ones"
    if narrow or wide:
        text += f", 68 % expected: the predicted spread is too {'narrow' if narrow else 'wide'}"
    uneven = _is_uneven(away)
    if uneven and (narrow or wide):
        text += "; errors differ from point to point, and the model has one sd for all"
    return Finding(
        value=share,
        limits=_WITHIN,
        text=text,
        mend="" if uneven else _spread_mend(run, narrow=narrow),
        arrays={"away": away[known][evenly(int(known.sum()), _MOST_SHOWN)]},
        failed=narrow or wide,
    )


def _is_uneven(away: npt.NDArray[np.floating]) -> bool:
    """Whether errors (n, P) in predicted sd are larger at some of the P points, beyond chance.

    Judged by the 10 and 90 % quantiles over points of the share of images within one sd.
    """
    n = np.isfinite(away).sum(0)
    share = ((away <= 1).sum(0) / np.maximum(n, 1))[n > 0]
    low, high = np.quantile(share, [0.1, 0.9])
    mean = share.mean()
    by_chance = 2.56 * (mean * (1 - mean) / n[n > 0].mean()) ** 0.5  # of normal shares
    return bool(high - low > by_chance + _MOST_UNEVEN)


def _spread_mend(run: CheckedRun, *, narrow: bool) -> str:
    """Override by which the spread becomes that of the errors.

    Where the sd of the likelihood was given, it is learned. One that is too narrow is of a model
    that knows its training targets by heart, one that is too wide of a model that still learns.
    """
    if run.plain["model"].get("likelihood_sd") is not None:
        return "model.likelihood_sd=null"
    if narrow:
        fewer = max(run.plain["model"]["latent_dim"] // 2, 1)
        return f"objective.beta_end=2 model.latent_dim={fewer}"
    return f"trainer.max_epochs={3 * run.epochs}"


def prediction_stays(run: CheckedRun) -> Finding | None:
    """Move inputs as the model's invariances say, and predict again.

    The root mean square of the change is compared with that of predictions from their mean.
    """
    if not isinstance(run, PredictingRun) or len(run) < FEWEST:
        return None
    has = {"turned": run.has_angle, "shifted": run.has_shift, "scaled": run.has_scale}
    moved = [name for name, there in has.items() if there]
    if not moved:
        return None
    before = run.predictions.mean.astype(np.float64)
    spread = max(float(before.var(0).mean()) ** 0.5, 1e-12)
    change = np.square(run.moved_predictions.mean - before).mean(1) ** 0.5 / spread  # (n,)
    share = float(np.square(change).mean()) ** 0.5
    inputs = "curves" if is_curve(run.x.shape[2]) else "images"
    return Finding(
        value=share,
        limits=(None, _MOST_CHANGED),
        text=f"predictions change by {100 * share:.1f} % of their spread when {inputs} are "
        f"{' and '.join(moved)}",
        mend=f"{_usual_bins(run)} trainer.max_epochs={2 * run.epochs}".lstrip(),
        arrays={"change": change},
    )


def _usual_bins(run: CheckedRun) -> str:
    """Override by which there are as many bins as usual; empty where there are.

    More than these made predictions depend on the angle no less.
    """
    n = len(run.network.search.bin_angle)
    return f"model.pose.bins={_BINS}" if n < _BINS else ""
