"""Small pictures of curves: the line is where the values are."""

import numpy as np

from vaerun.evaluation.curve_pictures import HEIGHT, HIGH, LOW, WIDTH, pictures


def row_of(value: float) -> float:
    return (HIGH - value) / (HIGH - LOW) * (HEIGHT - 1)


def test_a_level_is_a_line_at_its_height():
    drawn = pictures(np.full((2, 3, 1, 1, 100), 0.7))
    assert drawn.shape == (2, 3, 1, HEIGHT, WIDTH)
    assert np.abs(drawn[0, 0, 0].argmax(0) - row_of(0.7)).max() <= 0.5
    assert (drawn[0, 0, 0].sum(0) < 3).all()  # thin


def test_a_jump_is_drawn_as_an_unbroken_line():
    curve = np.where(np.arange(128) < 64, 0.0, 1.0)
    drawn = pictures(curve[None, None, None])[0, 0]
    jump = drawn[:, WIDTH // 2 - 1 : WIDTH // 2 + 1].max(1)
    assert (jump[round(row_of(1.0)) + 1 : round(row_of(0.0))] > 0.5).all()


def test_channels_are_drawn_into_one_picture_and_images_stay():
    both = pictures(np.stack([np.zeros(50), np.ones(50)])[None, :, None])
    assert both.shape == (1, 1, HEIGHT, WIDTH)
    assert (both[0, 0].sum(0) > 2).all()
    image = np.random.default_rng(0).random((4, 1, 9, 9))
    assert pictures(image) is image
    assert pictures(np.zeros((0, 1, 1, 20))).shape == (0, 1, HEIGHT, WIDTH)
