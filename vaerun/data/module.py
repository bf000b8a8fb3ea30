"""The data of a run, as Lightning wants them."""

import pytorch_lightning as pl
from torch.utils.data import DataLoader

from vaerun.data.feed import Batch, feed
from vaerun.data.sets import Splits

_VAL_BATCH = 500  # without gradients larger batches fit, and cost less an image


class DataModule(pl.LightningDataModule):
    """Batches of both splits; training is shuffled by (seed, epoch), validation never.

    Parameters
    ----------
    splits
        The images.
    batch_size
        Of a training step.
    seed
        Of the order.
    """

    def __init__(self, splits: Splits, batch_size: int, seed: int) -> None:
        super().__init__()
        self.splits = splits
        self.batch_size = batch_size
        self.seed = seed

    def train_dataloader(self) -> DataLoader[Batch]:
        """Training batches."""
        trainer = self._trainer()
        return feed(
            self.splits.train,
            self.batch_size,
            trainer.strategy.root_device,
            seed=self.seed,
            epoch=lambda: trainer.current_epoch,
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        """Validation batches."""
        n = max(self.batch_size, _VAL_BATCH)
        return feed(self.splits.val, n, self._trainer().strategy.root_device)

    def _trainer(self) -> pl.Trainer:
        assert self.trainer is not None
        return self.trainer
