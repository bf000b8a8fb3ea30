"""Ranks and addresses of a training for Lightning."""

from lightning_fabric.plugins.environments import ClusterEnvironment

from vaerun.utils.distributed import ProcessGroupInfo


class GivenEnvironment(ClusterEnvironment):
    """Processes that are already running: Lightning starts none, and requeues no job.

    Every trainer gets it, even for one process, or Lightning would detect a SLURM job and requeue
    it in addition to our script or submitit.
    """

    def __init__(self, world: ProcessGroupInfo) -> None:
        super().__init__()
        self.world = world

    @property
    def creates_processes_externally(self) -> bool:
        """True: all processes are running."""
        return True

    @property
    def main_address(self) -> str:
        """Address of rank 0."""
        return self.world.address

    @property
    def main_port(self) -> int:
        """Port of rank 0."""
        return self.world.port

    @staticmethod
    def detect() -> bool:
        """False: Lightning does not detect it."""
        return False

    def world_size(self) -> int:
        """Number of processes."""
        return self.world.size

    def set_world_size(self, size: int) -> None:
        """Do nothing: the size is given."""

    def global_rank(self) -> int:
        """Rank of this process."""
        return self.world.rank

    def set_global_rank(self, rank: int) -> None:
        """Do nothing: the rank is given."""

    def local_rank(self) -> int:
        """Rank of this process on its machine."""
        return self.world.local_rank

    def node_rank(self) -> int:
        """Number of this machine."""
        return self.world.rank // self.world.local_size
