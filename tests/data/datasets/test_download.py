"""Files are found, fetched and refused as they should be; the network is this machine."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vaerun.data.datasets.download import DataFile, obtain
from vaerun.utils.errors import UserError

from ..conftest import packed

RAW = b"the digits"
FILE = DataFile("digits", hashlib.md5(RAW).hexdigest(), hashlib.md5(packed(RAW)).hexdigest())
NOBODY = "http://127.0.0.1:9/"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """The address of a mirror on this machine, and the folder that it serves."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = tmp_path / "served"
    served.mkdir()
    handler = partial(_Quiet, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/", served
        http.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["digits", "digits.gz"])
def test_a_given_file_counts_gzipped_or_not_in_any_of_the_folders(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(packed(RAW) if name.endswith("gz") else RAW)
    assert obtain([FILE], [tmp_path / "absent", tmp_path], tmp_path / "x", []) == [RAW]
    assert not (tmp_path / "x").exists()


def test_an_absent_file_is_fetched_and_kept(server: tuple[str, Path], tmp_path: Path) -> None:
    mirror, served = server
    (served / "digits.gz").write_bytes(packed(RAW))
    target = tmp_path / "data" / "digits"
    assert obtain([FILE], [target], target, [mirror]) == [RAW]
    assert obtain([FILE], [target], target, []) == [RAW]  # from the folder, with no mirror


def test_the_next_mirror_is_asked_where_one_fails_or_has_other_bytes(
    server: tuple[str, Path], tmp_path: Path
) -> None:
    mirror, served = server
    for folder, content in (("wrong", b"other"), ("right", RAW)):
        (served / folder).mkdir()
        (served / folder / "digits.gz").write_bytes(packed(content))
    mirrors = [NOBODY, f"{mirror}absent/", f"{mirror}wrong/", f"{mirror}right/"]
    assert obtain([FILE], [tmp_path], tmp_path, mirrors) == [RAW]


def test_without_a_mirror_the_folder_and_all_the_files_are_named(tmp_path: Path) -> None:
    other = DataFile("labels", "", "")
    with pytest.raises(UserError) as caught:
        obtain([FILE, other], [tmp_path], tmp_path, [NOBODY])
    assert str(caught.value) == (
        f"{tmp_path} lacks digits.gz, which could not be downloaded "
        f"(127.0.0.1:9: ConnectionError) — put digits.gz, labels.gz into {tmp_path}, "
        "gunzipped or not, or set data.root to the folder that holds them"
    )


def test_other_bytes_are_refused_with_both_checksums(tmp_path: Path) -> None:
    path = tmp_path / "digits"
    path.write_bytes(b"other")
    with pytest.raises(UserError) as caught:
        obtain([FILE], [tmp_path], tmp_path, [])
    assert str(caught.value) == (
        f"{path} holds other data than expected (uncompressed MD5 "
        f"{hashlib.md5(b'other').hexdigest()}, not {FILE.md5}) — delete {path}, and it will be "
        "downloaded, or put a good copy there"
    )


def test_half_a_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "digits.gz"
    path.write_bytes(packed(RAW)[:-6])
    with pytest.raises(UserError, match=rf"{path} is not a complete gzip file — delete {path}"):
        obtain([FILE], [tmp_path], tmp_path, [])


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "data"
    with pytest.raises(UserError, match=rf"{target} cannot be made \(.*\) — set data\.root to"):
        obtain([FILE], [target], target, [NOBODY])
