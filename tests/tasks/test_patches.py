"""Patches of frames in place of ready images: a run ends in the same numbers, bit by bit."""

import csv
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vaerun.data.image_set import ImageSet, Splits
from vaerun.data.lazy.frame_patches import FramePatches
from vaerun.data.load import DATASETS, Dataset
from vaerun.data.patch_location import PatchLocation
from vaerun.models.encodings import read_latents
from vaerun.training.clustering import template_mixture

TINY = (
    "data.train_size=40",
    "data.repeats=1",
    "data.val_size=20",
    "data.batch_size=20",
    "data.labelled_per_class=2",
    "model.hidden=[12,10]",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)
IN_A_FRAME, BORDER = 8, 3  # images side by side; pixels around them


def in_frames(ready: ImageSet) -> ImageSet:
    """The same images, laid side by side in frames and to be cut out of them."""
    n, _, height, width = ready.images.shape
    n_frames = -(-n // IN_A_FRAME)
    filled = torch.cat([ready.images, ready.images[: n_frames * IN_A_FRAME - n]])[:, 0]
    strips = filled.view(n_frames, IN_A_FRAME, height, width).transpose(1, 2).flatten(2)
    frames = list(F.pad(strips, [BORDER] * 4, value=0.7))
    frame, across = np.divmod(np.arange(n), IN_A_FRAME)
    row, column = np.full(n, (height - 1) / 2), across * width + (width - 1) / 2
    centre = BORDER + np.stack([row, column], axis=1)
    place = PatchLocation(
        frame=frame,
        centre=centre.astype(np.float32),
        species=np.full(n, -1),
        ring_class=ready.label.numpy() - 1,
    )
    images = FramePatches.cut(frames, frame, centre, (height, width))
    return dataclasses.replace(ready, images=images, place=place)


@pytest.fixture
def run(vaerun, monkeypatch) -> Callable[..., Path]:
    """A run of the real command on a few cards, ready or in frames; its folder.

    The template mixture is fitted in few steps, and the arrays behind the figures are not drawn.
    """
    monkeypatch.setattr(template_mixture, "_STEPS", 10)
    monkeypatch.setattr(template_mixture, "_FEWEST_STEPS", 10)
    monkeypatch.setattr("vaerun.tasks.results.draw", lambda *_: {})
    cards = DATASETS["cards"]

    def load(config, seed: int) -> Splits:
        splits = cards.load(config, seed)
        return dataclasses.replace(
            splits, train=in_frames(splits.train), val=in_frames(splits.val)
        )

    def load_labelled(*asked) -> ImageSet:
        return in_frames(cards.load_labelled(*asked))

    def finish(*overrides: str, patches: bool) -> Path:
        kind = Dataset(cards.config, load, load_labelled) if patches else cards
        monkeypatch.setitem(DATASETS, "cards", kind)
        status, output, errors = vaerun(*TINY, *overrides)
        assert (status, errors) == (0, [])
        return Path(output[-1].removeprefix("run: "))

    return finish


def rows(folder: Path) -> list[dict[str, str]]:
    """The log of every epoch, but for the time it took."""
    with (folder / "metrics.csv").open() as file:
        logged = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in logged]


def metrics(folder: Path) -> dict[str, object]:
    logged = json.loads((folder / "metrics.json").read_text())
    return {name: value for name, value in logged.items() if name != "train"}


@pytest.mark.parametrize(
    "choice",
    [
        ("data.size=16", "data.corrupt=noise"),
        ("data.size=16", "model=ssrvae", "model.clustering.templates=2"),
        ("data.size=30", "model=jrvae", "model.clustering.templates=2", "model.invariances=[r,t]"),
    ],
    ids=" ".join,
)
def test_a_run_on_patches_is_one_on_ready_images(run, choice: tuple[str, ...]):
    ready, patched = (run(*choice, patches=patches) for patches in (False, True))
    assert len(rows(ready)) == 2
    assert rows(patched) == rows(ready)
    assert metrics(patched) == metrics(ready)
    one, two = (dict(np.load(run / "figures/arrays.npz")) for run in (ready, patched))
    assert one.keys() == two.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(two[name], values, err_msg=name)
    ours, theirs = (read_latents(run / "latents.h5") for run in (patched, ready))
    np.testing.assert_array_equal(ours.z_mean, theirs.z_mean)


def test_encodings_hold_the_positions_of_patches(run):
    folder = run("data.size=16", "model=vae", patches=True)
    with h5py.File(folder / "latents.h5") as file:
        assert file["frame"][()].tolist() == [i // 8 for i in [*range(40), *range(20)]]
        assert file["centre"].dtype == np.float32
        assert file["centre"][41].tolist() == [3 + 7.5, 3 + 16 + 7.5]
        np.testing.assert_array_equal(file["ring_class"], file["label"][()] - 1)
        assert "species" not in file  # unknown for cards
