"""Typed paths: what they match, and how one that is not there is told."""

import os
from pathlib import Path

import pytest

from vaerun.utils.paths import expanded, fixed_folder, is_pattern, matching_paths, missing


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("run [1]/a.npy", "run 1/b.npy", "run 2/c.npy", "x[1].npy", "deep/er/d.npy"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("run [1]/*.npy", ["run [1]/a.npy"]),  # exists by that name
        ("run [12]/*.npy", ["run 1/b.npy", "run 2/c.npy"]),  # does not: a class of characters
        ("*/*.npy", ["run 1/b.npy", "run 2/c.npy", "run [1]/a.npy"]),
        ("*[1].npy", ["x[1].npy"]),  # matches nothing as a class
        ("x[1].npy", ["x[1].npy"]),
        ("**/d.npy", ["deep/er/d.npy"]),
        ("*/er/*.npy", ["deep/er/d.npy"]),
        ("gone/*.npy", []),
        ("", ["."]),
    ],
)
def test_what_exists_by_its_very_name_is_no_pattern(files: Path, pattern: str, matched: list):
    assert sorted(map(str, matching_paths(pattern))) == matched
    absolute = sorted(map(str, matching_paths(files / pattern)))
    assert absolute == [str(files / name) for name in matched]


def test_the_folder_before_a_wildcard(files: Path):
    assert fixed_folder(files / "run [1]/*.npy") == files / "run [1]"
    assert fixed_folder(files / "run [12]/*.npy") == files
    assert not is_pattern(files / "run [1]/a.npy")
    assert is_pattern(files / "run [1]/*.npy")


@pytest.mark.parametrize("name", [b"Mu\xcc\x88ller", "Müller".encode(), b"M\xfcller"])
def test_a_name_is_found_in_another_spelling_of_the_same(tmp_path: Path, name: bytes):
    folder = os.fsencode(tmp_path) + b"/" + name
    os.mkdir(folder)  # noqa: PTH102
    assert os.fsencode(expanded(tmp_path / "Müller")) == folder
    assert [os.fsencode(path) for path in matching_paths(tmp_path / "Müller")] == [folder]


def test_a_missing_path_is_told_with_names_like_it(files: Path):
    fault = missing("data.path=run2 is not there", files / "run2" / "c.npy", "give another")
    assert str(fault).startswith("data.path=run2 is not there — did you mean run 2 or run 1")
    assert str(fault).endswith(f"looked for run2 in {files}")
    fault = missing("x is not there", files / "nothing like it.tif", "give another")
    assert str(fault).startswith("x is not there — give another; looked for nothing like it.tif")


def test_a_link_that_leads_nowhere_is_told_as_that(tmp_path: Path):
    (tmp_path / "link.npy").symlink_to("gone.npy")
    fault = missing("x is not there", tmp_path / "link.npy", "give another")
    assert str(fault) == "x is not there: it links to gone.npy — give another"


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "/" * 9])
def test_impossible_paths_match_nothing_or_what_is_there(path: str):
    assert isinstance(matching_paths(path), list)
