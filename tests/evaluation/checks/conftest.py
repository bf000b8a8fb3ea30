"""Runs that were never trained, whose faults are known."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vaerun.data.image_set import ImageSet
from vaerun.evaluation.checks.checked_run import CheckedRun
from vaerun.evaluation.metrics.circular import wrap
from vaerun.geometry import rotate
from vaerun.models.likelihoods import GaussianLikelihood
from vaerun.models.variants import MODELS

from ...conftest import make_encodings

N = 120
VARIANCE = 0.01  # of the likelihood
GAINED = 1000.0  # nats per image over the mean image
LEFT = (0.5, 0.2, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0)  # of that, after each epoch


def shapes():
    """Three kinds of objects (3, 1, 32, 32) that no rotation leaves as they are."""
    kinds = torch.zeros(3, 1, 32, 32)
    kinds[0, :, 7:25, 11:14] = kinds[0, :, 7:10, 11:23] = kinds[0, :, 14:17, 11:19] = 1
    kinds[1, :, 7:25, 9:13] = kinds[1, :, 21:25, 9:24] = 1
    kinds[2, :, 8:14, 8:24] = kinds[2, :, 8:26, 8:11] = kinds[2, :, 20:24, 8:16] = 1
    return kinds


class Known(CheckedRun):
    """Encodes changed images as `again` says."""

    def encode_again(self, images):
        return self.__dict__["again"](images)


def _ideal(run):
    """Encodes moved images with the angle that follows and the same z."""

    def encode(images):
        angle = wrap(run.encodings.angle + run.move.turn.numpy()).astype("f4")
        return dataclasses.replace(run.encodings, angle=angle)

    return encode


@pytest.fixture(scope="session")
def checked():
    """A run on turned shapes with noise; by default its pose is right and z tells the kind."""

    def make(
        *, kinds=None, offset=None, turned=True, model="rvae", n_classes=0, predicted=None,
        noise=0.05, again=None, drawn=1.0, z=None, left=LEFT, lag=0.0, uncertain=0.0, seed=0,
        images=None, d=2,
    ):  # fmt: skip
        rng = np.random.default_rng(seed)
        kind = rng.integers(0, 2, N) if kinds is None else kinds
        truth = rng.uniform(-np.pi, np.pi, N) if turned else np.zeros(N)
        clean = rotate(shapes()[kind], torch.from_numpy(truth).float())
        x = clean + noise * torch.from_numpy(rng.normal(size=clean.shape)).float()
        x = x if images is None else images
        own_z = rng.normal(0, 0.05, (N, d)) + np.where(
            np.arange(d) == 0, 2.0 * kind[:, None] - 1, 0
        )
        own_z[:, 1:] += rng.normal(0, 1, (N, d - 1))
        angle = truth + 0.3 * kind + (0 if offset is None else offset)
        has_pose = model not in ("vae", "ae")
        encodings = make_encodings(
            n_train=0, n_val=N,
            z_mean=(own_z if z is None else z).astype("f4"),
            z_sd=np.full((N, d), 0.1, "f4"),
            angle=wrap(angle).astype("f4") if has_pose else np.zeros(N, "f4"),
            predicted=np.full(N, -1) if predicted is None else predicted,
            label=np.full(N, -1),
        )  # fmt: skip
        likelihood = GaussianLikelihood(VARIANCE**0.5)
        network = SimpleNamespace(
            variant=MODELS[model],
            latents=SimpleNamespace(
                angle=1 if has_pose else None, shift_sd=None, scale_sd=None, n_pose=int(has_pose)
            ),
            search=SimpleNamespace(bin_angle=torch.linspace(-3, 3, 8)),
            n_classes=n_classes,
            category=SimpleNamespace(n_data_classes=0),
            likelihood=likelihood,
        )
        flat = x.flatten(1)
        of_mean_image = 0.5 * np.log(2 * np.pi * VARIANCE) * flat.shape[1] + 0.5 * float(
            (flat - flat.mean(0)).square().sum(1).mean() / VARIANCE
        )
        rows = [
            {"epoch": i + 1.0, "step": 200.0 * (i + 1), "train/loss": loss, "val/loss": loss}
            for i, loss in enumerate(of_mean_image - GAINED * (1 - np.array(left)))
        ]
        run = Known(
            network=network,
            images=ImageSet(images=x, label=torch.full((N,), -1), index=torch.arange(N)),
            encodings=encodings,
            all_encodings=encodings,
            rows=rows,
            plain={"model": {"name": model, "latent_dim": d, "invariances": ["r"] * has_pose},
                   "data": {}},
            bound={
                "training": np.full(10, -GAINED),
                "validation": (lag - 1) * GAINED + uncertain * GAINED * np.linspace(-1, 1, 10),
            },
        )  # fmt: skip
        mean = clean.mean(0)
        run.__dict__["reconstructions"] = mean + drawn * (clean - mean)
        run.__dict__["again"] = (again or _ideal)(run)
        return run

    return make
