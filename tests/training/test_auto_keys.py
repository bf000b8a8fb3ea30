"""`model.likelihood=auto`: the value that follows from the images, saved and kept by a run."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from vaerun import load
from vaerun.models.lightning_module import VAELightningModule
from vaerun.models.likelihoods import BernoulliLikelihood, GaussianLikelihood
from vaerun.training.auto_keys import with_usual_batch_size

TINY = (
    "data.size=16",
    "data.train_size=40",
    "data.val_size=20",
    "data.batch_size=20",
    "data.repeats=1",
    "model.hidden=[12,10]",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)
GREY = ("data=particles", "data.diameter_px=9")


@pytest.fixture(autouse=True)
def _training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaerun.tasks.results.write_results", lambda *_: None)


def trained(vaerun, *words: str) -> tuple[Path, str]:
    """Folder of a run, and the line on its likelihood, if any."""
    status, output, errors = vaerun(*TINY, *words)
    assert (status, errors) == (0, [])
    lines = [line.split(maxsplit=1)[1] for line in output if line.startswith("likelihood")]
    return Path(output[-1].removeprefix("run: ")), lines[0] if lines else ""


def likelihood_in(folder: Path) -> str:
    return yaml.safe_load((folder / "config.yaml").read_text())["model"]["likelihood"]


def resolved_in(folder: Path) -> list[str]:
    return json.loads((folder / "manifest.json").read_text())["resolved"]


@pytest.mark.parametrize(
    ("words", "name", "what"),
    [
        (("data=cards_iv",), "bernoulli", "images are nearly black and white ("),
        (GREY, "gaussian", "images are grey ("),
        # a model that restores images learns from the clean ones
        (("data=cards_iv", "data.corrupt=noise", "model=ae"), "bernoulli", "images are nearly"),
    ],
)
def test_the_images_decide_and_the_run_says_so(
    vaerun, words: tuple[str, ...], name: str, what: str
):
    folder, line = trained(vaerun, *words)
    assert line.startswith(f"{name}: {what}")
    assert likelihood_in(folder) == name
    assert "model.likelihood" in resolved_in(folder)
    kind = {"bernoulli": BernoulliLikelihood, "gaussian": GaussianLikelihood}[name]
    assert isinstance(load(folder).network.likelihood, kind)


@pytest.mark.parametrize("name", ["bernoulli", "gaussian"])
def test_a_given_likelihood_is_kept_in_silence(vaerun, name: str):
    folder, line = trained(vaerun, *GREY, f"model.likelihood={name}")
    assert (likelihood_in(folder), line) == (name, "")
    assert "model.likelihood" not in resolved_in(folder)


@pytest.mark.parametrize("batch", ["data.batch_size=auto", "data.batch_size=32"])
@pytest.mark.parametrize("words", [(), ("model.likelihood=gaussian",)], ids=str)
def test_a_resumed_run_keeps_its_likelihood(
    vaerun, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], batch: str
):
    with monkeypatch.context() as patch:
        honest = VAELightningModule.training_step

        def step(self: VAELightningModule, batch: object, batch_idx: int) -> object:
            if self.global_step == 3:
                raise RuntimeError("power cut")
            return honest(self, batch, batch_idx)

        patch.setattr(VAELightningModule, "training_step", step)
        assert vaerun(*TINY, *GREY, "data.batch_size=auto", *words)[0] == 1
    monkeypatch.setattr("vaerun.models.likelihoods.choose", lambda *_: 1 / 0)  # not called again
    # of the keys that were auto, one may be given by its number
    options = [word for word in TINY if not word.startswith("data.batch_size")]
    status, output, errors = vaerun(*options, *GREY, batch, *words, "resume=auto")
    assert (status, errors) == (0, [])
    folder = Path(output[-1].removeprefix("run: "))
    assert (folder.name, likelihood_in(folder)) == ("version_0", "gaussian")


def test_a_learned_sd_starts_at_that_of_the_pixels(vaerun, monkeypatch: pytest.MonkeyPatch):
    starts: list[float] = []
    honest = GaussianLikelihood.start
    monkeypatch.setattr(
        GaussianLikelihood, "start", lambda self, sd: (starts.append(sd), honest(self, sd))[1]
    )
    trained(vaerun, *GREY)
    assert 0.1 < starts[-1] < 0.29
    assert starts[0] == 0.3  # before the images are known


CLASSES = (*GREY, "model=jrvae", "model.category.n_classes=auto", "data.train_size=300")
FOUND = ("data.size=24", "data.outlines=[ell,star,ellipse]", "data.diameter_px=16")


def test_the_number_of_classes_is_found_and_kept_by_the_run(vaerun):
    status, output, errors = vaerun(*TINY, *CLASSES, *FOUND)
    assert (status, errors) == (0, [])
    [line] = [text for text in output if text.startswith("classes ")]
    assert line.split(maxsplit=1)[1].startswith("3: between them are 0 % of the images")
    folder = Path(output[-1].removeprefix("run: "))
    assert (
        yaml.safe_load((folder / "config.yaml").read_text())["model"]["category"]["n_classes"] == 3
    )
    assert load(folder).network.n_classes == 3


def test_images_of_one_kind_have_no_classes_to_find(vaerun):
    status, _, errors = vaerun(*TINY, *CLASSES, "data.size=24", "data.outlines=[ell]")
    assert status == 2
    assert errors == [
        "error: model.category.n_classes=auto finds only one class in the images — "
        "use model=rvae, or give their number, as in model.category.n_classes=2"
    ]


def test_the_number_of_classes_is_not_found_without_templates(vaerun):
    status, _, errors = vaerun(*TINY, *CLASSES, "model.clustering.templates=0")
    assert status == 2
    assert "needs the clustering" in errors[0]


def test_large_images_are_seen_drawn_and_compared_in_fewer_pixels_and_the_run_says_so(vaerun):
    large = ("data=particles", "data.size=96", "data.diameter_px=60", "data.blur_px=4")
    status, output, _ = vaerun(*TINY, *large)
    assert status == 0
    config = yaml.safe_load((Path(output[-1].removeprefix("run: ")) / "config.yaml").read_text())
    model = config["model"]
    assert (model["pose"]["copies_px"], model["decoder"]["drawing_px"]) == (64, 64)
    assert config["data"]["every_row"] == model["decoder"]["every_row"] == 3
    for title in ("copies_px", "drawing_px", "every_row"):
        assert any(line.startswith(title) for line in output)


def test_a_word_for_the_usual_batch_is_a_number_that_a_search_can_begin_with():
    splits, hardware = SimpleNamespace(image=(1, 16, 16)), SimpleNamespace(n_ranks=1)
    plain = {"data": {"batch_size": "usual", "name": "images"}}
    assert with_usual_batch_size(plain, splits, hardware) == {
        "data": {"batch_size": 100, "name": "images"}
    }
    given = {"data": {"batch_size": 30}}
    assert with_usual_batch_size(given, splits, hardware) == given
