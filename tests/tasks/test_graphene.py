"""`data=graphene` and `data=patches` from end to end, on small movies."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

SMALL = ["data=graphene", "data.n_frames=6", "data.frame_px=200", "trainer.accelerator=cpu"]
SHORT = [
    "data.repeats=1",
    "trainer.max_epochs=2",
    "data.train_size=400",
    "data.val_size=150",
    "model.hidden=[32]",
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all tests here: the movie is simulated once."""
    return tmp_path_factory.mktemp("data")


def run(vaerun, root: Path, *typed: str) -> Path:
    status, output, errors = vaerun(*SMALL, *typed, f"data.root={root}")
    assert (status, errors) == (0, [])
    return Path(output[-1].removeprefix("run: "))


@pytest.mark.parametrize("model", ["rvae", "crvae", "ssrvae", "jrvae"])
def test_a_model_learns_from_a_simulated_movie(vaerun, here: Path, root: Path, model: str):
    folder = run(vaerun, root, f"model={model}", *SHORT)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert np.isfinite(metrics["elbo"]["loss"])
    with h5py.File(folder / "latents.h5") as file:
        assert file.attrs["pixel_size_nm"] == pytest.approx(0.014)
        n = len(file["z_mean"])
        assert file["centre"].shape == (n, 2)
        frames = {split: set(file["frame"][file["split"][()] == split]) for split in (0, 1)}
    assert not frames[0] & frames[1]
    drawn = {path.stem for path in (folder / "figures").glob("frame_*.png")}
    f = min(int(name.split("_")[1]) for name in drawn)
    wanted = {"angle", "z1", "z2", "rings"} | (
        {"predicted"} if model in ("ssrvae", "jrvae") else set()
    )
    assert {f"frame_{f}_{quantity}" for quantity in wanted} <= drawn


def test_atoms_of_a_movie_are_written_and_drawn(vaerun, here: Path, root: Path):
    folder = run(vaerun, root, "task=atoms")
    with h5py.File(folder / "atoms.h5") as file:
        n = len(file["frame"])
        assert n > 6 * 200
        assert file["ring_sizes"].shape == file["neighbours"].shape == (n, 4)
        near = file["neighbours"][()]
        i, k = np.nonzero(near >= 0)
        assert (file["frame"][()][i] == file["frame"][()][near[i, k]]).all()
        assert list(file.attrs["ring_classes"])[4] == "6-6-6"
        assert file["frame_name"].asstr()[()].tolist() == [f"frame {i}" for i in range(6)]
        assert file["frame_pixel_size_nm"][()] == pytest.approx(0.014)
    assert len(list((folder / "figures").glob("atoms_*.png"))) == 6
    assert json.loads((folder / "manifest.json").read_text())["status"] == "finished"


def test_atoms_of_your_own_frames_are_in_file_pixels(vaerun, here: Path, root: Path):
    """Frames at another pixel size: positions are in the pixels of the file."""
    from vaerun.microscopy.detection_score import score
    from vaerun.microscopy.simulation.movie import Scenario, simulate_movie
    from vaerun.microscopy.simulation.stem_imaging import Optics, expose

    pixel_A = 0.2
    truth = next(
        simulate_movie(
            Scenario(n_frames=1, height=36, width=36, silicon=6, fourfold=1, grain=0), 77
        )
    )
    position = truth.position / pixel_A - 0.5
    image = expose(
        position,
        truth.species,
        (180, 180),
        Optics(pixel_A=pixel_A, dose=60.0),
        np.random.default_rng(0),
    ).image
    with h5py.File(here / "mine.h5", "w") as file:
        file["frames"] = image
    folder = run(
        vaerun, root, "task=atoms", f"data.path={here / 'mine.h5'}", "data.pixel_size_nm=0.02"
    )
    with h5py.File(folder / "atoms.h5") as file:
        found, species = file["position"][()].astype(float), file["species"][()]
    inside = ((position > 0) & (position < 179)).all(1)
    result = score(found, species, position[inside], truth.species[inside], pixel_A)
    assert result.f1[0] > 0.9
    assert result.rms_A < 0.2

    points = [(row + 0.25, column) for row in range(40, 140, 10) for column in range(20, 160, 5)]
    np.save(here / "points.npy", np.array(points))
    folder = run(
        vaerun, root, f"data.path={here / 'mine.h5'}", "data.pixel_size_nm=0.02", "model=rvae",
        "data.centres=points", f"data.points={here / 'points.npy'}", "data.val_share=0.4", *SHORT,
    )  # fmt: skip
    with h5py.File(folder / "latents.h5") as file:
        assert file.attrs["pixel_size_nm"] == pytest.approx(0.02)
        centre = {tuple(c) for c in file["centre"][()].round(3).tolist()}
    assert len(centre) > 50
    assert centre <= set(points)


