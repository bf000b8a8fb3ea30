"""Which process this one is, as each launcher tells it."""

import pytest

from vaerun.config import TrainerConfig
from vaerun.errors import UserError
from vaerun.hardware import Hardware
from vaerun.ranks import world
from vaerun.ranks.world import World, first_node, given

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
    want = World(rank=5, size=8, local_rank=1, local_size=4, address="node7", port=2345)
    assert given(TORCHRUN) == want
    assert want.n_nodes == 2
    want = World(rank=3, size=4, local_rank=1, local_size=2, address="gpu03", port=19242)
    assert given(SRUN) == want
    want = World(rank=1, size=2, local_rank=1, local_size=2, address="127.0.0.1", port=16234)
    assert given(SUBMITIT) == want


def test_ranks_that_were_started_within_a_job_are_their_own_world():
    """As those that a task of SLURM's starts itself, whose variables they inherit."""
    assert given(SRUN | TORCHRUN) == given(TORCHRUN)


def test_an_address_that_is_given_goes_first():
    found = given(SRUN | {"MASTER_ADDR": "login", "MASTER_PORT": "1"})
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
    assert given(alone) is None


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
    monkeypatch.setattr("vaerun.hardware.given", lambda: given(SRUN))
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
    assert "torch" not in vars(world)
