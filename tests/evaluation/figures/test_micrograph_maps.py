import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colors

from vaerun.evaluation.figures import draw, png
from vaerun.evaluation.figures.micrograph_arrays import frame_arrays
from vaerun.evaluation.figures.micrograph_maps import nice_length
from vaerun.evaluation.figures.style import UNKNOWN, class_colours
from vaerun.evaluation.report.captions import caption, in_reading_order

CLASSES = ["ideal", "hole"]
QUANTITIES = ["angle", "z1", "z2", "class", "predicted"]


@pytest.fixture(scope="module")
def arrays(graphene):
    """Maps of two frames of made-up graphene."""
    frames, made = graphene(n_classes=2)
    return frame_arrays(frames, made, CLASSES) | {"angle_symmetry": np.array(3)}


@pytest.fixture(scope="module")
def figures(arrays):
    return draw(arrays, CLASSES)


def some(arrays, *names, **replaced):
    """The arrays of maps of some quantities of frame 1 alone, any of them replaced."""
    kept = ["image", "title", "centre", "pixel_nm", *names]
    own = {f"frame_1_{name}": arrays[f"frame_1_{name}"] for name in kept}
    return {"predicted_names": arrays["predicted_names"]} | own | replaced


def dots(figure):
    (found,) = figure.axes[0].collections
    return found


def scale(figure):
    return figure.axes[0].artists[0].txt_label.get_text()


def title(figure):
    return figure.axes[0].get_title(loc="left")


def test_every_map_is_drawn_in_reading_order_and_explained(figures):
    names = [f"frame_{f}_{quantity}" for f in (1, 2) for quantity in QUANTITIES]
    assert set(figures) == set(names)
    assert in_reading_order(sorted(figures)) == names
    assert in_reading_order(["angle_histogram", "frame_10_z1", "frame_9_z2", "manifold"]) == [
        "manifold",
        "frame_9_z2",
        "frame_10_z1",
        "angle_histogram",
    ]
    assert caption("frame_12_z1")[0] == "The content over frame 12, z1"
    assert all(caption(name)[1] for name in names)
    assert all(png(figures[f"frame_1_{q}"]).startswith(b"\x89PNG") for q in ("z1", "class"))


def test_a_dot_is_at_its_patch_and_has_its_colour(figures, arrays):
    found = dots(figures["frame_1_class"])
    np.testing.assert_allclose(found.get_offsets(), arrays["frame_1_centre"][:, ::-1])
    palette = colors.to_rgba_array([*class_colours(2), UNKNOWN])
    np.testing.assert_allclose(found.get_facecolors(), palette[arrays["frame_1_class"]])
    names = [t.get_text() for t in figures["frame_1_class"].legends[0].get_texts()]
    assert names == [*CLASSES, "none"]
    np.testing.assert_array_equal(dots(figures["frame_2_z2"]).get_array(), arrays["frame_2_z2"])


def test_rings_counted_from_found_atoms_are_titled_so(arrays):
    counted = {name.replace("_class", "_rings"): values for name, values in arrays.items()}
    label = counted["frame_1_rings"]
    z = np.random.default_rng(0).normal(size=(len(label), 2))
    figures = draw(counted | {"latent_z": z, "latent_label": label}, CLASSES)
    assert "frame_1_class" not in figures
    assert title(figures["frame_1_rings"]).startswith("Rings about each atom found")
    panels = figures["latent_distribution"].axes
    assert "Ring class" in {axes.get_title(loc="left") for axes in panels}
    assert caption("frame_1_rings")[0] == "The rings about each atom over frame 1"


@pytest.mark.parametrize(("symmetry", "half"), [(1, 180), (3, 60)])
def test_angles_are_the_same_again_after_part_of_a_turn(arrays, symmetry, half):
    figure = draw(some(arrays, "angle", angle_symmetry=np.array(symmetry)), [])["frame_1_angle"]
    found = dots(figure)
    assert (found.norm.vmin, found.norm.vmax) == (-half, half)
    difference = np.deg2rad(found.get_array()) - arrays["frame_1_angle"]
    np.testing.assert_allclose(np.exp(1j * symmetry * difference), 1, atol=1e-4)
    assert title(figure) == (
        "Encoded angle, frame 1" if symmetry == 1 else "Encoded angle modulo 120°, frame 1"
    )


def test_the_last_two_percent_do_not_stretch_the_colours(figures, arrays):
    norm = dots(figures["frame_1_z1"]).norm
    assert [norm.vmin, norm.vmax] == pytest.approx(
        np.quantile(arrays["frame_1_z1"], [0.02, 0.98]), abs=1e-5
    )


