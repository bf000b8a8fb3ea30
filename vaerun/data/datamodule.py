"""The data of a run, as Lightning wants them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from vaerun.data.dataloader import Batch, StreamingLoader, make_dataloader
from vaerun.data.image_set import Images, ImageSet, Splits, concatenate_images


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """What a model is told beside the images.

    Attributes
    ----------
    condition
        From images to (N, n) numbers, or None for a model that wants none.
    labels
        Whether it is shown the labelled images, with their labels.
    pseudo_labels
        (N, 2) class and angle that were found for the training images and, after them, the
        labelled ones, −1 and NaN where none was; None without.
    """

    condition: Callable[[ImageSet], Tensor | None] = lambda _: None
    labels: bool = False
    pseudo_labels: Tensor | None = None


class DataModule(pl.LightningDataModule):
    """Batches of both splits; training is shuffled by (seed, epoch), validation never.

    The true classes of training and validation images stay here: a model learns only those of the
    labelled set, if it is one that learns labels.

    Parameters
    ----------
    splits
        The images.
    batch_size
        Of a training step, of all ranks together.
    seed
        Of the order.
    knowledge
        What the model is told beside them.
    val_batch_size
        Of a validation step; without gradients larger batches fit, and cost less an image.
    """

    def __init__(
        self,
        splits: Splits,
        batch_size: int,
        seed: int,
        knowledge: Supervision | None = None,
        val_batch_size: int = 500,
    ) -> None:
        super().__init__()
        self.splits = splits
        self.batch_size = batch_size
        self.seed = seed
        self.knowledge = knowledge or Supervision()
        self.val_batch_size = val_batch_size

    def train_dataloader(self) -> DataLoader[Batch[Tensor]] | StreamingLoader:
        """Training batches."""
        trainer = self._trainer()
        batches = [self._hidden(self.splits.train)]
        labelled = self.splits.labelled if self.knowledge.labels else None
        if labelled is not None:
            batches.append(self._hidden(labelled)._replace(label=labelled.label))
        return make_dataloader(
            _joined(batches)._replace(pseudo_labels=self.knowledge.pseudo_labels),
            self.batch_size,
            trainer.strategy.root_device,
            n_labelled=0 if labelled is None else len(labelled),
            seed=self.seed,
            epoch=lambda: trainer.current_epoch,
            seen=lambda: trainer.fit_loop.batch_idx + 1,
            rank=trainer.global_rank,
            n_ranks=trainer.world_size,
        )

    def val_dataloader(self) -> DataLoader[Batch[Tensor]] | StreamingLoader:
        """Validation batches."""
        trainer = self._trainer()
        return make_dataloader(
            self._hidden(self.splits.val),
            self.val_batch_size,
            trainer.strategy.root_device,
            rank=trainer.global_rank,
            n_ranks=trainer.world_size,
        )

    def _hidden(self, images: ImageSet) -> Batch[Images]:
        """A split without its labels, with the condition if the model wants one."""
        told = self.knowledge.condition(images)
        return Batch(images.images, images.target, condition=told)

    def _trainer(self) -> pl.Trainer:
        assert self.trainer is not None
        return self.trainer


def _joined(batches: list[Batch[Images]]) -> Batch[Images]:
    """Several as one; where nothing was corrupted, images and targets stay the same object."""
    if len(batches) == 1:
        return batches[0]
    images = concatenate_images([b.images for b in batches])
    clean = all(b.target is b.images for b in batches)
    labels = [torch.full((len(b.images),), -1) if b.label is None else b.label for b in batches]
    return Batch(
        images,
        images if clean else concatenate_images([b.target for b in batches]),
        torch.cat(labels),
    )
