"""What the peers are given is what ours is given."""

import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.mark.parametrize("case", ["clean", "moderate", "cards_iii"])
def test_images_are_those_of_the_row_and_every_invariance_is_handed_on(monkeypatch, case: str):
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    import compare_peers

    words, given = compare_peers.words_of(case, 3), compare_peers.invariances_of(case)
    assert words[-1] == "seed=3"
    assert all(word.startswith("data") for word in words[:-1])
    expected = {"moderate": ["model.invariances=[r,t,s]"]}
    assert given == expected.get(case, [])