def test_the_scale_is_in_nm_or_else_in_pixels(figures, arrays):
    assert scale(figures["frame_1_angle"]) == "0.5 nm"  # 200 × 0.014 nm: up to 0.616
    bare = some(arrays, "z1")
    del bare["frame_1_pixel_nm"]
    assert scale(draw(bare, [])["frame_1_z1"]) == "20 pixels"


def test_predicted_classes_have_the_names_of_their_groups(figures, arrays):
    assert title(figures["frame_1_predicted"]) == "Predicted class, frame 1"
    names = np.array(["0: hole", "1: hole"])
    figure = draw(some(arrays, "predicted", predicted_names=names), CLASSES)["frame_1_predicted"]
    assert title(figure) == "Predicted class, frame 1"
    assert [t.get_text() for t in figure.legends[0].get_texts()] == names.tolist()


def test_a_long_path_is_cut_and_a_dollar_is_a_dollar(arrays):
    name = np.array("$/" + "folder/" * 20 + "a_$.h5")
    figure = draw(some(arrays, "z1", frame_1_title=name), [])["frame_1_z1"]
    assert title(figure).startswith("z1, …")
    assert len(title(figure)) < 50
    assert png(figure)


@pytest.mark.parametrize(("n", "want"), [(1, 200 / 30), (800, None), (20_000, 1.0)])
def test_dots_fill_their_lattice_and_stay_within_bounds(arrays, n, want):
    centre = np.random.default_rng(0).uniform(0, 200, (n, 2))
    if want is None:
        # without its first place, since a full grid is drawn as squares
        centre = np.stack(np.divmod(np.arange(1, n), 40), axis=1) * 5.0
        want = 0.85 * 5
    placed = some(arrays, "z1", frame_1_centre=centre, frame_1_z1=centre[:, 0])
    found = dots(draw(placed, [])["frame_1_z1"]).get_widths()
    assert np.unique(found) == pytest.approx([want])


@given(st.floats(1e-6, 1e9))
def test_a_nice_length_is_the_longest_round_one(most):
    length = nice_length(most)
    digit = length / 10 ** np.floor(np.log10(length * (1 + 1e-9)))
    assert min(abs(digit - d) for d in (1, 2, 5)) < 1e-6
    assert length <= most * (1 + 1e-6) < 2.5 * length * (1 + 1e-5)


def on_a_grid(arrays):
    """Frame 1 with patches on a grid of 4 × 6, shuffled, with the number of each as z1."""
    centre = np.stack(np.mgrid[:4, :6], -1).reshape(-1, 2) * 8.0 + 10
    order = np.random.default_rng(0).permutation(24)
    own = {"centre": centre[order].astype(np.float32), "z1": order.astype(np.float32)}
    own |= {"class": order % 2}
    return some(arrays) | {f"frame_1_{name}": values for name, values in own.items()}


def test_patches_on_a_grid_are_filled_squares_through_which_the_frame_is_seen(arrays):
    figures = draw(on_a_grid(arrays), CLASSES)
    squares = dots(figures["frame_1_z1"])
    np.testing.assert_array_equal(squares.get_array().ravel(), np.arange(24))
    assert 0.3 < squares.get_alpha() < 1
    corners = squares.get_coordinates()
    assert corners[0, 0].tolist() == [6, 6]  # half a step before the first centre
    assert corners[-1, -1].tolist() == [54, 38]
    assert dots(figures["frame_1_class"]).get_array().shape == (4, 6, 4)


def test_a_grid_with_a_gap_is_dots(arrays):
    gap = {
        name: values[1:] if name.endswith(("centre", "z1", "class")) else values
        for name, values in on_a_grid(arrays).items()
    }
    assert len(dots(draw(gap, CLASSES)["frame_1_z1"]).get_offsets()) == 23


@pytest.mark.parametrize("spread", [0.01, 3.0])
def test_angles_have_their_unit_whether_they_fill_the_period_or_not(arrays, spread: float):
    n = len(arrays["frame_1_angle"])
    angle = np.linspace(-spread, spread, n).astype("f4")
    figure = draw(some(arrays, "angle", frame_1_angle=angle), CLASSES)["frame_1_angle"]
    figure.canvas.draw()
    ticks = [t.get_text() for t in figure.axes[-1].get_yticklabels() if t.get_text()]
    assert ticks
    assert all(text.endswith("°") for text in ticks)


def test_a_dimension_of_z_that_hardly_varies_is_called_so(arrays):
    still = {"frame_1_z1": 0.01 * arrays["frame_1_z1"] / arrays["frame_1_z1"].std()}
    figure = draw(some(arrays, "z1", **still), CLASSES)["frame_1_z1"]
    assert "z1, which hardly varies" in title(figure)
    varied = {"frame_1_z1": arrays["frame_1_z1"] / arrays["frame_1_z1"].std()}
    assert "hardly" not in title(draw(some(arrays, "z1", **varied), CLASSES)["frame_1_z1"])
