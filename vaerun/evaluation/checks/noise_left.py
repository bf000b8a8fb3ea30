"""Whether what the model does not draw of the images is noise alone."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.evaluation.checks.checked_run import FEWEST, CheckedRun, neighbours
from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.checks.shift_match import ShiftMatch
from vaerun.geometry import apply, is_curve, pixel_size, rotation, warp

_LEAST = 0.75  # share of the structure that is drawn
_LEAST_LIKE = 0.8  # share that images have in common, at least: else nothing would be asked
_STRUCTURE = 0.05  # correlation of neighbouring pixels below which images are noise
_N_LIKE = 4  # most like images, of which the mean is drawn
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
        like = explained_by_like_images(run)
        least *= float(np.clip(like, _LEAST_LIKE, 1))
        text += f"; the mean of the {_N_LIKE} images most like each draws {100 * like:.0f} %"
    return Finding(
        value=explained,
        limits=(least, None),
        text=text,
        mend=f"model.latent_dim={more} trainer.max_epochs={2 * run.epochs}",
        arrays=arrays,
    )


def explained_by_like_images(run: CheckedRun) -> float:
    """`CheckedRun.explained`, if each image were drawn as the mean of the most like others.

    They are put on top of it first, by the angle at which they match and by their centres;
    curves by their shift and gain.
    """
    near = run.likeness.neighbours(min(_N_LIKE, len(run) - 1))
    n, k = near.shape
    i, j = np.repeat(np.arange(n), k), near.ravel()
    if is_curve(run.x.shape[2]):
        return run.share_drawn(_like_curves(run, i, j).unflatten(0, (n, k)).mean(1))
    matrix = rotation(torch.from_numpy(run.match.angle(j, i)).float())
    shift = torch.zeros(n * k, 2)
    if run.centre is not None:
        unit = pixel_size(*run.x.shape[-2:])
        centre = torch.from_numpy(run.centre).float() * unit
        shift = centre[i] - apply(matrix, centre[j])
    like = warp(run.target[j], matrix, shift, padding="border")
    return run.share_drawn(like.unflatten(0, (n, k)).mean(1))


def _like_curves(run: CheckedRun, i: npt.NDArray[np.int64], j: npt.NDArray[np.int64]) -> Tensor:
    """Curves j (m, C, 1, L), each moved and scaled to be as curve i (m,)."""
    length = run.target.shape[-1]
    assert isinstance(run.likeness, ShiftMatch)
    shift = torch.from_numpy(run.likeness.shift(j, i, length))
    column = (torch.arange(length) - shift[:, None]).clamp(0, length - 1)  # (m, L)
    like = run.target[j].gather(3, column[:, None, None].expand_as(run.target[j]))
    wanted, axes = run.target[i], (1, 2, 3)
    away = like - like.mean(axes, keepdim=True)
    square = away.square().sum(axes, keepdim=True).clamp_min(1e-12)
    gain = (wanted * away).sum(axes, keepdim=True) / square
    return wanted.mean(axes, keepdim=True) + gain * away
