"""A run on patches of frames draws maps of their frames, and saves the pixel size."""

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import torch.nn.functional as F

from vaerun.data.lazy.frame_patches import FramePatches
from vaerun.data.load import DATASETS, Dataset
from vaerun.data.patch_location import PatchLocation
from vaerun.evaluation.figures import draw
from vaerun.microscopy.frame import Frame
from vaerun.microscopy.simulation.lattices import LatticeScene, simulate_lattice
from vaerun.models.encodings import read_latents
from vaerun.training.clustering import template_mixture

BORDER = 3


def in_frames(splits):
    """The same images one below the other in two frames, for training and for validation.

    Their symmetry is threefold.
    """
    parts, frames = [], []
    for number, part in enumerate((splits.train, splits.val)):
        n, _, height, width = part.images.shape
        frames.append(F.pad(part.images.reshape(n * height, width), [BORDER] * 4))
        row = BORDER + height * np.arange(n) + (height - 1) / 2
        centre = np.stack([row, np.full(n, BORDER + (width - 1) / 2)], axis=1)
        frame = np.full(n, number)
        place = PatchLocation(
            frame=frame,
            centre=centre.astype(np.float32),
            species=np.zeros(n, int),
            ring_class=np.full(n, -1),
        )
        frame_of_two = [frames[-1]] * (number + 1)
        images = FramePatches.cut(frame_of_two, frame, centre, (height, width))
        parts.append(dataclasses.replace(part, images=images, place=place))
    made = [Frame(image=f.numpy(), pixel_nm=0.02, name=f"frame {i}") for i, f in enumerate(frames)]
    return dataclasses.replace(
        splits, train=parts[0], val=parts[1], frames=made, symmetry=[3] * len(splits.classes)
    )


def draw_maps(arrays, classes):
    """Only the maps."""
    parts = ("frame_", "predicted_names", "angle_symmetry")
    return draw({k: v for k, v in arrays.items() if k.startswith(parts)}, classes)


def test_a_run_maps_its_patches_onto_their_frame(vaerun, monkeypatch):
    cards = DATASETS["cards"]
    monkeypatch.setattr(template_mixture, "_STEPS", 10)
    monkeypatch.setattr(template_mixture, "_FEWEST_STEPS", 10)
    monkeypatch.setattr("vaerun.tasks.results.draw", draw_maps)
    loaded = Dataset(cards.config, lambda *a: in_frames(cards.load(*a)), cards.load_labelled)
    monkeypatch.setitem(DATASETS, "cards", loaded)
    status, output, errors = vaerun(
        "model=jrvae",
        "model.clustering.templates=2",
        "model.hidden=[12,10]",
        "data.size=16",
        "data.train_size=40",
        "data.repeats=1",
        "data.val_size=20",
        "data.batch_size=20",
        "trainer.max_epochs=1",
        "trainer.accelerator=cpu",
    )
    assert (status, errors) == (0, [])
    folder = Path(output[-1].removeprefix("run: "))
    figures = {f"frame_1_{name}" for name in ("angle", "z1", "z2", "class", "predicted")}
    drawn = {path.stem for path in (folder / "figures").glob("frame_*.png")}
    assert drawn == figures
    with h5py.File(folder / "latents.h5") as file:
        assert file.attrs["pixel_size_nm"] == 0.02
    with np.load(folder / "figures/arrays.npz") as arrays:
        assert arrays["angle_symmetry"] == 3
        assert len(arrays["frame_1_predicted"]) == 20
        assert len(arrays["predicted_names"]) == 4
    report = (folder / "report.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in report for name in figures)


def test_a_finished_run_maps_new_frames_in_the_units_of_their_files(vaerun, here: Path):
    for number in range(2):
        scene = LatticeScene(crystal="square", shape=(90, 90))
        made = simulate_lattice(scene, np.random.default_rng(number))
        np.save(here / f"{number}.npy", 50 * made.image + 700)
    status, output, errors = vaerun(
        "data=patches",
        "data.path=0.npy",
        "data.patch_px=16",
        "data.step_px=6",
        "data.val_share=0.3",
        "model.hidden=[12,10]",
        "trainer.max_epochs=1",
        "trainer.accelerator=cpu",
    )
    assert (status, errors) == (0, []), errors
    run = Path(output[-1].removeprefix("run: "))
    own = read_latents(run / "latents.h5")
    assert own.offset.min() > 500  # intensities of the file, not of images from 0 to 1
    for number in range(2):
        typed = () if number == 0 else ("data.path=1.npy",)
        status, output, errors = vaerun("task=encode", f"run={run}", *typed)
        assert (status, errors) == (0, []), errors
        folder = Path(output[-1].removeprefix("run: "))
        figures = {path.stem for path in (folder / "figures").glob("*.png")}
        assert {"frame_0_angle", "frame_0_z1", "outliers"} <= figures
        again = read_latents(folder / "latents.h5")
        if number == 0:
            order, at = own.index.argsort(), again.index.argsort()
            for name in ("gain", "offset", "z_mean"):
                values, wanted = getattr(again, name)[at], getattr(own, name)[order]
                np.testing.assert_allclose(values, wanted, rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(again.place.centre[at], own.place.centre[order])
        else:
            assert again.offset.min() > 500
