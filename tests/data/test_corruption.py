"""Corruption: as strong as it is asked to be, in range, the same for the same seed."""

import dataclasses
import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vaerun.data.corruption import CorruptionConfig, corruption
from vaerun.data.datasets.cards import CardsConfig
from vaerun.data.load import load

KINDS = [
    ("noise", {"noise": "gaussian"}),
    ("noise", {"noise": "poisson"}),
    ("noise", {"noise": "salt"}),
    ("mask", {"mask": "pixels"}),
    ("mask", {"mask": "patches"}),
]
every_kind = pytest.mark.parametrize(("kind", "details"), KINDS, ids=lambda v: str(v))


@pytest.fixture
def spoil(plain_corruption: CorruptionConfig) -> Callable[..., Tensor]:
    """Corrupts images with a generator of its own."""

    def of(kind: str, images: Tensor, seed: int = 0, **details: object) -> Tensor:
        function = corruption(kind, dataclasses.replace(plain_corruption, **details))
        assert function is not None
        return function(images, torch.Generator().manual_seed(seed))

    return of


def grey(value: float, n: int = 40_000) -> Tensor:
    return torch.full((n, 1, 1, 1), value)


def within(values: Tensor, mean: float, n_errors: float = 5) -> bool:
    """Whether the mean of independent values is what it should be, within standard errors."""
    error = float(values.std()) / math.sqrt(len(values))
    return abs(float(values.mean()) - mean) < n_errors * error + 1e-7


def test_gaussian_noise_has_its_standard_deviation(spoil):
    noise = (spoil("noise", grey(0.5), sd=0.08) - 0.5).flatten()
    assert within(noise, 0)
    assert within(noise.square(), 0.08**2)


def test_gaussian_noise_on_black_loses_its_negative_half(spoil):
    noisy = spoil("noise", grey(0.0), sd=0.1).flatten()
    assert within((noisy == 0).float(), 0.5)
    assert within(noisy, 0.1 / math.sqrt(2 * math.pi))


@pytest.mark.parametrize("value", [0.0, 0.2, 0.5])
def test_poisson_noise_has_the_variance_of_counts(spoil, value: float):
    counts = 60 * spoil("noise", grey(value), noise="poisson", counts=60.0).flatten().double()
    torch.testing.assert_close(counts, counts.round(), rtol=0, atol=1e-4)
    assert within(counts, 60 * value)
    assert within((counts - 60 * value).square(), 60 * value)


def test_salt_is_black_and_white_alike_and_leaves_the_rest(spoil):
    salted = spoil("noise", grey(0.4), noise="salt", salt=0.3).flatten()
    assert within((salted == 0).float(), 0.15)
    assert within((salted == 1).float(), 0.15)
    assert set(salted.tolist()) == {0.0, 1.0, grey(0.4, 1).item()}


@settings(deadline=None, max_examples=25)
@given(
    share=st.floats(0.02, 0.98),
    patch_px=st.integers(1, 9),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
)
def test_missing_patches_cover_the_share_that_was_asked_for(
    share: float, patch_px: int, height: int, width: int
):
    config = CorruptionConfig(
        noise="salt", sd=1.0, counts=1.0, salt=0.5, mask="patches", share=share, patch_px=patch_px
    )
    spoilt = corruption("mask", config)
    assert spoilt is not None
    images = torch.ones(4000, 1, height, width)
    missing = spoilt(images, torch.Generator().manual_seed(0)) == 0
    assert within(missing.float().mean((1, 2, 3)), share, 6)
    for row, column in [(0, 0), (height - 1, width // 2)]:  # at the edge as anywhere
        assert within(missing[:, 0, row, column].float(), share, 6)


def test_missing_patches_are_squares_also_across_the_edge(spoil):
    side = 5
    missing = spoil("mask", torch.ones(50, 1, 30, 20), mask="patches", patch_px=side) == 0
    outside = F.pad(missing.float(), [side - 1] * 4, value=1.0)
    corners = 1 - F.max_pool2d(1 - outside, side, stride=1)  # where a whole square is missing
    torch.testing.assert_close(F.max_pool2d(corners, side, stride=1), missing.float())


def test_missing_pixels_are_missing_one_by_one_and_in_all_channels(spoil):
    images = torch.rand(300, 3, 13, 11).clamp_min(0.01)
    masked = spoil("mask", images, share=0.7)
    missing = (masked == 0).float()
    assert (missing == missing[:, :1]).all()
    torch.testing.assert_close(masked, images * (1 - missing))
    flat = missing[:, 0].flatten()
    assert within(flat, 0.7)
    assert within((flat[1:] - 0.7) * (flat[:-1] - 0.7), 0)  # neighbours know nothing of each other


@every_kind
@settings(deadline=None, max_examples=20)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9)),
    strength=st.floats(0.01, 0.99),
)
def test_results_stay_in_range_and_originals_as_they_are(
    kind: str, details: dict[str, str], shape: tuple[int, ...], strength: float
):
    values = {"sd": strength, "counts": 9 * strength, "salt": strength, "share": strength}
    config = CorruptionConfig(
        **{"noise": "salt", "mask": "pixels", "patch_px": 3, **values, **details}
    )
    function = corruption(kind, config)
    assert function is not None
    images = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    before = images.clone()
    spoilt = function(images, torch.Generator().manual_seed(2))
    assert (spoilt.shape, spoilt.dtype) == (images.shape, torch.float32)
    assert float(spoilt.min()) >= 0
    assert float(spoilt.max()) <= 1
    assert torch.equal(images, before)


@every_kind
def test_the_generator_determines_the_result(spoil, kind: str, details: dict[str, str]):
    images = torch.rand(20, 1, 9, 9)
    one, again, other = (spoil(kind, images, seed, **details) for seed in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_without_a_generator_the_noise_is_torchs_own(plain_corruption: CorruptionConfig):
    function = corruption("noise", plain_corruption)
    assert function is not None
    images = torch.rand(5, 1, 9, 9)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        one, other = function(images, None), function(images, None)
        torch.manual_seed(5)
        assert torch.equal(function(images, None), one)
    assert not torch.equal(one, other)


def test_nothing_is_done_where_nothing_is_asked_for(
    plain_corruption: CorruptionConfig, cards: Callable[..., CardsConfig]
):
    assert corruption("none", plain_corruption) is None
    assert load(cards(), 0).val.clean is None


@pytest.mark.parametrize("kind", ["noise", "mask"])
def test_a_data_set_is_corrupted_once_by_its_seed(kind: str, cards: Callable[..., CardsConfig]):
    config = cards(corrupt=kind, rotation_deg=0.0, shear_deg=0.0, shift_px=0.0)
    first, again, other = (load(config, seed, labelled=True) for seed in (0, 0, 1))
    plain = load(dataclasses.replace(config, corrupt="none"), 0, labelled=True)
    for i, clean in enumerate(plain.parts):
        assert torch.equal(first.parts[i].target, clean.images)
        assert torch.equal(first.parts[i].images, again.parts[i].images)
        assert not torch.equal(first.parts[i].images, clean.images)
    assert not torch.equal(first.val.images, other.val.images)  # though the cards are the same
    n = len(first.val)
    assert not torch.equal(first.train.images[:n], first.val.images)
    assert first.val.unposed is None  # which would be clean
