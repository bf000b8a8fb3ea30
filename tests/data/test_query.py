"""Queries over columns: each is what plain Python makes of it, or refused in a line that helps."""

import random

import numpy as np
import pytest

from vaerun.data.query import QueryColumn, matching
from vaerun.utils.errors import UserError

N = 60
rng = np.random.default_rng(0)
PLAIN = {
    "z1": rng.normal(size=N),
    "error": rng.uniform(0, 0.1, N),
    "class": rng.integers(-1, 3, N),
}
COLUMNS = {name: QueryColumn(values=values) for name, values in PLAIN.items()}
COLUMNS["class"] = QueryColumn(values=PLAIN["class"], names=["10", "long one", "β"])
COLUMNS["angle"] = QueryColumn(values=np.array([0.1, np.nan, 2.0] * (N // 3)))


def ask(text: str) -> list[int]:
    return np.flatnonzero(matching(text, COLUMNS, "data.keep", "latents.h5")).tolist()


def drawn(random: random.Random, depth: int) -> tuple[str, str]:
    """A random query, and the same in Python."""
    kind = random.choice(["compare", "and", "or", "not", "bracket"]) if depth else "compare"
    if kind == "compare":
        name, sign = random.choice(list(PLAIN)), random.choice(["<", "<=", ">", ">=", "!=", "="])
        value = random.choice(["0.02", "-1", ".5", "2e-2", "1"])
        space = random.choice(["", " "])
        return (
            f"{name}{space}{sign}{space}{value}",
            f"({name} {sign.replace('=', '==') if sign == '=' else sign} {value})",
        )
    first, its = drawn(random, depth - 1)
    if kind == "not":
        return f"not ({first})", f"(not {its})"
    if kind == "bracket":
        return f"( {first} )", its
    second, others = drawn(random, depth - 1)
    return f"({first}) {kind.upper()} ({second})", f"({its} {kind} {others})"


@pytest.mark.parametrize("seed", range(40))
def test_a_query_is_true_where_python_says_so(seed: int) -> None:
    text, python = drawn(random.Random(seed), depth=3)
    want = [
        i
        for i in range(N)
        if eval(python.replace("class", "kind"),
                {("kind" if k == "class" else k): v[i] for k, v in PLAIN.items()})
    ]  # fmt: skip
    assert ask(text) == want


def test_and_binds_before_or() -> None:
    assert ask("z1>0 or z1<0 and class=9") == ask("z1>0")
    assert ask("class=9 and z1>0 or z1<0") == ask("z1<0")


def test_a_class_goes_by_its_name_before_its_number() -> None:
    assert ask("class=10") == np.flatnonzero(PLAIN["class"] == 0).tolist()
    assert ask('class="long one"') == np.flatnonzero(PLAIN["class"] == 1).tolist()
    assert ask("class=2") == ask("class=β") == np.flatnonzero(PLAIN["class"] == 2).tolist()


def test_nothing_compares_with_what_is_unknown_and_degrees_are_radians() -> None:
    assert len(ask("angle>0") + ask("angle<=0")) == 2 * N // 3
    assert ask("not angle>90°") == ask("not angle > 90deg")
    assert len(ask("angle>90deg")) == N // 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("eror<0.1", "eror is not a column of latents.h5 — did you mean error (columns: z1, "),
        ("z1>", "ends where a name or a number should follow — write it as in 'z1>0.5 and"),
        ("z1>x", "compares z1 with x, which is no number — give a number, as in z1>0.5"),
        ("class=gamma", "gamma is no class of class — did you mean"),
        ("z1>0 z1<1", "goes on with z1 without and or or"),
        ("(z1>0", "lacks a closing bracket"),
        ("and z1>0", "has nothing to compare before and"),
        ("z1 1 >", "has 1 where <, <=, >, >=, = or != should be"),
        ("z1>0 ! 3", "is no query: ! 3 is unclear"),
        ("(" * 80 + "z1>0" + ")" * 80, "more than 50 brackets"),
        ("__import__('os').system('x')=1", "__import__ is not a column"),
    ],
)
def test_what_is_no_query_is_refused(text: str, line: str) -> None:
    with pytest.raises(UserError) as caught:
        ask(text)
    assert str(caught.value).startswith("data.keep=")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
