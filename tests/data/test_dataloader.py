"""Batches: every image once an epoch, in an order that (seed, epoch) determines."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from vaerun.data.dataloader import Batch, make_dataloader
from vaerun.data.io.lazy_array import LazyArray
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.image_files import ImageFiles
from vaerun.data.lazy.preprocessing import Preprocessing
from vaerun.data.sampler import BatchOrder, EpochSampler

CPU = torch.device("cpu")


def numbered(n: int) -> Batch:
    number = torch.arange(n)
    images = number.view(n, 1, 1, 1).float()
    return Batch(images, images, number)


def sampler(seed: int | None) -> EpochSampler:
    return EpochSampler(50, BatchOrder(batch_size=9, seed=seed))


def epoch(of: EpochSampler, number: int) -> list[int]:
    of.order.epoch = lambda: number
    return torch.cat([rows.positions for rows in of]).tolist()


def test_an_epoch_has_every_image_once():
    batches = list(make_dataloader(numbered(23), CPU, BatchOrder(batch_size=5, seed=7)))
    assert [len(batch.images) for batch in batches] == [5, 5, 5, 5, 3]
    assert sorted(torch.cat([batch.label for batch in batches]).tolist()) == list(range(23))


def test_images_keep_what_is_known_of_them():
    known = numbered(23)._replace(
        target=torch.arange(23.0).view(23, 1, 1, 1) + 0.5,
        condition=torch.arange(23.0)[:, None],
        pseudo_labels=torch.arange(23),
    )
    for batch in make_dataloader(known, CPU, BatchOrder(batch_size=5, seed=7)):
        torch.testing.assert_close(batch.images.flatten(), batch.label.float())
        torch.testing.assert_close(batch.target.flatten(), batch.label + 0.5)
        torch.testing.assert_close(batch.condition[:, 0], batch.label.float())
        torch.testing.assert_close(batch.pseudo_labels, batch.label)


def test_a_clean_target_is_gathered_once():
    (batch,) = make_dataloader(numbered(4), CPU, BatchOrder(batch_size=5))
    assert batch.target is batch.images


@given(n=st.integers(1, 90), n_labelled=st.integers(1, 90), batch_size=st.integers(1, 20))
def test_every_label_is_used_once_an_epoch_whatever_the_sizes(
    n: int, n_labelled: int, batch_size: int
):
    of = EpochSampler(n, BatchOrder(batch_size=batch_size, seed=3), n_labelled=n_labelled)
    batches = [rows.positions for rows in of]
    assert len(batches) == len(of)
    assert sorted(torch.cat(batches).tolist()) == list(range(n + n_labelled))
    labelled = [int((batch >= n).sum()) for batch in batches]
    assert max(labelled) - min(labelled) <= 1  # spread evenly
    assert max(len(batch) for batch in batches) <= 2 * batch_size


def test_the_order_is_a_function_of_seed_and_epoch():
    one, two, other = (sampler(seed) for seed in (1, 1, 2))
    epoch(one, 0)  # what was read before does not matter
    assert epoch(one, 3) == epoch(two, 3)
    assert epoch(one, 3) != epoch(one, 4)
    assert epoch(one, 3) != epoch(other, 3)


def test_without_a_seed_the_order_is_that_of_the_source():
    assert epoch(sampler(None), 4) == list(range(50))


def test_batches_from_a_file_come_to_the_device_in_the_order_of_the_epoch(tmp_path):
    pixels = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((4, 4), np.uint8)
    stored = LazyArray(shape=pixels.shape, dtype=pixels.dtype, read=lambda part: pixels[part])
    stack = FileImages(
        source=ImageFiles.of(tmp_path / "x", stored),
        rows=torch.arange(20),
        prepare=Preprocessing(),
        window=(0.0, 255.0),
        held_bytes=100,  # several windows
    )
    order, shown = BatchOrder(batch_size=6, seed=0), {}
    for device in ("cpu", "meta"):
        batches = list(make_dataloader(Batch(stack, stack), torch.device(device), order))
        assert {batch.images.device.type for batch in batches} == {device}
        shown[device] = [batch.images.shape for batch in batches]
    assert shown["cpu"] == shown["meta"] == [(6, 1, 4, 4)] * 3 + [(2, 1, 4, 4)]
    sampler = EpochSampler(20, order, n_windows=stack.n_windows)
    batches = make_dataloader(Batch(stack, stack), CPU, order)
    for batch, rows in zip(batches, sampler, strict=True):
        assert (batch.images[:, 0, 0, 0] * 255).round().long().equal(rows.positions)
