"""Words of the user's, such as paths, are taken as they are typed once in quotes of the shell."""

import contextlib
import dataclasses
import random
import typing
from pathlib import Path

import pytest

from vaerun.config.compose import compose, expand_sweep, hydra_at_conf
from vaerun.config.overrides import parse
from vaerun.config.words import LISTS, NAMES, PATHS, word
from vaerun.runs.config import RunConfig, validate
from vaerun.utils.errors import UserError

ODD = [
    "frames (1).npy", "2024-03-01, sample=3/stack.npy", "Probe_µm/Müller.npy", "#7.npy",
    "a&b@20°C.npy", "run [1]/a.npy", "sample{1}/a.npy", "a;b.npy", "it's.npy", 'say "x".npy',
    "50%.npy", "x$y.npy", "tab\there", "a+b", "!x", "`x`", "back\\slash", "end\\", "'", "日本.tif",
    "2024_03", "1e3", "nan", "true", "0x10", "[1]", "{a: b}", "a,b", "range(1,3)", "M\udcfcller",
]  # fmt: skip


@pytest.mark.parametrize("typed", ODD, ids=ascii)
@pytest.mark.parametrize("key", ["data.path", "out", "data.table"])
def test_a_path_quoted_once_is_taken_as_it_is(key: str, typed: str):
    plain = compose(["data=images", f"{key}={typed}"])
    group, _, name = key.partition(".")
    assert (plain[group][name] if name else plain[group]) == typed


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("'my runs/a'", "my runs/a"),
        ('"it\'s"', "it's"),
        (r"my\ runs/a", "my runs/a"),
        (r"a\,b", "a,b"),
        ("null", None),
        ("[a b,c (1),'d,e']", ["a b", "c (1)", "d,e"]),
    ],
)
def test_quotes_and_escapes_of_hydra_are_still_read(typed: str, read: object):
    assert parse(f"run={typed}").value() == read


def test_names_of_columns_may_hold_anything_too():
    plain = compose(["data=images", "data.label=Größe, µm", "data.factors=[1_0,Width (nm),nan]"])
    assert plain["data"]["label"] == "Größe, µm"
    assert plain["data"]["factors"] == ["1_0", "Width (nm)", "nan"]


def test_a_file_that_is_there_is_no_list_and_no_escape(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("[a,b]", r"a\ b", " lead"):
        Path(name).touch()
        assert parse(f"data.path={name}").value() == name
        assert parse(f"run={name}").value() == name


def test_several_paths_that_are_all_there_want_a_sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b (1)"):
        Path(name).touch()
    with pytest.raises(UserError, match=r"gives several values to one run — put -m first"):
        compose(["data=images", "data.path=a,b (1)"])
    Path("a,b (1)").touch()
    assert compose(["data=images", "data.path=a,b (1)"])["data"]["path"] == "a,b (1)"
    assert expand_sweep(["data.path=a,b (1)"]) == [["data.path='a,b (1)'"]]


def test_a_sweep_runs_through_words():
    assert [compose([*one])["out"] for one in expand_sweep(["out='a b',1e3,c (1)"])] == [
        "a b", "1e3", "c (1)"
    ]  # fmt: skip


@pytest.mark.parametrize(("typed", "read"), [("'a b'", "a b"), ("2024_03", "2024_03"), ("1", "1")])
def test_one_word_without_its_quotes(typed: str, read: str):
    assert word(typed) == read


def _free_words(cls: type, where: str = "") -> dict[str, bool]:
    """Keys that hold a word of no fixed choice, and whether a list of them."""
    found: dict[str, bool] = {}
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        key = f"{where}.{field.name}".lstrip(".")
        groups = field.metadata["variants"] or {"": hints[field.name]}
        for group in groups.values():
            if dataclasses.is_dataclass(group):
                found |= _free_words(group, key)
            elif field.metadata["choices"] is None and field.name not in ("name", "kind"):
                arms = {group, *typing.get_args(group)} - {type(None)}
                if {str, list[str]} & arms:
                    found[key] = typing.get_origin(group) is list or list[str] in arms
    return found


def test_every_key_of_a_free_word_is_known():
    keys = _free_words(RunConfig)
    assert {key for key, is_list in keys.items() if not is_list} <= PATHS | NAMES
    assert {key for key, is_list in keys.items() if is_list} - {"run"} == LISTS


KEYS = ["out", "run", "resume", "seed", "data", "model", "task", "trainer", "model/pose",
        "data.path", "data.table", "data.label", "data.factors", "data.key", "data.size",
        "data.root", "data.val_share", "model.hidden", "model.invariances", "sweep.jobs",
        "trainer.precision", "trainer.nodes", "experiment", "nothing", "model.category.condition",
        "hydra.verbose", "data.corruption.mask", "task.objective", "data.normalise"]  # fmt: skip
VALUES = [
    *ODD, "", "null", "images", "rvae", "crvae", "patches", "evaluate", "1", "-1", "1.5", "[1,2]",
    "[", "]", "[r,t]", "{", "a=b", "${seed}", "${", "${nope}", "=", "~", "~/x", ",", "a,", "\n",
    "\0", "[[1],2]", "[a", "'a", "auto", "[angle]", "1_000", "..", "*", "?", "x" * 3000,
]  # fmt: skip
SIGNS = ["", "", "", "+", "++", "~"]


def test_random_overrides_compose_or_are_refused_in_a_line():
    rng = random.Random(0)
    n_composed = 0
    with hydra_at_conf():
        for _ in range(60):
            typed = [
                f"{rng.choice(SIGNS)}{rng.choice(KEYS)}={rng.choice(VALUES)}"
                for _ in range(rng.randrange(1, 4))
            ]
            with contextlib.suppress(UserError):
                validate(compose(typed))
                n_composed += 1
    assert n_composed
