"""Shapes of lines against what defines them."""

import numpy as np
import pytest

from vaerun.data.datasets.line_shapes import LINE_SHAPES

u = np.linspace(-8, 8, 1601)[None]


def drawn(name: str, m: float) -> np.ndarray:
    return LINE_SHAPES[name](u, np.array([[m]]))[0]


def width_at_half(y: np.ndarray) -> float:
    return 0.01 * float((y > y.max() / 2).sum())


@pytest.mark.parametrize("name", list(LINE_SHAPES))
@pytest.mark.parametrize("m", [0.0, 0.4, 1.0])
def test_every_shape_is_between_0_and_1_and_nearly_reaches_it(name, m):
    y = drawn(name, m)
    assert y.min() > -1e-9
    assert 0.9 < y.max() < 1.02


def test_a_voigt_line_goes_from_gaussian_to_lorentzian():
    assert width_at_half(drawn("voigt", 0.0)) == pytest.approx(2 * np.sqrt(2 * np.log(2)), 0.01)
    assert width_at_half(drawn("voigt", 1.0)) == pytest.approx(2.0, 0.01)
    np.testing.assert_allclose(drawn("voigt", 0.0), np.exp(-(u[0] ** 2) / 2), atol=1e-4)


def test_a_fano_line_is_dark_where_its_parameter_says():
    y = drawn("fano", 0.5)
    assert u[0][y.argmin()] == pytest.approx(-(0.7 + 0.4), abs=0.01)  # at −q


def test_a_loop_jumps_where_its_branches_meet():
    y = drawn("loop", 0.3)
    assert width_at_half(y) == pytest.approx(3.0, abs=0.02)  # from −1.5 to 1.5
