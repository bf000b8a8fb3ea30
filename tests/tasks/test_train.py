"""The train task through the real command, on tiny sizes: every promise of the run folder."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import yaml

import vaerun as package
from vaerun.config.compose import compose
from vaerun.data.load import load
from vaerun.models.lightning_module import VAELightningModule
from vaerun.runs.manifest import RunRequest
from vaerun.tasks.train import train
from vaerun.utils.errors import UserError

TINY = (
    "data.size=16",
    "data.repeats=1",
    "data.train_size=80",
    "data.val_size=40",
    "data.batch_size=40",
    "model.hidden=[12,10]",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)
MODELS = [
    ("model=ae",),
    ("model=vae",),
    ("model=vae", "model/decoder=spatial", "model.latent_dim=3", "model.hidden=[12,12]"),
    ("model=rvae",),
    ("model=rvae", "model.invariances=[r,t,s]", "model.latent_dim=1"),
    ("model=rvae", "model.invariances=[t]", "model.likelihood=gaussian"),
    ("model=rvae", "model/pose=amortized", "model.pose.angle_prior=von_mises"),
    (
        "model=rvae",
        "model/decoder=spatial",
        "model/pose=amortized",
        "model.decoder.pixel_subset=30",
        "model.hidden=[12,12]",
    ),
]


def folder_of(lines: list[str]) -> Path:
    assert lines[-1].startswith("run: ")
    return Path(lines[-1].removeprefix("run: "))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small run, looked at by many tests."""
    out = tmp_path_factory.mktemp("runs")
    return run(f"out={out}")


def run(*overrides: str) -> Path:
    """A run from Python, as the command makes it."""
    from vaerun.runs.config import validate

    typed = [*TINY, *overrides]
    plain = compose(typed)
    return train(
        validate(plain), RunRequest(plain=plain, overrides=typed, command=["vaerun", *typed])
    )


@pytest.mark.parametrize("choice", MODELS, ids=" ".join)
@pytest.mark.usefixtures("pictures")
def test_every_model_runs_from_command_to_report(vaerun, choice: tuple[str, ...]):
    typed = {word.split("=")[0]: word for word in (*TINY, *choice)}  # the last one counts
    status, output, errors = vaerun(*typed.values())
    assert (status, errors) == (0, [])
    folder = folder_of(output)
    assert (folder / "report.html").stat().st_size > 10_000
    metrics = json.loads((folder / "metrics.json").read_text())
    terms = metrics["elbo"]
    parts = [value for name, value in terms.items() if name != "loss"]
    assert terms["loss"] == pytest.approx(sum(parts), rel=1e-4)
    assert ("kl_pose" in terms) == (choice[0] == "model=rvae")


def test_the_folder_holds_what_the_contract_lists(finished: Path):
    wanted = ["config.yaml", "overrides.yaml", "manifest.json", "metrics.csv", "metrics.json"]
    wanted += ["latents.h5", "report.html", "checkpoints/last.ckpt", "checkpoints/best.ckpt"]
    figures = ["inputs", "reconstructions", "learning_curve", "latent_distribution", "manifold"]
    figures += ["manifold_data", "traversal_z1", "traversal_z2", "angle_vs_truth"]
    figures += ["angle_histogram", "latent_density"]
    wanted += [f"figures/{name}.png" for name in figures] + ["figures/arrays.npz"]
    assert [name for name in wanted if not (finished / name).is_file()] == []
    assert list((finished / "tensorboard").glob("events*"))
    assert not [path for path in finished.rglob(".*") if path.is_file()]  # nothing half-written


def test_the_manifest_tells_where_the_run_comes_from(finished: Path):
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    assert manifest["seed"] == 0
    assert len(manifest["data_fingerprint"]) == 64
    assert yaml.safe_load((finished / "overrides.yaml").read_text())[: len(TINY)] == list(TINY)


def test_latents_hold_all_images_in_order(finished: Path):
    with h5py.File(finished / "latents.h5") as file:
        assert file["z_mean"].shape == (120, 2)
        assert file["z_mean"].dtype == np.float32
        assert file["index"][()].tolist() == list(range(120))
        assert file["split"][()].tolist() == [0] * 80 + [1] * 40
        assert np.abs(file["angle"][()]).max() <= np.pi
        assert set(file["factors"]) >= {"angle", "shear"}
        assert file.attrs["model"] == "rvae"
        assert yaml.safe_load(file.attrs["config"])["model"]["latent_dim"] == 2


def test_checkpoints_load_as_weights_only(finished: Path):
    for name in ("last", "best"):
        state = torch.load(finished / f"checkpoints/{name}.ckpt", weights_only=True)
        assert state["state_dict"]


