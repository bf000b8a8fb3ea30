"""Pairs of the user's own: images or curves, and another image or curve that belongs to each.

`vaerun model=ved data=pairs data.path=images.h5 data.target_path=spectra.h5`
"""

import dataclasses
import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from torch import Tensor

from vaerun.config.groups import config_dir
from vaerun.config.schema import field
from vaerun.data.config import DataConfig
from vaerun.data.datasets import images, spectra
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.datasets.spectra_config import SpectraConfig
from vaerun.data.image_set import AllImages, ImageSet, Splits, as_tensor
from vaerun.utils.digest import fingerprint
from vaerun.utils.errors import UserError

# N pairs; an input is (C, H, W), a target (C', H', W'), where H or H' of curves is 1.

_FEWEST = 10  # pairs that anything can be learned from
_SOURCES: dict[str, tuple[type[Any], Any]] = {
    "images": (ImagesConfig, images.load_all),
    "spectra": (SpectraConfig, spectra.load_all),
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class PairsConfig(DataConfig):
    """Where inputs and targets are, and which belong together."""

    input: str = field("what is given", choices=list(_SOURCES))
    target: str = field("what is predicted", choices=list(_SOURCES))
    path: str | None = field("file, folder or glob of the inputs", affects="files")
    key: str | None = field(
        "name of the inputs' data set in HDF5 and npz files; null: detected", affects="selection"
    )
    target_path: str | None = field("file, folder or glob of the targets", affects="files")
    target_key: str | None = field(
        "name of the targets' data set in HDF5 and npz files; null: detected", affects="selection"
    )
    join: str = field(
        "which belong together: index, the n-th with the n-th; place: patches of one image, each "
        "around its point of a map of spectra over the same field",
        choices=["index", "place"],
    )
    patch_px: int = field("side of such a patch, pixels of the image", min=8)
    val_share: float = field("share of the pairs held back for validation", above=0, max=0.9)

    def __post_init__(self) -> None:
        if self.join == "place" and (self.input, self.target) != ("images", "spectra"):
            what = f"data.join=place joins images to spectra, not {self.input} to {self.target}"
            raise UserError(what, "use data.join=index, with as many of both")
        if self.corrupt != "none":
            what = f"data.corrupt={self.corrupt}: what data=pairs has is predicted, not restored"
            raise UserError(what, "leave it out")

    @property
    def of_curves(self) -> bool:  # type: ignore[override]
        """Whether inputs are curves."""
        return self.input == "spectra"


def load(config: PairsConfig, seed: int) -> Splits:
    """Training and validation pairs, split at random; ``index`` counts through all inputs.

    Raises
    ------
    UserError
        If there are too few pairs, or inputs and targets do not belong together.
    """
    given = _read(config, "input", config.path, config.key, "path")
    wanted = _read(config, "target", config.target_path, config.target_key, "target_path")
    x, y, index = (_joined_by_place if config.join == "place" else _joined)(config, given, wanted)
    if len(index) < _FEWEST:
        what = f"data.path={config.path} and data.target_path={config.target_path} have "
        raise UserError(f"{what}{len(index)} pairs: too few to learn from", f"give {_FEWEST}")
    order = np.random.default_rng(seed).permutation(len(index))
    n_val = min(max(round(config.val_share * len(index)), 1), len(index) - 1)
    measured = _measured(wanted, y, index if config.join == "place" else None)
    parts = []
    for name, rows in (("train", order[n_val:]), ("val", order[:n_val])):
        size = getattr(config, f"{name}_size")
        if size is not None and size > len(rows):
            what = f"data.{name}_size={size} is more than the {len(rows)} pairs there are"
            raise UserError(what, f"set it to {len(rows)} or less, or to null for all")
        some = torch.from_numpy(np.sort(rows[:size]))
        parts.append(
            ImageSet(
                images=x[some],
                paired=y[some],
                measured=None if measured is None else measured[some],
                label=torch.full((len(some),), -1),
                index=index[some],
            )
        )
    log.info(f"{len(parts[0]):,} pairs to train on, {len(parts[1]):,} to validate")
    digest = fingerprint([x.numpy(), y.numpy()])
    return Splits(
        train=parts[0],
        val=parts[1],
        classes=[],
        window=given.window,
        linear=given.linear,
        axis=given.axis,
        target_window=wanted.window,
        target_axis=wanted.axis,
        origin=torch.frombuffer(bytearray.fromhex(digest), dtype=torch.uint8),
    )


def load_labelled(config: PairsConfig, seed: int, splits: Splits) -> ImageSet:
    """Pairs have no labels: always a `UserError`."""
    del seed, splits
    raise UserError(f"data={config.name} has no labels", "use model=ved")


def _read(
    config: PairsConfig, side: str, path: str | None, key: str | None, name: str
) -> AllImages:
    """All inputs, or all targets, brought to 0 to 1 by the least and greatest value of the set."""
    if path is None:
        hint = f"name your {getattr(config, side)}, as in data.{name}=map.h5"
        raise UserError(f"data.{name} is not given", hint)
    source = getattr(config, side)
    kind, read_all = _SOURCES[source]
    file = config_dir() / "data" / f"{source}.yaml"
    defaults = yaml.safe_load(file.read_text(encoding="utf-8"))
    plain = {f.name: defaults.get(f.name) for f in dataclasses.fields(kind)}
    shared = {f.name: getattr(config, f.name) for f in dataclasses.fields(DataConfig)}
    own = {"path": path, "key": key, "normalise": "set"}
    read: AllImages = read_all(kind(**plain | shared | own))
    return read


def _joined(
    config: PairsConfig, given: AllImages, wanted: AllImages
) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs and targets (N, …) of the same number, and the numbers (N,)."""
    n, n_targets = len(given.images), len(wanted.images)
    if n != n_targets:
        what = f"data.path={config.path} has {n:,} {config.input}, data.target_path="
        what += f"{config.target_path} {n_targets:,} {config.target}"
        raise UserError(what, "give as many, or data.join=place for an image and a map of spectra")
    x, y = as_tensor(given.images.images), as_tensor(wanted.images.images)
    return x, y, torch.arange(n)


def _joined_by_place(
    config: PairsConfig, given: AllImages, wanted: AllImages
) -> tuple[Tensor, Tensor, Tensor]:
    """Patches (N, C, S, S) of one image around the points of a map, their curves and numbers."""
    place, frames = wanted.images.place, wanted.frames
    if len(given.images) != 1 or place is None or len(frames) != 1:
        what = f"data.join=place takes one image and one map of spectra, not {len(given.images)} "
        what += f"images and {len(frames)} maps"
        raise UserError(what, "give data.path and data.target_path of one of each")
    image = as_tensor(given.images.images)[0]
    points = _points(place.centre, frames[0].image.shape, tuple(image.shape[1:]))
    side, half = config.patch_px, config.patch_px // 2
    first = np.floor(points + 0.5).astype(int) - half
    inside = ((first >= 0) & (first + side <= image.shape[1:])).all(1)
    if n_out := int((~inside).sum()):
        log.info(f"{n_out:,} points of the map are left out: their patches leave the image")
    rows = np.flatnonzero(inside)
    if not len(rows):
        what = f"data.patch_px={side} is wider than data.path={config.path}"
        raise UserError(what, "give smaller patches")
    patches = [image[:, r : r + side, c : c + side] for r, c in first[rows]]
    kept = torch.from_numpy(rows)
    return torch.stack(patches), as_tensor(wanted.images.images)[kept], kept


def _points(
    centre: npt.NDArray[np.float32], of_map: tuple[int, ...], of_image: tuple[int, ...]
) -> npt.NDArray[np.float64]:
    """Pixels (N, 2) of an image at the points (N, 2) of a map over the same field."""
    step = np.array(of_image, np.float64) / np.array(of_map)
    points: npt.NDArray[np.float64] = (centre + 0.5) * step - 0.5
    return points


def _measured(wanted: AllImages, y: Tensor, rows: Tensor | None) -> Tensor | None:
    """Which points of the targets (N, …) were measured; None: all."""
    if wanted.images.measured is None:
        return None
    measured = as_tensor(wanted.images.measured)
    measured = measured if rows is None else measured[rows]
    assert measured.shape == y.shape
    return None if bool(measured.all()) else measured
