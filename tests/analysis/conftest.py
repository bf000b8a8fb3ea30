"""Encodings of images that were never drawn, for tests whose right answer is known."""

import numpy as np
import pytest

from vaerun.encodings import Encodings


def make_encodings(n_train=400, n_val=200, n_classes=4, seed=0, **replaced):
    """Clumps in z, one for each class, whose angle follows the truth; any array replaced."""
    rng = np.random.default_rng(seed)
    n = n_train + n_val
    label = rng.integers(0, n_classes, n)
    shear = rng.uniform(-0.35, 0.35, n)
    truth = rng.uniform(-2, 2, n)
    z = np.stack([5.0 * label, 3 * shear], axis=1)
    arrays = {
        "z_mean": z + rng.normal(0, 0.01, (n, 2)),
        "z_sd": np.full((n, 2), 0.1),
        "angle": np.mod(truth + 0.3 * label + rng.normal(0, 0.02, n) + np.pi, 2 * np.pi) - np.pi,
        "angle_sd": np.full(n, 0.02),
        "shift": np.zeros((n, 2)),
        "scale": np.ones(n),
        "class_probability": np.zeros((n, 0)),
    }
    integers = {
        "predicted": np.full(n, -1),
        "label": label,
        "index": np.arange(n),
        "split": (np.arange(n) >= n_train).astype(np.uint8),
    }
    factors = {"angle": truth.astype(np.float32), "shear": shear.astype(np.float32)}
    plain = {name: values.astype(np.float32) for name, values in arrays.items()}
    return Encodings(**(plain | integers | {"factors": factors} | replaced))


@pytest.fixture
def encodings():
    return make_encodings
