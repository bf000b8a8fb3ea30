"""A bug report has what helps, and nothing private."""

import getpass
import json
import socket
from pathlib import Path

import pytest

from vaerun.config.compose import compose
from vaerun.runs.bug_report import bug_report, masked
from vaerun.runs.folder import RunFolder, create_run_folder
from vaerun.runs.manifest import RunFacts, RunRequest, recorded
from vaerun.utils.errors import UserError

TYPED = (
    "data=images",
    "data.path=/secret/place/patients.h5",
    "data.label=diagnosis",
    "data.factors=[dose_of_smith]",
    "seed=77",
)


def _fail(folder: RunFolder, request: RunRequest) -> None:
    with recorded(folder, request, RunFacts(device="a cpu", data_fingerprint="")):
        raise ZeroDivisionError(f"{Path.home()}/x of /secret/place/patients.h5 lacks diagnosis")


@pytest.fixture
def failed_run(here: Path) -> RunFolder:
    folder = create_run_folder("outputs", "rvae", "images")
    request = RunRequest(plain=compose(TYPED), overrides=list(TYPED), command=["vaerun"])
    folder.metrics_csv.write_text("epoch,loss\n" + "".join(f"{i},{9 - i}\n" for i in range(9)))
    with pytest.raises(ZeroDivisionError):
        _fail(folder, request)
    return folder


def test_it_has_versions_config_and_last_lines(failed_run, vaerun):
    status, output, errors = vaerun("--report-bug")
    text = "\n".join(output)
    assert (status, errors) == (0, [])
    for part in ("torch ", "seed: 77", "failed on a cpu", "ZeroDivisionError", "\n8,1\n"):
        assert part in text, part
    assert "\n0,9\n" not in text


def test_it_has_nothing_private(failed_run):
    text = bug_report([f"run={failed_run.path}"])
    private = (
        "secret",
        "place",
        "patients",
        "diagnosis",
        "smith",
        str(Path.home()),
        str(Path.cwd()),
    )
    for word in (*private, socket.gethostname()):
        assert word not in text, word
    assert f" {getpass.getuser()} " not in text
    assert "data.path=….h5" in text


def test_the_newest_run_is_taken(failed_run):
    newer = create_run_folder("outputs", "vae", "mnist")
    request = RunRequest(plain=compose(["model=vae", "seed=5"]), overrides=[], command=["vaerun"])
    with recorded(newer, request, RunFacts(device="another", data_fingerprint="")):
        pass
    older = json.loads(failed_run.manifest.read_text())
    assert older["status"] == "failed"
    assert "finished on another" in bug_report()


def test_without_a_run_it_says_how_to_name_one(here):
    del here
    assert bug_report().endswith("No run was found: add run=FOLDER.")


def test_other_words_are_refused():
    with pytest.raises(UserError, match=r"seed=1 is of no use to --report-bug — give run=FOLDER"):
        bug_report(["seed=1"])


def test_a_masked_config_keeps_what_is_harmless():
    plain = {"data": {"path": ["a/b.tif", "c"], "key": None, "axes": "TYX", "batch_size": 9}}
    assert masked(plain) == {
        "data": {"path": ["….tif", "…"], "key": None, "axes": "TYX", "batch_size": 9}
    }
