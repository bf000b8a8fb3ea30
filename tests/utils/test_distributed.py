"""Shares of a batch: together they are the batch, its noise, and its mean.

Which process this one is, as each launcher tells it.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vaerun.data.sampler import BatchIndices, BatchOrder, EpochSampler
from vaerun.runs.config import TrainerConfig
from vaerun.training.hardware import Hardware
from vaerun.utils import distributed, random
from vaerun.utils.distributed import BatchShare, ProcessGroupInfo, first_node
from vaerun.utils.errors import UserError

N_RANKS = st.integers(2, 5)


def batches(
    n: int, n_labelled: int, size: int, rank: int, n_ranks: int, seen: int
) -> list[BatchIndices]:
    order = BatchOrder(
        batch_size=size, seed=3, epoch=lambda: 4, seen=lambda: seen, rank=rank, n_ranks=n_ranks
    )
    sampler = EpochSampler(n, order, n_labelled=n_labelled)
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
    whole = [rows.positions for rows in batches(45, 0, 10, 0, 1, 0)]
    halves = [batches(45, 0, 10, rank, 2, 0) for rank in range(2)]
    for batch, *shares in zip(whole, *halves, strict=True):
        for rows in shares:
            assert torch.equal(batch[torch.tensor(rows.share.rows)], rows.positions)


def drawn(n: int) -> list[torch.Tensor]:
    """Noise of every kind for n images, one after the other."""
    return [
        random.normal(torch.empty(n, 3, 2)),
        random.exponential(torch.empty(n, 5)),
        random.uniform((n, 1, 4), torch.device("cpu")),
        random.integers(2, 9, (n, 6), torch.device("cpu")),
    ]


@given(n_ranks=N_RANKS, n=st.integers(5, 20))
def test_the_noise_of_shares_is_that_of_the_batch(n_ranks: int, n: int):
    random.seed(1, 2, 3)
    whole = drawn(n)
    for rank in range(n_ranks):
        share = BatchShare(rank, n_ranks, n)
        random.seed(1, 2, 3, share)
        for mine, all_of_it in zip(drawn(len(share)), whole, strict=True):
            assert torch.equal(mine, all_of_it[rank::n_ranks])


def test_some_of_the_images_of_a_share_have_noise_of_their_own():
    """Or the labelled images of all ranks would share it."""
    found = []
    for rank in range(2):
        random.seed(1, 2, 3, BatchShare(rank, 2, 20))
        found.append(drawn(4)[0])
    assert not torch.equal(*found)


def test_the_next_seed_is_of_whole_batches_again():
    random.seed(1, 2, 3, BatchShare(0, 2, 20))
    random.seed(1, 2, 3)
    first = drawn(10)[0]
    random.seed(1, 2, 3)
    assert torch.equal(first, torch.randn(10, 3, 2))


def test_weighted_means_over_ranks_are_the_mean_over_images():
    values = torch.arange(7.0).square()
    shares = [BatchShare(rank, 3, 7) for rank in range(3)]
    means = [values[torch.tensor(share.rows)].mean() * share.weight for share in shares]
    torch.testing.assert_close(sum(means) / 3, values.mean())


TORCHRUN = {
    "RANK": "5",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "4",
    "MASTER_ADDR": "node7",
    "MASTER_PORT": "2345",
}
SRUN = {
    "SLURM_JOB_ID": "4242",
    "SLURM_PROCID": "3",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_STEP_NODELIST": "gpu[03-04]",
}
SUBMITIT = {
    "SUBMITIT_EXECUTOR": "local",
    "SUBMITIT_LOCAL_JOB_ID": "31234",
    "SUBMITIT_LOCAL_GLOBALID": "1",
    "SUBMITIT_LOCAL_NTASKS": "2",
    "SUBMITIT_LOCAL_LOCALID": "1",
    "SUBMITIT_LOCAL_JOB_NUM_NODES": "1",
}


def test_torchrun_srun_and_submitit_are_understood():
    want = ProcessGroupInfo(rank=5, size=8, local_rank=1, local_size=4, address="node7", port=2345)
    assert distributed.detect(TORCHRUN) == want
    assert want.n_nodes == 2
    want = ProcessGroupInfo(
        rank=3, size=4, local_rank=1, local_size=2, address="gpu03", port=19242
    )
    assert distributed.detect(SRUN) == want
    want = ProcessGroupInfo(
        rank=1, size=2, local_rank=1, local_size=2, address="127.0.0.1", port=16234
    )
    assert distributed.detect(SUBMITIT) == want


def test_ranks_that_were_started_within_a_job_are_their_own_world():
    """As those that a task of SLURM's starts itself, whose variables they inherit."""
    assert distributed.detect(SRUN | TORCHRUN) == distributed.detect(TORCHRUN)


def test_an_address_that_is_given_goes_first():
    found = distributed.detect(SRUN | {"MASTER_ADDR": "login", "MASTER_PORT": "1"})
    assert found is not None
    assert (found.address, found.port) == ("login", 1)


@pytest.mark.parametrize(
    "alone",
    [
        {},
        SRUN | {"SLURM_STEP_NUM_TASKS": "1"},
        {"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"},  # in a batch script
        SUBMITIT | {"SUBMITIT_LOCAL_NTASKS": "1"},
        TORCHRUN | {"WORLD_SIZE": "1"},
    ],
)
def test_one_process_is_alone(alone: dict[str, str]):
    assert distributed.detect(alone) is None


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("gpu03", "gpu03"),
        ("gpu03,gpu07", "gpu03"),
        ("gpu[03-05,9],login1", "gpu03"),
        ("gpu[7]", "gpu7"),
        ("rack[2-3]-ib,x", "rack2-ib"),
        ("", "127.0.0.1"),
    ],
)
def test_the_first_of_a_list_of_nodes(nodes: str, first: str):
    assert first_node(nodes) == first


def trainer(devices: int | str, nodes: int = 1) -> TrainerConfig:
    values = dict.fromkeys(TrainerConfig.__slots__)
    values |= {"accelerator": "cpu", "precision": "32-true", "devices": devices, "nodes": nodes}
    return TrainerConfig(**values)


def test_devices_are_as_many_as_processes_were_started(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vaerun.training.hardware.detect", lambda: distributed.detect(SRUN))
    for asked in (trainer("auto"), trainer(2, 2)):
        found = Hardware.find(asked)
        assert (found.devices, found.nodes, found.n_ranks) == (2, 2, 4)
        assert found.device.startswith("2 × 2 × ")
    said = "4 processes were started for trainer.devices=1 on trainer.nodes=1 — use trainer=ddp"
    with pytest.raises(UserError, match=said):
        Hardware.find(trainer(1))


def test_a_process_alone_starts_others_on_its_own_machine_only():
    assert Hardware.find(trainer(3)).n_ranks == 3
    assert Hardware.find(trainer("auto")).n_ranks == 1
    with pytest.raises(UserError, match=r"trainer\.nodes=2 takes a process for each device"):
        Hardware.find(trainer(3, 2))


def test_help_needs_no_torch_to_know_that_it_is_alone():
    assert "torch" not in vars(distributed)
