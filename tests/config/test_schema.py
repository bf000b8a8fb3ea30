"""Config values against their dataclasses: which are accepted, how faults are worded."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaerun.config.schema import check, effects, field, without
from vaerun.utils.errors import UserError


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner:
    width: int = field("of the strip", min=1, max=9)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outer:
    rate: float = field("learning rate", above=0, below=1)
    letters: list[str] = field("which letters", choices=["a", "b"])
    devices: int | str = field("how many", min=1, choices=["auto"])
    clip: float | None = field("largest norm", above=0)
    inner: Inner = field("the strip")


GOOD = {"rate": 0.5, "letters": ["b"], "devices": 2, "clip": None, "inner": {"width": 3}}


def test_good_values_become_the_dataclass():
    want = Outer(rate=0.5, letters=["b"], devices=2, clip=None, inner=Inner(width=3))
    assert check(Outer, GOOD) == want


@given(st.integers())
def test_a_number_passes_exactly_within_its_bounds(width):
    if 1 <= width <= 9:
        assert check(Inner, {"width": width}).width == width
    else:
        with pytest.raises(UserError, match=rf"width={width} must be at (least 1|most 9) — "):
            check(Inner, {"width": width})


@given(st.floats(width=32))
def test_open_bounds_exclude_themselves_and_what_is_not_finite(rate):
    try:
        check(Outer, GOOD | {"rate": rate})
    except UserError:
        assert not 0 < rate < 1
    else:
        assert 0 < rate < 1


@pytest.mark.parametrize("value", [True, 1.0, "3", None, [3]])
def test_only_whole_numbers_are_whole_numbers(value):
    with pytest.raises(UserError, match="is not a whole number — give a whole number at least 1"):
        check(Inner, {"width": value})


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"rate": True}, "o.rate=true is not a number — give a number above 0 and below 1 "),
        ({"letters": "a"}, "o.letters=a is not a list, each a word — give a list, each one of"),
        (
            {"letters": ["a", "c"]},
            "o.letters[1]=c is not a choice — did you mean a (choices:",
        ),
        ({"devices": "atuo"}, "o.devices=atuo is not a choice — did you mean auto"),
        ({"devices": 0}, "o.devices=0 must be at least 1 — raise it (how many)"),
        ({"clip": 0}, "o.clip=0 must be above 0 — raise it (largest norm)"),
        ({"inner": {"width": 10}}, "o.inner.width=10 must be at most 9 — lower it (of the strip)"),
        ({"inner": 3}, "o.inner=3 is not a group of keys — give its keys: o.inner.width"),
        ({"inner": {}}, "o.inner.width is missing — give a whole number at least 1 and at most 9"),
        ({"rtae": 1}, "o.rtae is not a key of o — did you mean o.rate"),
    ],
)
def test_each_fault_names_key_value_rule_and_remedy(change, line):
    with pytest.raises(UserError) as caught:
        check(Outer, GOOD | change, "o")
    assert str(caught.value).startswith(line)


@given(st.sets(st.sampled_from(["rate", "letters", "devices", "clip", "inner"]), min_size=1))
def test_all_faults_are_reported_at_once(broken):
    wrong = {"rate": 2, "letters": 1, "devices": -1, "clip": -1, "inner": {"width": 0}}
    with pytest.raises(UserError, match=r".* — .*") as caught:
        check(Outer, GOOD | {name: wrong[name] for name in broken})
    faults = str(caught.value).split("; ")
    assert sorted(fault.split("=")[0].split(".")[0] for fault in faults) == sorted(broken)


@given(st.sampled_from(["rate", "letters", "devices"]), st.integers(0, 3))
def test_a_key_short_of_a_letter_finds_itself(name, at):
    short = name[:at] + name[at + 1 :]
    with pytest.raises(UserError, match=f"{short} is not a key .* — did you mean {name}"):
        check(Outer, GOOD | {short: 1})


def test_whole_numbers_do_for_numbers_and_for_words():
    @dataclass(frozen=True, kw_only=True, slots=True)
    class Loose:
        scale: float = field("a factor")
        out: str = field("a folder")

    loose = check(Loose, {"scale": 2, "out": 2026})
    assert (loose.scale, loose.out) == (2.0, "2026")
    assert type(loose.scale) is float


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    name: str = field("which")
    size: int = field("side")
    root: str = field("folder", affects="nothing")


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    seed: int = field("seed")
    strip: Inner = field("the strip")
    data: Drawn = field("the data", variants={"drawn": Drawn}, affects="images")


def test_a_key_affects_what_its_group_does_unless_its_field_has_a_word_of_its_own():
    assert effects(Root) == {
        "seed": "training",
        "strip.width": "training",
        "data.name": "images",
        "data.size": "images",
        "data.root": "nothing",
    }


def test_the_variant_that_a_group_names_is_built():
    plain = {"seed": 0, "strip": {"width": 1}, "data": {"name": "drawn", "size": 8, "root": "r"}}
    assert check(Root, plain).data == Drawn(name="drawn", size=8, root="r")
    with pytest.raises(UserError, match=r"data.name=drwn is not a choice — did you mean drawn"):
        check(Root, plain | {"data": {"name": "drwn"}})
    kept = without(plain, {"data.root", "seed"})
    assert kept == {"strip": {"width": 1}, "data": {"name": "drawn", "size": 8}}
