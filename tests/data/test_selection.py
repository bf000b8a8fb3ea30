"""Selected images keep their numbers and their parts; files of other images are refused."""

import csv
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from vaerun.data.config import DataConfig
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.load import load, load_all
from vaerun.utils.errors import UserError

Make = Callable[..., DataConfig]
N = 30


@pytest.fixture
def images(tmp_path: Path, config: Make) -> Make:
    """Makes the config of thirty images, each of which has its number in its first pixel."""
    pixels = np.random.default_rng(0).random((N, 10, 10), np.float32)
    pixels[:, 0, 0] = np.arange(N) / N
    np.save(tmp_path / "x.npy", pixels)
    return lambda **changes: config("x.npy", normalise="none", **changes)


def table(path: Path, index: list, **columns: object) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["index", *columns])
        writer.writerows([i, *columns.values()] for i in index)
    return str(path)


def run_folder(folder: Path, index: np.ndarray, source: str = "") -> str:
    """A folder with the `latents.h5` of a run on some images."""
    folder.mkdir()
    n = len(index)
    with h5py.File(folder / "latents.h5", "w") as file:
        file["z_mean"] = np.stack([index, -index], 1).astype(np.float32)
        file["shift"] = np.zeros((n, 2), np.float32)
        file["index"], file["split"], file["label"] = index, np.zeros(n, np.uint8), index % 3
        file["error"] = index / 100
        file.attrs["source_fingerprint"] = source
        file.attrs["classes"] = ["a", "b", "c"]
    return str(folder)


def numbers(splits) -> list[int]:
    return sorted(splits.train.index.tolist() + splits.val.index.tolist())


def test_kept_images_keep_number_part_and_pixels(images: Make, tmp_path: Path) -> None:
    whole, some = load(images(), 0), list(range(3, N, 2))
    kept = load(images(keep=table(tmp_path / "s.csv", some[::-1])), 0)
    assert numbers(kept) == some
    for part, of_all in ((kept.train, whole.train), (kept.val, whole.val)):
        assert set(part.index.tolist()) == set(of_all.index.tolist()) & set(some)
        assert np.allclose(part.images[:, 0, 0, 0].numpy(), part.index.numpy() / N)
    assert kept.source == whole.source
    assert kept.selection["images"] == N
    assert kept.selection["kept"] == len(some)
    dropped = load(images(drop=table(tmp_path / "d.csv", some)), 0)
    assert numbers(dropped) == sorted({*range(N)} - {*some})


def test_a_second_round_goes_by_the_numbers_of_the_first(images: Make, tmp_path: Path) -> None:
    source = load(images(), 0).source
    first = load(images(keep=table(tmp_path / "s.csv", list(range(10, N)))), 0)
    run = run_folder(tmp_path / "run", np.array(numbers(first)), source)
    second = load(images(from_run=run, keep="class=b and z1<25", drop="error=0.13"), 0)
    assert numbers(second) == [10, 16, 19, 22]
    assert numbers(load(images(from_run=run, drop="z1>=20"), 0)) == list(range(10, 20))
    assert load_all(images(from_run=run), 0).images.index.tolist() == list(range(10, N))


def test_streamed_images_are_selected_as_those_in_memory(images: Make, tmp_path: Path) -> None:
    keep = table(tmp_path / "s.csv", list(range(0, N, 3)))
    streamed = load(images(keep=keep, memory_gb=1e-9, root=str(tmp_path / "cache")), 0)
    in_memory = load(images(keep=keep), 0)
    assert isinstance(streamed.train.images, FileImages)
    assert np.array_equal(streamed.train.images.as_tensor(), in_memory.train.images)


def test_drawn_images_are_selected_but_not_by_a_table_of_others(cards: Make, tmp_path: Path):
    whole = load(cards(), 0)
    keep = table(tmp_path / "s.csv", list(range(20, 48)), source=f"sha256:{whole.source[:12]}")
    kept = load(cards(keep=keep), 0)
    assert numbers(kept) == list(range(20, 48))
    assert np.array_equal(kept.train.images, whole.train.images[20:])
    unposed = kept.val.select_unposed(torch.arange(3))
    assert torch.equal(unposed.images, whole.val.select_unposed(torch.arange(3)).images)
    for other, seed in ((cards(keep=keep), 1), (cards(keep=keep, shear_deg=5.0), 0)):
        with pytest.raises(UserError, match=r"s.csv is of other images \(.*\) than data=cards_te"):
            load(other, seed)


def test_labelled_images_of_a_report_are_no_obstacle_and_are_counted(
    cards: Make, tmp_path: Path, caplog
) -> None:
    whole = load(cards(), 0, labelled=True)
    assert whole.labelled is not None
    index = [*range(0, 52, 3), *whole.labelled.index.tolist()]
    keep = table(tmp_path / "s.csv", index, source=f"sha256:{whole.source[:12]}")
    with caplog.at_level("INFO"):
        kept = load(cards(keep=keep), 0, labelled=True)
    assert numbers(kept) == list(range(0, 52, 3))
    assert len(kept.labelled) == len(whole.labelled)
    assert "index 52 and 7 others are not among the 52 images" in caplog.text


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("number,z1\n1,2\n", "has no column index (it has number, z1) — give the file that a"),
        (
            "index\n1\n2.5\n",
            "line 3: index 2.5 is not the number of an image — give whole",
        ),
        ("index,z1\n1,0\n,0\n", "line 3: index missing is not the number of an image"),
        (
            "index\n1\n30\n31\n",
            "index 30 and 1 others are not among the 30 images of data=images,",
        ),
        ("index\n-1\n", "index -1 is not among the 30 images"),
        ("index\n1\n", "of 22 training images — choose at least 2 of them"),
        ("index,source\n1,sha256:000000000000\n", "is of other images (000000000000) than data="),
        ("index,source\n1,sha256:\n2,x\n", "is of other images (x)"),
        ("", "has no rows"),
    ],
)
def test_a_table_that_selects_nothing_is_refused(images: Make, tmp_path: Path, text, line) -> None:
    with pytest.raises(UserError) as caught:
        load(images(keep=write(tmp_path / "s.csv", text)), 0)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_that_cannot_be_asked_is_refused(images: Make, tmp_path: Path) -> None:
    other = run_folder(tmp_path / "other", np.arange(N), "f" * 64)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "latents.h5").write_text("no")
    for changes, line in (
        ({"keep": "z1>0"}, "data.keep=z1>0 compares columns of a run, and none is named — add"),
        ({"from_run": str(tmp_path / "othr")}, "is not there — did you mean other"),
        ({"from_run": str(tmp_path / "empty")}, "has no latents.h5"),
        ({"from_run": str(tmp_path / "broken")}, "is not a latents.h5 that a run has written"),
        ({"from_run": other}, "is of other images (ffffffffffff)"),
        ({"keep": str(tmp_path / "missing.csv")}, "cannot be read: it is not there"),
        ({"keep": "class=1.csv"}, "cannot be read: it is not there"),
    ):
        with pytest.raises(UserError) as caught:
            load(images(**changes), 0)
        assert line in str(caught.value)
