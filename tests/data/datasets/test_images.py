"""The user's own images: every format and source of labels; late reading equals early."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy.io import savemat

from vaerun.data.datasets import images
from vaerun.data.datasets.image_scan import scan_images
from vaerun.data.image_set import DataShape, as_tensor
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.load import load, load_all
from vaerun.utils.errors import UserError

from .image_files import RAMP, Make, N, all_of, write


@pytest.mark.parametrize("ending", ["npy", "npz", "h5", "hdf5", "tif", "tiff"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_a_stack_comes_back_from_any_file(tmp_path: Path, config: Make, ending: str, kind: type):
    stack = (RAMP % 251).astype(kind)
    write(tmp_path / f"x.{ending}", stack)
    found = all_of(config(f"x.{ending}"))
    full = 255 if kind is np.uint8 else 250
    np.testing.assert_allclose(found[:, 0], stack.astype(np.float32) / full, rtol=1e-6)


def test_one_of_several_files_may_have_its_channels_first(tmp_path: Path, config: Make):
    colour = np.random.default_rng(0).random((N, 3, 10, 14), np.float32)
    for i, image in enumerate(colour):
        np.save(tmp_path / f"{i}.npy", image)
    np.testing.assert_allclose(all_of(config()), colour)


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_pictures_keep_their_colours_and_drop_what_is_transparent(
    tmp_path: Path, config: Make, ending: str
):
    for i in range(N):
        colour = np.full(
            (10, 14, 3 if ending == "jpg" else 4), [10, 20, 30, 77][: 4 - (ending == "jpg")]
        )
        write(tmp_path / f"{i}.{ending}", colour.astype(np.uint8))
    found = all_of(config())
    assert found.shape == (N, 3, 10, 14)
    np.testing.assert_allclose(found[0, :, 0, 0] * 255, [10, 20, 30], atol=2)
    grey = all_of(config(grey=True))
    assert grey.shape == (N, 1, 10, 14)
    np.testing.assert_allclose(grey[0, 0, 0, 0] * 255, 20, atol=2)


def test_pictures_of_16_bits_of_1_bit_and_of_palettes_are_read(tmp_path: Path, config: Make):
    deep = (RAMP[0] * 300).astype(np.uint16)
    for i in range(N):
        Image.fromarray(deep).save(tmp_path / f"{i}.png")
    np.testing.assert_allclose(all_of(config())[0, 0], deep / deep.max(), rtol=1e-6)
    Image.fromarray(RAMP[0] % 2 == 1).save(tmp_path / "one.png")
    assert all_of(config("one.png")).unique().tolist() == [0, 1]
    Image.fromarray((RAMP[0] % 9).astype(np.uint8)).convert("P").save(tmp_path / "palette.png")
    assert all_of(config("palette.png")).shape[1] == 3


def test_files_follow_in_natural_order_and_their_stacks_in_turn(tmp_path: Path, config: Make):
    for number in (10, 2, 1):
        np.save(tmp_path / f"part {number}.npy", np.full((4, 10, 14), float(number)))
    found = load_all(config("part *.npy", normalise="set"), 0).images
    assert [float(x.mean()) for x in as_tensor(found.images)] == pytest.approx(
        [0] * 4 + [1 / 9] * 4 + [1] * 4
    )
    assert found.index.tolist() == list(range(12))


def test_what_is_late_equals_what_is_early(tmp_path: Path, config: Make):
    rng = np.random.default_rng(1)
    write(tmp_path / "a.h5", rng.normal(size=(9, 20, 15)))
    write(tmp_path / "b.npy", rng.normal(size=(7, 18, 25)))
    for i in range(5):
        write(tmp_path / f"c{i}.tif", rng.normal(size=(16, 16)))
    asked = config(crop_px=[18, 16], pad_px=18, size=[12, 10], mask="circle", clip_percent=2.0)
    splits = images.load(asked, 0)
    late = load_all(asked, 0, splits.shape).images
    assert isinstance(late.images, FileImages)
    whole = late.images.as_tensor()
    for part in (splits.train, splits.val):
        torch.testing.assert_close(part.images, whole[part.index], rtol=0, atol=0)
    order = torch.from_numpy(rng.permutation(21))
    mask = torch.from_numpy(rng.random(21) > 0.5)
    stack = late.images
    assert torch.equal(stack[order], whole[order])
    assert torch.equal(stack[mask], whole[mask])
    assert torch.equal(stack.select(order)[3:9], whole[order][3:9])
    assert torch.equal(stack[torch.tensor([4, 4, 2])], whole[[4, 4, 2]])
    assert torch.equal(torch.cat(list(stack.split(4))), whole)
    assert (len(stack), stack.ndim, stack.dtype, stack.shape) == (21, 4, whole.dtype, whole.shape)
    assert stack[:0].shape == (0, 1, 12, 10)
    assert stack.to(torch.device("cpu")).device == whole.device
    assert torch.equal(
        stack.fingerprint_parts()[0], stack.select(slice(None)).fingerprint_parts()[0]
    )
    assert not torch.equal(
        stack.fingerprint_parts()[0], stack.select(order).fingerprint_parts()[0]
    )


def test_little_of_a_file_is_read(tmp_path: Path, config: Make, monkeypatch: pytest.MonkeyPatch):
    write(tmp_path / "x.h5", np.random.default_rng(0).random((400, 60, 60), np.float32))
    read: list[slice] = []
    whole = h5py.Dataset.__getitem__
    monkeypatch.setattr(
        h5py.Dataset, "__getitem__", lambda self, part: read.append(part) or whole(self, part)
    )
    stack = load_all(config("x.h5", normalise="none", unmeasured="none"), 0).images.images
    assert read == []
    stack[torch.tensor([399, 0, 2])]
    assert read == [slice(0, 3), slice(399, 400)]


def test_a_set_of_constant_images_is_refused(tmp_path: Path, config: Make):
    np.save(tmp_path / "x.npy", np.ones((N, 10, 14)) * np.arange(N)[:, None, None])
    with pytest.raises(UserError, match=r"all 12 images of .* are constant"):
        images.load(config("x.npy"), 0)


def test_parts_are_drawn_by_the_seed_and_are_as_large_as_asked(tmp_path: Path, config: Make):
    np.save(tmp_path / "x.npy", RAMP)
    first, again, other = (images.load(config("x.npy"), seed) for seed in (0, 0, 1))
    assert torch.equal(first.train.index, again.train.index)
    assert not torch.equal(first.train.index, other.train.index)
    assert sorted([*first.train.index.tolist(), *first.val.index.tolist()]) == list(range(N))
    assert (len(first.train), len(first.val)) == (9, 3)
    fewer = images.load(config("x.npy", train_size=4, val_size=2), 0)
    assert (len(fewer.train), len(fewer.val)) == (4, 2)
    for key, n in (("train_size", 10), ("val_size", 4)):
        with pytest.raises(UserError, match=rf"data\.{key}={n} is more than the {n - 1} images"):
            images.load(config("x.npy", **{key: n}), 0)


def test_more_than_the_memory_holds_is_refused(
    tmp_path: Path, config: Make, monkeypatch: pytest.MonkeyPatch
):
    np.save(tmp_path / "x.npy", RAMP)
    monkeypatch.setattr("os.sysconf", lambda name: 2 if name == "SC_PHYS_PAGES" else 4096)
    with pytest.raises(UserError, match=r"12 images take .* this computer has .*data\.size=64"):
        images.load(config("x.npy"), 0)


def test_images_unlike_those_of_the_run_are_refused(tmp_path: Path, config: Make):
    np.save(tmp_path / "x.npy", RAMP)
    np.save(tmp_path / "c.npy", np.stack([RAMP] * 3, axis=-1))
    like = DataShape(image=(1, 12, 12))
    with pytest.raises(
        UserError, match=r"are 1×10×14 .* the run's 1×12×12 — data\.size=\[12,12\]"
    ):
        load_all(config("x.npy"), 0, like)
    assert load_all(config("x.npy", size=12), 0, like).images.images.shape == (N, 1, 12, 12)
    with pytest.raises(UserError, match=r"data\.grey=true"):
        load_all(config("c.npy", size=12), 0, like)
    assert load_all(config("c.npy", size=12, grey=True), 0, like).images.images.shape[1] == 1


def test_everything_of_a_drawn_set_is_both_of_its_parts(cards):
    config = cards(corrupt="noise")
    splits, whole = load(config, 0), load_all(config, 0).images
    assert torch.equal(whole.images, torch.cat([splits.train.images, splits.val.images]))
    assert torch.equal(whole.target, torch.cat([splits.train.target, splits.val.target]))
    assert whole.factors.keys() == splits.train.factors.keys()
    assert len(whole.label) == len(whole.index) == len(splits.train) + len(splits.val)


def test_other_pixels_are_another_data_set(tmp_path: Path, config: Make):
    identities = []
    for add in (0, 1):
        np.savez(tmp_path / "x.npz", images=RAMP + add * (RAMP == 5), dose=np.arange(N))
        splits = images.load(config("x.npz", factors=["dose"]), 0)
        identities.append(b"".join(t.numpy().tobytes() for t in splits.fingerprint_parts()))
    assert identities[0] != identities[1]


def test_a_pickle_is_refused_and_a_key_is_asked_for(tmp_path: Path, config: Make):
    np.save(tmp_path / "x.npy", np.array([{}] * 12, dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="holds Python objects"):
        images.load(config("x.npy"), 0)
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = RAMP, RAMP + 1
    with pytest.raises(UserError, match=r"a, b — choose one by data\.key=a"):
        images.load(config("two.h5"), 0)
    assert len(images.load(config("two.h5", key="b"), 0).train) == 9


def test_a_chunk_that_is_broken_is_named_when_it_is_read(tmp_path: Path, config: Make):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=RAMP, chunks=(1, 10, 14), fletcher32=True)
        at = file["images"].id.get_chunk_info(3).byte_offset
    raw = bytearray(path.read_bytes())
    raw[at] ^= 255
    path.write_bytes(raw)
    with pytest.raises(UserError, match=r"x\.h5 cannot be read"):
        images.load(config("x.h5"), 0)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    stack=hnp.arrays(
        dtype=st.one_of(
            hnp.integer_dtypes(),
            hnp.unsigned_integer_dtypes(),
            hnp.floating_dtypes(sizes=(16, 32, 64)),
            hnp.boolean_dtypes(),
        ),
        shape=hnp.array_shapes(min_dims=3, max_dims=4, min_side=8, max_side=17),
    ),
    normalise=st.sampled_from(["auto", "image", "set"]),
)
def test_any_stack_becomes_images_or_one_line(
    tmp_path: Path, config: Make, stack: np.ndarray, normalise: str
):
    np.save(tmp_path / "any.npy", stack)
    asked = config("any.npy", normalise=normalise, clip_percent=1.0)
    try:
        splits = images.load(asked, 0)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    whole = all_of(asked)
    for found in (whole, splits.train.images):
        assert found.dtype == torch.float32
        assert bool(found.isfinite().all())
        assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_labels_are_read_beside_the_images_of_a_matlab_file(tmp_path: Path, config: Make):
    names = np.array([["a"], ["b"]] * (N // 2), object)
    savemat(tmp_path / "x.mat", {"images": RAMP.transpose(1, 2, 0), "kind": names})
    found = load(config("x.mat", label="kind", axes="YXN"), 0)
    assert found.classes == ["a", "b"]
    label = torch.cat([found.train.label, found.val.label])
    index = torch.cat([found.train.index, found.val.index])
    assert torch.equal(label, index % 2)


def test_a_folder_that_is_one_file_names_no_class(tmp_path: Path, config: Make):
    zarr = pytest.importorskip("zarr")
    experiment = zarr.open_group(str(tmp_path / "x.zspy"), mode="w").create_group("Experiments/a")
    data = experiment.create_array("data", shape=(N + 3, 10, 14), dtype="i4", chunks=(1, 10, 14))
    data[:N] = RAMP
    experiment.create_group("axis-0").attrs["navigate"] = True
    found = scan_images(config("x.zspy"))
    assert found.classes.names == []
    assert "3 of 15 chunks are not there, and are read as 0" in found.images.source.notes[0]
