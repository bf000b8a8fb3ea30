"""Rows of a table belong to images by the names of files, whatever the column is called."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vaerun.data.datasets.image_scan import scan_images
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.datasets.table_rows import rows_of_images
from vaerun.data.io.tables import read_table
from vaerun.utils.errors import UserError

IMAGE = np.arange(100.0).reshape(10, 10)


Rows = Callable[..., list[int]]


@pytest.fixture
def rows(tmp_path: Path, config: Callable[..., ImagesConfig]) -> Rows:
    """Row of each image of some files, in the order of the files."""

    def find(names: list[str], lines: list[str], used: tuple[str, ...] = ()) -> list[int]:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            np.save(tmp_path / name, IMAGE)
        source = scan_images(config("**/*.npy")).images.source
        (tmp_path / "known.csv").write_text("\n".join(lines), encoding="utf-8")
        table = read_table(tmp_path / "known.csv", used)
        return rows_of_images(source, table, tmp_path, used).tolist()

    return find


THREE = ["1.npy", "2.npy", "10.npy"]


@pytest.mark.parametrize(
    "cells",
    [
        ["1.npy", "10.npy", "2.npy"],
        ["1", "10", "2"],
        ["1.NPY", "10.npy", "2.Npy"],
        ["1.tif", "10.tif", "2.tif"],  # as they were before they were converted
        ["/home/a/1.npy", "/home/b/10.npy", "/home/a/2.npy"],
        [r"C:\data\1.npy", r"C:\data\10.npy", r"C:\data\2.npy"],
        ["./1.npy", "./10.npy", "./2.npy"],
    ],
)
@pytest.mark.parametrize("head", ["file", "filename", "Bild", "x"])
def test_a_column_that_names_the_files_is_known_by_its_cells(
    rows: Rows, cells: list[str], head: str
):
    lines = [f"{head},kind", *(f"{cell},{i}" for i, cell in enumerate(cells))]
    assert rows(THREE, lines, ("kind",)) == [0, 2, 1]


def test_what_names_no_image_is_counted_and_named(rows: Rows, caplog):
    lines = ["name,kind", "a.npy,1", "gone.npy,2", "lost.npy,3"]
    with caplog.at_level(logging.INFO):
        assert rows(["a.npy", "b.npy"], lines) == [0, -1]
    assert "column 'name' names the images; 1 files are in no row (b.npy); 2 rows name no image " \
        "(gone.npy, lost.npy)" in caplog.text  # fmt: skip


def test_the_same_names_in_two_folders_are_told_apart_by_the_folders(rows: Rows):
    files = ["a/1.npy", "b/1.npy"]
    assert rows(files, ["path,k", "x/b/1.npy,0", "x/a/1.npy,1"]) == [1, 0]
    assert rows(files, ["path,k", "1.npy,0", "1.npy,1"]) == [0, 1]  # in their order
    with pytest.raises(UserError, match=r"leaves open which image 1\.npy means — give paths"):
        rows([*files, "c/2.npy"], ["path,k", "1.npy,0", "2.npy,0", "1.npy,1"])


@pytest.mark.parametrize(
    "lines",
    [
        ["kind,n", "a,1", "b,2", "a,2"],  # a count, though files are called 1 and 2
        ["kind,dose", "a,10", "b,1", "a,2.5"],
        ["kind,", "a,", "b,", ","],
    ],
)
def test_other_columns_name_no_files(rows: Rows, lines: list[str]):
    assert rows(THREE, lines, ("kind",)) == [0, 1, 2]


def test_a_column_of_other_names_is_told(rows: Rows, caplog):
    lines = ["raw,kind", "x1.dm3,a", "x2.dm3,b", "x3.dm3,b"]
    assert rows(THREE, lines) == [0, 1, 2]
    assert "column 'raw' names other files than data.path" in caplog.text


def test_a_stack_has_a_row_for_each_image(tmp_path: Path, config):
    np.save(tmp_path / "stack.npy", np.stack([IMAGE] * 3))
    source = scan_images(config("stack.npy")).images.source

    def of(*lines: str) -> list:
        (tmp_path / "known.csv").write_text("\n".join(lines))
        return rows_of_images(source, read_table(tmp_path / "known.csv"), tmp_path).tolist()

    assert of("frame,kind", "0,a", "1,b", "2,a") == [0, 1, 2]
    assert of("kind", "a", "", "b") == [0, 1, 2]  # a blank line is an image without one
    assert of("kind", "a", "b", "", "c", "") == [0, 1, 3]
    assert of("kind;x", "a;1", "b;2", "c;3", ";", ";") == [0, 1, 2]  # Excel goes on below
    with pytest.raises(UserError, match=r"'Slice' .* counts from 1 to 3, but not in the order"):
        of("Slice,kind", "1,a", "3,b", "2,a")
    with pytest.raises(UserError, match=r"has 2 rows for 3 images"):
        of("kind", "a", "b")


def test_a_rank_is_no_number_of_an_image_but_is_told(rows: Rows, caplog):
    assert rows(["a.npy", "b.npy"], ["rank,kind", "2,x", "1,y"]) == [0, 1]
    assert "column 'rank' of" in caplog.text
    caplog.clear()
    assert rows(["a.npy", "b.npy"], ["rank,kind", "2,x", "1,y"], ("rank",)) == [0, 1]
    assert "column 'rank'" not in caplog.text


def test_zeros_before_a_number_make_no_other_name(rows: Rows):
    lines = ["name,kind", "f_002.tif,1", "f_001.tif,2", "f_010.tif,3"]
    assert rows(["f_1.npy", "f_2.npy", "f_10.npy"], lines) == [1, 0, 2]


def test_names_of_other_files_in_another_order_are_refused(rows: Rows):
    lines = ["name,kind", "b.tif,r", "a.tif,s"]
    with pytest.raises(UserError, match=r"column 'name' names other files .* such as b\.tif"):
        rows(["x.npy", "y.npy"], lines)
    assert rows(["x.npy", "y.npy"], [lines[0], *lines[:0:-1]]) == [0, 1]


def test_a_file_in_two_rows_is_named_with_its_lines(rows: Rows):
    lines = ["name,kind", "a.npy,1", "b.npy,2", "a.npy,3"]
    with pytest.raises(
        UserError, match=r"names a\.npy in 2 rows \(lines 2, 4\), but it has 1 image"
    ):
        rows(["a.npy", "b.npy"], lines)
