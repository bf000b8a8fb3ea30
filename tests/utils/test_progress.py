"""Progress of long work: a bar on a terminal, one line elsewhere."""

import logging

import pytest
from rich.console import Console

from vaerun.utils import progress


def test_elsewhere_than_on_a_terminal_it_is_one_line(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    assert list(progress.bar(iter("abc"), "doing", 3)) == ["a", "b", "c"]
    assert [record.getMessage() for record in caplog.records] == ["doing: 3"]


def test_nothing_is_said_where_nothing_is_wanted(caplog: pytest.LogCaptureFixture, capsys):
    caplog.set_level(logging.INFO)
    assert list(progress.bar([1, 2], "doing", 2, shown=False)) == [1, 2]
    assert not caplog.records
    assert capsys.readouterr().out == ""


def test_on_a_terminal_it_is_a_bar(monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(progress, "Console", lambda: Console(force_terminal=True))
    monkeypatch.setattr(progress, "track", lambda items, *rest, **_: asked.append(rest) or items)
    assert list(progress.bar([1, 2], "doing", 2)) == [1, 2]
    assert asked == [("doing", 2)]
