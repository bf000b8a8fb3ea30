"""Particles: what is drawn agrees with the truth that comes with it."""

import math

import numpy as np
import pytest
import torch

from vaerun import geometry
from vaerun.config.compose import compose
from vaerun.data.datasets.particles import ParticlesConfig, load, load_labelled
from vaerun.data.image_set import Splits
from vaerun.runs.config import validate
from vaerun.utils.errors import UserError

CLEAN = ("noise_sd=0", "background=0", "contrast=1", "blur_px=0")


def config(*typed: str) -> ParticlesConfig:
    words = [f"data.{word}" for word in typed]
    found = validate(compose(["data=particles", "data.train_size=60", "data.val_size=8", *words]))
    assert isinstance(found.data, ParticlesConfig)
    return found.data


def drawn(*typed: str, seed: int = 0) -> Splits:
    return load(config(*typed), seed)


def centre_px(images: torch.Tensor) -> torch.Tensor:
    """Centre of mass (N, 2), row and column from the middle, in pixels."""
    side = images.shape[-1]
    at = torch.arange(side) - (side - 1) / 2
    mass = images[:, 0]
    total = mass.sum((1, 2))
    return (
        torch.stack([(mass.sum(2) * at).sum(1), (mass.sum(1) * at).sum(1)], dim=1) / total[:, None]
    )


def test_angle_is_the_turn_from_the_unturned_drawing():
    still = drawn(*CLEAN, "rotation_deg=0").train
    train = drawn(*CLEAN).train
    again = geometry.rotate(still.images, train.factors["angle"])
    assert torch.equal(train.label, still.label)
    assert float(train.factors["angle"].abs().max()) > 2.5
    assert float((again - train.images).abs().mean()) < 0.01


def test_shift_and_scale_are_those_of_the_drawing():
    train = drawn(*CLEAN, "shift_px=4", "size_variation=0.25").train
    shift = torch.stack([train.factors["shift_row"], train.factors["shift_column"]], dim=1)
    torch.testing.assert_close(centre_px(train.images), shift, rtol=0, atol=0.1)
    scale = train.factors["scale"]
    assert 0.75 <= float(scale.min()) < 0.8 < 1.2 < float(scale.max()) <= 1.25
    for k in range(4):
        kind = train.label == k
        usual = train.images[kind].sum((1, 2, 3)) / scale[kind] ** 2
        assert float(usual.std() / usual.mean()) < 0.01


def test_the_first_images_of_a_larger_set_are_those_of_a_smaller_one():
    all_at_once = ("counts=20", "neighbours=0.5", "background_gradient=0.1", "shares=[3,2,2,1]")
    small = drawn(*all_at_once)
    large = load(config(*all_at_once, "train_size=300"), 0)
    assert torch.equal(large.train.images[:60], small.train.images)
    assert torch.equal(large.train.label[:60], small.train.label)
    assert torch.equal(large.val.images, small.val.images)
    assert not torch.equal(drawn(*all_at_once, seed=1).train.images, small.train.images)


def test_kinds_come_in_their_shares():
    n, shares = 4000, np.array([90, 8, 2])
    outlines = "outlines=[zee,star,rod]"
    label = drawn(
        outlines, "shares=[90,8,2]", f"train_size={n}", "size=8", "diameter_px=6"
    ).train.label
    expected = n * shares / 100
    sd = np.sqrt(expected * (1 - shares / 100))
    assert (np.abs(np.bincount(label.numpy()) - expected) < 4 * sd).all()


def test_symmetry_of_each_kind_goes_with_the_images():
    splits = drawn("outlines=[flower,ell,zee]")
    assert splits.classes == ["flower", "ell", "zee"]
    assert list(splits.symmetry) == [6, 1, 2]


def test_noise_has_its_sd_and_counts_are_poisson():
    corner = (slice(None), 0, slice(0, 6), slice(0, 6))  # background of every image
    ground = ("background=0.5", "contrast=0.4")
    noisy = drawn(*ground, "noise_sd=0.05", "train_size=300").train.images[corner]
    assert float(noisy.mean()) == pytest.approx(0.5, abs=0.002)
    assert float(noisy.std()) == pytest.approx(0.05, rel=0.03)
    counted = drawn(*ground, "noise_sd=0", "counts=200", "train_size=300").train.images[corner]
    assert float(counted.mean()) == pytest.approx(0.5, abs=0.002)
    assert float(counted.var()) == pytest.approx(0.5 / 200, rel=0.05)
    assert torch.allclose((counted * 200).round(), counted * 200, atol=1e-3)


