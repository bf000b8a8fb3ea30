"""Every figure of curves is drawn of its arrays."""

import numpy as np
import pytest

from vaerun.evaluation.figures import draw

L = 30
RNG = np.random.default_rng(0)


def arrays(channels: int = 1) -> dict:
    def some(*shape: int) -> np.ndarray:
        return RNG.random((*shape, channels, 1, L), np.float32)

    made = {
        "curve_axis": np.linspace(280, 300, L),
        "curve_axis_label": np.array("energy (eV)"),
        "inputs": some(30),
        "reconstructions_input": some(5),
        "reconstructions_output": some(5),
        "outliers_input": some(3),
        "outliers_output": some(3),
        "outliers_error": np.ones(3),
        "latent_label": np.arange(40) % 2,
        "curve_shift": RNG.normal(size=40),
        "curve_scale": RNG.uniform(0.5, 2, 40),
        "factor_width": RNG.uniform(1, 2, 40),
        "spread_names": np.array(["a", "b"]),
        "traversal_z1": some(7),
        "traversal_z1_axis": np.linspace(-1, 1, 7),
    }
    made |= {f"spread_{kind}_{what}": some(2) for kind in ("curves", "canonical")
             for what in ("mean", "sd")}  # fmt: skip
    for name, rows in (("manifold", 5), ("manifold_data", 1)):
        made |= {name: some(rows, 6), f"{name}_row_axis": np.linspace(1, -1, rows),
                 f"{name}_column_axis": np.linspace(-1, 1, 6),
                 f"{name}_dimensions": np.array([0, 1][: 1 + (rows > 1)])}  # fmt: skip
    return made


@pytest.mark.parametrize("channels", [1, 3])
def test_all_figures_of_curves_are_drawn(channels):
    figures = draw(arrays(channels), [])
    assert set(figures) == {
        "inputs", "reconstructions", "outliers", "manifold", "manifold_data", "traversal_z1",
        "curve_spread", "curve_pose",
    }  # fmt: skip


def test_reconstructions_show_what_is_left_below():
    made = arrays()
    panel = draw(made, [])["reconstructions"].axes[0]
    given, model, left = (line.get_ydata() for line in panel.lines[:3])
    np.testing.assert_allclose(left - left.mean(), (given - model) - (given - model).mean(),
                               atol=1e-5)  # fmt: skip
    assert left.max() < min(given.min(), model.min())
    np.testing.assert_array_equal(panel.lines[0].get_xdata(), made["curve_axis"])


def test_a_traversal_is_a_family_of_curves_coloured_by_z():
    panel = draw(arrays(), [])["traversal_z1"].axes[0]
    colours = [line.get_color() for line in panel.lines]
    assert len(colours) == len(set(colours)) == 7


def test_a_latent_of_known_truth_is_drawn_against_it():
    axes = draw(arrays(), [])["curve_pose"].axes
    assert [a.get_xlabel() for a in axes] == ["shift along energy (eV)", "true width"]
