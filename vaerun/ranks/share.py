"""What of a batch one rank has."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """The images ``rank, rank + n_ranks, …`` of a batch of ``n_in_all``."""

    rank: int
    n_ranks: int
    n_in_all: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def rows(self) -> range:
        """Positions in the batch."""
        return range(self.rank, self.n_in_all, self.n_ranks)

    @property
    def weight(self) -> float:
        """What its mean over images counts in the mean over ranks, for that over all images."""
        return len(self) * self.n_ranks / self.n_in_all
