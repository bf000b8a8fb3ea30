"""What the tests of the program as a whole share: its tasks replaced, its output looked at."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from vaerun.cli import main
from vaerun.evaluation.figures import gallery
from vaerun.models.encodings import Encodings
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import create_run_folder
from vaerun.runs.manifest import RunFacts, RunRequest, recorded
from vaerun.tasks.registry import TASKS
from vaerun.training.clustering import find_classes, template_mixture
from vaerun.utils.errors import UserError

from .blank_pictures import PNG, blank


@pytest.fixture(autouse=True, scope="module")
def blank_pictures() -> Iterator[None]:
    """Figures are rendered only in tests of `evaluation`, and where a test asks for `pictures`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery, "png", blank)
        yield


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are rendered."""
    monkeypatch.setattr(gallery, "png", PNG)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VAERUN_DATA", raising=False)
    return tmp_path


@pytest.fixture
def vaerun(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, list[str], list[str]]]:
    """Runs the command line in an empty folder: status, lines of output, lines of errors.

    Templates are fitted from two starts at most, not ten, and in few steps.
    """
    monkeypatch.setattr(template_mixture, "_STEPS", 40)
    monkeypatch.setattr(find_classes, "_MOST_STARTS", 2)

    def run(*arguments: str) -> tuple[int, list[str], list[str]]:
        status = main(arguments)
        output, errors = capsys.readouterr()
        return status, output.splitlines(), errors.splitlines()

    return run


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[RunConfig, RunRequest]]:
    """What the training task was asked for; it claims a run folder and ends by its seed.

    Seed 1 is a failure of ours, 2 an interruption, 3 a fault of the user's.
    """
    ends: dict[int, BaseException] = {
        1: ValueError("a bug"),
        2: KeyboardInterrupt(),
        3: UserError("data.path=x\n  holds no images", "give a folder"),
    }
    asked: list[tuple[RunConfig, RunRequest]] = []

    def train(config: RunConfig, job: RunRequest) -> Path:
        asked.append((config, job))
        folder = create_run_folder(config.out, config.model.name, config.data.name)
        with recorded(folder, job, RunFacts(device="cpu", data_fingerprint="")):
            if config.seed in ends:
                raise ends[config.seed]
        return folder.path

    monkeypatch.setitem(TASKS, "train", train)
    return asked


def make_encodings(n_train=400, n_val=200, n_classes=4, seed=0, **replaced):
    """Clumps in z, one for each class, whose angle follows the truth; any array replaced."""
    rng = np.random.default_rng(seed)
    n = n_train + n_val
    label = rng.integers(0, n_classes, n)
    shear = rng.uniform(-0.35, 0.35, n)
    truth = rng.uniform(-2, 2, n)
    z = np.stack([5.0 * label, 3 * shear], axis=1)
    arrays = {
        "z_mean": z + rng.normal(0, 0.01, (n, 2)),
        "z_sd": np.full((n, 2), 0.1),
        "angle": np.mod(truth + 0.3 * label + rng.normal(0, 0.02, n) + np.pi, 2 * np.pi) - np.pi,
        "angle_sd": np.full(n, 0.02),
        "shift": np.zeros((n, 2)),
        "scale": np.ones(n),
        "gain": np.ones(n),
        "offset": np.zeros(n),
        "class_probability": np.zeros((n, 0)),
        "target_mean": np.full(n, np.nan),
        "target_sd": np.full(n, np.nan),
        "error": np.full(n, 0.01),
    }
    integers = {
        "predicted": np.full(n, -1),
        "label": label,
        "index": np.arange(n),
        "split": (np.arange(n) >= n_train).astype(np.uint8),
    }
    factors = {"angle": truth.astype(np.float32), "shear": shear.astype(np.float32)}
    plain = {name: values.astype(np.float32) for name, values in arrays.items()}
    return Encodings(**(plain | integers | {"factors": factors} | replaced))


@pytest.fixture
def encodings():
    return make_encodings


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window; a test that wants it is skipped, and says so, where it is not."""
    playwright = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium: apt install chromium")
    # SwiftShader is WebGL by the processor
    options = ["--enable-unsafe-swiftshader", "--use-angle=swiftshader"]
    options += ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=options)
        yield chromium
        chromium.close()
