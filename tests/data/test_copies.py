"""Images that are copies of others are found and told."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vaerun.data.copies import describe, equal_frames, find_copies
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.load import load
from vaerun.utils.errors import UserError

IMAGES = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_copies_are_found_within_and_between_sets():
    train, val = IMAGES[[0, 1, 0, 2]], IMAGES[[3, 1]]
    found = find_copies([train, val], torch.tensor([10, 11, 12, 13, 14, 15]))
    assert found == (6, [10, 11], [12, 15])
    assert describe(found).startswith(
        "2 of 6 images are copies of others (images 12, 15 of 10, 11"
    )
    assert not found.are_all_one


def test_constant_images_are_no_copies_and_different_ones_neither():
    blank = torch.zeros(3, 1, 8, 8)
    assert describe(find_copies([IMAGES, blank], torch.arange(9))) == ""


def test_all_copies_of_one():
    assert find_copies([IMAGES[:1].repeat(5, 1, 1, 1)], torch.arange(5)).are_all_one
    assert not find_copies([IMAGES[:1]], torch.arange(1)).are_all_one


def test_a_set_of_one_image_is_refused_and_some_copies_are_told(
    tmp_path: Path, config: Callable[..., ImagesConfig], caplog: pytest.LogCaptureFixture
):
    image = np.random.default_rng(0).random((12, 10, 10))
    np.save(tmp_path / "stuck.npy", image[[0] * 12])
    with pytest.raises(
        UserError, match=r"all 12 images of data\.path=.* are copies of one — give"
    ):
        load(config("stuck.npy"), 0)
    image[7] = image[3]
    np.save(tmp_path / "twice.npy", image)
    with caplog.at_level(logging.WARNING):
        load(config("twice.npy"), 0)
    assert "1 of 12 images are copies of others (images " in caplog.text


def test_frames_that_are_equal_are_told():
    frame = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert equal_frames([frame, frame + 1, frame.T, frame]).startswith(
        "1 of 4 frames are copies of others (3 of 0, counted from 0)"
    )
    assert equal_frames([frame, frame + 1, frame.reshape(4, 3)]) == ""
