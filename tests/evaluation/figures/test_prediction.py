"""Predicted curves and images are drawn beside the truth, where it is known."""

import numpy as np
import pytest

from vaerun.evaluation.figures import draw

N = 5


@pytest.mark.parametrize("knows", [True, False])
@pytest.mark.parametrize("shape", [(2, 1, 8), (1, 6, 7)])
def test_predictions_are_drawn(shape, knows):
    rng = np.random.default_rng(0)
    parts = {name: rng.uniform(1, 2, (N, *shape)) for name in ("truth", "mean", "sd")}
    arrays = {f"prediction_{name}": values for name, values in parts.items()}
    arrays |= {f"prediction_point_{name}": values.ravel() for name, values in parts.items()}
    if shape[1] == 1:
        arrays |= {"prediction_axis": np.arange(8.0), "prediction_axis_label": np.array("eV")}
    if not knows:
        del arrays["prediction_truth"]
    figures = draw(arrays, [])
    assert figures.keys() == {"predictions", *(["prediction_vs_truth"] if knows else [])}
    panels = [axes for axes in figures["predictions"].axes if axes.get_visible()]
    if shape[1] == 1:
        assert len(panels) == N
        assert len(panels[0].lines) == 2 * (1 + knows)  # of two channels
        np.testing.assert_array_equal(panels[0].lines[-1].get_ydata(), parts["mean"][0, 1, 0])
    else:
        assert len(panels) == N * (2 + knows)
