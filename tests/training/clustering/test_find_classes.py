"""Pseudo-labels: classes whose images run smoothly into one another, at any angle."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from vaerun.config.compose import compose
from vaerun.data.io.lazy_array import ArraySelector
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.image_files import ImageFiles
from vaerun.data.lazy.preprocessing import Preprocessing
from vaerun.data.load import load
from vaerun.evaluation.metrics.clustering import agreement
from vaerun.geometry import pixel_grid
from vaerun.runs.config import validate
from vaerun.training.clustering import find_classes, small_images
from vaerun.training.clustering.find_classes import find_pseudo_labels
from vaerun.training.clustering.settings import clustering_settings
from vaerun.training.clustering.small_images import downsample

from .shapes import (
    CPU,
    FULL_CIRCLE,
    N,
    accuracy,
    letter,
    ring,
    shapes,
    uniform,
    unknown,
)

pytestmark = pytest.mark.usefixtures("few_steps")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"seed": 1},
        {"noise": 0.25},
        {"size": (16, 20)},
        {"size": (20, 15), "seed": 1},
    ],
    ids=str,
)
def test_shapes_are_separated_without_a_label(options: dict[str, Any]):
    images, kind = shapes(**options)
    pseudo = find_pseudo_labels(images, unknown(), FULL_CIRCLE, options.get("seed", 0), CPU).label
    assert accuracy(pseudo, kind) >= 0.95


def test_shapes_in_two_channels_are_separated():
    images, kind = shapes()
    both = torch.cat([0.1 * images, 1 - 0.8 * images], dim=1)
    assert accuracy(find_pseudo_labels(both, unknown(), FULL_CIRCLE, 0, CPU).label, kind) >= 0.95


def test_large_images_are_separated_by_fewer_pixels():
    images, kind = shapes(size=(60, 45))
    assert max(downsample(images).shape[2:]) <= 24
    assert accuracy(find_pseudo_labels(images, unknown(), FULL_CIRCLE, 0, CPU).label, kind) >= 0.95


@pytest.mark.parametrize("dark", [False, True])
def test_shifted_shapes_are_separated_once_centred(dark: bool):
    images, kind = shapes(shift_px=7, size=(28, 28), scale=0.6)
    images = 1 - images if dark else images
    centring = dataclasses.replace(FULL_CIRCLE, centre=True)
    assert accuracy(find_pseudo_labels(images, unknown(), centring, 0, CPU).label, kind) >= 0.95
    assert accuracy(find_pseudo_labels(images, unknown(), FULL_CIRCLE, 0, CPU).label, kind) < 0.9


def test_a_mask_ignores_what_rotates_out_of_the_image():
    """Corners have a random brightness; only the inscribed circle shows the shapes."""
    images, kind = shapes()
    corners = ~(torch.hypot(*pixel_grid(20, 20).unbind(-1)) <= 1.05)
    bright = torch.rand(N, 1, 1, 1, generator=torch.Generator().manual_seed(0)).round()
    images = torch.where(corners, bright, images)
    masked = dataclasses.replace(FULL_CIRCLE, mask=True)
    assert accuracy(find_pseudo_labels(images, unknown(), masked, 0, CPU).label, kind) >= 0.95
    assert accuracy(find_pseudo_labels(images, unknown(), FULL_CIRCLE, 0, CPU).label, kind) < 0.9


@pytest.mark.parametrize("light", [(0.2, 0.5), (0.7, -0.4)], ids=["bright", "dark"])
def test_grey_noisy_shapes_of_any_size_are_separated(light: tuple[float, float]):
    """The noise is that of a Gaussian likelihood; sizes are brought to one beforehand."""
    images, kind = shapes(2 * N, shift_px=3, size=(32, 32), scale=0.55)
    half = len(images) // 2
    larger, _ = shapes(2 * N, shift_px=3, size=(32, 32), scale=0.75)
    images[half:] = larger[half:]
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    grey = (light[0] + light[1] * images + 0.12 * noise).clamp(0, 1)
    grey_settings = dataclasses.replace(
        FULL_CIRCLE, centre=True, size=True, likelihood="gaussian", n_templates=24
    )
    label = find_pseudo_labels(grey, unknown(2 * N), grey_settings, 0, CPU).label
    assert accuracy(label, kind) >= 0.95


def test_several_mixtures_are_joined_in_one_graph():
    images, kind = shapes(noise=0.25)
    twice = dataclasses.replace(FULL_CIRCLE, n_templates=9, n_repeats=2)
    assert accuracy(find_pseudo_labels(images, unknown(), twice, 0, CPU).label, kind) >= 0.95


def test_a_few_labels_name_the_classes_and_stay_as_given():
    images, kind = shapes()
    labelled, labelled_kind = shapes(15, turn=0.1, seed=5)
    names = torch.tensor([2, 0, 1])
    label = torch.cat([unknown(), names[labelled_kind]])
    label[N] = names[1]  # a given label holds, even a wrong one
    pseudo = find_pseudo_labels(torch.cat([images, labelled]), label, FULL_CIRCLE, 0, CPU).label
    assert pseudo[N:].tolist() == label[N:].tolist()
    assert float((pseudo[:N] == names[kind]).float().mean()) >= 0.95


def on_disk(folder: Path, images: Tensor) -> FileImages:
    np.save(folder / "images.npy", (255 * images[:, 0]).round().numpy().astype(np.uint8))
    selector = ArraySelector(None, 5, stacks=True)
    source = ImageFiles.scan([folder / "images.npy"], selector, skip_unreadable=False)
    return FileImages(
        source=source, rows=torch.arange(len(source)), prepare=Preprocessing(), window=(0, 255)
    )


def test_images_on_disk_that_were_not_fitted_to_are_predicted(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(find_classes, "_MOST_TO_FIT", 400)
    monkeypatch.setattr(small_images, "_CHUNK", 70)
    images, kind = shapes(2 * N, kinds=(letter, ring))
    wanted = dataclasses.replace(FULL_CIRCLE, n_classes=2)
    pseudo = find_pseudo_labels(on_disk(tmp_path, images), unknown(2 * N), wanted, 0, CPU)
    assert accuracy(pseudo.label, kind) >= 0.95
    angle = math.pi * uniform(2 * N, 0)[0, :, 0]
    of_letters = (kind == 0) & pseudo.angle.isfinite()
    assert int(of_letters.sum()) > 0.95 * N
    off = (pseudo.angle - angle)[of_letters].double()
    assert float(torch.polar(torch.ones_like(off), off).mean().abs()) > 0.95


def test_few_images_on_disk_are_predicted_as_in_memory(tmp_path: Path):
    images, _ = shapes(300)
    stack = on_disk(tmp_path, images)
    label = unknown(300)
    label[:9] = torch.arange(9) % 3
    ours, theirs = (
        find_pseudo_labels(some, label, FULL_CIRCLE, 0, CPU) for some in (stack, stack[:])
    )
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_labelled_images_are_among_those_that_are_fitted_to(monkeypatch):
    monkeypatch.setattr(find_classes, "_MOST_TO_FIT", 100)
    label = unknown(5000)
    label[-30:] = 1
    some = find_classes._subset_to_fit(label)
    assert len(some) == len(some.unique()) == 100
    assert int((label[some] >= 0).sum()) == 30
    label[:4000] = 0
    assert int((label[find_classes._subset_to_fit(label)] >= 0).sum()) == 50


def test_a_seed_determines_pseudo_labels_and_leaves_other_random_numbers_alone():
    images, _ = shapes(noise=0.25)
    pseudo = []
    for state in (1, 2):
        torch.manual_seed(state)
        np.random.seed(state)  # noqa: NPY002
        before, before_numpy = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
        pseudo.append(find_pseudo_labels(images, unknown(), FULL_CIRCLE, 3, CPU))
        assert torch.equal(torch.get_rng_state(), before)
        assert (np.random.get_state()[1] == before_numpy).all()  # noqa: NPY002
    for one, other in zip(*pseudo, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_identical_images_do_not_fail():
    pseudo = find_pseudo_labels(
        torch.full((7, 1, 9, 9), 0.3), unknown(7), FULL_CIRCLE, 0, CPU
    ).label
    assert len(pseudo) == 7
    assert set(pseudo.tolist()) <= {-1, 0, 1, 2}


@pytest.mark.parametrize("seed", [0, 1])
def test_angles_of_a_class_refer_to_one_canonical_orientation(seed: int):
    """Positive angles are counter-clockwise, as everywhere."""
    images, kind = shapes(kinds=(letter, ring), seed=seed)
    wanted = dataclasses.replace(FULL_CIRCLE, n_classes=2)
    pseudo = find_pseudo_labels(images, unknown(), wanted, seed, CPU)
    angle = math.pi * uniform(N, seed)[0, :, 0]
    of_letters = (kind == 0) & pseudo.angle.isfinite()
    assert int(of_letters.sum()) > 0.95 * N / 2
    off = (pseudo.angle - angle)[of_letters].double()
    assert float(torch.polar(torch.ones_like(off), off).mean().abs()) > 0.95
    assert accuracy(pseudo.label, kind) >= 0.95


def test_angles_are_known_only_if_the_full_circle_is_searched():
    images, _ = shapes(30, turn=math.pi / 4)
    narrow = dataclasses.replace(FULL_CIRCLE, n_templates=3, angle_range=math.pi / 4)
    assert find_pseudo_labels(images, unknown(30), narrow, 0, CPU).angle.isnan().all()


def test_curves_of_two_shapes_are_separated_whatever_their_shift_and_gain():
    data = ["data=peaks", "data.train_size=800", "data.val_size=10", "data.shapes=[doublet,fano]"]
    config = validate(compose([*data, "model=jrvae", "model.likelihood=gaussian"]))
    train = load(config.data, 0).train
    settings = clustering_settings(config.model, 2)
    assert settings.shift_range == 0.5
    assert settings.angle_range == 0
    unknown = torch.full_like(train.label, -1)
    found = find_pseudo_labels(train.images, unknown, settings, 0, CPU)
    assert agreement(found.label.numpy(), train.label.numpy())["hungarian"] > 0.97
    assert found.angle.isnan().all()  # there is no rotation to learn
