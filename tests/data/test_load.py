"""Classes that a model cannot learn are told before it is trained."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.load import load
from vaerun.utils.errors import UserError

Make = Callable[..., ImagesConfig]
N = 20


def save(folder: Path, kind: list) -> None:
    images = np.random.default_rng(0).random((N, 10, 10))
    np.savez(folder / "x.npz", images=images, kind=kind)


def test_a_class_without_an_image_to_learn_from_is_named(tmp_path: Path, config: Make, caplog):
    save(tmp_path, [2, *([0, 1] * N)[: N - 1]])
    told = {}
    for seed in range(6):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            splits = load(config("x.npz", label="kind"), seed)
        told[bool((splits.train.label == 2).any())] = caplog.text
    assert "no image to learn from is of 2 (1 for validation): another seed=" in told[False]
    assert told[True] == ""


def test_one_class_alone_leaves_nothing_to_tell_apart(tmp_path: Path, config: Make, caplog):
    save(tmp_path, ["common"] * N)
    with pytest.raises(UserError, match=r"are of one class, common — label images of another"):
        load(config("x.npz", label="kind"), 0, labelled=True)
    with caplog.at_level(logging.WARNING):
        load(config("x.npz", label="kind"), 0, classed=True)
    assert "are of one class, common: it tells the model nothing" in caplog.text


def test_images_without_a_class_are_left_out_and_counted(tmp_path: Path, config: Make, caplog):
    save(tmp_path, [*["a", "b"] * 8, *[""] * 4])
    with caplog.at_level(logging.INFO):
        splits = load(config("x.npz", label="kind"), 0, classed=True)
    assert len(splits.train) + len(splits.val) == 16
    assert "4 images without a class are left out" in caplog.text