@pytest.fixture
def ferroelectric(here: Path) -> Path:
    """A small movie of two domains whose cells are displaced in opposite directions."""
    rng = np.random.default_rng(0)
    rows, columns = np.indices((72, 72))
    frames = []
    for t in range(12):
        wall = 36 + 5 * np.sin(rows[:, :1] / 12 + t / 4)
        up = columns > wall
        shift = np.where(up, 1.5, -1.5)
        cells = np.cos(2 * np.pi * rows / 8) * np.cos(2 * np.pi * (columns + shift) / 8)
        frames.append(cells + 1.5 * up + 0.1 * rng.normal(size=cells.shape))
    path = here / "ferro.npy"
    np.save(path, np.array(frames, np.float32))
    return path


@pytest.mark.parametrize(
    "kind",
    [
        ["data.centres=edges", "data.step_px=4", "data.edge_blur_px=4"],
        ["data.centres=grid", "data.step_px=8", "data.n_times=3", "data.lag=2"],
    ],
    ids=["domain walls", "time-lapse"],
)
def test_patches_of_any_movie_run_through_vae(vaerun, here: Path, ferroelectric: Path, kind):
    status, output, errors = vaerun(
        "model=vae", "data=patches", f"data.path={ferroelectric}", "data.patch_px=16", *kind,
        "trainer.max_epochs=2", "model.hidden=[32]", "trainer.accelerator=cpu",
    )  # fmt: skip
    assert (status, errors) == (0, [])
    folder = Path(output[-1].removeprefix("run: "))
    with h5py.File(folder / "latents.h5") as file:
        centre, frame, split = file["centre"][()], file["frame"][()], file["split"][()]
    assert len(centre) > 50
    assert {0, 1} <= set(split) <= {0, 1, 2}  # some may overlap both parts
    if "edges" in kind[0]:
        wall = 36 + 5 * np.sin(centre[:, 0] / 12 + frame / 4)
        assert np.abs(centre[:, 1] - wall).max() < 6
    assert (folder / "figures" / "inputs.png").is_file()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["data=graphene", "data.path=nowhere/*.h5"], "nowhere"),
        (["data=graphene", "data.ring_classes=[few,6-6-x]"], "6-6-x"),
        (["data=patches"], "data.path"),
        (["data=patches", "data.centres=atoms", "data.path=x.npy"], "data.centres=atoms"),
        (["task=atoms", "data=cards_iv"], "task=atoms"),
        (["data=graphene", "data.smallest_ring=2"], "data.smallest_ring=2"),
        (["data=graphene", "data.smallest_ring=8"], "data.smallest_ring=8"),
        (["data=graphene", "data.dose=1e5"], "data.dose=1"),
        (["data=graphene", "data.val_movies=[0]"], "data.val_movies=[0]"),
        (["data=graphene", "data.path=x.npy", "data.val_movies=[1]"], "data.val_movies=[1]"),
        (["data=graphene", "data.path=x.npy", "data.source=zenodo"], "data.source=zenodo"),
        (["data=graphene", "data.path=x.npy", "data.pixel_size_nm=1"], "pixels of 1 nm"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    vaerun, here: Path, typed: list[str], words: str
):
    np.save(here / "x.npy", np.zeros((4, 60, 60)))
    status, _, errors = vaerun(*typed)
    assert status == 2
    assert len(errors) == 1
    assert words in errors[0]
    assert not (here / "outputs").exists()
