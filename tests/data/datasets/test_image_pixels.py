"""The user's own images: cut, padded, resampled, and pixels that are no numbers."""

import logging
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from vaerun.data.datasets import images
from vaerun.data.image_set import as_tensor
from vaerun.data.load import load_all
from vaerun.utils.errors import UserError

from .image_files import RAMP, Make, N, all_of


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