def test_the_metrics_are_those_of_the_saved_encodings(finished: Path):
    """Results come from the best checkpoint, which is that of the lowest validation loss."""
    rows = np.genfromtxt(finished / "metrics.csv", delimiter=",", names=True)
    assert rows["epoch"].tolist() == [1, 2]
    best = torch.load(finished / "checkpoints/best.ckpt", weights_only=True)
    assert best["epoch"] == rows["valloss"].argmin()
    metrics = json.loads((finished / "metrics.json").read_text())
    assert metrics["elbo"]["loss"] == pytest.approx(rows["valloss"].min(), rel=0.05)
    assert metrics["n_train"] == 80
    assert metrics["train"]["steps"] == 4


def test_repeated_images_are_announced_and_counted(vaerun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vaerun.tasks.results.draw", lambda *_: {})
    typed = [word for word in TINY if not word.startswith("data.repeats")]
    status, output, errors = vaerun(*typed, "data.repeats=3")
    assert (status, errors) == (0, [])
    (line,) = [line for line in output if line.startswith("repeats")]
    assert line.split(maxsplit=1)[1].strip() == (
        "80 training images, each shown 3 times an epoch: 6 steps"
    )
    cost = json.loads((folder_of(output) / "metrics.json").read_text())["train"]
    assert (cost["epochs"], cost["steps"]) == (2, 12)
    assert cost["images_per_second"] * cost["seconds"] == pytest.approx(2 * 3 * 80)


def test_a_loaded_run_encodes_as_it_did(finished: Path):
    from vaerun.data.datasets import cards

    loaded = package.load(finished)
    config = loaded.config.data
    images = cards.load(config, 0).val.images
    with h5py.File(finished / "latents.h5") as file:
        np.testing.assert_allclose(
            loaded.encode(images.numpy()).z_mean, file["z_mean"][80:], rtol=1e-4, atol=1e-5
        )
    flat = loaded.encode(images.numpy()[:, 0])  # (N, H, W) will do for one channel
    np.testing.assert_allclose(flat.angle, loaded.encode(images.numpy()).angle)


def test_a_loaded_run_decodes_turned_images(finished: Path):
    loaded = package.load(finished)
    z = np.array([[0.3, -0.2]], np.float32)
    canonical, quarter = loaded.decode(z), loaded.decode(z, angle=np.pi / 2)
    assert canonical.shape == (1, 1, 16, 16)
    np.testing.assert_allclose(quarter, np.rot90(canonical, 1, (2, 3)), rtol=1e-3, atol=1e-4)


def test_images_of_another_size_are_refused(finished: Path):
    with pytest.raises(UserError, match=r"\(2, 9, 9\).*1×16×16"):
        package.load(finished).encode(np.zeros((2, 9, 9)))


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(tmp_path: Path):
    folders = [run(f"out={tmp_path}", f"seed={seed}") for seed in (3, 3, 4)]
    encodings = []
    for folder in folders:
        with h5py.File(folder / "latents.h5") as file:
            encodings.append(file["z_mean"][()])
    np.testing.assert_array_equal(encodings[0], encodings[1])
    assert not np.array_equal(encodings[0], encodings[2])


def test_corrupted_images_are_restored_from_command_to_report(vaerun, monkeypatch):
    """Each step sees the clean cards, corrupted afresh; the metrics are of fixed images."""
    seen = []
    terms = VAELightningModule._terms

    def look(self, batch, posterior):
        seen.append(batch)
        return terms(self, batch, posterior)

    monkeypatch.setattr(VAELightningModule, "_terms", look)
    wanted = ("data=cards_i", "data.corrupt=mask", "data.batch_size=80")
    status, output, errors = vaerun(*TINY, "model=ae", *wanted)
    assert (status, errors) == (0, [])
    folder = folder_of(output)
    psnr = json.loads((folder / "metrics.json").read_text())["psnr"]
    assert psnr["gain_db"] == pytest.approx(psnr["output_db"] - psnr["input_db"])
    assert any(line.startswith("Restoration") for line in output)
    with np.load(folder / "figures/arrays.npz") as arrays:
        masked, truth = arrays["reconstructions_input"], arrays["reconstructions_truth"]
        assert np.isin(masked[masked != truth], 0).all()
        assert arrays["psnr_db"].tolist() == [psnr["input_db"], psnr["output_db"]]
    assert (folder / "figures/reconstructions.png").is_file()
    with h5py.File(folder / "latents.h5") as file:
        assert file["z_mean"].shape == (120, 2)
    first, second = seen
    clean = load(package.load(folder).config.data, 0).train.target
    for batch in (first, second):
        torch.testing.assert_close(*(t.flatten(1).sum(1).sort()[0] for t in (batch.target, clean)))
        assert float((batch.images == 0).sum()) > float((batch.target == 0).sum())
    masks = [(b.images[b.target.flatten(1).sum(1).argsort()] == 0) for b in (first, second)]
    assert not torch.equal(*masks)


def test_the_fingerprint_tells_how_images_were_corrupted(tmp_path: Path):
    """Cards without pose are the same whatever the seed; their noise is not."""
    still = ("model=ae", "data.rotation_deg=0", "data.shear_deg=0", "data.shift_px=0")
    noise = "data.corrupt=noise"
    choices = [(), (noise,), (noise, "data.corruption.sd=0.2"), (noise, "seed=1")]
    prints = set()
    for choice in choices:
        folder = run(f"out={tmp_path}", *still, "trainer.max_epochs=1", *choice)
        prints.add(json.loads((folder / "manifest.json").read_text())["data_fingerprint"])
    assert len(prints) == len(choices)


@pytest.mark.parametrize("choice", [(), ("model=ae", "data.corrupt=noise")], ids=" ".join)
def test_a_resumed_run_equals_an_uninterrupted_one(
    choice: tuple[str, ...], tmp_path: Path, monkeypatch
):
    """Stopped after its second epoch of four, then resumed: the same numbers, bit by bit."""
    four = ("trainer.max_epochs=4", *choice)
    whole = run(f"out={tmp_path / 'whole'}", *four)
    out = f"out={tmp_path / 'parts'}"

    from vaerun.training.callbacks import BestAndLastCheckpoint

    save = BestAndLastCheckpoint.on_train_epoch_end

    def stop_after_two(self, trainer, module):
        save(self, trainer, module)
        if trainer.current_epoch == 1:
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(BestAndLastCheckpoint, "on_train_epoch_end", stop_after_two)
        with pytest.raises(RuntimeError, match="power cut"):
            run(out, *four)
    resumed = run(out, *four, "resume=auto")
    assert resumed.name == "version_0"
    for name in ("z_mean", "z_sd", "angle"):
        with h5py.File(whole / "latents.h5") as one, h5py.File(resumed / "latents.h5") as two:
            np.testing.assert_array_equal(one[name][()], two[name][()])
    drop_time = [(folder / "metrics.csv").read_text().splitlines() for folder in (whole, resumed)]
    one, two = ([line.rpartition(",")[0] for line in lines] for lines in drop_time)
    assert one == two


def test_clipping_goes_with_mixed_precision(tmp_path: Path):
    run(f"out={tmp_path}", "trainer.precision=bf16-mixed", "trainer.gradient_clip=1")


def test_training_stops_early_when_validation_gets_no_better(tmp_path: Path):
    """With a learning rate of next to nothing no epoch is better than the first by much."""
    options = ("trainer.early_stopping_epochs=2", "trainer.max_epochs=9")
    folder = run(f"out={tmp_path}", *options, "trainer.learning_rate=1e-30")
    assert json.loads((folder / "metrics.json").read_text())["train"]["epochs"] == 3


def test_a_finished_run_is_not_resumed(finished: Path):
    with pytest.raises(UserError, match="has finished — leave resume out"):
        run(f"resume={finished}")


def test_divergence_in_the_very_last_step_is_noticed(vaerun):
    options = ("trainer.learning_rate=1e30", "trainer.max_epochs=1", "data.batch_size=80")
    status, _, errors = vaerun(*TINY, *options)
    assert (status, len(errors)) == (2, 1)
    assert "val/loss is nan in epoch 1" in errors[0]


@pytest.mark.parametrize(
    "sizes",
    [("data.train_size=1", "data.val_size=1"), ("data.size=15",), ("data.rotation_deg=0",)],
    ids=" ".join,
)
def test_odd_sizes_and_still_images_run_to_the_end(vaerun, sizes: tuple[str, ...]):
    status, _, errors = vaerun(*TINY, *sizes, "model.invariances=[r,t]")
    assert (status, errors) == (0, [])


def test_a_diverged_run_ends_with_one_line_and_keeps_its_record(vaerun):
    status, _, errors = vaerun(*TINY, "trainer.learning_rate=1e30")
    assert status == 2
    assert len(errors) == 1
    assert "training diverged" in errors[0]
    assert "trainer.learning_rate" in errors[0]
    (manifest,) = Path("outputs").rglob("manifest.json")
    assert json.loads(manifest.read_text())["status"] == "failed"


def test_a_collapsed_content_is_said(vaerun):
    heavy = ("objective.beta_start=1e4", "objective.beta_end=1e4", "trainer.learning_rate=0.02")
    status, output, _ = vaerun(*TINY, *heavy, "trainer.max_epochs=10")
    assert status == 0
    assert any("content latent has collapsed" in line for line in output)
