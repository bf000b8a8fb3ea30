"""What ships: the wheel, installed elsewhere, runs from an empty folder."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
TINY = (
    "data.train_size=60",
    "data.repeats=1",
    "data.val_size=40",
    "trainer.max_epochs=1",
    "trainer.accelerator=cpu",
)


def call(*command: str | Path, **options) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for name in ("vaerun", "conf"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for file in (ROOT / "pyproject.toml", ROOT / "LICENSE", *ROOT.glob("*.md")):
        shutil.copy(file, source)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    call(sys.executable, "-m", "pip", "wheel", *options, "-w", source / "dist", source)
    (built,) = (source / "dist").iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[str]]:
    """Runs a program of a new environment that has the wheel, in a folder; lines of its output.

    What vaerun depends on is lent by this environment; its own vaerun is not, since a path
    file names the folder and does not process the path files in it.
    """
    env = tmp_path_factory.mktemp("env")
    call(sys.executable, "-m", "venv", "--without-pip", env)
    paths = {"base": str(env), "platbase": str(env)}
    site = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    options = ("--no-deps", "--no-index", "--quiet")
    call(sys.executable, "-m", "pip", f"--python={env}/bin/python", "install", *options, wheel)
    (site / "lent.pth").write_text(sysconfig.get_path("purelib"))
    clean = {"PATH": os.defpath, "HOME": str(env), "OMP_NUM_THREADS": "1"}

    def run(folder: Path, program: str, *arguments: str) -> list[str]:
        done = call(env / "bin" / program, *arguments, cwd=folder, env=clean)
        return done.stdout.splitlines()

    return run


def test_every_package_and_every_yaml_is_in_the_wheel(wheel):
    there = set(zipfile.ZipFile(wheel).namelist())
    code = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "vaerun").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    values = {f"vaerun/{file.relative_to(ROOT)}" for file in (ROOT / "conf").rglob("*.yaml")}
    assert "vaerun/conf/config.yaml" in values
    assert (code | values) - there == set()


def test_the_installed_package_is_the_one_that_runs(installed, tmp_path):
    code = "import vaerun.config.groups as c; print(c.__file__); print(c.config_dir())"
    file, conf = installed(tmp_path, "python", "-I", "-c", code)
    assert not Path(file).is_relative_to(ROOT)
    assert Path(conf) == Path(file).parents[1] / "conf"


def test_it_helps_and_composes_from_an_empty_folder(installed, tmp_path):
    assert any("rvae" in line for line in installed(tmp_path, "vaerun", "--help"))
    shown = yaml.safe_load("\n".join(installed(tmp_path, "vaerun", "--cfg", "job", "seed=4")))
    assert (shown["seed"], shown["model"]["name"]) == (4, "rvae")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_it_trains_from_an_empty_folder(installed, tmp_path):
    output = installed(tmp_path, "vaerun", *TINY)
    assert output[-1] == "run: outputs/rvae/cards_iv/version_0"
    folder = tmp_path / "outputs/rvae/cards_iv/version_0"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["status"], manifest["git_revision"]) == ("finished", None)
    for name in ("metrics.json", "latents.h5", "report.html", "checkpoints/last.ckpt"):
        assert (folder / name).stat().st_size > 0, name


def test_the_tested_set_satisfies_what_is_declared():
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().lower().splitlines()
        if not line.startswith("#")
    )
    for line in project["dependencies"]:
        needed = Requirement(line)
        assert needed.specifier.contains(pinned[needed.name]), line
