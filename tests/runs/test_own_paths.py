"""Relative paths of a run are found from wherever the run is used, and wherever it lies."""

import shutil
from pathlib import Path

import pytest

from vaerun.runs.folder import RunFolder, create_run_folder
from vaerun.runs.inherited_overrides import with_inherited_data
from vaerun.runs.manifest import RunFacts, RunRequest, recorded
from vaerun.runs.own_paths import found_data, own_path
from vaerun.runs.resume import is_run_of
from vaerun.utils.errors import UserError

PLAIN = {"seed": 0, "out": "results", "data": {"name": "images", "path": "set/*.npy"}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images and a finished run that was begun in it."""
    folder = tmp_path / "project"
    (folder / "set").mkdir(parents=True)
    (folder / "set/a.npy").touch()
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder)
    request = RunRequest(
        plain=PLAIN, overrides=["data=images", "data.path=set/*.npy", "data.size=24"], command=[]
    )
    with recorded(
        create_run_folder("results", "m", "d"), request, RunFacts(device="", data_fingerprint="")
    ):
        pass
    return folder


def run_of(path: Path) -> RunFolder:
    return RunFolder(path / "results/m/d/version_0")


def test_a_path_is_left_as_it_is_where_the_run_was_begun(project: Path):
    assert own_path(run_of(Path()), "path", "set/*.npy") == "set/*.npy"
    assert found_data(run_of(Path()), PLAIN["data"]) == PLAIN["data"]


def test_a_path_is_found_from_another_folder(project: Path, monkeypatch):
    (project / "elsewhere/set").mkdir()
    (project / "elsewhere/set/other.npy").touch()  # not the images of the run
    monkeypatch.chdir(project / "elsewhere")
    assert own_path(run_of(Path("..")), "path", "set/*.npy") == str(project / "set/*.npy")


def test_a_path_is_found_after_a_move(project: Path, monkeypatch):
    moved = project.with_name("moved")
    shutil.move(project, moved)
    monkeypatch.chdir(moved.parent)
    assert own_path(run_of(moved), "path", "set/*.npy") == str(moved / "set/*.npy")
    (moved / "disk").mkdir()  # run and images side by side, away from the rest
    shutil.move(run_of(moved).path, moved / "disk/run")
    shutil.move(moved / "set", moved / "disk/set")
    found = own_path(RunFolder(moved / "disk/run"), "path", "set/*.npy")
    assert found == str(moved / "disk/set/*.npy")


def test_images_that_are_gone_are_told_with_the_folder_they_were_in(project: Path):
    shutil.rmtree(project / "set")
    with pytest.raises(UserError, match=rf"not there \(looked for in {project}.* data\.path="):
        own_path(run_of(project), "path", "set/*.npy")


@pytest.mark.parametrize("typed", ["{}", "'{}'", '"{}"', "escaped"])
def test_a_run_is_read_as_hydra_reads_it(project: Path, typed: str, monkeypatch):
    shutil.move(project / "results", project / "my runs (1)")
    name = "my runs (1)/m/d/version_0"
    text = name.replace(" ", r"\ ").replace("(", r"\(").replace(")", r"\)")
    run = f"run={text if typed == 'escaped' else typed.format(name)}"
    inherited = with_inherited_data(["task=encode", run, "data.path=new.npy"])
    assert inherited == ["data=images", "data.size=24", "task=encode", run, "data.path=new.npy"]
    monkeypatch.chdir("elsewhere")
    run = f"run='{project / name}'"
    found = with_inherited_data(["task=evaluate", run, "data.size=12"])
    assert found[1] == f"data.path={project}/set/*.npy"


def test_a_run_is_resumed_from_another_folder_if_the_files_are_the_same(
    project: Path, monkeypatch
):
    monkeypatch.chdir(project / "elsewhere")

    def of(path: str) -> bool:
        return is_run_of(run_of(project), PLAIN | {"data": PLAIN["data"] | {"path": path}})

    assert of("../set/*.npy")
    assert of(str(project / "set/*.npy"))
    assert not of("../set/a.npy")
