"""The public movie: fetched once, converted without executing anything."""

import http.server
import os
import pickle
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from vaerun.data.io.zenodo import NAME, fetch, load_arrays
from vaerun.utils.errors import UserError

MOVIES = {
    1: {"image_data": np.arange(2 * 20 * 24).reshape(2, 20, 24), "metadata": {"scan size": 3.0}},
    3: {
        "image_data": np.ones((20, 20), np.float32),
        "metadata": {"note": "none", "n": np.float64(2)},
    },
}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """A folder on a local server."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{NAME}"
    server.shutdown()
    thread.join()
    server.server_close()


def save(path: Path, content: object) -> None:
    np.save(path, content, allow_pickle=True)


def test_movies_are_downloaded_and_converted_once(tmp_path: Path, served: str):
    save(tmp_path / "served" / NAME, MOVIES)
    frames = fetch(tmp_path, None, served)
    assert [f.name for f in frames] == ["movie1_0", "movie1_1", "movie3_0"]
    assert [f.movie for f in frames] == [1, 1, 3]
    np.testing.assert_array_equal(frames[1].image, MOVIES[1]["image_data"][1])
    assert frames[0].pixel_nm == pytest.approx(3.0 / 24)
    assert frames[2].pixel_nm is None
    (tmp_path / "served" / NAME).unlink()
    assert len(fetch(tmp_path, [3], served)) == 1
    with pytest.raises(UserError, match=r"data\.movies: 2"):
        fetch(tmp_path, [2], served)


def test_a_failed_download_is_a_user_error(tmp_path: Path, served: str):
    with pytest.raises(UserError, match="could not be downloaded"):
        fetch(tmp_path, None, served)


class Call:
    """Calls something when unpickled."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize(
    "evil",
    [
        lambda ran: Call(os.system, f"touch {ran}"),
        lambda ran: Call(eval, f"open({str(ran)!r}, 'w')"),
        lambda ran: Call(Path.touch, ran),
        lambda ran: Call(np.ndarray.tofile, np.zeros(3), str(ran)),
        lambda ran: Call(getattr, str(ran), "upper"),
        lambda ran: Call(np.save, str(ran), np.zeros(2)),
        lambda ran: np.array([Call(os.system, f"touch {ran}")], dtype=object),
    ],
)
def test_what_would_execute_is_refused(tmp_path: Path, evil):
    ran = tmp_path / "ran.npy"
    path = tmp_path / "x.npy"
    save(path, {1: {"image_data": evil(ran)}})
    with pytest.raises(UserError, match="refused"):
        load_arrays(path)
    assert not ran.exists()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_plain_contents_are_read_by_any_protocol(tmp_path: Path, protocol: int):
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|O", "fortran_order": False, "shape": ()}
        )
        pickle.dump(np.array(MOVIES, dtype=object), file, protocol=protocol)
    loaded = load_arrays(path)
    np.testing.assert_array_equal(loaded[1]["image_data"], MOVIES[1]["image_data"])
    assert loaded[3]["metadata"]["n"] == 2


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x01\x00", b"text"])
def test_a_broken_file_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(UserError, match="refused"):
        load_arrays(tmp_path / "x.npy")


def test_a_file_without_movies_is_refused(tmp_path: Path, served: str):
    save(tmp_path / "served" / NAME, {"a": 1})
    with pytest.raises(UserError, match="holds no movies"):
        fetch(tmp_path, None, served)


def test_a_name_that_leads_out_of_the_folder_is_no_movie(tmp_path: Path, served: str):
    save(tmp_path / "served" / NAME, {"x/../../../../out": MOVIES[1]})
    with pytest.raises(UserError, match="holds no movies"):
        fetch(tmp_path / "root", None, served)
    assert not list(tmp_path.glob("**/out*"))
