"""Images and frames with unmeasured pixels, by the real command: what is learned, what is said."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from vaerun.models.encodings import read_latents

N, SIDE = 400, 16
GAP = 2**32 - 1
QUICK = ("model.hidden=[32,32]", "trainer.accelerator=cpu", "trainer.precision=32-true")


def counts(here: Path) -> np.ndarray:
    """Spots of two widths as counts, every second image with two corners that are GAP."""
    rng = np.random.default_rng(0)
    row, column = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    width = rng.uniform(2, 5, N)[:, None, None]
    images = rng.poisson(40 + 200 * np.exp(-((row / 3) ** 2) - (column / width) ** 2))
    images = images.astype(np.uint32)
    has_gap = rng.permutation(N) % 2
    for corner in (np.s_[:5, :5], np.s_[-5:, -5:]):
        images[(has_gap == 1, *corner)] = GAP
    np.savez(here / "counts.npz", images=images, gap=has_gap, width=width[:, 0, 0])
    return has_gap


def told_by_z(folder: Path, has_gap: np.ndarray) -> float:
    """Share of images whose gap is predicted by the line in z that separates best, of draws of z.

    Of draws, as a shift of the mean by less than its sd is no information.
    """
    latents = read_latents(folder / "latents.h5")
    rng = np.random.default_rng(1)
    z = latents.z_mean + latents.z_sd * rng.normal(size=latents.z_mean.shape)
    design = np.column_stack([z, z**2, np.ones(len(z))])
    truth = has_gap[latents.index] * 2.0 - 1
    weights, *_ = np.linalg.lstsq(design, truth, rcond=None)
    return float(np.mean(np.sign(design @ weights) == truth))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("auto", f"10,000 pixels in {N // 2} of them count as not measured ({GAP})"),
        ("[7,4294967295]", f"10,000 pixels in {N // 2} of them count as not measured (7, {GAP})"),
        ("none", None),
    ],
)
def test_z_is_not_told_by_gaps_unless_they_count_as_measured(
    vaerun, here: Path, word: str, said: str | None
):
    has_gap = counts(here)
    status, output, errors = vaerun(
        "model=vae",
        "data=images",
        "data.path=counts.npz",
        f"data.unmeasured={word}",
        "data.repeats=4",
        "data.batch_size=50",
        "trainer.max_epochs=4",
        *QUICK,
    )
    assert status == 0, errors
    text = " ".join(" ".join(output).split())
    share = told_by_z(Path(output[-1].removeprefix("run: ")), has_gap)
    if said is None:
        assert "not measured" not in text
        assert share > 0.9
    else:
        assert said in text
        assert share < 0.65


def test_streamed_images_have_the_gaps_of_those_in_memory(vaerun, here: Path):
    counts(here)
    losses = []
    for gb in ("null", "0.0001"):
        status, output, errors = vaerun(
            "model=vae",
            "data=images",
            "data.path=counts.npz",
            f"data.memory_gb={gb}",
            "data.root=root",
            "data.repeats=1",
            "trainer.max_epochs=1",
            "trainer.learning_rate=1e-12",
            *QUICK,
        )
        assert status == 0, errors
        latents = read_latents(Path(output[-1].removeprefix("run: ")) / "latents.h5")
        losses.append(latents.error)
    np.testing.assert_allclose(*losses, rtol=1e-5)


def test_patches_with_gaps_are_masked_or_left_out_and_counted(vaerun, here: Path):
    rng = np.random.default_rng(0)
    frames = rng.normal(100, 10, (6, 64, 64)).astype(np.float32)
    for i, frame in enumerate(frames):
        frame[: 4 * i], frame[:, 64 - 2 * i or 64 :] = 0, 0
    np.save("drift.npy", frames)
    status, output, errors = vaerun(
        "data=patches",
        "data.path=drift.npy",
        "data.patch_px=16",
        "data.step_px=8",
        "data.repeats=1",
        "trainer.max_epochs=1",
        *QUICK,
    )
    assert status == 0, errors
    text = " ".join(" ".join(output).split())
    assert "drift.npy: not measured: constant borders" in text
    assert "in 5 of them" in text
    assert "patches left out: less than half of their pixels are measured" in text
    assert "pixels were not measured: they are left out of likelihood and errors" in text
    with h5py.File(Path(output[-1].removeprefix("run: ")) / "latents.h5") as file:
        places = zip(file["frame"][()], file["centre"][()].astype(int), strict=True)
        share = [(frames[f, y - 7 : y + 9, x - 7 : x + 9] != 0).mean() for f, (y, x) in places]
    assert min(share) >= 0.5
    assert min(share) < 1
