"""A finished run, loaded to encode, decode and export.

run = vaerun.load("outputs/rvae/cards_iv/version_0")
latents = run.encode(images)           # (N, H, W) or (N, C, H, W)
images = run.decode(latents.z_mean, angle=0.0)
run.export("exported")                 # encoder.onnx, decoder.onnx
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from vaerun.data.image_set import DataShape
from vaerun.geometry import Pose
from vaerun.models import export
from vaerun.models.encodings import Encodings, read_latents
from vaerun.models.inference import Array, Latents, encode_images
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.latent_traversal import PRIOR_RANGE, widest_dimensions
from vaerun.models.prediction import Predictions, predict
from vaerun.runs import inputs
from vaerun.runs.checkpoint import read_checkpoint
from vaerun.runs.config import RunConfig, validate
from vaerun.runs.folder import RunFolder, open_run, read_config
from vaerun.runs.notebook_views import Html, card, explorer
from vaerun.utils import provenance
from vaerun.utils.errors import UserError

if TYPE_CHECKING:
    from vaerun.models.target_readout import TargetReadout


@dataclasses.dataclass(frozen=True, repr=False)
class Run:
    """A finished run, ready to encode and decode.

    Attributes
    ----------
    network
        With the weights of the lowest validation loss.
    config
        The config of the run.
    folder
        The run folder.

    Examples
    --------
    >>> run = vaerun.load("outputs/rvae/cards_iv/version_0")  # doctest: +SKIP
    >>> run  # doctest: +SKIP
    Run(rvae on cards_iv, 2 content dimensions, validation loss 148.3,
        outputs/rvae/cards_iv/version_0)
    >>> run.metrics["knn_accuracy"], run.latents.val.angle  # doctest: +SKIP
    """

    network: InvariantVAE
    config: RunConfig
    folder: RunFolder

    def __repr__(self) -> str:
        d = self.config.model.latent_dim
        parts = [
            f"{self.config.model.name} on {self.config.data.name}",
            f"{d} content dimension{'s' * (d != 1)}",
        ]
        if "elbo" in self._known_metrics():
            parts.append(f"validation loss {self.metrics['elbo']['loss']:.1f}")
        return f"Run({', '.join([*parts, str(self.path)])})"

    def _repr_html_(self) -> str:
        """A picture of what was learned, and numbers: how a notebook shows the run."""
        return card(self.folder, repr(self), self._known_metrics())

    def explore(self, height_px: int = 760) -> Html:
        """The plots of the report that respond to the pointer, inside a notebook.

        Parameters
        ----------
        height_px
            Height of the frame in which they are shown.

        Raises
        ------
        UserError
            If the run has no report: it has not finished.

        Examples
        --------
        >>> run.explore()  # doctest: +SKIP
        """
        return explorer(self.folder, height_px)

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @cached_property
    def latents(self) -> Encodings:
        """Encodings of all images of the run, from its `latents.h5`; read at first use.

        ``run.latents.val`` has the validation images, ``.factors["shear"]`` true values.
        """
        return read_latents(self.folder.latents)

    @cached_property
    def target(self) -> "TargetReadout | None":
        """What was learned of a target, from its file; None for a model that infers none."""
        if self.network.category.target is None:
            return None
        from vaerun.models.target_readout import TargetReadout  # scikit-learn takes a second

        return TargetReadout.read(self.folder.target)

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`; ``["elbo"]["loss"]`` is in nats per validation image."""
        path = self.folder.metrics_json
        try:
            metrics: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise UserError(f"{path} is not there", "the run has not finished") from error
        except ValueError as error:
            raise UserError(f"{path} is not readable JSON", "evaluate the run again") from error
        return metrics

    def encode(
        self,
        images: npt.ArrayLike,
        label: npt.ArrayLike | None = None,
        factors: Mapping[str, npt.ArrayLike] | None = None,
        **named: npt.ArrayLike,
    ) -> Latents:
        """Latents of images (N, H, W) or (N, C, H, W), or of curves (N, L), values in [0, 1].

        Shifts are in pixels (N, 2), those of curves in units of their axis (N, 1).

        Parameters
        ----------
        images
            Of the shape that the run was trained on.
        label
            Class for a conditional model (crvae), (N,) or one for all.
        factors, **named
            Factors that the model is conditioned on, (N,) or one for all, in the data set's
            units: ``shear=0.1`` or ``factors={"shear": 0.1}``.

        Raises
        ------
        UserError
            If images have another shape, or label and factors are not those of the model.

        Examples
        --------
        >>> np.rad2deg(run.encode(np.load("images.npy")).angle)  # doctest: +SKIP
        """
        network, name = self.network, self.config.model.name
        x = inputs.check_images(images, network.shape.image)
        condition = inputs.encoder_condition(
            network, name, len(x), label, inputs.merged(factors, named)
        )
        latents, step = encode_images(network, x, condition), network.shape.axis_step
        if self.target is not None:
            latents = self.target.applied(latents)
        if step is None:
            return latents
        return dataclasses.replace(latents, shift=latents.shift[:, -1:] * np.float32(step))

    def predict(self, images: npt.ArrayLike) -> Predictions:
        """What a variational encoder–decoder (ved) predicts of images, as `encode` takes them.

        Mean and sd (N, C, H, W), of curves (N, C, 1, L), in the units of the targets' files.

        Examples
        --------
        >>> mean, sd = run.predict(images)  # doctest: +SKIP
        """
        if not self.network.variant.predicts:
            raise UserError(f"{self.config.model.name} predicts nothing", "use encode")
        x = inputs.check_images(images, self.network.shape.image)
        return predict(self.network, x).in_units(self.network.shape.target_window)

    @torch.no_grad()
    def decode(
        self,
        z: npt.ArrayLike,
        angle: npt.ArrayLike = 0.0,
        label: npt.ArrayLike | None = None,
        factors: Mapping[str, npt.ArrayLike] | None = None,
        *,
        shift: npt.ArrayLike = 0.0,
        scale: npt.ArrayLike = 1.0,
        **named: npt.ArrayLike,
    ) -> Array:
        """Expected images (N, C, H, W) of content (N, d), under a pose.

        Parameters
        ----------
        z
            Content; a single vector (d,) counts as N = 1.
        angle
            Radians, one for all or (N,), counter-clockwise as displayed. A factor of the name
            of a parameter, such as ``angle``, goes in ``factors``.
        label
            Class for models that have one, (N,) or one for all.
        factors, **named
            As in `encode`.
        shift
            Row and column in pixels, (2,) or (N, 2); of curves in units of their axis, (N, 1).
        scale
            Factor, one for all or (N,).

        Raises
        ------
        UserError
            As in `encode`, or if a model without a pose gets one.

        Examples
        --------
        >>> latents = run.encode(images)  # doctest: +SKIP
        >>> canonical = run.decode(latents.z_mean)  # doctest: +SKIP
        >>> as_given = run.decode(latents.z_mean, latents.angle)  # doctest: +SKIP
        """
        network, name = self.network, self.config.model.name
        content = inputs.check_latents(z, self.config.model.latent_dim)
        n, size = len(content), network.n_at_once
        pose = inputs.check_pose(network, name, n, angle, shift, scale)
        merged = inputs.merged(factors, named)
        condition = inputs.decoder_condition(network, name, n, label, merged)
        chunks = [
            network.generate(
                content[rows],
                Pose(*(part[rows] for part in pose)),
                None if condition is None else condition[rows],
            )
            for rows in (slice(first, first + size) for first in range(0, max(n, 1), size))
        ]
        return torch.cat(chunks).numpy()

    def manifold(
        self,
        n: int = 12,
        label: npt.ArrayLike | None = None,
        factors: Mapping[str, npt.ArrayLike] | None = None,
        extent: float = PRIOR_RANGE,
        dimensions: Sequence[int] | None = None,
    ) -> Array:
        """Decoded grid (n, n, C, H, W) over two content dimensions, in canonical orientation.

        The first dimension increases to the right and the second upwards, as in the run's own
        figure; the others are zero.

        Parameters
        ----------
        n
            Tiles along each side; one dimension gives (1, n, C, H, W).
        label, factors
            As in `decode`, one for all.
        extent
            The grid is from −extent to extent, in standard deviations of the prior.
        dimensions
            One or two, counted from 0. None: those of the run's own figure, the two that vary
            most over its images.

        Examples
        --------
        >>> tiles = run.manifold(12, label=3)  # doctest: +SKIP
        >>> picture = np.block([[image[0] for image in row] for row in tiles])  # doctest: +SKIP
        """
        d = self.config.model.latent_dim
        if dimensions is None:
            dimensions = range(d) if d <= 2 else widest_dimensions(self.latents.z_mean)
        points = inputs.grid(n, extent, dimensions, d)  # (R, K, d)
        images = self.decode(points.reshape(-1, d), label=label, factors=factors)
        return images.reshape(*points.shape[:2], *images.shape[1:])

    def export(self, folder: str | Path, format: str = "onnx") -> Path:
        """Write encoder and decoder for use without vaerun, checked against this run.

        Returns the folder.

        Parameters
        ----------
        folder
            Where ``encoder.onnx`` and ``decoder.onnx`` (or ``.pt2``) are written, for any number
            of images at once, with ``export.json``, which describes their inputs and outputs; of
            a variational encoder–decoder (ved) ``predictor.onnx`` too.
        format
            ``onnx``, which takes ``pip install 'vaerun[onnx]'``; or ``torch``, for `torch.export`.

        Examples
        --------
        >>> run.export("exported")  # doctest: +SKIP
        >>> encoder = onnxruntime.InferenceSession("exported/encoder.onnx")  # doctest: +SKIP
        >>> z_mean, *_ = encoder.run(None, {"images": images})  # doctest: +SKIP
        """
        path = Path(folder).expanduser()
        about = {
            "vaerun_version": provenance.version(),
            "model": self.config.model.name,
            "data": self.config.data.name,
            "classes": self._known_metrics().get("classes", []),
        }
        export.write(self.network, path, format, about, self.target)
        return path

    def _known_metrics(self) -> dict[str, Any]:
        """Metrics; empty where the run has not finished."""
        return self.metrics if self.folder.metrics_json.is_file() else {}


def load(path: str | Path) -> Run:
    """Load the run of a folder onto the CPU; no file there is executed.

    Raises
    ------
    UserError
        If it is not a run folder, or training stopped before the first checkpoint.
    """
    folder = open_run(path)
    config = validate(read_config(folder))
    if not folder.best_checkpoint.is_file():
        raise UserError(f"{path} has no checkpoints/best.ckpt", "train it first")
    state = read_checkpoint(folder.best_checkpoint)
    network = InvariantVAE(config.model, DataShape(**state["shape"]))
    weights = {k.removeprefix("network."): v for k, v in state["state_dict"].items()}
    network.load_state_dict(weights)
    return Run(network.eval(), config, folder)
