"""A film of the training: what is in it, and that nothing else changes by it."""

import csv
import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from vaerun.evaluation.figures.film import LARGEST, MOST_FRAMES, encode_frame, write_film
from vaerun.runs.checkpoint import read_checkpoint
from vaerun.training.film import frame_epochs

SHORT = ("model.clustering.templates=0", "trainer.max_epochs=4")


def frames(path: Path) -> list[np.ndarray]:
    with Image.open(path) as film:
        return [np.asarray(one.convert("RGB")) for one in ImageSequence.Iterator(film)]


def rows(folder: Path) -> list[dict]:
    with (folder / "metrics.csv").open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    "model",
    [
        ("model=rvae", "model.latent_dim=3"),
        ("model=jrvae", "data.fills_field=true", "model.latent_dim=1"),
        ("model=ae", "data.corrupt=noise"),
        ("model=crvae", "model.category.condition=[shear]"),
    ],
    ids=" ".join,
)
def test_a_run_ends_in_the_same_numbers_with_and_without(run, model) -> None:
    filmed = run(*SHORT, *model, "trainer.figures_every=2")
    plain = run(*SHORT, *model, "trainer.film=false", "trainer.logger=[csv]")
    assert rows(filmed) == rows(plain)
    states = [read_checkpoint(f / "checkpoints/last.ckpt")["state_dict"] for f in (filmed, plain)]
    assert all(torch.equal(v, states[1][k]) for k, v in states[0].items() if torch.is_tensor(v))
    shown = frames(filmed / "figures/training.webp")
    assert len(shown) == 4
    assert all(np.abs(a.astype(int) - b).mean() > 0.05 for a, b in pairwise(shown))
    assert not (plain / "figures/training.webp").exists()
    assert not (plain / "tensorboard").exists()
    page = (filmed / "report.html").read_text()
    assert 'id="training"' in page
    assert "data:image/webp" in page.split('id="training"')[1][:700]
    events = EventAccumulator(str(filmed / "tensorboard/while_training"))
    events.Reload()
    assert [one.step for one in events.Images("manifold")] == [2, 4]
    assert [one.step for one in events.Images("reconstructions")] == [2, 4]


def test_a_resumed_run_has_the_whole_film(run, stop_after) -> None:
    typed = (*SHORT, "model=vae")
    stop_after(3)
    run(*typed, status=130)
    stop_after(None)
    resumed = run(*typed, "resume=auto")
    assert resumed.name == "version_0"
    assert len(frames(resumed / "figures/training.webp")) == 4
    assert json.loads((resumed / "manifest.json").read_text())["status"] == "finished"
    again = run(*typed, "out=elsewhere")
    one, other = (frames(f / "figures/training.webp") for f in (resumed, again))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("n", [1, 2, 59, 60, 61, 1000])
def test_frames_are_spread_over_all_epochs(n: int) -> None:
    epochs = sorted(frame_epochs(n))
    assert len(epochs) == min(n, MOST_FRAMES)
    assert (epochs[0], epochs[-1]) == (1, n)
    gaps = np.diff(epochs)
    assert not len(gaps) or gaps.max() - gaps.min() <= 1


def test_a_film_of_noise_is_small_enough_and_ends_with_its_last_frame(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (300, 300, 3), np.uint8) for _ in range(MOST_FRAMES)]
    raw = [encode_frame(pixels, f"epoch {i}") for i, pixels in enumerate(noise)]
    write_film(tmp_path / "film.webp", raw)
    assert (tmp_path / "film.webp").stat().st_size <= LARGEST
    last = np.asarray(Image.open(io.BytesIO(raw[-1])).convert("RGB")).astype(float)
    shown = frames(tmp_path / "film.webp")
    assert 5 < len(shown) <= MOST_FRAMES
    away = [np.abs(one - last).mean() for one in shown]
    assert int(np.argmin(away)) == len(shown) - 1
