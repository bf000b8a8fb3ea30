"""An even axis: values, label, and which values are even."""

import numpy as np

from vaerun.data.curve_axis import CurveAxis, even_axis


def test_values_go_on_by_the_step():
    axis = CurveAxis(first=10.0, step=-0.5, name="binding energy", unit="eV")
    assert axis.values(3).tolist() == [10.0, 9.5, 9.0]


def test_the_label_has_what_is_known():
    assert CurveAxis(name="energy", unit="eV").label == "energy (eV)"
    assert CurveAxis(unit="nm").label == "axis (nm)"
    assert CurveAxis().label == "point"


def test_values_of_one_step_are_even():
    assert even_axis(np.linspace(3, -7, 50))
    assert not even_axis(np.geomspace(1, 2, 50))
