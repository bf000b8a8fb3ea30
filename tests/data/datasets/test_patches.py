"""Patches of frames: where they are cut, and that training and validation do not overlap."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from vaerun.config.compose import compose
from vaerun.data.datasets.own_frames import own_frames
from vaerun.data.datasets.patch_grid import PatchSource
from vaerun.data.datasets.patch_split import held_out_frames
from vaerun.data.datasets.patches import extract_patches, load
from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.data.lazy.frame_patches import measured_share
from vaerun.microscopy.atoms import Atoms
from vaerun.microscopy.frame import Frame
from vaerun.runs.config import validate
from vaerun.utils.errors import UserError

N_FRAMES, SIDE = 10, 60


def config(**changes: object) -> PatchesConfig:
    plain = compose(["data=patches", "data.path=x", "data.patch_px=12", "data.step_px=6"])
    made = validate(plain).data
    return dataclasses.replace(made, **changes)


def source(
    n_frames: int = N_FRAMES, movies: list[int] | None = None, scale: float = 1, **changes: object
) -> PatchSource:
    """Frames whose pixels encode their frame, row and column."""
    movies = movies or [0] * n_frames
    rows, columns = np.indices((SIDE, SIDE + 10))
    shown = [(number * 10000 + rows * 100 + columns) / 1e5 for number in range(n_frames)]
    images = [s.astype(np.float32) for s in shown]
    frames = [
        Frame(image=image, pixel_nm=0.1, name=str(k), scale=scale, movie=movie)
        for k, (image, movie) in enumerate(zip(images, movies, strict=True))
    ]
    return PatchSource(frames=frames, shown=[torch.from_numpy(i) for i in images], **changes)


def atoms(n: int = 300, n_frames: int = N_FRAMES) -> Atoms:
    rng = np.random.default_rng(0)
    frame = np.sort(rng.integers(0, n_frames, n))
    return Atoms(
        frame=frame,
        position=rng.uniform(0, SIDE, (n, 2)),
        species=rng.integers(0, 2, n),
        confidence=np.ones(n),
        ring_sizes=np.zeros((n, 4), int),
        ring_class=rng.integers(-1, 3, n),
        neighbours=np.full((n, 4), -1),
    )


def test_a_patch_shows_the_pixels_about_its_centre():
    splits = extract_patches(source(), config(), 0)
    for part in (splits.train, splits.val):
        place = part.place
        first = part.images[:][:, 0, 0, 0].numpy() * 1e5
        corner = np.round(place.centre - 5.5)
        expected = place.frame * 10000 + corner[:, 0] * 100 + corner[:, 1]
        np.testing.assert_allclose(first, expected, atol=1)


def test_validation_frames_are_never_trained_on():
    splits = extract_patches(source(), config(), 0)
    train, val = set(splits.train.place.frame.tolist()), set(splits.val.place.frame.tolist())
    assert not train & val
    assert len(val) == 2
    assert len(train) == 8


@pytest.mark.parametrize("n_frames", range(2, 60, 7))
@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
def test_as_many_frames_are_held_back_as_asked(n_frames: int, share: float):
    held = held_out_frames(n_frames, share)
    assert held.sum() == min(max(round(share * n_frames), 1), n_frames - 1)


@pytest.mark.parametrize("n_frames", [1, 3])
def test_few_frames_are_split_by_region_without_overlap(n_frames: int):
    splits = extract_patches(source(n_frames), config(val_share=0.4), 0)
    right_of_train = splits.train.place.centre[:, 1].max() + 6
    assert splits.val.place.centre[:, 1].min() - 6 >= right_of_train
    assert len(splits.val) > 0


def test_a_lapse_has_its_times_as_channels_and_crosses_no_split():
    splits = extract_patches(source(20), config(n_times=3, lag=2, val_share=0.5), 0)
    for part in (splits.train, splits.val):
        assert part.images.shape[1] == 3
        number = (part.images[:][:, :, 0, 0] * 10).floor().int()  # the frame that each shows
        assert ((number[:, 1:] - number[:, :-1]) == 2).all()
    numbers = [set((p.images[:][:, :, 0, 0] * 10).floor().int().flatten().tolist()) for p in
            (splits.train, splits.val)]  # fmt: skip
    assert not numbers[0] & numbers[1]


def test_atoms_of_the_wanted_species_bring_their_class_and_their_factors():
    table = atoms()
    strain = np.arange(len(table), dtype=np.float32)
    labelled = source(atoms=table, factors={"strain": strain}, classes=["a", "b", "c"])
    splits = extract_patches(labelled, config(centres="atoms", species=["C"]), 0)
    for part in (splits.train, splits.val):
        rows = part.factors["strain"].numpy().astype(int)
        assert (table.species[rows] == 0).all()
        assert (table.ring_class[rows] == part.label.numpy()).all()
        np.testing.assert_allclose(part.place.centre, table.position[rows], atol=1e-4)
    assert splits.symmetry == [3, 3, 3]


def test_atoms_look_the_same_after_a_third_of_a_turn_also_without_classes():
    splits = extract_patches(source(atoms=atoms()), config(centres="atoms"), 0)
    assert (splits.classes, splits.symmetry) == ([], [3])


def test_where_no_atom_was_found_other_centres_still_have_patches():
    nothing = source(atoms=atoms(0), factors={"strain": np.zeros(0, np.float32)})
    splits = extract_patches(nothing, config(), 0)
    assert splits.train.factors["strain"].isnan().all()
    with pytest.raises(UserError, match=r"data\.species=\[Si\]"):
        extract_patches(nothing, config(centres="atoms", species=["Si"]), 0)


@pytest.mark.parametrize(
    ("movies", "first"),
    [
        ([3] * 5 + [7] * 5, {0, 1, 2, 5, 6, 7}),
        (list(range(10)), set(range(8))),  # one frame a file
    ],
    ids=["two movies", "a file for each frame"],
)
def test_a_lapse_stays_in_its_movie(movies: list[int], first: set[int]):
    lapsed = config(n_times=3, lag=1, split="region", val_share=0.4)
    splits = extract_patches(source(movies=movies), lapsed, 0)
    assert set(splits.train.place.frame.tolist()) == first


def test_a_lapse_needs_frames_of_one_shape():
    frames = source(6)
    frames.shown[3] = frames.shown[3][:30]
    lapsed = config(n_times=2, lag=1, split="region", val_share=0.4)
    splits = extract_patches(frames, lapsed, 0)
    assert set(splits.train.place.frame.tolist()) == {0, 1, 4}


def test_movies_too_short_to_hold_back_a_lapse_are_split_by_region():
    splits = extract_patches(source(6), config(n_times=3, lag=2, val_share=0.4), 0)
    assert set(splits.val.place.frame.tolist()) == {0, 1}


def test_points_are_pixels_of_the_file(tmp_path: Path):
    file = tmp_path / "points.csv"
    file.write_text("frame,row,column\n" + "".join(f"{f},{10 + f},15\n" for f in range(10)))
    splits = extract_patches(source(scale=2.0), config(centres="points", points=str(file)), 0)
    both = np.concatenate([splits.train.place.centre, splits.val.place.centre])
    assert sorted(both[:, 0].tolist()) == [20.5 + 2 * f for f in range(10)]
    assert set(both[:, 1].tolist()) == {30.5}


def test_points_of_a_file_become_centres(tmp_path: Path):
    file = tmp_path / "points.csv"
    file.write_text("frame,row,column\n" + "".join(f"{f},{20 + f},30\n" for f in range(10)))
    splits = extract_patches(source(), config(centres="points", points=str(file)), 0)
    both = np.concatenate([splits.train.place.centre, splits.val.place.centre])
    assert sorted(both[:, 0].tolist()) == [20.0 + f for f in range(10)]


def test_edges_are_followed():
    images = [np.zeros((50, 50), np.float32) for _ in range(6)]
    for image in images:
        image[:, 25:] = 1.0
    walls = PatchSource(
        frames=[Frame(image=i, pixel_nm=None, name="x") for i in images],
        shown=[torch.from_numpy(i) for i in images],
    )
    splits = extract_patches(walls, config(centres="edges", edge_blur_px=0.0), 0)
    np.testing.assert_allclose(splits.train.place.centre[:, 1], 24.5, atol=0.01)


def test_a_random_part_is_a_part_and_the_same_for_the_same_seed():
    all_of_it = extract_patches(source(), config(), 0).train.index.tolist()
    some = [
        extract_patches(source(), config(train_size=20), s).train.index.tolist() for s in (1, 1, 2)
    ]
    assert len(some[0]) == 20
    assert set(some[0]) <= set(all_of_it)
    assert some[0] == some[1] != some[2]


def test_frames_may_be_held_back_by_number():
    splits = extract_patches(source(held_back=[7, 8, 9]), config(), 0)
    assert set(splits.val.place.frame.tolist()) == {7, 8, 9}
    assert set(splits.train.place.frame.tolist()) == set(range(7))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patch_px": 200}, "data.patch_px=200"),
        ({"n_times": 11}, "data.n_times=11"),
        ({"centres": "points"}, "data.points="),
        ({"centres": "edges", "edge_level": 1.0}, "data.centres=edges"),
        ({"split": "frame", "n_times": 6}, "data.n_times"),
    ],
)
def test_settings_that_leave_no_patch_are_refused(changes: dict[str, object], words: str):
    with pytest.raises(UserError, match=words.replace(".", r"\.")):
        extract_patches(source(), config(**changes), 0)


def test_one_frame_cannot_be_split_by_frames():
    with pytest.raises(UserError, match=r"data\.split=frame"):
        extract_patches(source(1), config(split="frame"), 0)


def drifting(n: int = 6, side: int = 64) -> np.ndarray:
    """Frames whose borders drift correction has left without numbers."""
    frames = np.random.default_rng(0).normal(size=(n, side, side)).astype(np.float32)
    for i, frame in enumerate(frames):
        frame[: 5 * i], frame[:, side - 5 * i or side :] = np.nan, np.nan
    return frames


def test_patches_that_are_hardly_measured_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    frames = drifting()
    np.save(tmp_path / "x.npy", frames)
    asked = config(path=str(tmp_path / "x.npy"))
    with caplog.at_level("INFO", "vaerun"):
        mine = own_frames(asked)
        shown = [torch.from_numpy(frame.image) for frame in mine]
        splits = extract_patches(PatchSource(frames=mine, shown=shown), asked, 0)
    left = sum(
        np.isfinite(frames[f, int(y - 5.5) : int(y + 6.5), int(x - 5.5) : int(x + 6.5)]).mean()
        >= 0.5
        for part in splits.parts
        for f, (y, x) in zip(part.place.frame, part.place.centre, strict=True)
    )
    n = len(splits.train) + len(splits.val)
    assert left == n
    assert f"{6 * 81 - n:,} patches left out: less than half of their pixels" in caplog.text
    assert "of the pixels are not measured" in caplog.text


def test_the_share_of_measured_pixels_is_counted():
    measured = np.random.default_rng(0).random((30, 40)) > 0.4
    centre = np.array([[10.5, 12.5], [5.5, 33.5]])
    wanted = [measured[5:17, 7:19].mean(), measured[0:12, 28:40].mean()]
    np.testing.assert_allclose(measured_share(measured, centre, (12, 12)), wanted)


def two_pixel_sizes(folder: Path) -> str:
    """Files of the same field, at 0.02 and at 0.04 nm a pixel."""
    row, column = np.mgrid[:96, :96]
    fine = np.sin(row / 5.0) + np.cos(column / 7.0)
    coarse = fine.reshape(48, 2, 48, 2).mean((1, 3))
    np.savez(folder / "a.npz", images=fine, pixel_nm=0.02)
    np.savez(folder / "b.npz", images=coarse, pixel_nm=0.04)
    return str(folder / "*.npz")


def test_two_pixel_sizes_are_noted_and_resampled_to_one_on_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    asked = config(path=two_pixel_sizes(tmp_path))
    with caplog.at_level("INFO", "vaerun"):
        own_frames(asked)
    assert "0.02 to 0.04 nm" in caplog.text
    assert "data.resample_nm=0.04" in caplog.text
    caplog.clear()
    with caplog.at_level("INFO", "vaerun"):
        first, second = own_frames(dataclasses.replace(asked, resample_nm=0.04))
    assert first.image.shape == second.image.shape == (48, 48)
    np.testing.assert_allclose(first.image, second.image, atol=0.05)
    assert (first.scale, second.scale) == (0.5, 1)
    assert "resample_nm" not in caplog.text


def test_frames_without_a_pixel_size_cannot_be_resampled(tmp_path: Path):
    np.save(tmp_path / "x.npy", drifting(1))
    with pytest.raises(UserError, match=r"x has no pixel size, from which data\.resample_nm=0\.1"):
        own_frames(config(path=str(tmp_path / "x.npy"), resample_nm=0.1))
    with pytest.raises(UserError, match=r"makes a frame of 1×1 pixels .* nearer to 1 nm"):
        own_frames(config(path=str(tmp_path / "x.npy"), resample_nm=50.0, pixel_size_nm=1.0))


@pytest.mark.parametrize(
    "scaled",
    [lambda x: 3e-18 * x, lambda x: 1e-12 + 2e-13 * x, lambda x: 4.2e-6 + 1e-12 * x,
     lambda x: 7e25 * x],
)  # fmt: skip
def test_frames_are_the_same_in_any_unit(tmp_path: Path, scaled):
    frame = np.random.default_rng(0).random((64, 64))
    np.save(tmp_path / "unit.npy", frame)
    np.save(tmp_path / "scaled.npy", scaled(frame))
    one, other = (own_frames(config(path=str(tmp_path / f"{n}.npy"))) for n in ("unit", "scaled"))
    np.testing.assert_allclose(other[0].image, one[0].image, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "are_known"),
    [({}, True), ({"normalise": "patch"}, False), ({"scale": "log"}, False)],
)
def test_intensities_of_the_file_are_known_of_patches_that_show_the_frame_as_it_is(
    tmp_path: Path, changes: dict[str, str], are_known: bool
):
    frame = np.random.default_rng(0).normal(700, 50, (96, 96)).astype(np.float32)
    np.save(tmp_path / "x.npy", frame)
    windows = load(
        config(path=str(tmp_path / "x.npy"), split="region", **changes), 0
    ).frame_windows
    if are_known:
        np.testing.assert_allclose(windows, [np.percentile(frame, [0.1, 99.9])], rtol=1e-3)
    else:
        assert not windows
