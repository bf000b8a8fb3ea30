"""Checks of the arrays that a user gives to a loaded run."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.geometry import Pose, is_curve, pixel_size
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.utils.errors import UserError

Label = npt.ArrayLike | None
Factors = Mapping[str, npt.ArrayLike]


def check_images(given: npt.ArrayLike, shape: tuple[int, int, int]) -> Tensor:
    """Images (N, C, H, W), in [0, 1], from (N, H, W) or (N, C, H, W); C×H×W is ``shape``."""
    array = np.asarray(given)
    curves = [(shape[0], shape[2]), *([shape[2:]] if shape[0] == 1 else [])]
    if is_curve(shape[1]) and array.shape[1:] in curves:  # (N, C, L) or (N, L)
        array = array.reshape(len(array), *shape)
    allowed = [shape, shape[1:]] if shape[0] == 1 else [shape]
    if array.shape[1:] not in allowed:
        want = "×".join(map(str, shape))
        raise UserError(
            f"images of shape {array.shape} are not what this run was trained on",
            f"give (N, C, H, W) with C×H×W = {want}, or (N, H, W) for one channel",
        )
    if not len(array):
        raise UserError("there are no images", "give at least one")
    if array.dtype.kind not in "biuf":
        raise UserError(
            f"images of type {array.dtype} are not real numbers", "give some from 0 to 1"
        )
    if array.dtype.kind in "iu" and array.max() > 1:
        raise UserError(
            f"images of type {array.dtype} go up to {array.max()}",
            "scale them as in training, to values from 0 to 1",
        )
    x = torch.as_tensor(array.astype(np.float32, copy=False))
    if not bool(x.isfinite().all()):
        raise UserError("some pixels are not finite", "fill them, as with np.nan_to_num")
    return x[:, None] if x.ndim == 3 else x


def check_latents(z: npt.ArrayLike, d: int) -> Tensor:
    """Content (N, d); a single vector (d,) counts as N = 1."""
    values = np.atleast_2d(np.asarray(z, dtype=np.float32))
    if values.ndim != 2 or values.shape[1] != d:
        raise UserError(f"z of shape {np.shape(z)} is no content", f"give (N, {d})")
    return torch.as_tensor(values)


def grid(n: int, extent: float, dimensions: Sequence[int], d: int) -> npt.NDArray[np.float32]:
    """Grid of content (n, n, d) over two dimensions, or (1, n, d) over one; zero in the others.

    The first dimension increases to the right, the second upwards.
    """
    if n < 2:
        raise UserError(f"n={n} is no grid", "give 2 or more tiles along each side")
    chosen = set(dimensions) & set(range(d))
    if len(dimensions) not in (1, 2) or len(chosen) < len(dimensions):
        raise UserError(
            f"dimensions={tuple(dimensions)} are not there",
            f"give one or two, from 0 to {d - 1}",
        )
    across, *up = dimensions
    axis = np.linspace(-extent, extent, n, dtype=np.float32)
    points = np.zeros((n if up else 1, n, d), np.float32)
    points[..., across] = axis
    if up:
        points[..., up[0]] = axis[::-1, None]
    return points


def check_pose(
    network: InvariantVAE,
    name: str,
    n: int,
    angle: npt.ArrayLike,
    shift: npt.ArrayLike,
    scale: npt.ArrayLike,
) -> Pose:
    """Poses of n images: angle in radians, shift in pixels, scale; one for all or one for each.

    The shift of curves is a number, (1,) or (n, 1) in units of their axis.
    """
    angles = broadcast(angle, n, "angles", torch.float32)
    factor = broadcast(scale, n, "scales", torch.float32)
    shifts = np.asarray(shift, np.float32)
    step, axes = network.shape.axis_step, network.latents.n_shifts
    if shifts.shape not in ((), (axes,), (n, axes)):
        wanted = "row and column" if axes > 1 else "that along the axis"
        what = f"shift of shape {shifts.shape} for {n} images"
        raise UserError(what, f"give {wanted}, ({axes},) or ({n}, {axes})")
    moved = torch.as_tensor(np.broadcast_to(shifts / (step or 1), (n, axes)).copy())
    if axes == 1:
        moved = torch.cat([torch.zeros_like(moved), moved], 1)  # in points, of no row
    if not bool((factor > 0).all()):
        raise UserError(f"scale={float(factor.min()):g} is no factor", "give numbers above 0")
    if not network.decoder.can_pose and (angles.any() or moved.any() or (factor != 1).any()):
        raise UserError(f"{name} cannot turn, shift or scale images", "leave the pose out")
    return Pose(angles, moved * pixel_size(*network.shape.image[1:]), factor)


def decoder_condition(
    network: InvariantVAE, name: str, n: int, label: Label, factors: Factors
) -> Tensor | None:
    """The class and factors that the decoder is conditioned on, (n, numbers); None without.

    Parameters
    ----------
    network, name
        The model and its name.
    n
        Number of images.
    label
        Class: one for all, or (n,).
    factors
        Values by factor: one for all, or (n,).

    Raises
    ------
    UserError
        If label and factors are not exactly those that the model is conditioned on.
    """
    n_classes = network.n_classes
    if not n_classes:
        return encoder_condition(network, name, n, label, factors)
    if label is None or factors:
        raise UserError(
            f"{name} decodes under a class",
            f"give label=, from 0 to {n_classes - 1}, and no factor",
        )
    return F.one_hot(labels(label, n, n_classes), n_classes).float()


def encoder_condition(
    network: InvariantVAE, name: str, n: int, label: Label, factors: Factors
) -> Tensor | None:
    """The condition (n, c) of a conditional model's encoder; None for other models."""
    category = network.category
    given = [*([] if label is None else ["class"]), *factors]
    if not category.n_encoder_condition or network.n_classes:
        if given:
            raise UserError(f"{name} takes no class and no factor", "leave them out")
        return None
    wanted = {"class": "label="} if category.n_data_classes else {}
    wanted |= {factor: f"{factor}=" for factor in category.factors}
    if "angle" in wanted:  # angle= is the pose
        wanted["angle"] = 'factors={"angle": …}'
    if set(given) != set(wanted):
        raise UserError(
            f"{name} is conditioned on {', '.join(wanted)}, but was given "
            + (", ".join(given) or "nothing"),
            f"give {', '.join(wanted.values())}",
        )
    no_class = torch.full((n,), -1)
    classes = no_class if label is None else labels(label, n, category.n_data_classes)
    values = {k: broadcast(v, n, f"values of {k}", torch.float32) for k, v in factors.items()}
    return category.condition(classes, values)


