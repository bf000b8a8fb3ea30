"""Run folders: no two runs share one, no file is ever half there."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from vaerun.runs.folder import RunFolder, create_run_folder, open_run, read_config
from vaerun.utils.errors import UserError
from vaerun.utils.files import atomic_path, write_text


@pytest.mark.parametrize(
    "pool",
    [
        lambda: ThreadPoolExecutor(8),
        lambda: ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")),
    ],
    ids=["threads", "processes"],
)
def test_runs_started_together_never_share_a_folder(tmp_path, pool):
    n = 40
    with pool() as executor:
        folders = list(executor.map(create_run_folder, [tmp_path] * n, ["m"] * n, ["d"] * n))
    assert {folder.path.name for folder in folders} == {f"version_{k}" for k in range(n)}


def test_the_first_free_number_is_taken(tmp_path):
    for taken in (0, 1, 3):
        (tmp_path / "m" / "d" / f"version_{taken}").mkdir(parents=True)
    assert create_run_folder(tmp_path, "m", "d").path == tmp_path / "m" / "d" / "version_2"


def test_an_out_that_cannot_hold_folders_is_the_users_fault(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"out=.*file cannot hold a run folder .* — give a folder"):
        create_run_folder(tmp_path / "file", "m", "d")


def test_home_is_understood_in_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert (
        create_run_folder("~/runs", "m", "d").path == tmp_path / "runs" / "m" / "d" / "version_0"
    )


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "figures" / "arrays.npz"
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"half")
        assert temporary.suffix == ".npz"
        assert not path.exists()
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, stop):
    path = tmp_path / "metrics.json"
    write_text(path, "old")
    with pytest.raises(stop, match="full"), atomic_path(path) as temporary:  # noqa: PT012
        temporary.write_text("ne")
        raise stop("disk full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"nowhere is not a folder — give a run folder, such as"):
        open_run(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"has no config.yaml — give a run folder, such as"):
        open_run(tmp_path)


def test_a_config_in_a_run_folder_cannot_run_code(tmp_path):
    folder = RunFolder(tmp_path)
    folder.config.write_text("seed: !!python/object/apply:os.mkdir [made]")
    with pytest.raises(UserError, match=r"config.yaml is not readable YAML — restore the file"):
        read_config(open_run(tmp_path))


def test_a_config_that_holds_no_keys_is_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("- 1")
    with pytest.raises(UserError, match=r"config.yaml holds no config — restore the file"):
        read_config(open_run(tmp_path))


def test_a_key_that_is_no_more_is_left_out(tmp_path):
    (tmp_path / "config.yaml").write_text("data: {name: cards_iv, symmetric: false}\nseed: 1\n")
    assert read_config(open_run(tmp_path)) == {"data": {"name": "cards_iv"}, "seed": 1}
