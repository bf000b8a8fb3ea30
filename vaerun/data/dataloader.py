"""Batches: from memory, one tensor on the device, selected by index; or from a file, in windows.

The order of an epoch is a function of (seed, epoch) and of nothing else, so a resumed run sees
the batches that an uninterrupted one would have seen, from any of them on.

Work done ahead of whoever wants it, by a thread of its own.
"""

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
from vaerun.data.sampler import BatchIndices, EpochSampler
from vaerun.utils.distributed import BatchShare

T = TypeVar("T")


def prefetch(items: Generator[T, None, None], n: int) -> Iterator[T]:
    """The same items in the same order, made by a thread that is at most n of them ahead.

    It begins when the first is wanted. An error in the making is raised where its item would have
    come; whoever wants no more of them closes this, and the thread ends.

    Parameters
    ----------
    items
        Makes each item when it is asked for it.
    n
        Items that are made or in the making, beside the one that is in use.
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
                    del item  # it may be large, and is another's now
                    slots.acquire()
                    if is_over.is_set():
                        return
            made.put(None)
        except BaseException as error:  # noqa: BLE001  raised again where it is waited for
            made.put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        found = made.get()
        # Torch takes the last number that was set for that of threads to come. In ours and theirs
        # together there may be no more of them than processors, or OpenMP has all of them sleep
        # between any two operations: a step would take twice as long.
        torch.set_num_threads(n_threads)
        while found is not None:
            if isinstance(found, BaseException):
                raise found
            slots.release()
            yield found[0]
            found = made.get()
    finally:
        is_over.set()
        slots.release()
        thread.join()


_READY = 4  # batches made ahead

Pictures = TypeVar("Pictures", bound=Images, covariant=True)


class Batch(NamedTuple, Generic[Pictures]):
    """What a step is given: images in a tensor. All of a split may be patches instead.

    Attributes
    ----------
    images
        (B, C, H, W) what the encoder sees.
    target
        (B, C, H, W) what is to be reconstructed.
    label
        (B,) the class, −1 where the model is not to know it; None where it is to know none.
    condition
        (B, n) what a conditional model is told, else None.
    pseudo_labels
        (B, 2) class and angle found before training, −1 and NaN where none was; else None.
    share
        What of a batch these are; None where they are the whole.
    """

    images: Pictures
    target: Pictures
    label: Tensor | None = None
    condition: Tensor | None = None
    pseudo_labels: Tensor | None = None
    share: BatchShare | None = None

    def at(self, index: Tensor) -> "Batch[Tensor]":
        """Those of some positions, patches cut out."""
        return self._changed(lambda part: part[index])

    def to(self, device: torch.device) -> "Batch[Pictures]":
        """The same on a device."""
        return self._changed(lambda part: part.to(device))

    def _changed(self, change: Callable[[Any], Any]) -> "Batch[Any]":
        """Every part changed alike; images and targets that are the same stay so."""
        images = change(self.images)
        return Batch(
            images,
            images if self.target is self.images else change(self.target),
            None if self.label is None else change(self.label),
            None if self.condition is None else change(self.condition),
            None if self.pseudo_labels is None else change(self.pseudo_labels),
            self.share,
        )


class InMemoryDataset(Dataset[Batch[Tensor]]):
    """All images of a split, as one batch that lies on the device already."""

    def __init__(self, everything: Batch[Images], device: torch.device) -> None:
        self.everything = everything.to(device)

    def __len__(self) -> int:
        return len(self.everything.images)

    def __getitem__(self, rows: BatchIndices) -> Batch[Tensor]:
        """The batch of those positions."""
        batch = self.everything.at(rows.positions.to(self.everything.images.device))
        return batch._replace(share=rows.share)


class StreamingLoader:
    """Batches of images that lie in a file, which is read a window ahead.

    Parameters
    ----------
    stack
        All images of a split; nothing is corrupted.
    everything
        The same, with what is known of each.
    order
        Of the batches, and its windows.
    device
        Where batches are brought to.
    """

    def __init__(
        self,
        stack: FileImages,
        everything: Batch[Images],
        order: EpochSampler,
        device: torch.device,
    ) -> None:
        assert everything.target is everything.images is stack
        self.stack = stack.to(device)
        number = torch.arange(len(stack))  # in the place of images
        self.known = everything._replace(images=number, target=number).to(device)
        self.order = order

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[Batch[Tensor]]:
        batches = self._batches()
        # on a CPU training has all processors to itself: a thread beside it would hold it up
        return batches if self.stack.device.type == "cpu" else prefetch(batches, _READY)

    def _batches(self) -> Generator[Batch[Tensor], None, None]:
        for batches, places, images in prefetch(self._windows(), 1):
            for rows, at in zip(batches, places, strict=True):
                x = self.stack.prepared(images.take(at, axis=0))
                known = self.known.at(rows.positions.to(self.known.images.device))
                yield known._replace(images=x, target=x, share=rows.share)

    def _windows(self) -> Generator[tuple[list[BatchIndices], list[Ints], Array], None, None]:
        """The batches of each window, where in it their images are (n,), and all its images."""
        for batches in self.order.windows():
            wanted = torch.cat([rows.positions for rows in batches])
            positions, place = wanted.unique(return_inverse=True)
            places = place.split([len(rows.positions) for rows in batches])
            images = self.stack.select(positions).read_raw()
            yield batches, [at.numpy() for at in places], images


def make_dataloader(
    everything: Batch[Images],
    batch_size: int,
    device: torch.device,
    *,
    n_labelled: int = 0,
    seed: int | None = None,
    epoch: Callable[[], int] = lambda: 0,
    seen: Callable[[], int] = lambda: 0,
    rank: int = 0,
    n_ranks: int = 1,
) -> DataLoader[Batch[Tensor]] | StreamingLoader:
    """Batches of a split, whose last ``n_labelled`` have labels; shuffled if there is a seed.

    See `EpochSampler` for the parameters.
    """
    images = everything.images
    n_windows = images.n_windows if isinstance(images, FileImages) else 1
    sampler = EpochSampler(
        len(images) - n_labelled,
        batch_size, seed, epoch, n_labelled, seen, rank, n_ranks, n_windows,
    )  # fmt: skip
    if isinstance(images, FileImages):
        return StreamingLoader(images, everything, sampler, device)
    # batch_size=None: the sampler hands over whole batches of positions, gathered in one go
    return DataLoader(InMemoryDataset(everything, device), sampler=sampler, batch_size=None)
