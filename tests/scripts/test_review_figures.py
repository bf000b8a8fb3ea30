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
    return Figure(number=3, title="t", shows="s", differs="d", panels=panels, columns=2)


def test_a_figure_has_the_pictures_of_its_panels_in_rows(tmp_path):
    folder = tmp_path / "run"
    (folder / "figures").mkdir(parents=True)
    for name, colour in (("one", [1.0, 0, 0]), ("two", [0, 1.0, 0]), ("three", [0, 0, 1.0])):
        imsave(folder / "figures" / f"{name}.png", np.full((40, 80, 3), colour))
    draw(figure("one", "two", "three"), {"a_run": folder}, tmp_path / "out.png")
    picture = imread(tmp_path / "out.png")[..., :3]
    centres = [np.argwhere(picture[..., i] - picture.sum(-1) / 3 > 0.5).mean(0) for i in range(3)]
    red, green, blue = centres
    assert abs(red[0] - green[0]) < 5
    assert green[1] - red[1] > 0.4 * picture.shape[1]
    assert abs(red[1] - blue[1]) < 5
    assert blue[0] - red[0] > 0.3 * picture.shape[0]


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
