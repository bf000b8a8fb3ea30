"""What checks look at: network, some validation images and their encodings, the training log."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.image_set import ImageSet, Splits, as_tensor
from vaerun.evaluation.checks.moved_images import NARROW_DEG, Move
from vaerun.evaluation.checks.pair_match import PairMatch
from vaerun.evaluation.checks.rotation_match import RotationMatch, match_rotations
from vaerun.evaluation.checks.shift_match import match_shifts
from vaerun.evaluation.metrics.truth_convention import TruthConvention, recognise
from vaerun.geometry import is_curve, pixel_size
from vaerun.models import inference
from vaerun.models.encodings import VALIDATION, Encodings
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.object_locator import ObjectLocator
from vaerun.utils.arrays import evenly

MOST_CHECKED = 400  # validation images that are encoded again and compared with each other
MOST_PIXELS = 400 * 64 * 64  # of them together: fewer images are checked if they are large
NEIGHBOURS = 4  # images that each is compared with
ALIKE = 0.75  # correlation from which two images are the same object
PARTS = 10  # of the images, whose spread tells how certain their mean is
FEWEST = 30  # images below which nothing is said


@dataclass(frozen=True, kw_only=True)
class CheckedRun:
    """A trained network with what is known of its training and some images.

    Attributes
    ----------
    network
        In evaluation mode.
    images
        n validation images, evenly spaced.
    encodings
        Those of these images, in this order.
    all_encodings
        Those of all splits.
    rows
        Logged means of each epoch; none where the images are not those of the training.
    plain
        The config.
    bound
        −ELBO in nats per image of some ``training`` and ``validation`` images, as means of
        (parts,) of them.
    conventions
        Other conventions than ours that true poses were recognised to be given by.
    symmetry
        By which part of a turn patches of a lattice look the same; 1 for other images.
    """

    network: InvariantVAE
    images: ImageSet
    encodings: Encodings
    all_encodings: Encodings
    rows: Sequence[Mapping[str, float]]
    plain: Mapping[str, Any]
    bound: Mapping[str, npt.NDArray[np.float64]]
    conventions: Sequence[TruthConvention] = ()
    symmetry: int = 1

    @classmethod
    def of(
        cls,
        network: InvariantVAE,
        splits: Splits,
        encodings: Encodings,
        rows: Sequence[Mapping[str, float]],
        plain: Mapping[str, Any],
        seed: int,
    ) -> Self:
        """Choose the images of a run; ``seed`` is that of the training."""
        most = max(min(MOST_CHECKED, MOST_PIXELS // int(np.prod(splits.image[1:]))), FEWEST)
        chosen = evenly(len(splits.val), most)
        images = splits.val.select(torch.from_numpy(chosen))
        training = splits.train.select(torch.from_numpy(evenly(len(splits.train), most)))
        bound = {
            "training": _bound_of_parts(network, training, seed),
            "validation": _bound_of_parts(network, images, seed),
        }
        return cls(
            network=network,
            images=images,
            encodings=encodings.val.select(chosen),
            all_encodings=encodings,
            rows=rows,
            plain=plain,
            bound=bound,
            conventions=recognise(encodings.val, splits.symmetry),
            symmetry=max(splits.symmetry, default=1) if splits.frames else 1,
        )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def epochs(self) -> int:
        """Epochs of the training."""
        return len(self.rows) or int(self.plain["trainer"]["max_epochs"])

    @property
    def side(self) -> int:
        """Pixels of the shorter side; points of a curve."""
        height, width = self.x.shape[-2:]
        return int(width if is_curve(height) else min(height, width))

    @property
    def has_angle(self) -> bool:
        """Whether the model infers an angle."""
        return self.network.latents.angle is not None

    @property
    def has_shift(self) -> bool:
        """Whether the model infers a shift."""
        return self.network.latents.shift_sd is not None

    @property
    def has_scale(self) -> bool:
        """Whether the model infers a scale."""
        return self.network.latents.scale_sd is not None

    @property
    def any_angle(self) -> bool:
        """Whether the model's angles go all round the circle."""
        bins = self.network.search.bin_angle
        return self.has_angle and (len(bins) < 2 or float(bins.max() - bins.min()) > np.pi)

    @cached_property
    def x(self) -> Tensor:
        """The images (n, C, H, W)."""
        return as_tensor(self.images.images)

    @cached_property
    def reconstructions(self) -> Tensor:
        """The model's images (n, C, H, W)."""
        return torch.from_numpy(inference.reconstruct(self.network, self.images))

    @cached_property
    def target(self) -> Tensor:
        """Images to be drawn (n, C, H, W); as the model draws them where nothing was measured."""
        target = as_tensor(self.images.target).float()
        if self.images.measured is None:
            return target
        return torch.where(as_tensor(self.images.measured), target, self.reconstructions)

    @property
    def measured_share(self) -> float:
        """Share of the pixels that were measured."""
        measured = self.images.measured
        return 1.0 if measured is None else float(as_tensor(measured).float().mean())

    @cached_property
    def explained(self) -> float:
        """Share of the structure of the images that the reconstructions have, at most 1.

        White noise has no covariance between neighbouring pixels, structure has nearly as much
        as variance. So the covariance of neighbours in the residual, over that in the images less
        their mean, is the share of structure that is left, without an estimate of the noise.
        """
        return self.share_drawn(self.reconstructions)

    def share_drawn(self, drawn: Tensor) -> float:
        """As `explained`, of other drawings (n, C, H, W)."""
        whole = neighbours(self.target - self.target.mean(0))
        left = neighbours(self.target - drawn)
        return 1 - max(left, 0.0) / max(whole, 1e-12)

    @cached_property
    def likeness(self) -> PairMatch:
        """How well every two images match when turned, curves when shifted."""
        return self.likeness_of(self.x) if is_curve(self.x.shape[2]) else self.match

    @cached_property
    def match(self) -> RotationMatch:
        """How well every two images match under some rotation, without the model's angles."""
        return self._rotations(self.x)

    def likeness_of(self, images: Tensor) -> PairMatch:
        """As `likeness`, of other images (n, C, H, W) whose objects are in the same places."""
        return match_shifts(images) if is_curve(images.shape[2]) else self._rotations(images)

    def _rotations(self, images: Tensor) -> RotationMatch:
        centre = self.centre
        return match_rotations(images, np.zeros((len(self), 2)) if centre is None else centre)

    @cached_property
    def drawn_again(self) -> Tensor:
        """Images (n, C, H, W) as they would be if the model were right: drawings and noise.

        The noise of each is what another image differs from its drawing by, where that was
        measured.
        """
        noise = self.x.float() - self.reconstructions
        if self.images.measured is not None:
            noise = torch.where(as_tensor(self.images.measured), noise, 0.0)
        other = torch.from_numpy(np.random.default_rng(0).permutation(len(self)))
        return self.reconstructions + noise[other]

    @cached_property
    def centre(self) -> npt.NDArray[np.float64] | None:
        """Row and column (n, 2) of the object from the middle, pixels, as seen without the model.

        The model's shift is another: its drawing need not be in the middle. None where images
        have no single object.
        """
        height, width = self.x.shape[-2:]
        locator = ObjectLocator((height, width), centred=True, sized=False)
        x = self.x.float()
        return (
            locator(x).centre.double().numpy() / pixel_size(height, width)
            if locator.fit(x)
            else None
        )

    @cached_property
    def like_pairs(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Pairs i, j (m,) of images of one object, of one class where the model has classes."""
        near = self.match.neighbours(min(NEIGHBOURS, len(self) - 1))
        i, j = np.repeat(np.arange(len(self)), near.shape[1]), near.ravel()
        alike = (self.match.best[i, j] > ALIKE) & (self.group[i] == self.group[j])
        return i[alike], j[alike]

    @property
    def group(self) -> npt.NDArray[np.int64]:
        """Class (n,) that the model infers or is given; 0 without."""
        if self.network.n_classes:
            return self.encodings.predicted
        if self.network.category.n_data_classes:
            return self.encodings.label
        return np.zeros(len(self), np.int64)

    @cached_property
    def move(self) -> Move:
        """By how much `moved` was: as the model's invariances say.

        Images that fill their field are turned by quarters, since else their corners are empty.
        """
        height, width = self.x.shape[-2:]
        if self.centre is None and self.any_angle:
            return Move.quarter_turns(len(self), square=height == width)
        return Move.drawn(
            len(self),
            self.side,
            turns=(math.pi if self.any_angle else math.radians(NARROW_DEG)) * self.has_angle,
            shifts=self.has_shift,
            scales=self.has_scale,
        )

    @cached_property
    def moved_images(self) -> Tensor:
        """The images (n, C, H, W) after `move`."""
        exactly = self.centre is None and self.any_angle
        move = self.move.apply_exactly if exactly else self.move.apply
        return move(self.x).to(self.x.dtype)

    @cached_property
    def moved(self) -> Encodings:
        """Encodings of the images after `move`."""
        return self.encode_again(self.moved_images)

    @cached_property
    def z_moves(self) -> npt.NDArray[np.float64]:
        """How far z of each image (n,) moves by `move`: 1 is as far as to another image's z.

        Both are drawn from their posteriors, so that a z which holds hardly anything stays.
        """
        z = self.all_encodings
        spread = 2 * float((z.z_mean.var(0) + np.square(z.z_sd).mean(0)).sum())
        change = np.square(self.moved.z_mean - self.encodings.z_mean).sum(1, dtype=np.float64)
        moves: npt.NDArray[np.float64] = change / spread
        return moves

    def encode_again(self, images: Tensor) -> Encodings:
        """Encodings of changed images (n, C, H, W), with their old labels and factors."""
        changed = ImageSet(
            images=images,
            label=self.images.label,
            index=self.images.index,
            factors=self.images.factors,
        )
        return inference.encode_set(self.network, changed, VALIDATION)

    def invariances(self, added: str) -> str:
        """The override that adds one letter to the model's invariances."""
        own = [*(self.plain["model"].get("invariances") or []), added]
        return f"'model.invariances=[{','.join(dict.fromkeys(own))}]'"


def _bound_of_parts(network: InvariantVAE, images: ImageSet, seed: int) -> npt.NDArray[np.float64]:
    """−ELBO in nats per image, means of (parts,) of the images that follow one another."""
    parts = np.array_split(np.arange(len(images)), min(PARTS, len(images)))
    some = [images.select(torch.from_numpy(part)) for part in parts]
    return np.array([inference.evaluate_elbo(network, one, seed=seed)["loss"] for one in some])


def neighbours(x: Tensor) -> float:
    """Mean product of neighbouring pixels, along each axis longer than one, of (n, C, H, W)."""
    down = (x[:, :, 1:] * x[:, :, :-1]).mean()
    across = (x[..., 1:] * x[..., :-1]).mean()
    return float(across if is_curve(x.shape[2]) else torch.stack([down, across]).mean())
