"""Arrays that are made only once."""

from pathlib import Path

import numpy as np
import pytest

from vaerun.utils.arrays import cached, written
from vaerun.utils.errors import UserError


def test_arrays_are_made_once_for_a_key(tmp_path: Path):
    made = []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"a": np.arange(len(made))}

    first = cached(tmp_path, "x", {"seed": 0}, make)
    again = cached(tmp_path, "x", {"seed": 0}, make)
    other = cached(tmp_path, "x", {"seed": 1}, make)
    assert len(made) == 2
    np.testing.assert_array_equal(first["a"], again["a"])
    assert len(other["a"]) == 2


@pytest.mark.parametrize("content", [b"", b"no zip", None])
def test_a_broken_file_is_made_again(tmp_path: Path, content: bytes | None):
    cached(tmp_path, "x", {}, lambda: {"a": np.arange(100)})
    (path,) = tmp_path.glob("*.npz")
    path.write_bytes(path.read_bytes()[:-50] if content is None else content)
    assert len(cached(tmp_path, "x", {}, lambda: {"a": np.arange(7)})["a"]) == 7
    assert len(cached(tmp_path, "x", {}, lambda: {"a": np.arange(9)})["a"]) == 7


def test_an_error_in_the_making_stands_alone(tmp_path: Path):
    def fail() -> dict[str, np.ndarray]:
        raise UserError("this", "that")

    with pytest.raises(UserError) as caught:
        cached(tmp_path, "x", {}, fail)
    assert caught.value.__context__ is None


def test_a_pickle_is_not_opened(tmp_path: Path):
    cached(tmp_path, "x", {}, lambda: {"a": np.arange(3)})
    (path,) = tmp_path.glob("*.npz")
    np.savez(path, a=np.array([{"code": 1}], dtype=object))
    assert cached(tmp_path, "x", {}, lambda: {"a": np.arange(5)})["a"].tolist() == [0, 1, 2, 3, 4]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"data\.root="):
        cached(tmp_path / "file" / "graphene", "x", {}, lambda: {"a": np.arange(3)})


def test_a_disk_that_fills_up_as_hdf5_closes_its_file_is_told(tmp_path: Path):
    with (
        pytest.raises(UserError, match=r"^data\.root=.* has no room left .* — free some, or give"),
        written(tmp_path / "images" / "x.h5"),
    ):
        raise RuntimeError("Can't decrement id ref count (errno = 28, 'No space left on device')")
    with pytest.raises(RuntimeError, match="a bug"), written(tmp_path / "x.h5"):
        raise RuntimeError("a bug")
