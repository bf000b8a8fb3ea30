"""An inferred target is drawn against the truth where that is known, and over maps."""

import numpy as np

from vaerun.evaluation.figures import draw, encoding_arrays


def test_a_target_is_drawn_where_the_truth_is_known(encodings):
    rng = np.random.default_rng(0)
    strain = rng.normal(size=60).astype("f4")
    strain[::3] = np.nan
    made = encodings(
        20,
        40,
        target_mean=np.nan_to_num(strain),
        target_sd=np.full(60, 0.1, "f4"),
        factors={"lattice_strain": strain},
    )
    arrays = encoding_arrays(made, {}) | {"target_name": np.array("lattice_strain")}
    left, right = draw(arrays, [])["target_vs_truth"].axes
    known = made.val.factors["lattice_strain"]
    known = known[np.isfinite(known)]
    points = np.sort(left.collections[0].get_offsets(), axis=0)
    np.testing.assert_allclose(points, np.stack([np.sort(known)] * 2, 1), rtol=1e-6)
    assert left.get_xlabel() == "true lattice strain"
    np.testing.assert_array_equal(right.lines[1].get_ydata(), np.ones(101))
    unknown = arrays | {"factor_lattice_strain": np.full(40, np.nan)}
    assert "target_vs_truth" not in draw(unknown, [])


def test_a_target_is_coloured_on_its_frame():
    arrays = {
        "frame_0_image": np.zeros((8, 8), np.uint8),
        "frame_0_title": np.array("a"),
        "frame_0_centre": np.array([[2.0, 2.0], [5.0, 5.0], [2.0, 6.0]]),
        "frame_0_target_mean": np.array([1.0, 2.0, 3.0]),
        "target_name": np.array("lattice_strain"),
    }
    figure = draw(arrays, [])["frame_0_target_mean"]
    titles = [axes.get_title(loc=loc) for axes in figure.axes for loc in ("left", "center")]
    assert any("Inferred lattice strain" in title for title in titles)
