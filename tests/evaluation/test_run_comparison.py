"""Runs side by side: their groups, the settings that differ between groups, mean and deviation."""

import pytest

from vaerun.evaluation.run_comparison import (
    FinishedRun,
    cell,
    grouped,
    known_metrics,
    metric_of,
    table,
)


def run(name: str, loss: float, **changes: object) -> FinishedRun:
    config: dict = {
        "model": {"name": "rvae", "hidden": [8]},
        "data": {"name": "cards_iv", "root": "here"},
        "trainer": {"max_epochs": 9, "checkpoint_minutes": 1},
        "seed": 0,
    }
    for key, value in changes.items():
        group, _, rest = key.partition("__")
        if rest:
            config[group] = config[group] | {rest: value}
        else:
            config[group] = value
    return FinishedRun(name=name, config=config, metrics={"elbo": {"loss": loss}})


def test_runs_that_differ_in_seed_or_machine_are_one_group():
    alike = [run("a", 1.0), run("b", 3.0, seed=1), run("c", 2.0, data__root="there"),
             run("d", 2.0, trainer__checkpoint_minutes=5)]  # fmt: skip
    groups = grouped(
        [*alike, run("e", 9.0, trainer__max_epochs=2)], {"data.root", "trainer.checkpoint_minutes"}
    )
    assert [[r.name for r in group.runs] for group in groups] == [["a", "b", "c", "d"], ["e"]]
    assert [group.settings for group in groups] == [
        {"trainer.max_epochs": "9"}, {"trainer.max_epochs": "2"}]  # fmt: skip
    assert groups[0].values("elbo.loss") == [1.0, 3.0, 2.0, 2.0]


def test_as_few_settings_are_shown_as_separate_the_groups():
    groups = grouped([run("a", 1), run("b", 2, model__name="vae", model__hidden=[4])], ())
    assert [group.settings for group in groups] == [{"model.name": "rvae"}, {"model.name": "vae"}]
    assert [group.title for group in grouped([run("a", 1)], ())] == ["rvae on cards_iv"]


def test_a_table_gives_the_mean_and_the_spread_of_the_sample():
    head, rows = table(grouped([run("a", 1.0), run("b", 3.0, seed=1)], ()), ["elbo.loss", "ari"])
    assert head == ["runs of", "runs", "validation loss", "ari"]
    assert rows == [["rvae on cards_iv", "2", "2 ± 1.4", "–"]]
    assert cell([5.0]) == "5"


@pytest.mark.parametrize(
    ("metrics", "path", "value"),
    [
        ({"angle": {"resultant": [0.5, None, 0.7]}}, "angle.resultant", 0.6),
        ({"angle": {"resultant": [None]}}, "angle.resultant", None),
        ({"a": {"b": float("nan")}}, "a.b", None),
        ({"a": 3}, "a.b", None),
        ({"classes": True}, "classes", None),
    ],
)
def test_a_metric_is_a_finite_number_or_nothing(metrics, path: str, value: float | None):
    assert metric_of(metrics, path) == pytest.approx(value)
    known = known_metrics([FinishedRun(name="", config={}, metrics=metrics)])
    assert (path in known) == (value is not None)
