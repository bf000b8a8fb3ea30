"""The next run from this one: on some of its images, chosen by a table or a query."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from vaerun.models.encodings import read_latents

TINY = (
    "model=vae",
    "model.hidden=[8]",
    "trainer.max_epochs=1",
    "data.repeats=1",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)
RUN = "outputs/vae"


@pytest.fixture
def run(vaerun, monkeypatch) -> Callable[..., Path]:
    """A finished run of the real command, without figures; its folder."""
    monkeypatch.setattr("vaerun.tasks.results.draw", lambda *_: {})

    def finish(*overrides: str) -> Path:
        status, output, errors = vaerun(*TINY, *overrides)
        assert (status, errors) == (0, [])
        return Path(output[-1].removeprefix("run: "))

    return finish


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def write_table(path: str, columns: dict) -> None:
    with Path(path).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def test_three_rounds_on_own_images_count_as_the_first(run, vaerun, here) -> None:
    images = np.random.default_rng(0).random((40, 12, 12), np.float32)
    kind = np.arange(40) % 4
    np.savez(here / "x.npz", images=images, kind=kind)
    first = run("data=images", "data.path=x.npz", "data.label=kind", "seed=3")
    second = run(f"data.from_run={first}", "data.keep=label!=2")
    config = yaml.safe_load((second / "config.yaml").read_text())
    assert (config["data"]["path"], config["data"]["label"], config["seed"]) == (
        "x.npz",
        "kind",
        3,
    )
    for folder, kept in ((first, np.arange(40)), (second, np.flatnonzero(kind != 2))):
        latents = read_latents(folder / "latents.h5")
        assert sorted(latents.index) == kept.tolist()
        assert np.array_equal(latents.label, kind[latents.index])
    whole = read_latents(first / "latents.h5")
    split = dict(zip(whole.index, whole.split, strict=True))
    part = read_latents(second / "latents.h5")
    assert [split[i] for i in part.index] == part.split.tolist()
    assert manifest(first)["selection"] is None
    noted = manifest(second)["selection"]
    assert (noted["keep"], noted["images"], noted["kept"]) == ("label!=2", 40, 30)
    assert manifest(first)["source_fingerprint"] == manifest(second)["source_fingerprint"]
    assert manifest(first)["data_fingerprint"] != manifest(second)["data_fingerprint"]

    keep = [i for i in range(40) if kind[i] == 1 or i < 20]  # 2 is among them, not in the second
    source = manifest(second)["source_fingerprint"][:12]
    write_table("s.csv", {"index": keep, "source": [f"sha256:{source}"] * len(keep)})
    third = run(f"data.from_run={second}", "data.drop=label=0", "data.keep=s.csv")
    assert sorted(read_latents(third / "latents.h5").index) == [
        i for i in keep if kind[i] in (1, 3)
    ]
    status, output, _ = vaerun("task=evaluate", f"run={third}")
    assert status == 0
    evaluated = read_latents(Path(output[-1].removeprefix("run: ")) / "latents.h5")
    assert sorted(evaluated.index) == sorted(read_latents(third / "latents.h5").index)
    status, output, _ = vaerun("task=encode", f"run={third}", "data.path=x.npz")
    assert status == 0
    encoded = Path(output[-1].removeprefix("run: "))
    assert len(read_latents(encoded / "latents.h5")) == 40
    after = run("data=images", "data.path=x.npz", f"data.from_run={encoded}", "data.keep=index<30")
    assert sorted(read_latents(after / "latents.h5").index) == list(range(30))


def test_patches_are_kept_by_number_frame_and_centre(run, vaerun, here) -> None:
    frames = np.random.default_rng(0).random((2, 60, 90), np.float32)
    np.save(here / "frames.npy", frames)
    cut = ("data=patches", "data.path=frames.npy", "data.patch_px=10", "data.step_px=10",
           "data.normalise=frame")  # fmt: skip
    first = run(*cut)
    with h5py.File(first / "latents.h5") as file:
        index, frame, centre = (file[name][()] for name in ("index", "frame", "centre"))
    some = index % 2 == 0
    columns = {"index": index[some], "frame": frame[some], "row": centre[some, 0] + 0.4,
               "column": centre[some, 1] - 0.4}  # fmt: skip
    write_table("s.csv", columns)
    second = run(*cut, "data.keep=s.csv")
    kept = read_latents(second / "latents.h5")
    where = {i: (f, *c) for i, f, c in zip(index, frame, centre.tolist(), strict=True)}
    assert sorted(kept.index) == sorted(index[some])
    assert kept.place is not None
    found = zip(kept.place.frame, *kept.place.centre.T.tolist(), strict=True)
    assert [where[i] for i in kept.index] == list(found)
    third = run(f"data.from_run={first}", "data.keep=frame=1 and column>30")
    assert sorted(read_latents(third / "latents.h5").index) == sorted(
        index[(frame == 1) & (centre[:, 1] > 30)]
    )
    status, _, errors = vaerun(*TINY, *cut, "data.keep=s.csv", "data.step_px=7")
    assert status == 2
    assert len(errors) == 1
    assert "cut patches with the settings of data that its run had" in errors[0]


def test_a_mistake_is_one_line_and_leaves_no_run(run, vaerun, here) -> None:
    first = run("data=cards_i", "data.train_size=40", "data.val_size=20")
    before = sorted(here.rglob("*"))
    for overrides, line in (
        ([f"data.from_run={first}", "data.keep=eror<1"], "did you mean error"),
        ([f"data.from_run={first}", "data.keep=error<0"], "leaves 0 of 40 training images"),
        ([f"data.from_run={first}", "data.shear_deg=9"], "is of other images"),
        (["data=cards_i", "data.keep=s.csv"], "data.keep=s.csv cannot be read: it is not there"),
    ):
        status, _, errors = vaerun(*TINY, *overrides)
        assert status == 2
        assert len(errors) == 1
        assert line in errors[0]
    assert sorted(here.rglob("*")) == before