def test_the_background_is_tilted_in_every_direction():
    tilted = drawn("noise_sd=0", "background=0.3", "contrast=0.5", "background_gradient=0.2").train
    corners = tilted.images[:, 0][:, [0, 0, -1, -1], [0, -1, 0, -1]]  # (N, 4)
    assert float((corners - 0.3).abs().max()) <= 0.1 * math.sqrt(2) + 1e-6
    assert (corners[:, 0] > 0.32).any()
    assert (corners[:, 3] > 0.32).any()
    torch.testing.assert_close(corners[:, 0] + corners[:, 3], torch.full((60,), 0.6))


def test_neighbours_reach_into_their_share_of_the_images():
    images = drawn(*CLEAN, "diameter_px=20", "neighbours=0.4", "train_size=500").train.images
    border = torch.ones(48, 48, dtype=torch.bool)
    border[2:-2, 2:-2] = False
    reached = float((images[:, 0, border].amax(1) > 0.5).float().mean())
    assert 0.1 < reached < 0.4  # some stay just outside
    alone = drawn(*CLEAN, "diameter_px=20", "train_size=500").train.images
    assert float(alone[:, 0, border].max()) == 0


def test_dark_particles_on_a_bright_ground():
    images = drawn("noise_sd=0", "background=0.8", "contrast=-0.6").train.images
    assert float(images.max()) == pytest.approx(0.8, abs=1e-5)
    assert float(images.min()) == pytest.approx(0.2, abs=1e-3)


def test_labelled_particles_are_as_many_of_each_kind():
    settings = config("labelled_per_class=3", "shares=[90,8,1,1]")
    labelled = load_labelled(settings, 0, load(settings, 0))
    assert torch.bincount(labelled.label).tolist() == [3, 3, 3, 3]
    assert labelled.index.tolist() == list(range(68, 80))


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (["outlines=[zee,zee]"], "data.outlines=[zee,zee] is empty or names one twice — name"),
        (["outlines=[]"], "data.outlines=[] is empty or names one twice — name each"),
        (["outlines=[zeee]"], "data.outlines[0]=zeee is not a choice — did you mean zee"),
        (["shares=[1,2]"], "data.shares=[1.0,2.0] are 2, but there are 4 outlines — give as many"),
        (["contrast=0.95"], "data.contrast=0.95 on data.background=0.1 makes particles of"),
        (["contrast=0"], "data.contrast=0 on data.background=0.1 makes particles of"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_in_one_line(typed: list[str], line: str):
    with pytest.raises(UserError) as caught:
        config(*typed)
    assert str(caught.value).startswith(line)


def test_unposed_particles_differ_in_angle_and_shift_alone():
    as_is = ("size_variation=0.25", "shear_deg=10", "contrast_variation=0.3")
    light = ("background_gradient=0.1", "noise_sd=0")
    val = drawn(*as_is, *light, "shift_px=4").val
    unposed = val.select_unposed(torch.tensor([5, 1]))
    assert unposed is not None
    still = drawn(*as_is, *light, "shift_px=0", "rotation_deg=0").val
    torch.testing.assert_close(unposed.images, still.images[[5, 1]])
    assert torch.equal(unposed.factors["scale"], val.factors["scale"][[5, 1]])
    assert torch.equal(unposed.factors["contrast"], val.factors["contrast"][[5, 1]])


def test_unposed_particles_are_as_noisy_and_the_same_each_time():
    val = drawn("counts=20", "noise_sd=0.1").val
    index = torch.arange(8)
    first, second = (val.select_unposed(index) for _ in range(2))
    assert first is not None
    assert second is not None
    assert torch.equal(first.images, second.images)
    corner = (slice(None), slice(None), slice(0, 8), slice(0, 8))
    noise = [float(images[corner].std()) for images in (val.images, first.images)]
    assert noise[1] == pytest.approx(noise[0], rel=0.2)
    assert not torch.equal(val.images[corner], first.images[corner])
