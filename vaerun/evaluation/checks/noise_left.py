"""Whether what the model does not draw of the images is noise alone."""

import numpy as np

from vaerun.evaluation.checks.checked_run import FEWEST, N_LIKE, CheckedRun, neighbours
from vaerun.evaluation.checks.finding import Finding

_LEAST = 0.75  # share of the structure that is drawn
_LEAST_LIKE = 0.8  # share that images have in common, at least: else nothing would be asked
_STRUCTURE = 0.05  # correlation of neighbouring pixels below which images are noise
_OUTLIER = 8.0  # times the median absolute deviation above the median error


def noise_left(run: CheckedRun) -> Finding | None:
    """Share of the structure of the images that the reconstructions have, and outliers.

    Images that have much of their own, as handwriting has, are drawn by no small z: what counts
    is how much is drawn of what the mean of the most like images draws, which is what images have
    in common. See `CheckedRun.explained`.
    """
    if len(run) < FEWEST:
        return None
    target = run.target
    deviation = target - target.mean(0)
    residual = target - run.reconstructions
    whole, variance = neighbours(deviation), float(deviation.square().mean())
    error = run.encodings.error
    away = np.median(np.abs(error - np.median(error))) / 0.6745
    n_out = int((error > np.median(error) + _OUTLIER * max(away, 1e-12)).sum())
    worst = np.argsort(-error)[:6]
    arrays = {
        "input": target[worst].numpy(),
        "output": run.reconstructions[worst].numpy(),
        "residual": residual[worst].numpy(),
    }
    structure = whole / max(variance, 1e-12)
    if structure < _STRUCTURE:
        text = (
            f"neighbouring pixels correlate by {structure:.2f} only: images differ in noise alone"
        )
        return Finding(
            value=0.0, limits=(_LEAST, None), text=text, arrays=arrays,
            mend="data.blur_px=1" if "blur_px" in run.plain["data"] else "",
        )  # fmt: skip
    explained = run.explained
    d = run.plain["model"]["latent_dim"]
    more = max(2 * d, d + 2)
    text = f"{100 * max(explained, 0):.0f} % of what is not noise is drawn"
    text += f"; {n_out} outliers among {len(run)} images" if n_out else ""
    least = _LEAST
    if explained < _LEAST:
        like = run.explained_by_like_images
        least *= float(np.clip(like, _LEAST_LIKE, 1))
        text += f"; the mean of the {N_LIKE} images most like each draws {100 * like:.0f} %"
    return Finding(
        value=explained,
        limits=(least, None),
        text=text,
        mend=f"model.latent_dim={more} trainer.max_epochs={2 * run.epochs}",
        arrays=arrays,
    )
