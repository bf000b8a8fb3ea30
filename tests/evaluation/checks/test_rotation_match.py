"""Images that are the same object under a rotation, without a model."""

import math

import numpy as np
import pytest
import torch

from vaerun.evaluation.checks.rotation_match import N_ANGLES, match_rotations
from vaerun.geometry import Pose, place, rotate

CENTRE = np.zeros((1, 2))


def letter(side=40):
    """An F (1, 1, side, side), which no rotation leaves as it is."""
    image = torch.zeros(1, 1, 40, 40)
    image[..., 10:31, 14:18] = 1
    image[..., 10:14, 14:28] = image[..., 19:23, 14:24] = 1
    return image if side == 40 else torch.nn.functional.interpolate(image, (side, side))


def bar():
    """A bar, which looks the same after half a turn."""
    image = torch.zeros(1, 1, 40, 40)
    image[..., 8:32, 17:23] = 1
    return image


@pytest.mark.parametrize("side", [40, 96])
def test_the_angle_between_two_images_is_found_with_its_sign(side):
    turn = torch.tensor([0.0, 0.7, -2.1, 3.0])
    images = rotate(letter(side).expand(4, -1, -1, -1), turn)
    match = match_rotations(images, np.zeros((4, 2)))
    step = 2 * math.pi / N_ANGLES
    found = match.correlation[0].argmax(1) * step
    away = (found - turn.numpy() + math.pi) % (2 * math.pi) - math.pi
    assert np.abs(away).max() <= step
    zero = np.zeros(4, int)
    assert np.abs(match.deviation(zero, np.arange(4), turn.numpy())).max() <= step
    wrong = turn.numpy() + np.float32(1.5)
    assert np.abs(match.deviation(zero, np.arange(4), wrong)).min() > 0.8


def test_half_a_turn_is_as_good_for_a_bar_and_not_for_a_letter():
    both = torch.cat([bar(), rotate(bar(), torch.tensor([0.5]))])
    match = match_rotations(both, np.zeros((2, 2)))
    pair = np.array([0]), np.array([1])
    assert abs(match.deviation(*pair, np.array([0.5 + math.pi]))[0]) < 0.1
    both = torch.cat([letter(), rotate(letter(), torch.tensor([0.5]))])
    match = match_rotations(both, np.zeros((2, 2)))
    assert abs(match.deviation(*pair, np.array([0.5 + math.pi]))[0]) > 1


def test_objects_off_centre_are_compared_about_their_own_centre():
    pixel = 2 / 39
    shift_px = torch.tensor([[4.0, -3.0], [-2.0, 5.0]])
    pose = Pose(torch.tensor([0.0, 1.0]), shift_px * pixel, torch.ones(2))
    images = place(letter().expand(2, -1, -1, -1), pose, (40, 40))
    match = match_rotations(images, shift_px.numpy())
    assert match.best[0, 1] > 0.97
    assert match_rotations(images, np.zeros((2, 2))).best[0, 1] < 0.9


def test_the_likest_images_come_first_and_none_is_its_own_neighbour():
    images = torch.cat([letter(), bar(), rotate(letter(), torch.tensor([1.0])),
                        rotate(bar(), torch.tensor([2.0]))])  # fmt: skip
    near = match_rotations(images, np.zeros((4, 2))).neighbours(2)
    assert near[:, 0].tolist() == [2, 3, 0, 1]
    assert all(i not in row for i, row in enumerate(near))
