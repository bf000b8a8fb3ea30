"""Patches cut on the fly are those that plain slicing of the frames gives."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vaerun.data.dataloader import Batch, make_dataloader
from vaerun.data.image_set import ImageSet, Splits, as_tensor, concatenate_images
from vaerun.data.lazy.frame_patches import FramePatches, inside
from vaerun.data.patch_location import PatchLocation
from vaerun.data.sampler import BatchOrder
from vaerun.utils.digest import fingerprint

CPU = torch.device("cpu")


def frames(*shapes: tuple[int, int]) -> list[Tensor]:
    """No two pixels are the same."""
    ends = np.cumsum([0, *(h * w for h, w in shapes)])
    return [
        torch.arange(begin, begin + h * w).view(h, w).float()
        for begin, (h, w) in zip(ends, shapes, strict=False)
    ]


@st.composite
def cuttings(draw: st.DrawFn) -> tuple[list[Tensor], np.ndarray, np.ndarray, tuple[int, int]]:
    """Frames of two sizes, of which N patches of C channels are cut, wherever they fit."""
    size = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    room = st.integers(0, 9)
    shapes = [(size[0] + draw(room), size[1] + draw(room)) for _ in range(2)]
    n, channels = draw(st.integers(0, 12)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    kind = rng.integers(0, 2, n)
    frame = kind[:, None] + 2 * rng.integers(0, 2, (n, channels))  # frames 0 and 2 are alike
    corner = rng.integers(0, np.array(shapes)[kind] - size, endpoint=True)
    away = rng.uniform(-0.5, 0.49, (n, 2))
    return frames(*shapes, *shapes), frame, corner + (np.array(size) - 1) / 2 + away, size


def by_hand(of: list[Tensor], frame: np.ndarray, centre: np.ndarray, size) -> Tensor:
    """The same patches by plain slicing."""
    height, width = size
    patches = torch.empty(*frame.shape, *size)
    for i, (row, column) in enumerate(np.floor(centre - (np.array(size) - 1) / 2 + 0.5)):
        for c, f in enumerate(frame[i]):
            r, k = int(row), int(column)
            patches[i, c] = of[f][r : r + height, k : k + width]
    return patches


@pytest.fixture
def stack() -> FramePatches:
    """Thirty patches of two channels."""
    rng = np.random.default_rng(0)
    pairs = np.stack([np.arange(30) % 3, (np.arange(30) + 1) % 3], axis=1)
    return FramePatches.cut(frames(*[(20, 17)] * 3), pairs, rng.uniform(3, 13, (30, 2)), (6, 5))


@settings(deadline=None)
@given(cuttings())
def test_patches_are_pieces_of_their_frames(cutting):
    cut = FramePatches.cut(*cutting)
    wanted = by_hand(*cutting)
    assert torch.equal(cut.as_tensor(), wanted)
    assert (cut.shape, cut.ndim, cut.dtype, len(cut)) == (
        wanted.shape,
        4,
        torch.float32,
        len(wanted),
    )


@settings(deadline=None)
@given(cuttings(), st.integers(0, 99), st.integers(1, 20))
def test_indexing_gives_what_it_gives_of_a_tensor(cutting, seed: int, n: int):
    cut, ready = FramePatches.cut(*cutting), by_hand(*cutting)
    generator = torch.Generator().manual_seed(seed)
    positions = torch.randperm(len(ready), generator=generator)[: len(ready) // 2]
    mask = torch.rand(len(ready), generator=generator) < 0.5
    for index in (slice(n), slice(n, None), slice(-n, None, 2), positions, mask):
        assert torch.equal(cut[index], ready[index])
        assert torch.equal(cut.select(index).as_tensor(), ready[index])
        assert cut.select(index).pixels is cut.pixels
    assert [len(some) for some in cut.split(n)] == [
        len(some) for some in ready.split(n) if len(some)
    ]
    assert torch.equal(torch.cat([ready[:0], *cut.split(n)]), ready)


@settings(deadline=None)
@given(
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    centre=st.tuples(st.floats(-9, 30), st.floats(-9, 30)),
)
def test_a_patch_is_inside_if_all_its_pixels_are(size: tuple[int, int], centre):
    shapes = [(11, 17), (8, 23)]
    wanted = []
    for shape in shapes:
        pixels = [
            np.floor(c - (n - 1) / 2 + 0.5) + np.arange(n)
            for c, n in zip(centre, size, strict=True)
        ]
        wanted.append(all(p[0] >= 0 and p[-1] < s for p, s in zip(pixels, shape, strict=True)))
    assert inside(shapes, [0, 1], [centre, centre], size).tolist() == wanted
    assert inside(shapes, [[0, 1]], [centre], size).tolist() == [all(wanted)]  # in both channels


def test_patches_of_even_side_move_with_their_centres():
    cut = FramePatches.cut(
        frames((9, 12)), np.zeros(7, int), [[4, 3 + i] for i in range(7)], (4, 4)
    )
    assert (cut.as_tensor()[:, 0, 0, 0].diff() == 1).all()


def test_what_cannot_be_cut_is_a_bug():
    with pytest.raises(AssertionError, match="a patch leaves its frame"):
        FramePatches.cut(frames((9, 9)), [0, 0], [[4, 4], [1, 4]], (5, 5))
    with pytest.raises(AssertionError, match="frames of one size"):
        FramePatches.cut(frames((9, 9), (9, 8)), [[0, 1]], [[4, 4]], (3, 3))


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0)])
def test_stacks_follow_one_another(stack: FramePatches, order: tuple[int, ...]):
    other = FramePatches.cut(frames((7, 30), (7, 6)), [[1, 1]], [[3, 3]], (6, 5))
    parts = [(stack, other)[i] for i in order]
    both = FramePatches.concatenate(parts)
    assert torch.equal(both.as_tensor(), torch.cat([part.as_tensor() for part in parts]))
    assert len(both.pixels) == len(stack.pixels) + len(other.pixels)


def test_patches_of_the_same_frames_share_them(stack: FramePatches):
    first, rest = stack.select(slice(10)), stack.select(slice(10, None))
    both = concatenate_images([first, rest])
    assert isinstance(both, FramePatches)
    assert both.pixels is stack.pixels
    assert torch.equal(both.as_tensor(), stack.as_tensor())


def test_patches_and_ready_images_join_as_ready_images(stack: FramePatches):
    both = concatenate_images([stack, stack.as_tensor()])
    assert isinstance(both, Tensor)
    assert torch.equal(both, torch.cat([stack.as_tensor()] * 2))


def test_all_of_a_stack_moves(stack: FramePatches):
    moved = stack.to(torch.device("meta"))
    assert {t.device.type for t in (moved.pixels, moved.start, moved.stride)} == {"meta"}
    assert (moved.device.type, moved.shape) == ("meta", stack.shape)


def image_set(images: Tensor | FramePatches) -> ImageSet:
    n = len(images)
    known = np.arange(n)
    place = PatchLocation(
        frame=known, centre=np.zeros((n, 2), np.float32), species=known - 1, ring_class=-known
    )
    return ImageSet(images=images, label=torch.arange(n), index=torch.arange(n), place=place)


def test_the_first_images_of_a_set_are_not_cut_and_keep_their_place(stack: FramePatches):
    noisy = dataclasses.replace(image_set(stack), images=stack.as_tensor() + 1, clean=stack)
    few = noisy.first(4)
    assert isinstance(few.clean, FramePatches)
    assert torch.equal(as_tensor(few.clean) + 1, few.images)
    assert few.place is not None
    assert few.place.species.tolist() == [-1, 0, 1, 2]


def test_every_image_has_a_place_or_none_has(stack: FramePatches):
    with pytest.raises(AssertionError):
        dataclasses.replace(image_set(stack), place=image_set(stack.select(slice(3))).place)


def test_batches_of_patches_are_those_of_ready_images(stack: FramePatches):
    def batches(
        images: Tensor | FramePatches, target: Tensor | FramePatches
    ) -> list[Batch[Tensor]]:
        order = BatchOrder(batch_size=7, seed=3)
        return list(make_dataloader(Batch(images, target, torch.arange(30)), CPU, order))

    ready = stack.as_tensor()
    for cut, whole in zip(batches(stack, stack), batches(ready, ready), strict=True):
        assert torch.equal(cut.images, whole.images)
        assert cut.target is cut.images
    for cut, whole in zip(batches(ready + 1, stack), batches(ready + 1, ready), strict=True):
        assert torch.equal(cut.target, whole.target)
        assert torch.equal(cut.images, cut.target + 1)


def test_the_identity_of_patches_tells_them_from_others(stack: FramePatches):
    def identity(images: FramePatches) -> str:
        part = image_set(images)
        return fingerprint(
            Splits(train=part, val=part, classes=[], symmetry=[]).fingerprint_parts()
        )

    replace = dataclasses.replace
    others = [
        replace(stack, pixels=stack.pixels + 1),
        replace(stack, start=stack.start + 1),
        replace(stack, stride=stack.stride - 1),
        replace(stack, size=(5, 5)),
    ]
    assert identity(stack) == identity(replace(stack, start=stack.start.clone()))
    assert len({identity(images) for images in (stack, *others)}) == 5
