"""Whether training was long enough, and whether it learned images by heart."""

import numpy as np

from vaerun.evaluation.checks.checked_run import CheckedRun
from vaerun.evaluation.checks.finding import Finding
from vaerun.models.likelihoods import GaussianLikelihood

_LEFT = 0.05  # of all that was gained: the most that the last third of the epochs may have gained
_GAP = 0.2  # of all that was gained: the most by which validation may lag behind training
_FEWEST_EPOCHS = 4
_FEWEST_STEPS = 500


def converged(run: CheckedRun) -> Finding | None:
    """Judge the validation bound of the last third of training, and its lag behind training.

    Both are measured against what the model gained over one that draws the mean image always.
    Images of which there is no log say nothing of the training.
    """
    if not run.rows:
        return None
    loss = np.array([row["val/loss"] for row in run.rows], np.float64)
    epochs, steps = len(loss), int(run.rows[-1].get("step", 0))
    gained = _mean_image_loss(run) - float(loss.min())
    late = loss[-(max(epochs // 3, 1) + 1) :]
    nothing = epochs < 2 or gained <= 0  # then there is no whole to have shares of
    left = 1.0 if nothing else max(float(late[0] - late[-1]), 0.0) / gained
    lag, uncertain = (0.0, 0.0) if nothing else (x / gained for x in _lag(run))
    arrays = {
        "epoch": np.array([row["epoch"] for row in run.rows]),
        "validation": loss,
        "training": np.array([row["train/loss"] for row in run.rows]),
    }
    short = epochs < _FEWEST_EPOCHS or steps < _FEWEST_STEPS or left > _LEFT
    if lag - 2 * uncertain > _GAP:
        text = (
            f"training images are described better than validation images by {100 * lag:.0f} ± "
            f"{100 * uncertain:.0f} % of what was learned: the model knows its images by heart"
        )
        fewer = max(run.plain["model"]["latent_dim"] // 2, 1)
        mend = f"objective.beta_end=2 model.latent_dim={fewer}"
        return Finding(value=lag, limits=(None, _GAP), text=text, mend=mend, arrays=arrays)
    if gained <= 0:
        text = (
            f"after {epochs} epochs and {steps:,} steps images are described no better than by "
            "their mean"
        )
    elif short:
        text = (
            f"after {epochs} epochs and {steps:,} steps the bound still falls: by "
            f"{100 * left:.1f} % of all that was gained in the last third of them"
        )
    else:
        text = f"the last third of {epochs} epochs gained {100 * left:.1f} % of the whole"
    more = max(3 * epochs, _FEWEST_EPOCHS * 3)
    return Finding(
        value=left,
        limits=(0.0, _LEFT),
        text=text,
        mend=f"trainer.max_epochs={more}",
        arrays=arrays,
        failed=short,
    )


def _lag(run: CheckedRun) -> tuple[float, float]:
    """How much better training images are described, nats per image, and its standard error.

    The spread among parts of the images tells how far a few images are from all there could be.
    """
    parts = [run.bound["validation"], run.bound["training"]]
    lag = float(parts[0].mean() - parts[1].mean())
    return lag, float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)))


def _mean_image_loss(run: CheckedRun) -> float:
    """−log p in nats per image of a model that draws the mean image always."""
    x = run.target.double().flatten(1)  # (n, pixels)
    share = run.measured_share
    mean = x.mean(0)
    if isinstance(run.network.likelihood, GaussianLikelihood):
        learned = run.network.likelihood.is_learned
        spread = (x - mean).square().mean()
        variance = spread if learned else run.network.likelihood.variance.double().cpu()
        each = 0.5 * (2 * np.pi * variance).log() + 0.5 * spread / variance
        return share * float(each) * x.shape[1]
    p = mean.clamp(1e-4, 1 - 1e-4)
    return share * float(-(x * p.log() + (1 - x) * (1 - p).log()).sum(1).mean())
