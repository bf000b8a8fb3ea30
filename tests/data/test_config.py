"""How often an epoch shows its images."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaerun.config.compose import compose
from vaerun.data.config import LEAST_STEPS
from vaerun.runs.config import validate


def n_repeats(n: int, *words: str) -> int:
    return validate(compose(list(words))).data.n_repeats(n)


@pytest.mark.parametrize(
    ("n", "words", "repeats"),
    [
        (150, (), 43),
        (6_400, (), 1),
        (6_399, (), 2),
        (12_000, (), 1),
        (150, ("data.repeats=1",), 1),
        (12_000, ("data.repeats=3",), 3),
        (12_000, ("data.batch_size=1000",), 6),
    ],
)
def test_few_images_are_repeated_and_a_given_number_is_kept(
    n: int, words: tuple[str, ...], repeats: int
):
    assert n_repeats(n, *words) == repeats


CONFIG = validate(compose([])).data


@given(st.integers(1, 10**6))
def test_auto_repeats_just_often_enough(n: int):
    repeats = CONFIG.n_repeats(n)
    assert repeats * n >= LEAST_STEPS * CONFIG.n_in_batch
    assert repeats == 1 or (repeats - 1) * n < LEAST_STEPS * CONFIG.n_in_batch
    assert CONFIG.n_shown(n) == repeats * n
    assert math.ceil(CONFIG.n_shown(n) / CONFIG.n_in_batch) >= LEAST_STEPS
