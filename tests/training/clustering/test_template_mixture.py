"""Pseudo-labels: classes whose images run smoothly into one another, at any angle."""

import dataclasses
import math
from collections.abc import Callable, Sequence
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
from vaerun.geometry import Pose, pixel_grid, pixel_size, place
from vaerun.runs.config import validate
from vaerun.training.clustering import find_classes, small_images, template_mixture
from vaerun.training.clustering.find_classes import find_pseudo_labels
from vaerun.training.clustering.settings import ClusteringSettings, clustering_settings
from vaerun.training.clustering.small_images import downsample
from vaerun.training.clustering.template_mixture import TemplateMixture

CPU = torch.device("cpu")
N = 600
FULL_CIRCLE = ClusteringSettings(
    n_classes=3,
    n_templates=15,
    n_repeats=1,
    angle_range=math.pi,
    centre=False,
    size=False,
    mask=False,
    likelihood="bernoulli",
)


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_mixture, "_STEPS", 80)
    monkeypatch.setattr(template_mixture, "_BATCH", 100)
    monkeypatch.setattr(find_classes, "_MOST_STARTS", 1)


def bar(u: Tensor, v: Tensor) -> Tensor:
    """Distance from the border of a bar, below 0 inside."""
    return torch.maximum(u.abs() - 0.7, v.abs() - 0.14)


def ring(u: Tensor, v: Tensor) -> Tensor:
    """Distance from the border of a ring, below 0 inside."""
    return (torch.hypot(u, v) - 0.45).abs() - 0.13


def cross(u: Tensor, v: Tensor) -> Tensor:
    """Distance from the border of a cross, below 0 inside."""
    arms = [torch.maximum(a.abs() - 0.5, b.abs() - 0.15) for a, b in ((u, v), (v, u))]
    return torch.minimum(*arms)


def letter(u: Tensor, v: Tensor) -> Tensor:
    """Distance from the border of an L, which has no rotational symmetry."""
    stem = torch.maximum(u.abs() - 0.6, (v + 0.15).abs() - 0.14)
    foot = torch.maximum((u - 0.46).abs() - 0.14, (v - 0.2).abs() - 0.4)
    return torch.minimum(stem, foot)


def uniform(n: int, seed: int) -> Tensor:
    """Rotation, stretch, row and column shift of each of n images, −1 to 1, (4, n, 1)."""
    random = torch.Generator().manual_seed(seed)
    return torch.rand(4, n, 1, generator=random) * 2 - 1


