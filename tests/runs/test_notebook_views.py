"""How a notebook shows runs: finished or not, and whatever their names have."""

import html

import pytest

from vaerun.runs.folder import RunFolder
from vaerun.runs.notebook_views import card, explorer
from vaerun.utils.errors import UserError

METRICS = {
    "elbo": {"loss": 12.345},
    "n_train": 1000,
    "n_val": 50,
    "checks": {
        "a": {"title": "One orientation", "passed": False},
        "b": {"title": "No pose in z", "passed": True},
        "c": {"title": "Not made", "passed": None},
    },
    "train": {"epochs": 3, "seconds": 61.4},
}


def test_the_card_of_a_finished_run_has_its_numbers(tmp_path):
    text = card(RunFolder(tmp_path), "Run(rvae)", METRICS)
    for part in (
        "12.3 nats per image",
        "1,000 training",
        "1 of 2 passed",
        "one orientation",
        "61 s",
    ):
        assert part in text
    assert "<img" not in text


def test_a_run_that_has_not_finished_is_shown_without_numbers(tmp_path):
    assert "<td" not in card(RunFolder(tmp_path), "Run(rvae)", {})


def test_a_name_is_no_markup(tmp_path):
    assert "<b>" not in card(RunFolder(tmp_path), "Run(rvae on <b>x</b>)", {})


def test_the_explorer_is_the_report_alone_in_a_frame(tmp_path):
    body = "<body><main><p>x</p><section id='explore'></section></main></body>"
    page = f"<html><head></head>{body}</html>"
    (tmp_path / "report.html").write_text(page)
    shown = explorer(RunFolder(tmp_path), 444)._repr_html_()
    assert "height:444px" in shown
    inside = html.unescape(shown.split('srcdoc="')[1].split('"></iframe>')[0])
    assert "main > :not(#explore) { display: none }" in inside
    assert inside.endswith("</main></body></html>")


def test_without_a_report_there_is_nothing_to_explore(tmp_path):
    with pytest.raises(UserError, match=r"report.html is not there — the run has not finished"):
        explorer(RunFolder(tmp_path), 100)
