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


def repeated(n: int, repeats: int, n_labelled: int = 0, **more: object) -> EpochSampler:
    """A set of n images that an epoch shows several times."""
    order = BatchOrder(**({"batch_size": 7, "seed": 3, "repeats": repeats} | more))
    return EpochSampler(n, order, n_labelled=n_labelled)


SIZES = {"n": st.integers(1, 60), "repeats": st.integers(1, 9), "batch_size": st.integers(1, 30)}


@given(**SIZES, n_labelled=st.integers(0, 40))
def test_every_image_and_label_comes_as_often_as_it_is_repeated(
    n: int, repeats: int, batch_size: int, n_labelled: int
):
    batches = positions(repeated(n, repeats, n_labelled, batch_size=batch_size))
    counts = np.bincount([*chain(*batches)], minlength=n + n_labelled)
    assert counts.tolist() == [repeats] * (n + n_labelled)
    labelled = [sum(at >= n for at in batch) for batch in batches]
    assert max(labelled) - min(labelled) <= 1  # spread evenly


@given(**SIZES)
def test_batches_are_full_and_no_image_comes_again_before_all_have_come(
    n: int, repeats: int, batch_size: int
):
    of = repeated(n, repeats, batch_size=batch_size)
    batches = positions(of)
    assert len(batches) == len(of)
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}
    rounds = np.reshape([*chain(*batches)], (repeats, n))
    assert (np.sort(rounds, 1) == np.arange(n)).all()


@given(**SIZES, rank_count=st.integers(1, 4), seen=st.integers(0, 40))
def test_ranks_and_a_resumed_run_see_the_same_repeated_batches(
    n: int, repeats: int, batch_size: int, rank_count: int, seen: int
):
    batch_size = max(batch_size, rank_count)
    common = {"batch_size": batch_size, "n_ranks": rank_count}
    shares = [positions(repeated(n, repeats, rank=r, **common)) for r in range(rank_count)]
    joined = [sorted(chain(*parts)) for parts in zip(*shares, strict=True)]
    assert sorted(chain(*joined)) == sorted([*range(n)] * repeats)
    rest = positions(repeated(n, repeats, seen=lambda: seen, rank=0, **common))
    assert rest == shares[0][seen:]


def test_rounds_differ_and_follow_from_seed_and_epoch():
    first, second = np.reshape([*chain(*positions(repeated(50, 2)))], (2, 50)).tolist()
    assert first != second
    assert first == [*chain(*positions(repeated(50, 1)))]
    assert positions(repeated(50, 2, epoch=lambda: 1)) != positions(repeated(50, 2))


def test_a_set_that_is_shown_once_is_in_the_order_that_it_always_had():
    rng = np.random.default_rng((3, 0))
    images, labelled = rng.permutation(21), 21 + rng.permutation(6)
    of = repeated(21, 1, n_labelled=6)
    want = [
        [*some, *others]
        for some, others in zip(np.split(images, 3), np.split(labelled, 3), strict=True)
    ]
    assert positions(of) == want


def test_windows_of_repeated_images_are_no_larger():
    order = BatchOrder(batch_size=8, seed=0, repeats=3)
    windows = list(EpochSampler(320, order, n_windows=4).windows())
    assert [len(some) for some in windows] == [10] * 12
