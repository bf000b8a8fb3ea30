"""Manifests: how a run ended, from what data, and which one to go on with."""

import dataclasses
import errno
import hashlib
import json
import struct
from datetime import datetime

import numpy as np
import pytest
import torch
import yaml

from vaerun.runs.folder import create_run_folder
from vaerun.runs.manifest import RunFacts, RunRequest, read_manifest, recorded
from vaerun.runs.resume import unfinished
from vaerun.utils.digest import fingerprint
from vaerun.utils.errors import UserError

PLAIN = {"seed": 7, "out": "outputs", "resume": None, "run": None, "model": {"latent_dim": 2}}
JOB = RunRequest(plain=PLAIN, overrides=["seed=7"], command=["vaerun", "seed=7", "out=a b"])
ABOUT = RunFacts(device="cpu", data_fingerprint="f" * 64)


def finish(folder, stop=None, about=ABOUT):
    """Let a run end with an exception or without."""
    try:
        with recorded(folder, JOB, about):
            write_checkpoint(folder)
            if stop is not None:
                raise stop
    except BaseException as error:  # noqa: BLE001 - what came out is what is asked for
        return type(error)
    return None


def write_checkpoint(folder):
    folder.checkpoints.mkdir()
    folder.last_checkpoint.write_bytes(b"")


def test_a_running_run_says_where_it_comes_from(tmp_path):
    folder = create_run_folder(tmp_path, "m", "d")
    with recorded(folder, JOB, ABOUT):
        manifest = json.loads(folder.manifest.read_text())
    assert manifest["status"] == "running"
    assert manifest["end"] is None
    assert manifest["command"] == "vaerun seed=7 'out=a b'"
    assert (manifest["seed"], manifest["device"], manifest["resumed_from"]) == (7, "cpu", None)
    assert manifest["packages"]["torch"] == torch.__version__
    assert datetime.fromisoformat(manifest["start"]).tzinfo is not None
    assert yaml.safe_load(folder.config.read_text()) == PLAIN
    assert yaml.safe_load(folder.overrides.read_text()) == ["seed=7"]


@pytest.mark.parametrize(
    ("stop", "status", "comes_out"),
    [
        (None, "finished", None),
        (ValueError(), "failed", ValueError),
        (KeyboardInterrupt(), "interrupted", KeyboardInterrupt),
        (SystemExit(144), "interrupted", SystemExit),  # submitit, which starts it again
    ],
)
def test_the_manifest_says_how_a_run_ended(tmp_path, stop, status, comes_out):
    folder = create_run_folder(tmp_path, "m", "d")
    assert finish(folder, stop) is comes_out
    manifest = read_manifest(folder)
    assert manifest["status"] == status
    assert manifest["end"] >= manifest["start"]


def test_a_fingerprint_is_the_hash_of_type_shape_and_values():
    want = hashlib.sha256(b"<f4(2,)" + struct.pack("<2f", 1, 2) + b"|u1(1, 1)\x05").hexdigest()
    pixels, label = np.array([1, 2], np.float32), np.array([[5]], np.uint8)
    assert fingerprint([pixels, label]) == want
    assert fingerprint([pixels.astype(">f4"), label]) == want
    assert fingerprint([torch.from_numpy(pixels), torch.from_numpy(label)]) == want


@pytest.mark.parametrize("other", [[[1.0], [2.0]], [1.0, 3.0], [2.0, 1.0]])
def test_a_fingerprint_sees_shape_value_and_order(other):
    assert fingerprint([np.array(other)]) != fingerprint([np.array([1.0, 2.0])])


def test_the_newest_run_that_stopped_is_the_one_to_go_on_with(tmp_path):
    for stop in (KeyboardInterrupt(), ValueError(), None):
        finish(create_run_folder(tmp_path, "m", "d"), stop)
    found = unfinished(tmp_path, "m", "d", PLAIN | {"resume": "auto", "out": "elsewhere"})
    assert found is not None
    assert found.path.name == "version_1"


def test_a_run_of_another_config_is_not_gone_on_with(tmp_path):
    finish(create_run_folder(tmp_path, "m", "d"), KeyboardInterrupt())
    assert unfinished(tmp_path, "m", "d", PLAIN | {"seed": 8}) is None


def test_a_run_gone_on_with_in_its_own_folder_may_stop_again(tmp_path):
    folder = create_run_folder(tmp_path, "m", "d")
    about = RunFacts(device="cpu", data_fingerprint="f", resumed_from=folder.path)
    finish(folder, KeyboardInterrupt(), about=about)
    assert unfinished(tmp_path, "m", "d", PLAIN) == folder


def test_a_run_still_at_work_is_not_gone_on_with(tmp_path):
    folder = create_run_folder(tmp_path, "m", "d")
    with recorded(folder, JOB, ABOUT):
        write_checkpoint(folder)
        assert unfinished(tmp_path, "m", "d", PLAIN) is None
    killed = read_manifest(folder)
    killed |= {"status": "running", "process": {"host": "another", "pid": 1}}
    folder.manifest.write_text(json.dumps(killed))
    assert unfinished(tmp_path, "m", "d", PLAIN) == folder


def test_a_full_disk_is_told_and_leaves_a_run_to_go_on_with(tmp_path):
    folder = create_run_folder(tmp_path, "m", "d")
    with (
        pytest.raises(
            UserError, match=r"^out=outputs has no room left .* resume=auto then goes on"
        ),
        recorded(folder, JOB, ABOUT),
    ):
        raise OSError(errno.ENOSPC, "No space left on device", "last.ckpt")
    assert read_manifest(folder)["status"] == "failed"
    assert unfinished(tmp_path, "m", "d", PLAIN) == folder


def test_a_name_that_is_no_text_is_kept(tmp_path):
    folder = create_run_folder(tmp_path, "m", "d")
    plain = PLAIN | {"out": "M\udcfcller"}
    with recorded(folder, dataclasses.replace(JOB, plain=plain, command=["M\udcfc"]), ABOUT):
        pass
    assert yaml.safe_load(folder.config.read_text()) == plain
    assert read_manifest(folder)["command"] == "'M\udcfc'"
