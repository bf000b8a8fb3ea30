"""Every preset of the paper: its settings are valid, its network the published one, it trains."""

import hashlib
import json
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from vaerun.config.compose import compose
from vaerun.config.groups import choices
from vaerun.data.datasets import mnist
from vaerun.data.datasets.download import DataFile
from vaerun.data.image_set import DataShape
from vaerun.evaluation.report import explorer_data
from vaerun.models import InvariantVAE, latent_traversal
from vaerun.runs.config import RunConfig, validate
from vaerun.tasks import results

PRESETS = [name for name in choices("experiment") if name.startswith("paper/")]
# figure → presets that draw it
FIGURES = {"2": 3, "3": 4, "6": 2, "9": 1, "12": 1, "15": 2, "7": 1, "10": 1, "13": 1, "16": 1}

# trainable parameters of the checkpoints published with the review
COUNTS = {
    "rvae_cards_ii": 1_974_279,
    "rvae_cards_iii": 790_535,
    "rvae_cards_iv": 1_974_279,
    "crvae_cards_ii": 792_583,
    "crvae_cards_iii": 792_583,
    "crvae_cards_iv": 792_583,
    "ssrvae_cards_iii": 659_211,
    "ssrvae_cards_iv": 1_104_651,
    "rvae_graphene": 1_615_883,
}

N_TRAIN, N_VAL = 12, 6


@cache
def preset(name: str) -> RunConfig:
    """The checked config of a preset."""
    return validate(compose([f"experiment={name}"]))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_valid_and_of_the_model_and_data_that_it_is_called_after(name: str):
    config = preset(name)
    model, _, data = name.removeprefix("paper/").partition("_")
    assert config.model.name == model
    assert data == config.data.name or data.startswith("mnist_")  # a digit set, corrupted


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_leaves_nothing_of_ours_switched_on(name: str):
    """No annealing, clustering, learned prior, restarts, repeated images or mixed precision."""
    config = preset(name)
    assert config.model.latent_dim == 2
    assert config.model.pose.name in ("amortized", "none")
    assert config.model.decoder.name in ("spatial", "mlp")
    assert config.model.clustering.templates == 0
    assert config.model.restarts == 1
    assert config.data.repeats == 1
    assert config.model.likelihood != "auto"
    assert getattr(config.model.category, "prior", "uniform") == "uniform"
    assert getattr(config.objective, "beta_start", 1) == 1
    assert getattr(config.objective, "temperature_start", 1) == 1
    assert (config.trainer.precision, config.trainer.schedule) == ("32-true", "constant")


@pytest.mark.parametrize(("figure", "n"), FIGURES.items())
def test_each_figure_has_its_presets(figure: str, n: int):
    phrases = [choices("experiment")[name] for name in PRESETS]
    begins = (f"figure {figure}: ", f"figures {figure} and ")
    assert sum(phrase.startswith(begins) for phrase in phrases) == n


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_parameter_counts_are_those_of_the_published_checkpoints(name: str, count: int):
    image = (1, 40, 40) if name.endswith("graphene") else (1, 48, 48)
    network = InvariantVAE(preset(f"paper/{name}").model, DataShape(image=image, n_classes=4))
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few made-up digits, which `data=mnist` takes for the real ones."""
    rng = np.random.default_rng(0)
    files = []
    for split, n in (("train", N_TRAIN), ("t10k", N_VAL)):
        images = rng.integers(0, 256, (n, 28, 28), np.uint8)
        for kind, array in (("images", images), ("labels", np.arange(n, dtype=np.uint8) % 10)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            raw = header + array.tobytes()
            (tmp_path / f"{split}-{kind}").write_bytes(raw)
            files.append(DataFile(f"{split}-{kind}", hashlib.md5(raw).hexdigest(), ""))
    monkeypatch.setattr(mnist, "FILES", files)
    monkeypatch.setattr(mnist, "MIRRORS", ["http://127.0.0.1:9/"])


@pytest.mark.usefixtures("digits")
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_trains_as_it_ships(vaerun, here: Path, name: str, monkeypatch):
    """Its network and objective on a few small images; `test_train` looks at the pictures."""
    monkeypatch.setattr(results, "draw", lambda *_: {})
    monkeypatch.setattr(latent_traversal, "TILES", 3)
    monkeypatch.setattr(latent_traversal, "STEPS", 3)
    monkeypatch.setattr(explorer_data, "COARSEST", 2)
    monkeypatch.setattr(explorer_data, "FINEST", 3)
    config = preset(name)
    typed = [f"experiment={name}", f"data.root={here}", "trainer.max_epochs=2"]
    typed += [f"data.train_size={N_TRAIN}", f"data.val_size={N_VAL}", "trainer.accelerator=cpu"]
    if config.data.kind == "cards":
        typed += ["data.size=8", "data.labelled_per_class=4"]
    if config.data.kind == "graphene":
        typed += ["data.n_frames=5", "data.frame_px=130", "data.patch_px=8"]
    if config.model.decoder.name == "spatial":
        typed += ["model.decoder.pixel_subset=64"]
    status, output, errors = vaerun(*typed)
    assert (status, errors) == (0, [])
    folder = Path(output[-1].removeprefix("run: "))
    assert json.loads((folder / "manifest.json").read_text())["status"] == "finished"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert all(math.isfinite(value) for value in metrics["elbo"].values())
    assert metrics["train"]["epochs"] == 2
