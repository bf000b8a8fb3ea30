"""Small data sets whose right answers are known."""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vaerun.data.corruption import CorruptionConfig
from vaerun.data.datasets import mnist
from vaerun.data.datasets.cards import CardsConfig
from vaerun.data.datasets.download import DataFile
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.datasets.mnist import MnistConfig

N_TRAIN, N_VAL = 7, 5


@pytest.fixture
def plain_corruption() -> CorruptionConfig:
    """How images are corrupted where a test asks for it without details."""
    return CorruptionConfig(
        noise="gaussian", sd=0.5, counts=5.0, salt=0.3, mask="pixels", share=0.5, patch_px=8
    )


@pytest.fixture
def cards(plain_corruption: CorruptionConfig) -> Callable[..., CardsConfig]:
    """Makes the config of a small cards iv, with changes."""

    def make(**changes: object) -> CardsConfig:
        values = {
            "name": "cards_test", "kind": "cards", "root": "", "train_size": 40, "val_size": 12,
            "labelled_per_class": 2, "labelled_rotation_deg": 12.0, "labelled_shear_deg": 1.0,
            "batch_size": 5, "repeats": 1, "epochs": 1, "invariances": ["r"],
            "angle_range_deg": 120.0,
            "fills_field": False, "every_row": 1,
            "size": 48, "rotation_deg": 120.0, "shear_deg": 20.0, "shift_px": 0.1,
            "noise_sd": 0.0, "train_per_class": 3000, "val_per_class": 1000,
            "corrupt": "none", "corruption": plain_corruption,
            "keep": None, "drop": None, "from_run": None,
        }  # fmt: skip
        return CardsConfig(**(values | changes))

    return make


@pytest.fixture
def config(tmp_path: Path, plain_corruption: CorruptionConfig) -> Callable[..., ImagesConfig]:
    """Makes the config of the images in `tmp_path`, with changes."""

    def make(path: str = "", **changes: object) -> ImagesConfig:
        values = {
            "name": "images", "kind": "images", "root": f"{tmp_path}_cache",
            "path": str(tmp_path / path),
            "train_size": None, "val_size": None, "corrupt": "none",
            "keep": None, "drop": None, "from_run": None,
            "corruption": plain_corruption, "batch_size": 5, "repeats": 1, "epochs": 1,
            "invariances": ["r"],
            "angle_range_deg": 180.0, "fills_field": False,
            "every_row": 1, "key": None, "axes": None,
            "label": None, "table": None, "factors": [], "resample_nm": None,
            "size": None, "crop_px": None, "pad_px": None, "grey": False, "normalise": "auto",
            "unmeasured": "auto", "scale": "none", "clip_percent": 0.0,
            "mask": "none", "val_share": 0.25, "skip_unreadable": False, "memory_gb": None,
            "labelled_share": 1.0,
        }  # fmt: skip
        return ImagesConfig(**(values | changes))

    return make


@pytest.fixture
def digits(tmp_path: Path, plain_corruption: CorruptionConfig) -> Callable[..., MnistConfig]:
    """Makes the config of digits as they are in `tmp_path`, with changes."""

    def make(**changes: object) -> MnistConfig:
        values = {
            "name": "mnist_test", "kind": "mnist", "root": str(tmp_path), "train_size": None,
            "val_size": None, "labelled_per_class": 1, "batch_size": 5, "repeats": 1, "epochs": 1,
            "invariances": ["r"],
            "angle_range_deg": 45.0, "fills_field": False,
            "every_row": 1, "field": 28,
            "rotation_deg": 0.0, "rotation_sd_deg": 0.0, "shift_px": 0.0, "shift_sd_px": 0.0,
            "corrupt": "none", "corruption": plain_corruption,
            "keep": None, "drop": None, "from_run": None,
        }  # fmt: skip
        return MnistConfig(**(values | changes))

    return make


def idx(array: np.ndarray) -> bytes:
    """A uint8 array as the bytes of an idx file."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture
def arrays() -> list[np.ndarray]:
    """Made-up digits: training pixels and labels, validation pixels and labels."""
    rng = np.random.default_rng(0)
    sets = []
    for n in (N_TRAIN, N_VAL):
        sets += [rng.integers(0, 256, (n, 28, 28), np.uint8), rng.integers(0, 10, n, np.uint8)]
    return sets


@pytest.fixture
def raw_files(arrays: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The made-up digits as idx files by name, which `mnist` takes for the real ones."""
    names = [f"{split}-{kind}" for split in ("train", "t10k") for kind in ("images", "labels")]
    raw = {name: idx(array) for name, array in zip(names, arrays, strict=True)}
    files = [
        DataFile(name, hashlib.md5(b).hexdigest(), hashlib.md5(packed(b)).hexdigest())
        for name, b in raw.items()
    ]
    monkeypatch.setattr(mnist, "FILES", files)
    monkeypatch.setattr(mnist, "MIRRORS", ["http://127.0.0.1:9/"])
    return raw


def packed(raw: bytes) -> bytes:
    """The same gzip bytes every time."""
    return gzip.compress(raw, mtime=0)


@pytest.fixture
def on_disk(raw_files: dict[str, bytes], tmp_path: Path) -> Path:
    """The folder of the made-up digits, uncompressed."""
    for name, raw in raw_files.items():
        (tmp_path / name).write_bytes(raw)
    return tmp_path
