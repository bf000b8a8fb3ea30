"""Large sets in one file: identical images, written once, and again if damaged."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from vaerun.data.dataloader import Batch, InMemoryDataset, make_dataloader
from vaerun.data.datasets import images
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.image_set import Splits, as_tensor
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.sampler import BatchIndices, BatchOrder, EpochSampler
from vaerun.utils.errors import UserError

N = 60
rng = np.random.default_rng(0)
RAMP = (rng.permutation(N * 10 * 14) % 251).reshape(N, 10, 14)
CPU = torch.device("cpu")

Load = Callable[..., Splits]


@pytest.fixture
def load(tmp_path: Path, plain_corruption) -> Load:
    """Loads the images of `tmp_path`, in memory or (by default) from a cache file."""

    def load(path: str = "x.npy", *, seed: int = 0, **changes: object) -> Splits:
        values = {
            "name": "images", "kind": "images", "root": str(tmp_path / "root"),
            "path": str(tmp_path / path), "train_size": None, "val_size": None, "corrupt": "none",
            "keep": None, "drop": None, "from_run": None,
            "corruption": plain_corruption, "batch_size": 5, "repeats": 1, "epochs": 1,
            "invariances": ["r"],
            "angle_range_deg": 180.0, "fills_field": False,
            "every_row": 1, "key": None, "axes": None,
            "label": None, "table": None, "factors": [], "resample_nm": None,
            "size": None, "crop_px": None, "pad_px": None, "grey": False, "normalise": "auto",
            "unmeasured": "auto", "scale": "none", "clip_percent": 0.0,
            "mask": "none", "val_share": 0.25, "skip_unreadable": False, "labelled_share": 1.0,
            "memory_gb": 1e-6,
        }  # fmt: skip
        return images.load(ImagesConfig(**(values | changes)), seed)

    return load


def files(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "root").rglob("*") if path.is_file())


def with_holes(stack: np.ndarray) -> np.ndarray:
    stack = stack.astype(np.float32)
    stack[3, 4, 5:8], stack[20, 0, 0] = np.nan, np.inf
    return stack


@pytest.mark.parametrize(
    ("make", "changes", "stored"),
    [
        (lambda a: a.astype(np.uint8), {}, "u1"),
        (lambda a: a.astype(np.int8), {"normalise": "image", "clip_percent": 2.0}, "i1"),
        (lambda a: (a * 250).astype(">u2"), {"crop_px": 8, "pad_px": 17, "mask": "circle"}, "u2"),
        (lambda a: a.astype(np.uint8), {"size": 9}, "f4"),
        (lambda a: np.stack([a, a // 2, a // 3], -1).astype(np.uint8), {"grey": True}, "f4"),
        (lambda a: np.stack([a, a // 2, a // 3], 1).astype(np.uint8), {}, "u1"),
        (lambda a: a > 100, {}, "f4"),
        (with_holes, {"clip_percent": 1.0}, "f4"),
        (lambda a: with_holes(a).astype(np.float16), {}, "f4"),
        (lambda a: a + 1e9, {}, "f8"),
        (lambda a: (a / 250).astype(np.float32), {"normalise": "none"}, "f4"),
    ],
    ids=[
        "u1",
        "i1",
        "u2",
        "resampled",
        "averaged",
        "colours",
        "flags",
        "holes",
        "f2",
        "f8",
        "none",
    ],
)
def test_images_are_those_that_memory_would_hold_to_the_last_bit(
    tmp_path: Path, load: Load, make: Callable, changes: dict, stored: str
):
    np.save(tmp_path / "x.npy", make(RAMP))
    streamed, held = load(**changes), load(memory_gb=None, **changes)
    assert isinstance(streamed.train.images, FileImages)
    for ours, theirs in zip(streamed.parts, held.parts, strict=True):
        assert isinstance(theirs.images, torch.Tensor)
        assert torch.equal(as_tensor(ours.images), theirs.images)
        assert torch.equal(ours.index, theirs.index)
    assert streamed.window == held.window
    assert all(map(torch.equal, streamed.fingerprint_parts(), held.fingerprint_parts()))
    (file,) = files(tmp_path)
    with h5py.File(file) as opened:
        assert opened["images"].dtype == np.dtype(stored)
        assert opened["images"].chunks is None


def test_files_of_several_types_are_kept_in_one_that_holds_all(tmp_path: Path, load: Load):
    (tmp_path / "many").mkdir()
    for i, kind in enumerate([np.uint8, np.int16, np.uint16] * 5):
        np.save(tmp_path / "many" / f"{i}.npy", RAMP[i].astype(kind))
    streamed, held = load("many"), load("many", memory_gb=None)
    assert torch.equal(as_tensor(streamed.val.images), held.val.images)


def test_one_file_serves_every_split_and_window_and_another_every_other_image(
    tmp_path: Path, load: Load
):
    np.save(tmp_path / "x.npy", RAMP.astype(np.uint8))
    load()
    (first,) = files(tmp_path)
    written = first.stat().st_mtime_ns
    load(seed=1, val_share=0.5, normalise="image", train_size=20, mask="circle")
    assert files(tmp_path) == [first]
    assert first.stat().st_mtime_ns == written
    load(size=12)
    load(crop_px=8)
    assert len(files(tmp_path)) == 3
    np.save(tmp_path / "x.npy", (RAMP + (RAMP == 5)).astype(np.uint8))
    load()
    assert len(files(tmp_path)) == 4


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def other(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros((N, 1, 10, 14), np.float32)


def no_mark(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file.attrs["complete"]


@pytest.mark.parametrize(
    "spoil",
    [half, other, no_mark, lambda p: p.write_bytes(b""), lambda p: p.write_bytes(b"no HDF5" * 99)],
)
def test_a_damaged_file_is_written_again(
    tmp_path: Path, load: Load, spoil: Callable[[Path], None]
):
    np.save(tmp_path / "x.npy", RAMP.astype(np.uint8))
    whole = as_tensor(load().train.images)
    (path,) = files(tmp_path)
    spoil(path)
    assert torch.equal(as_tensor(load().train.images), whole)
    assert files(tmp_path) == [path]


def test_what_a_killed_process_was_writing_goes_and_what_another_writes_stays(
    tmp_path: Path, load: Load
):
    np.save(tmp_path / "x.npy", RAMP.astype(np.uint8))
    load()
    (path,) = files(tmp_path)
    path.unlink()
    old, new = (path.with_name(f".{word}.{path.name}") for word in ("01234567", "89abcdef"))
    for half_written in (old, new):
        half_written.write_bytes(b"half")
    os.utime(old, (time.time() - 9999,) * 2)
    load()
    assert files(tmp_path) == sorted([path, new])


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, load: Load):
    np.save(tmp_path / "x.npy", RAMP.astype(np.uint8))
    (tmp_path / "root").write_text("")
    with pytest.raises(UserError, match=r"data\.root=.* cannot be written .* — give a folder"):
        load()


def test_pixels_out_of_range_and_corruption_are_refused_before_training(
    tmp_path: Path, load: Load
):
    np.save(tmp_path / "x.npy", RAMP.astype(np.float32))
    with pytest.raises(UserError, match=r"data\.normalise=none, but .* from 0 to 250"):
        load(normalise="none")
    with pytest.raises(
        UserError, match=r"data\.corrupt=noise .* 0\.01 GB.* — data\.memory_gb=0\.01"
    ):
        load(corrupt="noise")
    assert len(load(corrupt="noise", memory_gb=0.01).train) == 45


TWICE = """
import sys
from vaerun.config.compose import compose
from vaerun.runs.config import validate
from vaerun.training.context import load_splits
from vaerun.data.image_set import as_tensor
words = ["data=images", "data.path=x.npy", "data.root=root", "data.memory_gb=1e-6"]
print(float(as_tensor(load_splits(validate(compose(words))).train.images).double().sum()))
"""


@pytest.mark.slow
def test_two_processes_at_once_make_one_good_file(tmp_path: Path):
    np.save(tmp_path / "x.npy", np.tile(RAMP, (500, 1, 1)).astype(np.uint8))
    begun = [
        subprocess.Popen([sys.executable, "-c", TWICE], cwd=tmp_path, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    sums = {process.communicate()[0] for process in begun}
    assert [process.returncode for process in begun] == [0, 0]
    assert len(sums) == 1
    assert len(files(tmp_path)) == 1


def annotated(images: FileImages | torch.Tensor) -> Batch:
    number = torch.arange(len(images))
    return Batch(images, images, number, number[:, None].float(), number[:, None] + 0.5)


@pytest.mark.parametrize(("n_labelled", "rank", "n_ranks"), [(0, 0, 1), (9, 0, 1), (0, 1, 2)])
def test_batches_from_the_file_are_those_from_memory_in_the_same_order(
    tmp_path: Path, load: Load, n_labelled: int, rank: int, n_ranks: int
):
    np.save(tmp_path / "x.npy", RAMP.astype(np.uint8))
    stack = load(memory_gb=2e-5).train.images
    assert stack.n_windows == 3
    order = BatchOrder(
        batch_size=7, seed=1, epoch=lambda: 4, seen=lambda: 1, rank=rank, n_ranks=n_ranks
    )
    streamed = list(make_dataloader(annotated(stack), CPU, order, n_labelled=n_labelled))
    sampler = EpochSampler(len(stack) - n_labelled, order, n_labelled=n_labelled, n_windows=3)
    source = InMemoryDataset(annotated(as_tensor(stack)), CPU)
    wanted = [source[rows] for rows in sampler]
    assert len(streamed) == len(wanted) == len(sampler) - 1
    for ours, theirs in zip(streamed, wanted, strict=True):
        assert ours.target is ours.images
        assert ours.share == theirs.share
        assert all(map(torch.equal, ours[:5], theirs[:5]))


def test_a_file_is_never_held_as_a_whole(tmp_path: Path, load: Load, monkeypatch):
    np.save(tmp_path / "x.npy", RAMP.astype(np.uint8))
    stack = load(memory_gb=2e-5).train.images
    read: list[int] = []
    honest = FileImages.read_raw

    def read_raw(self: FileImages) -> np.ndarray:
        read.append(len(self))
        return honest(self)

    monkeypatch.setattr(FileImages, "read_raw", read_raw)
    batches = make_dataloader(annotated(stack), CPU, BatchOrder(batch_size=4, seed=0))
    assert len(list(batches)) == len(batches)
    assert sum(read) == len(stack)
    assert max(read) <= stack.held_bytes / 140 + 4


def test_a_window_is_asked_for_as_rows_of_the_source(tmp_path: Path, load: Load):
    np.save(tmp_path / "x.npy", RAMP.astype(np.uint8))
    splits = load()
    index = torch.tensor([7, 3, 3, 40])
    rows = BatchIndices(index, None)
    found = splits.train.images.select(rows.positions).read_raw()
    np.testing.assert_array_equal(found[:, 0], RAMP[splits.train.index[index].numpy()])
