"""Pose and content where truths are unknown for some images, and angles repeat after 120°."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import colors

from vaerun.evaluation.figures import draw, encoding_arrays
from vaerun.evaluation.figures.style import UNKNOWN

CLASSES = ["ideal", "hole"]


@pytest.fixture(scope="module")
def arrays(graphene):
    """Of made-up graphene, a seventeenth of whose truths is unknown."""
    made = graphene()[1]
    drift = np.random.default_rng(0).normal(size=(len(made), 2))
    found = encoding_arrays(replace(made, shift=drift), {})
    return found | {"angle_symmetry": np.array(3)}


@pytest.fixture(scope="module")
def figures(arrays):
    return draw(arrays, CLASSES)


def panels(figure):
    return {axes.get_title(loc="left"): axes for axes in figure.axes}


def face_colours(points):
    points.update_scalarmappable()
    return points.get_facecolors()


def test_only_labelled_angles_are_drawn_against_the_truth(arrays, figures):
    figure = figures["angle_vs_truth"]
    (points,) = figure.axes[0].collections
    assert len(points.get_offsets()) == np.isfinite(arrays["factor_angle"]).sum()
    assert np.abs(points.get_offsets()).max() <= 60
    assert figure.axes[0].get_ylim() == (-60, 60)


def test_the_histogram_counts_all_angles_and_the_labelled_differences(arrays):
    truth = np.where(np.arange(len(arrays["factor_angle"])) % 3, np.nan, arrays["factor_angle"])
    figures = draw(arrays | {"factor_angle": truth}, CLASSES)
    angle, difference = figures["angle_histogram"].axes
    assert len(angle.patches) == 3 * 60  # for two classes and the unknown
    assert angle.get_xlim() == (-60, 60)
    assert sum(bar.get_height() for bar in angle.patches) == len(arrays["latent_angle"])
    shares = [sum(part.get_data().values) for part in difference.patches]
    assert shares == pytest.approx([1, 1, 0], abs=0.05)  # no truth is known of the unknown
    names = [t.get_text() for t in figures["angle_histogram"].legends[0].get_texts()]
    assert names == [*CLASSES, "unknown"]


def test_angles_and_shifts_are_counted_where_no_truth_is_known(arrays):
    unknown = {k: np.full_like(v, np.nan) if k.startswith("factor_") else v
               for k, v in arrays.items()}  # fmt: skip
    figures = draw(unknown, [])
    assert "angle_vs_truth" not in figures
    assert len(figures["angle_histogram"].axes) == 1
    assert [len(axes.patches) for axes in figures["shift_histogram"].axes[:2]] == [60, 60]
    assert panels(figures["latent_distribution"]).keys() - {""} == {"Encoded angle modulo 120°"}


def test_points_of_unknown_truth_are_grey(arrays, figures):
    figure = figures["latent_distribution"]
    titles = {"True angle modulo 120°", "True strain", "True sublattice", "True ideal"}
    assert titles <= panels(figure).keys()
    grey = colors.to_rgb(UNKNOWN)
    for title in titles:
        (points,) = panels(figure)[title].collections
        found = np.isclose(face_colours(points)[:, :3], grey).all(1).sum()
        assert found == np.isnan(arrays["factor_angle"]).sum() > 0
        assert not np.ma.getmaskarray(points.get_offsets()).any()


def test_a_flag_has_two_colours(figures):
    figure = figures["latent_distribution"]
    (points,) = panels(figure)["True ideal"].collections
    assert len(np.unique(face_colours(points), axis=0)) == 3  # and that of the unknown
    bars = [axes for axes in figure.axes if [*axes.get_yticks()] == [0, 1]]
    assert len(bars) == 2


def test_labelled_shifts_are_counted(arrays):
    truth = np.where(np.arange(len(arrays["shift_px"])) % 2, np.nan, 0.3)
    some = arrays | {"factor_shift_row": truth, "factor_shift_column": truth}
    for axes in draw(some, [])["shift_histogram"].axes[:2]:
        counts = axes.patches[-1].get_data().values
        assert sum(counts) == np.isfinite(truth).sum()
