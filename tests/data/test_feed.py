"""Batches: every image once an epoch, in an order that (seed, epoch) determines."""

import torch

from vaerun.data.feed import EpochSampler, feed
from vaerun.data.sets import ImageSet


def numbered(n: int) -> ImageSet:
    number = torch.arange(n)
    return ImageSet(images=number.view(n, 1, 1, 1).float(), label=number, index=number)


def sampler(seed: int | None) -> EpochSampler:
    return EpochSampler(50, 9, seed, lambda: 0)


def epoch(of: EpochSampler, number: int) -> list[int]:
    of.epoch = lambda: number
    return torch.cat(list(of)).tolist()


def test_an_epoch_has_every_image_once():
    batches = list(feed(numbered(23), 5, torch.device("cpu"), seed=7))
    assert [len(batch.images) for batch in batches] == [5, 5, 5, 5, 3]
    assert sorted(torch.cat([batch.label for batch in batches]).tolist()) == list(range(23))


def test_images_keep_their_labels():
    for batch in feed(numbered(23), 5, torch.device("cpu"), seed=7):
        torch.testing.assert_close(batch.images.flatten(), batch.label.float())


def test_the_order_is_a_function_of_seed_and_epoch():
    one, two, other = (sampler(seed) for seed in (1, 1, 2))
    epoch(one, 0)  # what was read before does not matter
    assert epoch(one, 3) == epoch(two, 3)
    assert epoch(one, 3) != epoch(one, 4)
    assert epoch(one, 3) != epoch(other, 3)


def test_without_a_seed_the_order_is_that_of_the_source():
    assert epoch(sampler(None), 4) == list(range(50))
