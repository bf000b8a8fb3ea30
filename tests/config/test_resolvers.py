"""Defaults that follow from other keys."""

import pytest

from vaerun.config.compose import compose
from vaerun.runs.config import validate


@pytest.mark.parametrize(
    ("words", "beta_start"),
    [
        (["data=cards_iv"], 20.0),
        (["data=graphene"], 0.1),
        (["data=patches", "data.path=x"], "auto"),
        (["data=patches", "data.path=x", "data.fills_field=true"], 0.1),
        (["data=patches", "data.path=x", "data.fills_field=true", "model=jrvae"], 20.0),
        (["data=lattices", "objective.beta_start=3"], 3.0),
    ],
    ids=str,
)
def test_content_is_cheap_at_first_where_images_fill_their_field(
    words: list[str], beta_start: float | str
):
    assert validate(compose(words)).objective.beta_start == beta_start
