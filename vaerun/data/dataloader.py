"""Batches of images, from memory or streamed from a file by a thread that reads ahead."""

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vaerun.data.image_set import Images
from vaerun.data.io.lazy_array import Array
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.image_files import Ints
from vaerun.data.sampler import BatchIndices, BatchOrder, EpochSampler
from vaerun.utils.distributed import BatchShare

_READY = 4  # batches prepared ahead

T = TypeVar("T")
AnyImages = TypeVar("AnyImages", bound=Images, covariant=True)


class Batch(NamedTuple, Generic[AnyImages]):
    """Images of a training or validation step, or of a complete split, with their targets.

    Attributes
    ----------
    images
        (B, C, H, W) input of the encoder: a tensor, or lazily read images for a complete split.
    target
        (B, C, H, W) images to be reconstructed.
    label
        (B,) class, −1 where the model must not see it; None if the model sees no class at all.
    condition
        (B, n) condition of a conditional model; else None.
    pseudo_labels
        (B, 2) class and angle estimated before training, −1 and NaN where there is none; or None.
    share
        Which part of a batch of all ranks this is; None for a complete batch.
    measured
        (B, C, H, W) boolean, which pixels of the target were measured; None: all.
    """

    images: AnyImages
    target: AnyImages
    label: Tensor | None = None
    condition: Tensor | None = None
    pseudo_labels: Tensor | None = None
    share: BatchShare | None = None
    measured: AnyImages | None = None

    def at(self, index: Tensor) -> "Batch[Tensor]":
        """Images at some positions, as tensors."""
        return self._map(lambda part: part[index])

    def to(self, device: torch.device) -> "Batch[AnyImages]":
        """Batch on a device."""
        return self._map(lambda part: part.to(device))

    def _map(self, change: Callable[[Any], Any]) -> "Batch[Any]":
        """Batch with a function applied to every part, once to images that are their target."""
        images = change(self.images)
        target = images if self.target is self.images else change(self.target)
        label, condition, pseudo_labels, measured = (
            part if part is None else change(part)
            for part in (self.label, self.condition, self.pseudo_labels, self.measured)
        )
        return Batch(images, target, label, condition, pseudo_labels, self.share, measured)


class InMemoryDataset(Dataset[Batch[Tensor]]):
    """Images of a split on the device, from which batches are gathered by position."""

    def __init__(self, everything: Batch[Images], device: torch.device) -> None:
        self.everything = everything.to(device)

    def __len__(self) -> int:
        return len(self.everything.images)

    def __getitem__(self, rows: BatchIndices) -> Batch[Tensor]:
        """Batch of images at these positions."""
        batch = self.everything.at(rows.positions.to(self.everything.images.device))
        return batch._replace(share=rows.share)


class StreamingLoader:
    """Batches of images that are in a single file, which is read one window ahead."""

    def __init__(
        self, everything: Batch[Images], sampler: EpochSampler, device: torch.device
    ) -> None:
        images = everything.images
        assert isinstance(images, FileImages)
        assert everything.target is images
        self.images = images.to(device)
        number = torch.arange(len(images))  # stands in for the images
        plain = everything._replace(images=number, target=number, measured=None)
        self.annotations = plain.to(device)
        self.epoch_sampler = sampler  # as `sampler`, Lightning takes this for a DataLoader

    def __len__(self) -> int:
        return len(self.epoch_sampler)

    def __iter__(self) -> Iterator[Batch[Tensor]]:
        batches = self._batches()
        # training on a CPU uses all processors: a further thread would slow it down
        return batches if self.images.device.type == "cpu" else prefetch(batches, _READY)

    def _batches(self) -> Generator[Batch[Tensor], None, None]:
        for batches, places, images in prefetch(self._windows(), 1):
            for rows, at in zip(batches, places, strict=True):
                x, measured = self.images.preprocess(images.take(at, axis=0))
                batch = self.annotations.at(rows.positions.to(self.annotations.images.device))
                yield batch._replace(images=x, target=x, share=rows.share, measured=measured)

    def _windows(self) -> Generator[tuple[list[BatchIndices], list[Ints], Array], None, None]:
        """Batches of each window, positions (n,) of each in the window, and its images."""
        for batches in self.epoch_sampler.windows():
            wanted = torch.cat([rows.positions for rows in batches])
            positions, place = wanted.unique(return_inverse=True)
            places = place.split([len(rows.positions) for rows in batches])
            images = self.images.select(positions).read_raw()
            yield batches, [at.numpy() for at in places], images


def make_dataloader(
    everything: Batch[Images], device: torch.device, order: BatchOrder, *, n_labelled: int = 0
) -> DataLoader[Batch[Tensor]] | StreamingLoader:
    """Batches on a device from all images of a split, the last ``n_labelled`` of them labelled.

    Images in files are streamed, and shuffled within windows.
    """
    images = everything.images
    n = len(images) - n_labelled
    if isinstance(images, FileImages):
        sampler = EpochSampler(n, order, n_labelled=n_labelled, n_windows=images.n_windows)
        return StreamingLoader(everything, sampler, device)
    sampler = EpochSampler(n, order, n_labelled=n_labelled)
    # batch_size=None: the sampler yields complete batches of positions, gathered in one go
    return DataLoader(InMemoryDataset(everything, device), sampler=sampler, batch_size=None)


def prefetch(items: Generator[T, None, None], n: int) -> Iterator[T]:
    """Yield the items of a generator, which a background thread runs at most n items ahead.

    The thread starts with the first item requested and ends when the iterator is closed. An error
    of the generator is raised where its item would have come.
    """
    n_threads = torch.get_num_threads()
    slots, made = threading.Semaphore(n), queue.SimpleQueue[tuple[T] | BaseException | None]()
    is_over = threading.Event()

    def work() -> None:
        torch.set_num_threads(1)  # of this thread: see below
        try:
            with contextlib.closing(items):
                slots.acquire()
                for item in items:
                    made.put((item,))
                    del item  # may be large, and belongs to the consumer now
                    slots.acquire()
                    if is_over.is_set():
                        return
            made.put(None)
        except BaseException as error:  # noqa: BLE001  raised again in the consumer
            made.put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        item = made.get()
        # torch.set_num_threads also applies to threads created later, so undo what the thread set.
        # With more threads than processors OpenMP lets all of them sleep between operations, which
        # doubles the duration of a step.
        torch.set_num_threads(n_threads)
        while item is not None:
            if isinstance(item, BaseException):
                raise item
            slots.release()
            yield item[0]
            item = made.get()
    finally:
        is_over.set()
        slots.release()
        thread.join()
