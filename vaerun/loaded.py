"""A finished run, loaded to encode and decode.

run = vaerun.load("outputs/rvae/cards_iv/version_0")
latents = run.encode(images)           # (N, H, W) or (N, C, H, W)
images = run.decode(latents.z_mean, angle=0.0)
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.config import RunConfig, validate
from vaerun.data.sets import DataShape
from vaerun.errors import UserError
from vaerun.geometry import Pose
from vaerun.inference import Array, Latents, encode_images
from vaerun.models import build
from vaerun.models.network import Network
from vaerun.runs import open_run, read_config


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run, ready to encode and decode.

    Attributes
    ----------
    network
        Of the lowest validation loss.
    config
        The run's own.
    """

    network: Network
    config: RunConfig

    def encode(
        self,
        images: npt.ArrayLike,
        label: npt.ArrayLike | None = None,
        factors: Mapping[str, npt.ArrayLike] | None = None,
        **named: npt.ArrayLike,
    ) -> Latents:
        """Latents of images (N, H, W) or (N, C, H, W), values in [0, 1].

        Parameters
        ----------
        images
            Of the shape that the run was trained on.
        label
            (N,) or one for all: the class, for a conditional model (crvae).
        factors, **named
            Factors that it is conditioned on, (N,) or one for all, in the data set's units:
            ``shear=0.1`` or ``factors={"shear": 0.1}``.

        Raises
        ------
        UserError
            If their shape is another, or the model is not told just what it is conditioned on.
        """
        x = torch.as_tensor(np.asarray(images, dtype=np.float32))
        x = x[:, None] if x.ndim == 3 else x
        if x.ndim != 4 or tuple(x.shape[1:]) != self.network.shape.image:
            want = "×".join(map(str, self.network.shape.image))
            raise UserError(
                f"images of shape {tuple(np.shape(images))} are not what this run was trained on",
                f"give (N, C, H, W) with C×H×W = {want}, or (N, H, W) for one channel",
            )
        told = self._condition(len(x), label, _factors(factors, named))
        return encode_images(self.network, x, told)

    @torch.no_grad()
    def decode(
        self,
        z: npt.ArrayLike,
        angle: npt.ArrayLike = 0.0,
        label: npt.ArrayLike | None = None,
        factors: Mapping[str, npt.ArrayLike] | None = None,
        **named: npt.ArrayLike,
    ) -> Array:
        """Expected images (N, C, H, W) of content (N, d), turned by ``angle`` radians.

        Parameters
        ----------
        z
            Content; a single vector (d,) counts as N = 1.
        angle
            One for all, or (N,); counter-clockwise as displayed. This is the pose; a factor
            called ``angle`` that a conditional model is told goes in ``factors``.
        label
            One for all, or (N,): the class, for models that have one.
        factors, **named
            As in `encode`.

        Raises
        ------
        UserError
            As in `encode`, or if the model cannot turn images.
        """
        content = torch.as_tensor(np.atleast_2d(np.asarray(z, dtype=np.float32)))
        d = self.config.model.latent_dim
        if content.shape[1] != d:
            raise UserError(f"z has {content.shape[1]} columns", f"give (N, {d})")
        n = len(content)
        told = self._told(n, label, _factors(factors, named))
        turns = _for_all(angle, n, "angles", torch.float32)
        if turns.any() and not self.network.decoder.can_pose:
            raise UserError(f"{self.config.model.name} cannot turn images", "leave angle out")
        pose = Pose.identity(n)._replace(angle=turns)
        return self.network.generate(content, pose, told).numpy()

    def _told(
        self, n: int, label: npt.ArrayLike | None, factors: Mapping[str, npt.ArrayLike]
    ) -> Tensor | None:
        """What the decoder is told of the class of n images."""
        n_classes = self.network.n_classes
        if not n_classes:
            return self._condition(n, label, factors)
        if label is None or factors:
            raise UserError(
                f"{self.config.model.name} decodes under a class",
                f"give label=, from 0 to {n_classes - 1}, and no factor",
            )
        return F.one_hot(_labels(label, n, n_classes), n_classes).float()

    def _condition(
        self, n: int, label: npt.ArrayLike | None, factors: Mapping[str, npt.ArrayLike]
    ) -> Tensor | None:
        """What a conditional model is told of n images; None for the others."""
        category, name = self.network.category, self.config.model.name
        given = [*([] if label is None else ["class"]), *factors]
        if not category.n_encoder_inputs or self.network.n_classes:
            if given:
                raise UserError(f"{name} is told of no class or factor", "leave them out")
            return None
        wanted = {"class": "label="} if category.n_data_classes else {}
        wanted |= {factor: f"{factor}=" for factor in category.factors}
        if "angle" in wanted:  # angle= turns what is decoded
            wanted["angle"] = 'factors={"angle": …}'
        if set(given) != set(wanted):
            raise UserError(
                f"{name} is conditioned on {', '.join(wanted)}, but was given "
                + (", ".join(given) or "nothing"),
                f"give {', '.join(wanted.values())}",
            )
        unknown = torch.full((n,), -1)
        known = unknown if label is None else _labels(label, n, category.n_data_classes)
        values = {k: _for_all(v, n, f"values of {k}", torch.float32) for k, v in factors.items()}
        return category.condition(known, values)


def _for_all(values: npt.ArrayLike, n: int, what: str, dtype: torch.dtype) -> Tensor:
    """One value for all of n images, or one for each."""
    tensor = torch.as_tensor(np.asarray(values)).to(dtype)
    if tensor.ndim > 1 or (tensor.ndim == 1 and len(tensor) not in (1, n)):
        raise UserError(f"{len(tensor)} {what} for {n} images", "give one, or as many")
    return tensor.expand(n)


def _factors(
    factors: Mapping[str, npt.ArrayLike] | None, named: Mapping[str, npt.ArrayLike]
) -> dict[str, npt.ArrayLike]:
    """Factors given as a mapping and those given by name."""
    both = {} if factors is None else dict(factors)
    for name in named:
        if name in both:
            raise UserError(f"{name} is given by name and in factors", "give it once")
    return both | dict(named)


def _labels(label: npt.ArrayLike, n: int, n_classes: int) -> Tensor:
    """Classes of n images, from one for all or one for each; whole numbers, of any type."""
    given = np.asarray(label)
    is_class = np.isin(given, np.arange(n_classes)) & (given.dtype.kind in "iufO")
    if not is_class.all():
        wrong = given[~is_class][:1].tolist()[0]
        raise UserError(
            f"label={wrong!r} is no class", f"give whole numbers, 0 to {n_classes - 1}"
        )
    return _for_all(given.astype(np.int64), n, "labels", torch.int64)


def load(path: str | Path) -> Run:
    """The run in a folder, on the CPU, from its own config; executes nothing found there.

    Raises
    ------
    UserError
        If it is no run folder, or was stopped before its first checkpoint.
    """
    folder = open_run(path)
    config = validate(read_config(folder))
    if not folder.best_checkpoint.is_file():
        raise UserError(f"{path} has no checkpoints/best.ckpt", "train it first")
    state = torch.load(folder.best_checkpoint, map_location="cpu", weights_only=True)
    network = build(config.model, DataShape.from_plain(state["shape"]))
    weights = {k.removeprefix("network."): v for k, v in state["state_dict"].items()}
    network.load_state_dict(weights)
    return Run(network.eval(), config)