def merged(
    factors: Mapping[str, npt.ArrayLike] | None, named: Mapping[str, npt.ArrayLike]
) -> dict[str, npt.ArrayLike]:
    """Factors given as a mapping and as keywords, in one dict."""
    factors = factors or {}
    for name in factors.keys() & named.keys():
        raise UserError(f"{name} is given by name and in factors", "give it once")
    return {**factors, **named}


def broadcast(values: npt.ArrayLike, n: int, what: str, dtype: torch.dtype) -> Tensor:
    """Values (n,) from one for all images or (n,)."""
    tensor = torch.as_tensor(np.asarray(values)).to(dtype)
    if tensor.ndim > 1 or (tensor.ndim == 1 and len(tensor) not in (1, n)):
        raise UserError(f"{len(tensor)} {what} for {n} images", "give one, or as many")
    return tensor.expand(n)


def labels(label: npt.ArrayLike, n: int, n_classes: int) -> Tensor:
    """Classes (n,) from one for all images or (n,); whole numbers of any type."""
    given = np.asarray(label)
    is_class = np.isin(given, np.arange(n_classes)) & (given.dtype.kind in "iufO")
    if not is_class.all():
        wrong = given[~is_class][:1].tolist()[0]
        raise UserError(
            f"label={wrong!r} is no class", f"give whole numbers, 0 to {n_classes - 1}"
        )
    return broadcast(given.astype(np.int64), n, "labels", torch.int64)
