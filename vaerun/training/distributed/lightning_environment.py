"""The world of a training, as Lightning asks for it."""

from lightning_fabric.plugins.environments import ClusterEnvironment

from vaerun.utils.distributed import ProcessGroupInfo


class GivenEnvironment(ClusterEnvironment):
    """Processes that are there already: Lightning starts none, and requeues no job.

    Given to every trainer, also to one that is alone. Otherwise Lightning looks for itself, and in
    a SLURM job it would requeue the job beside whoever else does.
    """

    def __init__(self, world: ProcessGroupInfo) -> None:
        super().__init__()
        self.world = world

    @property
    def creates_processes_externally(self) -> bool:
        """That they are there."""
        return True

    @property
    def main_address(self) -> str:
        """Of rank 0."""
        return self.world.address

    @property
    def main_port(self) -> int:
        """Of rank 0."""
        return self.world.port

    @staticmethod
    def detect() -> bool:
        """It is never found, only given."""
        return False

    def world_size(self) -> int:
        """All processes."""
        return self.world.size

    def set_world_size(self, size: int) -> None:
        """It is as it is."""

    def global_rank(self) -> int:
        """Of this one among all."""
        return self.world.rank

    def set_global_rank(self, rank: int) -> None:
        """It is as it is."""

    def local_rank(self) -> int:
        """Of this one on its machine."""
        return self.world.local_rank

    def node_rank(self) -> int:
        """Of its machine."""
        return self.world.rank // self.world.local_size
