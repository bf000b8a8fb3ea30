"""Each step of the preparation against its closed form."""

import numpy as np
import pytest

from vaerun.data.curve_axis import CurveAxis
from vaerun.data.datasets.curve_preparation import CurvePreparation, resampled
from vaerun.utils.errors import UserError

AXIS = CurveAxis(first=100.0, step=0.5, name="energy", unit="eV")
AT = AXIS.values(100)


def prepared(values, measured=None, window=None, **steps):
    x = np.asarray(values, np.float32).reshape(-1, 1, np.shape(values)[-1])
    known = np.isfinite(x) if measured is None else measured.reshape(x.shape)
    return CurvePreparation(**steps)(x, known, AXIS, window)


def line(middle: float, width: float = 2.0) -> np.ndarray:
    return np.exp(-0.5 * ((AT - middle) / width) ** 2)


def test_a_crop_keeps_what_is_between_its_ends():
    found = prepared([AT, AT + 1], crop=(110.0, 120.0), window=(0.0, 1.0))
    assert found.axis.first == 110
    assert found.values.shape == (2, 1, 21)
    np.testing.assert_allclose(found.values[0, 0], AT[20:41])
    with pytest.raises(UserError, match=r"data.crop=\[200,300\] keeps 0 of 100 points — the axis "
                                        r"goes from 100 to 149.5"):  # fmt: skip
        prepared([AT], crop=(200.0, 300.0))


def test_bins_are_means_and_their_middles():
    found = prepared([AT], bin=4, window=(0.0, 1.0))
    np.testing.assert_allclose(found.values[0, 0], AT.reshape(25, 4).mean(1))
    np.testing.assert_allclose(found.axis.values(25), AT.reshape(25, 4).mean(1))
    with pytest.raises(UserError, match=r"data.bin=20 leaves 5 of 100 points — keep 8 or more"):
        prepared([AT], bin=20)


def test_a_straight_baseline_is_taken_off_exactly():
    found = prepared([0.02 * AT - 1, 3 - 0.01 * AT + line(125)], baseline="linear",
                     window=(0.0, 1.0))  # fmt: skip
    np.testing.assert_allclose(found.values[0, 0], 0, atol=1e-5)
    np.testing.assert_allclose(found.values[1, 0], line(125), atol=1e-5)


@pytest.mark.parametrize("baseline", ["snip", "asls"])
def test_a_curved_baseline_is_taken_off_and_the_line_stays(baseline):
    pytest.importorskip("pybaselines")
    curved = 2 + 0.0003 * (AT - 120) ** 2
    found = prepared([curved + line(130, 1.0)], baseline=baseline, baseline_stiffness=1e3,
                     baseline_points=15, window=(0.0, 1.0))  # fmt: skip
    left = found.values[0, 0]
    assert left.max() == pytest.approx(1, abs=0.1)
    assert np.abs(left[np.abs(AT - 130) > 5]).max() < 0.1


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_derivative_of_a_polynomial_is_exact_per_unit_of_the_axis(order):
    curve = np.polynomial.Polynomial([1, -2, 0.5, 0.25][: max(order, 2) + 1])
    found = prepared([curve(AT - 120)], derivative=order, derivative_points=7, window=(0.0, 1.0))
    np.testing.assert_allclose(found.values[0, 0], curve.deriv(order)(AT - 120), rtol=1e-3,
                               atol=0.05)  # fmt: skip
    with pytest.raises(UserError, match=r"=101 is more than the 100 .* — give 99"):
        prepared([AT], derivative=order, derivative_points=101)


def test_points_that_do_not_count_are_between_their_neighbours():
    curve = AT.copy()
    curve[40:43] = np.nan
    found = prepared([curve, AT], window=(100.0, 149.5))
    np.testing.assert_allclose(found.values[0, 0], (AT - 100) / 49.5, atol=1e-6)
    assert found.measured is not None
    assert np.flatnonzero(~found.measured[0, 0]).tolist() == [40, 41, 42]
    assert found.measured[1].all()


def test_normalisations():
    low, high = line(120), 5 + 3 * line(130)
    whole = prepared([low, high])
    assert whole.window == pytest.approx((low.min(), high.max()))
    each = prepared([low, high], normalise="curve")
    assert each.window is None
    assert each.values.min(2).ravel() == pytest.approx(0)
    assert each.values.max(2).ravel() == pytest.approx(1)
    area = prepared([low, 7 * low], normalise="area").values
    np.testing.assert_allclose(area[0], area[1], rtol=1e-5)
    snv = prepared([low, high], normalise="snv", window=(0.0, 1.0)).values
    np.testing.assert_allclose(snv.mean(2), 0, atol=1e-5)
    np.testing.assert_allclose(snv.std(2), 1, rtol=1e-5)
    with pytest.raises(UserError, match="all values of the curves are 2 — give others"):
        prepared(np.full((3, 100), 2.0))


def test_an_uneven_axis_becomes_even_and_a_straight_line_stays_one():
    at = np.geomspace(1, 10, 50)[::-1]
    x = (2 * at + 1)[None, None].astype(np.float32)
    values, known, axis, changed = resampled(x, np.ones(x.shape, bool), at, CurveAxis(unit="nm"))
    assert changed
    assert axis.unit == "nm"
    assert axis.step < 0
    assert known.all()
    np.testing.assert_allclose(values[0, 0], 2 * axis.values(50) + 1, rtol=1e-5)
    same = resampled(x, np.ones(x.shape, bool), AXIS.values(50), AXIS)
    assert not same[3]
    assert same[0] is x