def shapes(
    n: int = N,
    *,
    kinds: Sequence[Callable[[Tensor, Tensor], Tensor]] = (bar, ring, cross),
    size: tuple[int, int] = (20, 20),
    turn: float = math.pi,
    scale: float = 1.0,
    shift_px: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """Images of some kinds, randomly stretched, rotated and shifted, and the kind of each."""
    angle, along, row, column = uniform(n, seed)
    pixel = pixel_size(*size)
    points = pixel_grid(*size).flatten(0, 1)
    rows, columns = points[:, 0] - shift_px * pixel * row, points[:, 1] - shift_px * pixel * column
    cos, sin = torch.cos(turn * angle), torch.sin(turn * angle)
    u, v = (cos * rows + sin * columns) / (1 + 0.2 * along), cos * columns - sin * rows
    kind = torch.arange(n) % len(kinds)
    each = torch.stack([scale * shape(u / scale, v / scale) for shape in kinds])
    distance = each[kind, torch.arange(n)]
    images = torch.sigmoid(-4 * distance / pixel).view(n, 1, *size)
    random = torch.Generator().manual_seed(seed + 100)
    images = images + noise * torch.randn(images.shape, generator=random)
    return images.clamp(0, 1), kind


def unknown(n: int = N) -> Tensor:
    return torch.full((n,), -1)


def accuracy(pseudo: Tensor, kind: Tensor) -> float:
    """Share of images whose cluster is matched to their kind; −1 counts as wrong."""
    sure = pseudo >= 0
    share = agreement(pseudo[sure].numpy(), kind[sure].numpy())["hungarian"]
    return share * float(sure.float().mean())


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


def test_the_sd_of_a_gaussian_mixture_becomes_that_of_the_noise():
    images, _ = shapes(kinds=(ring,), noise=0.0)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    gaussian = dataclasses.replace(FULL_CIRCLE, likelihood="gaussian", n_templates=6)
    torch.manual_seed(0)
    mixture = TemplateMixture(images + 0.2 * noise, gaussian, 1.0)
    mixture.fit(images + 0.2 * noise)
    assert mixture.sd == pytest.approx(0.2, rel=0.15)


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


def new_mixture(
    size: tuple[int, int], *, mask: bool, channels: int = 1, weight: float = 1
) -> TemplateMixture:
    torch.manual_seed(0)
    wanted = dataclasses.replace(FULL_CIRCLE, n_templates=3, mask=mask)
    return TemplateMixture(torch.rand(5, channels, *size), wanted, weight)


@pytest.mark.parametrize("mask", [False, True])
def test_a_score_is_the_log_likelihood_of_the_rotated_template(mask: bool):
    made = new_mixture((7, 9), mask=mask, channels=2, weight=1.7)
    x = torch.rand(2, 2, 7, 9)
    got = made(x).unflatten(1, (3, -1))
    rows, columns = np.mgrid[-3:4, -4:5]
    inside = torch.from_numpy(np.hypot(rows, columns) <= 3.5) if mask else torch.ones(7, 9) > 0
    for k in (0, 5, 20):
        angle = torch.full((3,), 2 * math.pi * k / 32)
        turned = place(made.templates, Pose.identity(3)._replace(angle=angle), (7, 9))
        coin = torch.distributions.Bernoulli(logits=turned[None], validate_args=False)
        want = 1.7 * coin.log_prob(x[:, None])[..., inside].sum((2, 3))
        torch.testing.assert_close(got[:, :, k], want, rtol=1e-4, atol=1e-4)
    score, step = made.log_likelihood(x)
    torch.testing.assert_close(score, got.detach().logsumexp(2))
    assert torch.equal(step, got.argmax(2))


def test_a_gaussian_score_is_the_log_likelihood_up_to_a_constant():
    torch.manual_seed(0)
    gaussian = dataclasses.replace(FULL_CIRCLE, likelihood="gaussian", n_templates=3)
    made = TemplateMixture(torch.rand(5, 1, 8, 8), gaussian, 1.0)
    x = torch.rand(2, 1, 8, 8)
    got = made(x).unflatten(1, (3, -1))
    for k in (0, 5, 20):
        angle = torch.full((3,), 2 * math.pi * k / 32)
        turned = place(made.templates, Pose.identity(3)._replace(angle=angle), (8, 8))
        want = (
            torch.distributions.Normal(turned[None], made.sd).log_prob(x[:, None]).sum((2, 3, 4))
        )
        constant = torch.distributions.Normal(0.0, made.sd).log_prob(x).sum((1, 2, 3))[:, None]
        torch.testing.assert_close(got[:, :, k], want - constant, rtol=1e-4, atol=1e-3)


def test_a_quarter_turn_of_an_image_leaves_its_scores():
    made = new_mixture((8, 8), mask=False)
    x = torch.rand(4, 1, 8, 8)
    for turns in (1, 2, 3):
        turned = made.log_likelihood(x.rot90(turns, (2, 3)))[0]
        torch.testing.assert_close(turned, made.log_likelihood(x)[0], rtol=1e-4, atol=1e-3)


def test_angles_of_the_full_circle_are_distinct():
    angles = template_mixture._angles(math.pi)
    assert angles[0] == 0
    torch.testing.assert_close(angles.diff(), torch.full((31,), 2 * math.pi / 32))


@pytest.mark.parametrize("degrees", [12, 45, 120, 179])
def test_angles_within_a_range_are_symmetrical_and_reach_its_ends(degrees: float):
    limit = math.radians(degrees)
    angles = template_mixture._angles(limit)
    assert len(angles) % 2 == 1
    torch.testing.assert_close(angles, -angles.flip(0), rtol=0, atol=1e-6)
    assert float(angles.max()) == pytest.approx(limit)
    assert float(angles.diff().max()) < 2 * math.pi / 32 * 1.5


@pytest.mark.parametrize("degrees", [0, 3])
def test_next_to_no_rotation_is_a_single_angle(degrees: float):
    assert template_mixture._angles(math.radians(degrees)).tolist() == [0.0]


def settings_of(*overrides: str) -> ClusteringSettings | None:
    config = validate(compose(list(overrides)))
    return clustering_settings(config.model, getattr(config.model.category, "n_classes", 0) or 4)


def test_a_model_that_infers_classes_searches_all_angles():
    settings = settings_of(
        "model=jrvae", "model.clustering.templates=7", "model.clustering.repeats=2"
    )
    assert settings is not None
    assert (settings.n_classes, settings.n_templates, settings.n_repeats) == (4, 28, 2)
    assert settings.angle_range == pytest.approx(math.pi)
    assert (settings.centre, settings.size, settings.mask) == (False, False, False)


@pytest.mark.parametrize(
    ("overrides", "angle_range", "centre", "mask"),
    [
        (("model.pose.angle_range_deg=30", "model.invariances=[r,t]"), math.pi / 6, True, False),
        (("model/pose=none", "model.invariances=[]"), 0, False, False),
        (("model.invariances=[t]",), 0, True, False),
        (("model/pose=amortized", "model.invariances=[r,t]"), math.pi, True, False),
        (("data.fills_field=true", "model.invariances=[r,t]"), math.pi, False, True),
    ],
    ids=str,
)
def test_only_the_invariances_of_the_model_are_searched(
    overrides: tuple[str, ...], angle_range: float, centre: bool, mask: bool
):
    settings = settings_of("model=ssrvae", *overrides, "model.category.n_classes=3")
    assert settings is not None
    assert settings.n_classes == 3
    assert settings.angle_range == pytest.approx(angle_range)
    assert (settings.centre, settings.mask) == (centre, mask)


@pytest.mark.parametrize(
    "overrides",
    [
        ("model=rvae", "model.clustering.templates=0"),
        ("model=crvae", "model.clustering.templates=0"),
        ("model=jrvae", "model.clustering.templates=0"),
    ],
    ids=str,
)
def test_no_clustering_without_templates(overrides: tuple[str, ...]):
    assert settings_of(*overrides) is None


def test_a_single_template_has_no_neighbour_and_is_given_one():
    config = validate(compose(["model=rvae", "model.clustering.templates=1"]))
    wanted = clustering_settings(config.model, 1)
    assert wanted is not None
    assert wanted.n_templates == 2
    pseudo = find_pseudo_labels(torch.rand(9, 1, 6, 6), unknown(9), wanted, 0, CPU)
    assert set(pseudo.label.tolist()) == {0}


@pytest.mark.parametrize("category", ["classifier", "gumbel_softmax"])
def test_every_category_can_have_pseudo_labels(category: str):
    settings = settings_of(
        "model=jrvae", f"model/category={category}", "model.clustering.templates=5"
    )
    assert settings is not None
    assert settings.n_templates == 20


def test_templates_do_not_fit_the_noise_of_few_images(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(template_mixture, "_STEPS", 400)
    monkeypatch.setattr(template_mixture, "_BATCH", 200)
    asked = dataclasses.replace(FULL_CIRCLE, n_templates=48)
    images, kind = shapes(300, kinds=(bar, ring, letter), size=(32, 32), noise=0.2)
    assert accuracy(find_pseudo_labels(images, unknown(300), asked, 0, CPU).label, kind) > 0.9


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
