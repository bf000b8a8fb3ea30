"""The order of an epoch whose images are read in windows."""

from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vaerun.data.sampler import BatchOrder, EpochSampler, windowed_shuffle


def sampler(n: int = 5000, **more: object) -> EpochSampler:
    n_labelled = more.pop("n_labelled", 0)
    order = BatchOrder(batch_size=64, **({"seed": 3, "epoch": lambda: 2} | more))
    return EpochSampler(n, order, n_labelled=n_labelled, n_windows=4)


def positions(of: EpochSampler) -> list[list[int]]:
    return [rows.positions.tolist() for rows in of]


@given(n=st.integers(1, 3000), n_windows=st.integers(1, 20), seed=st.integers(0, 9))
def test_every_image_comes_once_however_many_windows(n: int, n_windows: int, seed: int):
    order = windowed_shuffle(n, n_windows, np.random.default_rng(seed))
    assert sorted(order.tolist()) == list(range(n))


def test_a_set_in_one_window_is_in_the_order_that_it_always_had():
    order = windowed_shuffle(50, 1, np.random.default_rng(7))
    assert order.tolist() == np.random.default_rng(7).permutation(50).tolist()


def test_a_window_is_read_in_few_pieces_and_its_batches_are_from_all_over_the_file():
    n, n_windows = 100_000, 10
    order = windowed_shuffle(n, n_windows, np.random.default_rng(0))
    for window in order.split(n // n_windows):
        pieces = 1 + int((window.sort().values.diff() > 1).sum())
        assert pieces <= 180  # of 128 blocks, and some images, as not all are quite as long
    batches = order.view(-1, 100).double()
    # the spread of means of 100 positions out of 128 blocks, both drawn from the whole file
    want = n / 12**0.5 * (1 / 100 + 1 / 128) ** 0.5
    assert float(batches.mean(1).std()) == pytest.approx(want, rel=0.3)
    assert float(batches.std(1).mean()) == pytest.approx(n / 12**0.5, rel=0.05)
    steps = order.diff().abs().double()
    assert float((steps < 100).double().mean()) < 0.02  # neighbours in the file do not meet


def test_it_is_a_function_of_seed_and_epoch():
    again = positions(sampler())
    assert positions(sampler()) == again
    assert positions(sampler(epoch=lambda: 3)) != again
    assert positions(sampler(seed=4)) != again


@pytest.mark.parametrize("seen", [0, 1, 19, 20, 78])
def test_from_any_batch_on_it_is_the_same_in_the_same_windows(seen: int):
    whole = [[rows.positions.tolist() for rows in some] for some in sampler().windows()]
    rest = [
        [rows.positions.tolist() for rows in some] for some in sampler(seen=lambda: seen).windows()
    ]
    assert len(whole) == 4
    assert list(chain(*rest)) == list(chain(*whole))[seen:]
    assert all(
        ours == theirs[-len(ours) :] for ours, theirs in zip(rest[::-1], whole[::-1], strict=False)
    )


def test_shares_of_ranks_are_disjoint_and_complete():
    whole = positions(sampler())
    shares = [positions(sampler(rank=rank, n_ranks=3)) for rank in range(3)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(chain(*parts)) == sorted(batch)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_few_labelled_images_meet_in_any_order_though_the_others_come_in_blocks():
    of = sampler(100_000, n_labelled=2000)
    labelled = torch.cat([rows.positions[rows.positions >= 100_000] for rows in of])
    assert sorted(labelled.tolist()) == list(range(100_000, 102_000))
    first, second = labelled.double().chunk(2)
    assert float(first.mean()) == pytest.approx(101_000, abs=80)
    assert float(second.mean()) == pytest.approx(101_000, abs=80)
