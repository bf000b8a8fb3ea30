"""Shares of a batch: together they are the batch, its noise, and its mean."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vaerun import noise
from vaerun.data.feed import EpochSampler, Rows
from vaerun.ranks.share import Share

N_RANKS = st.integers(2, 5)


def batches(n: int, n_labelled: int, size: int, rank: int, n_ranks: int, seen: int) -> list[Rows]:
    sampler = EpochSampler(n, size, 3, lambda: 4, n_labelled, lambda: seen, rank, n_ranks)
    found = list(sampler)
    assert len(found) == len(sampler) - seen
    return found


@settings(deadline=None)
@given(
    n_ranks=N_RANKS,
    n=st.integers(5, 90),
    n_labelled=st.sampled_from([0, 0, 7, 60]),
    size=st.integers(10, 40),
    seen=st.integers(0, 1),
)
def test_every_rank_has_its_own_images_of_every_batch(n_ranks, n, n_labelled, size, seen):
    ranks = [batches(n, n_labelled, size, rank, n_ranks, seen) for rank in range(n_ranks)]
    every = []
    for shares in zip(*ranks, strict=True):
        lengths = [len(rows.positions) for rows in shares]
        assert min(lengths) >= 1
        assert max(lengths) - min(lengths) <= 1
        assert [len(rows.share) for rows in shares] == lengths
        assert {rows.share.n_in_all for rows in shares} == {sum(lengths)}
        assert sum(rows.share.weight for rows in shares) == pytest.approx(n_ranks)
        every += torch.cat([rows.positions for rows in shares]).tolist()
    assert len(set(every)) == len(every)
    if not seen:
        assert sorted(every) == list(range(n + n_labelled))


def test_together_they_are_the_batches_of_one_process():
    whole = [rows.positions for rows in EpochSampler(45, 10, 3, lambda: 4)]
    halves = [batches(45, 0, 10, rank, 2, 0) for rank in range(2)]
    for batch, *shares in zip(whole, *halves, strict=True):
        for rows in shares:
            assert torch.equal(batch[torch.tensor(rows.share.rows)], rows.positions)


def drawn(n: int) -> list[torch.Tensor]:
    """Noise of every kind for n images, one after the other."""
    return [
        noise.normal(torch.empty(n, 3, 2)),
        noise.exponential(torch.empty(n, 5)),
        noise.uniform((n, 1, 4), torch.device("cpu")),
        noise.integers(2, 9, (n, 6), torch.device("cpu")),
    ]


@given(n_ranks=N_RANKS, n=st.integers(5, 20))
def test_the_noise_of_shares_is_that_of_the_batch(n_ranks: int, n: int):
    noise.seed(1, 2, 3)
    whole = drawn(n)
    for rank in range(n_ranks):
        share = Share(rank, n_ranks, n)
        noise.seed(1, 2, 3, share)
        for mine, all_of_it in zip(drawn(len(share)), whole, strict=True):
            assert torch.equal(mine, all_of_it[rank::n_ranks])


def test_some_of_the_images_of_a_share_have_noise_of_their_own():
    """Or the labelled images of all ranks would share it."""
    found = []
    for rank in range(2):
        noise.seed(1, 2, 3, Share(rank, 2, 20))
        found.append(drawn(4)[0])
    assert not torch.equal(*found)


def test_the_next_seed_is_of_whole_batches_again():
    noise.seed(1, 2, 3, Share(0, 2, 20))
    noise.seed(1, 2, 3)
    first = drawn(10)[0]
    noise.seed(1, 2, 3)
    assert torch.equal(first, torch.randn(10, 3, 2))


def test_weighted_means_over_ranks_are_the_mean_over_images():
    values = torch.arange(7.0).square()
    shares = [Share(rank, 3, 7) for rank in range(3)]
    means = [values[torch.tensor(share.rows)].mean() * share.weight for share in shares]
    torch.testing.assert_close(sum(means) / 3, values.mean())
