"""The review's figures: every run composes, figures are drawn from run folders, and the page."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread, imsave
from review.drawing import draw
from review.page import page
from review.table import Figure, Panel, read
from review_figures import DOCS, main

from vaerun.utils.errors import UserError


def test_all_sixteen_figures_are_there_and_no_run_is_left_over():  # the page's test composes them
    table = read()
    assert list(table.figures) == list(range(1, 17))
    assert {run for figure in table.figures.values() for run in figure.runs} == set(table.runs)


def figure(*files: str) -> Figure:
    panels = tuple(Panel("a_run", file, file) for file in files)
    return Figure(number=3, title="t", shows="s", differs="d", panels=panels)


def test_pictures_are_in_rows_of_one_height_as_wide_as_the_page(tmp_path):
    folder = tmp_path / "run"
    (folder / "figures").mkdir(parents=True)
    colours = {"red": (40, 72, [1.0, 0, 0]), "green": (80, 160, [0, 1.0, 0]),
               "blue": (30, 90, [0, 0, 1.0])}  # fmt: skip
    for name, (height, width, colour) in colours.items():
        imsave(folder / "figures" / f"{name}.png", np.full((height, width, 3), colour))
    draw(figure(*colours), {"a_run": folder}, tmp_path / "out.png")
    picture = imread(tmp_path / "out.png")[..., :3]
    places = [np.argwhere(picture[..., i] - picture.sum(-1) / 3 > 0.5) for i in range(3)]
    red, green, blue = ([*at.min(0), *at.max(0) + 1] for at in places)
    assert red[0] == pytest.approx(green[0], abs=2)  # beside each other
    assert red[2] == pytest.approx(green[2], abs=2)
    assert red[1] <= 1
    assert red[3] < green[1]
    assert green[3] >= picture.shape[1] - 2
    assert blue[0] > red[2]  # below them
    for box, (height, width, _) in zip((red, green, blue), colours.values(), strict=True):
        shown = (box[3] - box[1]) / (box[2] - box[0])
        assert shown == pytest.approx(width / height, rel=0.02)


def test_of_several_pictures_the_first_is_drawn(tmp_path):
    (tmp_path / "figures").mkdir()
    for number, grey in ((10, 0.0), (9, 1.0)):
        path = tmp_path / "figures" / f"frame_{number}_z1.png"
        imsave(path, np.full((40, 80, 3), [1.0, grey, grey]))
    draw(figure("frame_*_z1"), {"a_run": tmp_path}, tmp_path / "out.png")
    red, green = imread(tmp_path / "out.png")[..., :2].transpose(2, 0, 1)
    assert not (red - green > 0.5).any()


def test_a_picture_that_is_missing_is_named_with_those_there(tmp_path):
    (tmp_path / "figures").mkdir()
    imsave(tmp_path / "figures" / "inputs.png", np.zeros((2, 2)))
    with pytest.raises(UserError, match=r"one.png is not there — .*: inputs$"):
        draw(figure("one"), {"a_run": tmp_path}, tmp_path / "out.png")


def test_another_number_is_no_figure(capsys):
    assert main(["--only", "17"]) == 2
    assert (
        "--only 17 is no figure of the review — the figures are 1 to 16" in capsys.readouterr().err
    )


def test_listing_runs_nothing(capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).parent)
    assert main(["--list", "--only", "6"]) == 0
    assert "vaerun model=rvae data=cards_iii" in capsys.readouterr().out


@pytest.mark.skipif(not DOCS.is_dir(), reason="docs/ is not beside the tests")
def test_the_page_is_what_the_table_and_the_pictures_say():
    assert (DOCS / "review.md").read_text(encoding="utf-8") == page(read(), DOCS / "review")
