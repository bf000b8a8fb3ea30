"""A trained network at work: encodings of a data set, the bound on it, images from latents.

run = vaerun.load("outputs/rvae/cards_iv/version_0")
latents = run.encode(images)           # (N, H, W) or (N, C, H, W)
images = run.decode(latents.z_mean, angle=0.0)
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.config import RunConfig, validate
from vaerun.data.sets import ImageSet, Splits
from vaerun.encodings import Encodings
from vaerun.errors import UserError
from vaerun.geometry import Pose, pixel_size
from vaerun.models import build
from vaerun.models.bound import negative_elbo
from vaerun.models.module import TermMeans, seed_noise
from vaerun.models.network import Encoded, Network, encode
from vaerun.runs import open_run, read_config

Array = npt.NDArray[np.float32]

_CHUNK = 500  # images encoded at once: with 16 copies of each some 100 MB

_BOUND = 2  # stream of noise


@dataclasses.dataclass(frozen=True, kw_only=True)
class Latents:
    """Encodings of N images, named as in `latents.h5`.

    Attributes
    ----------
    z_mean, z_sd
        (N, d).
    angle, angle_sd
        (N,) radians, angle in [−π, π).
    shift
        (N, 2) row and column, pixels.
    scale
        (N,).
    class_probability
        (N, J), J = 0 without classes.
    """

    z_mean: Array
    z_sd: Array
    angle: Array
    angle_sd: Array
    shift: Array
    scale: Array
    class_probability: Array


@torch.no_grad()
def encode_images(network: Network, images: Tensor) -> Latents:
    """Latents of images (N, C, H, W) under their likeliest hypothesis, chunk by chunk."""
    pixel = pixel_size(*images.shape[-2:])
    chunks = [_arrays(encode(network, x), pixel) for x in _chunks(network, images)]
    names = [field.name for field in dataclasses.fields(Latents)]
    return Latents(**{k: np.concatenate([chunk[k] for chunk in chunks]) for k in names})


def _arrays(encoded: Encoded, pixel: float) -> dict[str, Array]:
    tensors = {
        "z_mean": encoded.z_mean,
        "z_sd": encoded.z_sd,
        "angle": encoded.pose.angle,
        "angle_sd": encoded.angle_sd,
        "shift": encoded.pose.shift / pixel,
        "scale": encoded.pose.scale,
        "class_probability": encoded.class_probability,
    }
    return {name: tensor.float().cpu().numpy() for name, tensor in tensors.items()}


def encode_splits(network: Network, splits: Splits) -> Encodings:
    """Encodings of all images, training first, beside what is known of them."""
    parts = [_encodings(network, images, i) for i, images in enumerate((splits.train, splits.val))]
    return Encodings.concatenate(parts)


def _encodings(network: Network, images: ImageSet, split: int) -> Encodings:
    latents = encode_images(network, images.images)
    probability = latents.class_probability
    n = len(images)
    return Encodings(
        **{field.name: getattr(latents, field.name) for field in dataclasses.fields(Latents)},
        predicted=probability.argmax(1) if probability.shape[1] else np.full(n, -1),
        label=images.label.numpy(),
        index=images.index.numpy(),
        split=np.full(n, split, np.uint8),
        factors={name: values.numpy() for name, values in images.factors.items()},
    )


@torch.no_grad()
def bound(network: Network, images: Tensor, *, deterministic: bool, seed: int) -> dict[str, float]:
    """Mean terms of −ELBO over images (N, C, H, W) and all hypotheses, nats per image."""
    means = TermMeans()
    for i, x in enumerate(_chunks(network, images)):
        seed_noise(seed, _BOUND, i)
        means.add(negative_elbo(network, x, deterministic=deterministic))
    return {name: float(value) for name, value in means.pop().items()}


@torch.no_grad()
def reconstruct(network: Network, images: Tensor) -> Array:
    """Expected images (N, C, H, W) at the posterior means."""
    out = []
    for x in _chunks(network, images):
        encoded = encode(network, x)
        y = encoded.class_probability if network.n_classes else None
        out.append(network.generate(encoded.z_mean, encoded.pose, y).float().cpu().numpy())
    return np.concatenate(out)


@torch.no_grad()
def upright(network: Network, z: Array, y: Tensor | None = None) -> Array:
    """Expected images (N, C, H, W) of content (N, d), at pose zero."""
    device = next(network.parameters()).device
    content = torch.as_tensor(z, dtype=torch.float32, device=device)
    images = network.generate(content, Pose.identity(len(content), device), y)
    return images.float().cpu().numpy()


def _chunks(network: Network, images: Tensor) -> Iterator[Tensor]:
    device = next(network.parameters()).device
    for chunk in images.split(_CHUNK):
        yield chunk.to(device)


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

    def encode(self, images: npt.ArrayLike) -> Latents:
        """Latents of images (N, H, W) or (N, C, H, W), values in [0, 1].

        Raises
        ------
        UserError
            If their shape is not that of the images trained on.
        """
        x = torch.as_tensor(np.asarray(images, dtype=np.float32))
        x = x[:, None] if x.ndim == 3 else x
        if x.ndim != 4 or tuple(x.shape[1:]) != self.network.image:
            want = "×".join(map(str, self.network.image))
            raise UserError(
                f"images of shape {tuple(np.shape(images))} are not what this run was trained on",
                f"give (N, C, H, W) with C×H×W = {want}, or (N, H, W) for one channel",
            )
        return encode_images(self.network, x)

    @torch.no_grad()
    def decode(self, z: npt.ArrayLike, angle: npt.ArrayLike = 0.0, label: None = None) -> Array:
        """Expected images (N, C, H, W) of content (N, d), turned by ``angle`` radians.

        Parameters
        ----------
        z
            Content; a single vector (d,) counts as N = 1.
        angle
            One for all, or (N,); counter-clockwise as displayed.
        label
            For models with a class only.
        """
        content = torch.as_tensor(np.atleast_2d(np.asarray(z, dtype=np.float32)))
        d = self.config.model.latent_dim
        if content.shape[1] != d:
            raise UserError(f"z has {content.shape[1]} columns", f"give (N, {d})")
        if label is not None:
            raise UserError(f"{self.config.model.name} has no classes", "leave label out")
        turns = torch.as_tensor(np.asarray(angle, dtype=np.float32))
        if turns.ndim > 1 or (turns.ndim == 1 and len(turns) not in (1, len(content))):
            raise UserError(
                f"{len(turns)} angles for {len(content)} images", "give one, or as many"
            )
        if turns.any() and not self.network.decoder.can_pose:
            raise UserError(f"{self.config.model.name} cannot turn images", "leave angle out")
        turns = turns.expand(len(content))
        pose = Pose.identity(len(content))._replace(angle=turns)
        return self.network.generate(content, pose).numpy()


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
    image = tuple(state["image"])
    network = build(config.model, image)
    weights = {k.removeprefix("network."): v for k, v in state["state_dict"].items()}
    network.load_state_dict(weights)
    return Run(network.eval(), config)
