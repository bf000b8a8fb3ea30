"""Which images a target is learned from, and what is said of targets that cannot be learned."""

import logging

import pytest
import torch

from vaerun.data.image_set import ImageSet, Splits
from vaerun.data.known_targets import KnownTargets, with_known_targets
from vaerun.utils.errors import UserError

N = 100


def splits(**factors: torch.Tensor) -> Splits:
    images = ImageSet(
        images=torch.zeros(N, 1, 4, 4),
        label=torch.full((N,), -1),
        index=torch.arange(N),
        factors=factors,
    )
    return Splits(train=images, val=images.first(10), classes=[])


def test_a_share_of_the_known_targets_is_drawn_by_the_seed(caplog):
    strain = torch.arange(float(N))
    strain[::2] = torch.nan
    chosen = []
    for seed in (0, 0, 1):
        with caplog.at_level(logging.INFO):
            made = with_known_targets(splits(strain=strain), KnownTargets("strain", 0.2), seed)
        chosen.append(made.known)
        assert bool(strain[made.known].isfinite().all())
        assert len(made.known.unique()) == len(made.known) == 10
    assert torch.equal(chosen[0], chosen[1])
    assert not torch.equal(chosen[0], chosen[2])
    assert "strain is known of 10 of 100 training images" in caplog.text
    every = with_known_targets(splits(strain=strain), KnownTargets("strain", 1.0), 0)
    assert torch.equal(every.known, torch.arange(1, N, 2))


@pytest.mark.parametrize(
    ("target", "share", "words"),
    [
        (None, 1.0, r"target=null is no factor of the data set — name one of strain, flat"),
        ("dose", 1.0, r"target=dose is no factor of the data set — name one of strain, flat"),
        ("strain", 0.02, r"known of only 2 of 100 .* give 5 or more, or a larger .*known_share"),
        ("flat", 1.0, r"flat is 3 in all 100 images .* name a factor that varies"),
    ],
)
def test_targets_that_cannot_be_learned_are_named(target, share, words):
    made = splits(strain=torch.arange(float(N)), flat=torch.full((N,), 3.0))
    with pytest.raises(UserError, match=words):
        with_known_targets(made, KnownTargets(target, share), 0)


def test_data_without_factors_are_asked_for_some():
    with pytest.raises(UserError, match=r"name columns or data sets of numbers by data.factors="):
        with_known_targets(splits(), KnownTargets("strain", 1.0), 0)
