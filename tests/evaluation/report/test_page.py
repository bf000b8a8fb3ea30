import re
from html.parser import HTMLParser

import numpy as np
import pytest

from vaerun.evaluation.figures import png
from vaerun.evaluation.figures.images import draw_inputs
from vaerun.evaluation.metrics.summary import summarise
from vaerun.evaluation.report import write_report
from vaerun.evaluation.report.captions import in_reading_order
from vaerun.evaluation.report.metric_tables import (
    content_table,
    lattice_table,
    paired_table,
    per_class_table,
)

CLASSES = ["clubs", "spades", "hearts", "diamonds"]
VOID = {"meta", "img", "link", "br"}


class Checker(HTMLParser):
    """Every element is closed in order; remembers what the page would load."""

    def __init__(self):
        super().__init__()
        self.open, self.loads = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.loads += [v for k, v in attrs if k in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def written(tmp_path, encodings):
    """Write a report with some of its parts replaced; the page's text."""

    def write(**replaced):
        parts = {
            "title": "rvae on cards_iv",
            "config": {"model": {"name": "rvae"}, "data": {"name": "cards_iv"}, "seed": 0},
            "metrics": summarise(encodings(), CLASSES, [1, 1, 1, 2], supervised=False),
            "manifest": {
                "status": "finished",
                "start": "2026-01-02T03:04:05+00:00",
                "end": "2026-01-02T03:05:35+00:00",
                "command": "vaerun model=rvae",
                "packages": {"torch": "2.13.0"},
                "device": "CPU, 2 cores",
            },
            "figures": {"inputs": png(draw_inputs(np.ones((3, 1, 8, 8), np.float32)))},
        }
        path = tmp_path / "report.html"
        write_report(path, **(parts | replaced))
        assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
        return path.read_text(encoding="utf-8")

    return write


def test_the_page_is_complete_and_loads_nothing(written):
    checker = Checker()
    checker.feed(text := written())
    assert checker.open == []
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in checker.loads)
    assert "url(" not in text
    assert "@import" not in text


def test_it_contains_what_was_run_and_the_results(written):
    text = written()
    for said in (
        "model rvae",
        "400 training and 200 validation images",
        "90 s in all",
        "diamonds",
        "100.0 %",
        "vaerun model=rvae",
        "torch 2.13.0",
        "180°",
        "name: cards_iv",
    ):
        assert said in text


def test_nothing_from_the_run_becomes_markup(written):
    evil = "<script>alert('$x')</script>"
    text = written(
        title=evil,
        config={"model": {"name": evil}, evil: [evil]},
        manifest={"status": evil, "command": evil, "device": evil, "packages": {evil: evil}},
        metrics={"classes": [evil], "angle": {"ground_states": [1], "resultant": [1.0],
                 "mae_deg": [1.0], "symmetry": [1], "overall_mae_deg": 1.0}},
        figures={f'{evil}" onload="x': png(draw_inputs(np.ones((1, 1, 4, 4), np.float32)))},
    )  # fmt: skip
    assert "<script" not in text.lower()
    assert not re.search(r'<[^>]*"\s+onload="', text)


def test_a_run_without_metrics_still_gives_a_page(written):
    checker = Checker()
    checker.feed(written(metrics={}, manifest={}, figures={}, config={}))
    assert checker.open == []


def test_figures_are_in_reading_order_and_new_ones_last():
    names = ["traversal_z10", "novel", "manifold_class_1", "traversal_z2", "inputs", "manifold"]
    assert in_reading_order(names) == [
        "inputs",
        "manifold",
        "manifold_class_1",
        "traversal_z2",
        "traversal_z10",
        "novel",
    ]


def test_the_table_by_class_has_a_row_for_each_and_a_dash_for_none():
    angle = {"resultant": [0.9, None], "mae_deg": [2.0, None], "symmetry": [1, 2]}
    html = per_class_table({"classes": ["a", "b"], "angle": angle})
    rows = re.findall(r"<tr><td>(.*?)</tr>", html)
    assert re.sub(r"<[^>]+>", "|", rows[0]) == "a||none||0.900||2.0°|"
    assert re.sub(r"<[^>]+>", "|", rows[1]) == "b||180°||–||–|"
    assert per_class_table({"knn_accuracy": 1.0}) == ""


def test_the_table_by_class_has_the_recall_of_classes_found_without_labels():
    clustering = {"recall": [0.951, None], "hungarian": 0.951, "method": "y"}
    html = per_class_table({"classes": ["a", "b"], "clustering": clustering})
    assert re.findall(r"<th[^>]*>([^<]+)", html)[-1] == "recall, one to one"
    assert re.findall(r'number">(?!recall)([^<]+)', html) == ["95.1 %", "–"]
    assert per_class_table({"clustering": clustering | {"method": "kmeans"}}) == ""
    assert content_table({"clustering": clustering}).count("<tr>") == 2


def test_the_table_of_the_lattice_has_the_metrics_there_are():
    html = lattice_table({"lattice": {"sublattice_accuracy": 0.98765, "peak_width_deg": 2.34}})
    assert re.findall(r'number">([^<v]+)<', html) == ["0.988", "2.3°"]
    assert lattice_table({}) == ""


def test_the_table_of_pairs_has_a_number_for_each_axis():
    html = paired_table(
        {
            "angle": {"paired_mae_deg": 6.04, "overall_mae_deg": 3.0, "resultant": [0.9]},
            "shift": {"paired_mae_px": [0.456, 1.0]},
        }
    )
    assert re.findall(r'number">([^<v]+)<', html) == ["6.0°", "0.46 px, 1.00 px"]
    assert paired_table({"angle": {"resultant": [0.9]}}) == ""
