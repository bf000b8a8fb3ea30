"""The user's own images: every format, type and source of labels; late reading equals early."""

import dataclasses
import logging
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy.io import savemat

from vaerun.data.datasets import images
from vaerun.data.datasets.image_scan import scan_images
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.image_set import DataShape, as_tensor
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.load import load, load_all
from vaerun.utils.errors import UserError

N = 12
RAMP = np.arange(N * 10 * 14).reshape(N, 10, 14)
Make = Callable[..., ImagesConfig]


def write(path: Path, array: np.ndarray) -> None:
    """A file of an array, by its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, images=array, other=np.zeros((300, 30)))
    elif path.suffix in (".h5", ".hdf5"):
        with h5py.File(path, "w") as file:
            file.create_dataset("deep/images", data=array, chunks=True, compression="gzip")
            file["table"] = np.zeros((500, 30))
    elif path.suffix in (".tif", ".tiff"):
        tifffile.imwrite(path, array)
    else:
        Image.fromarray(array).save(path)


def all_of(config: ImagesConfig) -> torch.Tensor:
    """Every image, (N, C, H, W)."""
    return as_tensor(load_all(config, 0).images.images)


@pytest.mark.parametrize("ending", ["npy", "npz", "h5", "hdf5", "tif", "tiff"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_a_stack_comes_back_from_any_file(tmp_path: Path, config: Make, ending: str, kind: type):
    stack = (RAMP % 251).astype(kind)
    write(tmp_path / f"x.{ending}", stack)
    found = all_of(config(f"x.{ending}"))
    full = 255 if kind is np.uint8 else 250
    np.testing.assert_allclose(found[:, 0], stack.astype(np.float32) / full, rtol=1e-6)


@pytest.mark.parametrize(
    "kind",
    ["?", "i1", "i2", ">u2", "i4", "u4", "i8", "u8", "f2", "f4", ">f4", "f8", "g"],
)
@pytest.mark.parametrize("ending", ["npy", "npz", "h5"])
def test_numbers_of_any_type_span_0_to_1(tmp_path: Path, config: Make, kind: str, ending: str):
    if kind == "g" and ending == "h5":
        pytest.skip("HDF5 keeps long doubles in its own way")
    values = RAMP // 9 % 2 if kind == "?" else RAMP - 900
    if kind == "i1":
        values = RAMP % 200 - 100
    elif "u" in kind:
        values = RAMP + 2**15
    write(tmp_path / f"x.{ending}", values.astype(kind))
    splits = images.load(config(f"x.{ending}"), 0)
    found = as_tensor(splits.train.images)
    assert (float(found.min()), float(found.max())) == (0, 1)
    low, high = splits.window
    wanted = (values[splits.train.index] - low) / (high - low)
    np.testing.assert_allclose(found[:, 0], wanted, atol=1e-3 if kind == "f2" else 1e-6)


def test_small_steps_on_a_large_offset_survive(tmp_path: Path, config: Make):
    np.save(tmp_path / "x.npy", (RAMP + 4_000_000_000).astype(np.uint32))
    np.testing.assert_allclose(all_of(config("x.npy"))[:, 0], RAMP / RAMP.max(), rtol=1e-6)


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


def test_numbers_from_0_to_1_and_of_8_bits_are_taken_as_they_are(tmp_path: Path, config: Make):
    for name, stack, window in [
        ("share", RAMP / RAMP.max() * 0.5 + 0.2, (0, 1)),
        ("mask", (RAMP // 9 % 2).astype(np.uint8), (0, 1)),
        ("bits", (RAMP % 200 + 3).astype(np.uint8), (0, 255)),
        ("bool", RAMP % 3 == 0, (0, 1)),
    ]:
        np.save(tmp_path / f"{name}.npy", stack)
        assert images.load(config(f"{name}.npy"), 0).window == window


def test_a_small_quantity_is_no_share_of_full_brightness(tmp_path: Path, config: Make):
    np.save(tmp_path / "height_in_m.npy", RAMP * 1e-12)
    splits = images.load(config("height_in_m.npy"), 0)
    assert float(as_tensor(splits.train.images).max()) == 1


def test_the_window_is_that_of_the_training_set(tmp_path: Path, config: Make):
    np.save(tmp_path / "x.npy", RAMP)
    splits = images.load(config("x.npy"), 3)
    train = RAMP[splits.train.index]
    assert splits.window == (train.min(), train.max())
    assert splits.shape.window == splits.window
    assert DataShape(**dataclasses.asdict(splits.shape)) == splits.shape
    clipped = images.load(config("x.npy", clip_percent=5), 3)
    assert clipped.window == pytest.approx(tuple(np.percentile(train, [5, 95])))


def test_new_images_get_the_window_of_the_run(tmp_path: Path, config: Make):
    np.save(tmp_path / "new.npy", RAMP[:3])
    like = DataShape(image=(1, 10, 14), window=(100.0, 300.0))
    found = load_all(config("new.npy"), 0, like).images
    wanted = np.clip((RAMP[:3] - 100) / 200, 0, 1)
    np.testing.assert_allclose(as_tensor(found.images)[:, 0], wanted, atol=1e-6)


@pytest.mark.parametrize("window", [(0, 1), (0, 1e6), (1680, 9999)])
def test_new_images_in_other_units_are_noted(
    tmp_path: Path, config: Make, caplog: pytest.LogCaptureFixture, window: tuple[float, float]
):
    np.save(tmp_path / "new.npy", RAMP)
    logger = logging.getLogger("vaerun")
    logger.addHandler(caplog.handler)  # another test may have let it print
    for like, is_noted in [((0, 1200), False), (window, True)]:
        caplog.clear()
        load_all(config("new.npy"), 0, DataShape(image=(1, 10, 14), window=like))
        assert any("in the same units" in line for line in caplog.messages) == is_noted
    logger.removeHandler(caplog.handler)


def test_each_image_may_have_its_own_window(tmp_path: Path, config: Make):
    stack = RAMP.astype(float)
    stack[4] = 7
    np.save(tmp_path / "x.npy", stack)
    found = all_of(config("x.npy", normalise="image"))
    assert found[4].unique().tolist() == [0]
    ends = [(float(x.min()), float(x.max())) for i, x in enumerate(found) if i != 4]
    assert set(ends) == {(0, 1)}
    clipped = all_of(config("x.npy", normalise="image", clip_percent=10))
    assert float((clipped[0] == 0).float().mean()) == pytest.approx(0.1, abs=0.01)


def test_without_normalising_images_must_be_from_0_to_1(tmp_path: Path, config: Make):
    np.save(tmp_path / "x.npy", RAMP)
    with pytest.raises(UserError, match=r"normalise=none, but .* from 0 to .*normalise=auto"):
        images.load(config("x.npy", normalise="none"), 0)


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


def test_images_are_cut_padded_and_resampled(tmp_path: Path, config: Make):
    stack = np.zeros((N, 10, 14), np.float32)
    stack[:, 3:7, 5:9] = 1
    stack[:, 0, 0] = 0.3
    np.save(tmp_path / "x.npy", stack)
    cut = all_of(config("x.npy", crop_px=8))
    np.testing.assert_array_equal(cut[:, 0], stack[:, 1:9, 3:11])
    padded = all_of(config("x.npy", pad_px=[16, 14]))
    np.testing.assert_array_equal(padded[:, 0, 3:13], stack)
    assert float(padded[:, 0, :3].max()) == 0
    assert all_of(config("x.npy", size=[20, 28])).shape == (N, 1, 20, 28)
    round_one = all_of(config("x.npy", mask="circle"))
    assert float(round_one[0, 0, 0, 0]) == 0
    assert float(round_one[0, 0, 4, 6]) == 1


def test_padding_goes_on_as_the_border_does(tmp_path: Path, config: Make):
    np.save(tmp_path / "x.npy", np.full((N, 10, 14), 0.8) - (RAMP % 140 == 75) * 0.5)
    assert float(all_of(config("x.npy", pad_px=20))[0, 0, 0, 0]) == pytest.approx(0.8)


def test_pixels_that_are_no_numbers_go_on_like_those_around(tmp_path: Path, config: Make):
    stack = RAMP / RAMP.max()
    broken = stack.copy()
    broken[2, 3, 4], broken[5, 6, 7], broken[5, 1, 1] = np.nan, -np.inf, 9.97e36
    np.save(tmp_path / "x.npy", broken)
    found = all_of(config("x.npy"))
    around = stack[2, 2:5, 3:6]
    assert around.min() < float(found[2, 0, 3, 4]) < around.max()
    part = images.load_all(config("x.npy")).images
    assert part.measured is not None
    assert (~as_tensor(part.measured)).nonzero().tolist() == [
        [2, 0, 3, 4],
        [5, 0, 1, 1],
        [5, 0, 6, 7],
    ]
    untouched = np.abs(broken) < 2
    np.testing.assert_allclose(found[:, 0].numpy()[untouched], stack[untouched], rtol=1e-6)
    broken[7] = np.nan
    np.save(tmp_path / "x.npy", broken)
    with pytest.raises(UserError, match=r"image 7 .*x\.npy, has no measured pixel"):
        images.load(config("x.npy"), 0)


def test_resampling_and_greying_mix_nothing_of_a_gap_into_what_is_measured(
    tmp_path: Path, config: Make
):
    stack = np.full((N, 3, 20, 24), 0.5) + 0.1 * np.arange(3)[:, None, None]
    stack[:, 0] += 0.001 * np.arange(N)[:, None, None]
    stack[:, :, :6, :8] = -9999
    np.save(tmp_path / "x.npy", stack)
    unit = {"normalise": "none", "unmeasured": [-9999.0], "axes": "NCYX"}
    part = images.load_all(config("x.npy", size=[10, 12], grey=True, **unit)).images
    assert part.measured is not None
    known, found = as_tensor(part.measured), as_tensor(part.images)
    wanted = torch.ones(N, 1, 10, 12, dtype=torch.bool)
    wanted[:, :, :3, :4] = False
    assert torch.equal(known, wanted)
    mean = 0.6 + 0.001 * torch.arange(N).view(N, 1, 1, 1) / 3
    torch.testing.assert_close(found, mean.expand_as(found))


@pytest.mark.parametrize("memory_gb", [None, 1e-6])
def test_images_of_two_pixel_sizes_are_noted_and_resampled_to_one(
    tmp_path: Path, config: Make, caplog: pytest.LogCaptureFixture, memory_gb: float | None
):
    row, column = np.mgrid[:48, :48] - 23.5
    for nm in (0.1, 0.2):  # the same disc of 2 nm
        disc = (255 * np.clip(2 - nm * np.hypot(row, column), 0, 1)).astype(np.uint8)
        stack = np.repeat(disc[None], 6, 0)
        stack[:, 0, 0] = np.arange(6)
        tifffile.imwrite(
            tmp_path / f"{nm}.tif", stack, imagej=True, resolution=(1 / nm, 1 / nm),
            metadata={"unit": "nm", "axes": "TYX"},
        )  # fmt: skip
    with caplog.at_level(logging.INFO):
        images.load(config("*.tif"), 0)
    assert "pixels of these images are 0.1 to 0.2 nm" in caplog.text
    assert "data.resample_nm=0.2 resamples all" in caplog.text
    with pytest.raises(UserError, match=r"24×24.* — cut and surround them by data.crop_px=24"):
        images.load(config("*.tif", resample_nm=0.2, size=20), 0)
    asked = config("*.tif", resample_nm=0.2, crop_px=20, memory_gb=memory_gb)
    splits = images.load(asked, 0)
    both = torch.cat([as_tensor(splits.train.images), as_tensor(splits.val.images)])
    both = both[torch.cat([splits.train.index, splits.val.index]).argsort()]
    assert both.shape == (12, 1, 20, 20)
    torch.testing.assert_close(both[:6], both[6:], rtol=0, atol=0.06)
    np.save(tmp_path / "x.npy", RAMP)
    with pytest.raises(UserError, match=r"x\.npy has no pixel size"):
        images.load(config("x.npy", resample_nm=0.2), 0)


@pytest.mark.parametrize("memory_gb", [None, 1e-6])
def test_images_without_a_number_can_be_skipped_and_are_counted(
    tmp_path: Path, config: Make, caplog: pytest.LogCaptureFixture, memory_gb: float | None
):
    stack = np.concatenate([RAMP, RAMP]) / RAMP.max()
    stack[[3, 20]] = np.nan
    np.savez(tmp_path / "x.npz", images=stack, number=np.arange(24))
    asked = config(
        "x.npz", skip_unreadable=True, factors=["number"], memory_gb=memory_gb, root=str(tmp_path)
    )
    with caplog.at_level("INFO", "vaerun"):
        splits = images.load(asked, 0)
    assert "2 images without a measured pixel are left out" in caplog.text
    for part in (*splits.parts, load_all(asked, 0).images):
        found = as_tensor(part.images)
        assert bool(found.isfinite().all())
        assert part.factors["number"].tolist() == part.index.tolist()
        np.testing.assert_allclose(found[:, 0], stack[part.index], atol=1e-6)
    assert sorted(torch.cat([p.index for p in splits.parts]).tolist()) == [
        i for i in range(24) if i not in (3, 20)
    ]


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
