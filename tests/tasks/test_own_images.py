"""Twelve data sets as users bring them: each is learned from, or refused in a line that helps."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from vaerun import load
from vaerun.models.encodings import read_latents

SMALL = (
    "model=rvae",
    "model.hidden=[12,10]",
    "trainer.max_epochs=2",
    "data.repeats=1",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
    "trainer.progress=false",
)
N, SIDE = 24, 16
rng = np.random.default_rng(0)


def blobs(n: int = N, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Bright ellipses at random angles, (n, height, width) in [0, 1]."""
    row, column = np.mgrid[:height, :width] - np.array([height, width])[:, None, None] / 2
    angle = rng.uniform(0, np.pi, n)[:, None, None]
    along = row * np.cos(angle) + column * np.sin(angle)
    across = row * np.sin(angle) - column * np.cos(angle)
    return np.exp(-((along / 5) ** 2) - (across / 2) ** 2)


def pictures(folder: Path, images: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray((image * 255).astype(np.uint8)).save(folder / f"particle {i}.png")


def tiff_stack(folder: Path) -> None:
    tifffile.imwrite(folder / "stack.tif", (blobs() * 4000 + 100).astype(np.uint16))


def colour_folder(folder: Path) -> None:
    pictures(folder / "photos", np.stack([blobs(), blobs(), blobs()], axis=-1))


def three_data_sets(folder: Path) -> None:
    with h5py.File(folder / "set.h5", "w") as file:
        file["images"] = blobs().astype(np.float32) * 7 - 2
        file["kind"] = np.arange(N) % 3
        file["strain"] = rng.normal(size=N)


def not_square(folder: Path) -> None:
    np.save(folder / "wide.npy", blobs(N, 12, 20))


def single_frame(folder: Path) -> None:
    Image.fromarray((blobs(1, 120, 160)[0] * 255).astype(np.uint8)).save(folder / "frame.png")


def classes_as_folders(folder: Path) -> None:
    for name in ("α phase", "10", "9"):
        pictures(folder / "sorted" / name, blobs(8))


def missing_pixels(folder: Path) -> None:
    images = blobs().astype(np.float32)
    images[3, 4:6, 4], images[5, 0, 0] = np.nan, np.inf
    np.save(folder / "holes.npy", images)


def some_constant(folder: Path) -> None:
    images = blobs()
    images[:5] = 0.25
    np.save(folder / "flat.npy", images)


def one_corrupt(folder: Path) -> None:
    pictures(folder / "mixed", blobs())
    whole = (folder / "mixed" / "particle 7.png").read_bytes()
    (folder / "mixed" / "particle 7.png").write_bytes(whole[:60])


def mixed_sizes(folder: Path) -> None:
    pictures(folder / "sizes", blobs(12))
    for i in range(12):
        np.save(folder / "sizes" / f"other{i}.npy", blobs(1, 20, 18)[0])


def empty(folder: Path) -> None:
    (folder / "nothing").mkdir()


def complex_numbers(folder: Path) -> None:
    np.save(folder / "waves.npy", blobs() * np.exp(1j * blobs()))


LEARNED: list[tuple[Callable[[Path], None], list[str], str]] = [
    (tiff_stack, ["data.path=stack.tif"], "24 images of 16×16 (uint16, grey) in stack.tif"),
    (colour_folder, ["data.path=photos"], "24 images of 16×16 in 3 channels (uint8"),
    (
        three_data_sets,
        ["data.path=set.h5", "data.label=kind", "data.factors=[strain]"],
        "classes 0 8, 1 8, 2 8; factors strain",
    ),
    (not_square, ["data.path=wide.npy"], "24 images of 12×20 (float64, grey) in wide.npy"),
    (
        single_frame,
        ["data=patches", "data.path=frame.png", "data.patch_px=16"],
        "validation images of 16×16",
    ),
    (classes_as_folders, ["data.path=sorted"], "classes 9 8, 10 8, α phase 8"),
    (
        missing_pixels,
        ["data.path=holes.npy"],
        "2 of them count as not measured (no numbers)",
    ),
    (some_constant, ["data.path=flat.npy"], "5 of them are constant"),
    (
        one_corrupt,
        ["data.path=mixed", "data.skip_unreadable=true"],
        "23 images of 16×16 (uint8, grey) in 23 files",
    ),
    (mixed_sizes, ["data.path=sizes", "data.size=[16,16]"], "24 images of 2 sizes"),
]
REFUSED: list[tuple[Callable[[Path], None], list[str], str, str]] = [
    (single_frame, ["data.path=frame.png"], "1 image of 120×160", "data=patches"),
    (one_corrupt, ["data.path=mixed"], "particle 7.png cannot be read", "skip_unreadable=true"),
    (mixed_sizes, ["data.path=sizes"], "is 20×18, but", "data.size=[rows,columns]"),
    (empty, ["data.path=nothing"], "holds no file of a known format", "give a file"),
    (complex_numbers, ["data.path=waves.npy"], "holds complex numbers", "such as the modulus"),
    (tiff_stack, [], "data.path is not given", "data.path=images.h5"),
]


@pytest.mark.parametrize(("make", "overrides", "said"), LEARNED)
def test_it_is_learned_from(
    vaerun, here, monkeypatch, make: Callable[[Path], None], overrides: list[str], said: str
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr("vaerun.tasks.results.draw", lambda *_: {})
    make(here)
    status, output, errors = vaerun(*SMALL, "data=images", *overrides)
    assert status == 0, errors
    assert any(said in line for line in output), output
    run = load(output[-1].removeprefix("run: "))
    assert run is not None
    encodings = read_latents(Path(output[-1].removeprefix("run: ")) / "latents.h5")
    assert np.isfinite(encodings.z_mean).all()


@pytest.mark.parametrize(("make", "overrides", "what", "mend"), REFUSED)
def test_it_is_refused_in_one_line(
    vaerun, here, make: Callable[[Path], None], overrides: list[str], what: str, mend: str
) -> None:
    make(here)
    status, _, errors = vaerun(*SMALL, "data=images", *overrides)
    assert status == 2
    (line,) = errors
    assert what in line.split(" — ")[0]
    assert mend in line.split(" — ")[1]
    assert not (here / "outputs").exists()


def test_a_condition_that_tells_nothing_is_refused(vaerun, here):
    with h5py.File(here / "set.h5", "w") as file:
        file["images"], file["angle"] = blobs(), np.full(N, 0.5)
        file["kind"] = np.arange(N) % 2
        file["dose"] = np.where(np.arange(N) % 3, np.nan, 1.0)
    own = ["data=images", "data.path=set.h5", "data.label=kind", "data.factors=[angle,dose]"]
    for name, line in [
        ("angle", "angle is the same, 0.5, in all 19 training images — condition on what varies"),
        ("dose", "dose is missing in "),
        ("strain", "the data set has no strain"),
    ]:
        status, _, errors = vaerun(
            *SMALL, "model=crvae", *own, f"model.category.condition=[{name}]"
        )
        assert (status, len(errors)) == (2, 1)
        assert line in errors[0]
