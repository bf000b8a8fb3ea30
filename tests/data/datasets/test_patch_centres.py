"""Centres of patches on grids, along edges and from files."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaerun.data.datasets.patch_centres import along_edges, from_points, grid
from vaerun.data.lazy.frame_patches import inside
from vaerun.utils.errors import UserError

steps = st.floats(0.3, 20)


@settings(deadline=None)
@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    step=steps,
)
def test_a_grid_has_all_patches_that_there_is_room_for(shape, size, step: float):
    frame, centre = grid(shape, size, step, frame=3)
    assert (frame == 3).all()
    assert inside([(0, 0)] * 3 + [shape], frame, centre, size).all()
    if shape[0] < size[0] or shape[1] < size[1]:
        assert len(centre) == 0
        return
    for axis in (0, 1):
        there = np.unique(centre[:, axis].round(6))
        np.testing.assert_allclose(np.diff(there), step, atol=1e-5)
        margins = there[0] - (size[axis] - 1) / 2, shape[axis] - (size[axis] + 1) / 2 - there[-1]
        np.testing.assert_allclose(*margins, atol=1e-5)
        assert sum(margins) < step + 1e-5  # else there were room for one more
    assert len(centre) == np.prod([len(np.unique(c.round(6))) for c in centre.T])


@pytest.mark.parametrize(("step", "n"), [(1.0, 8), (0.1, 71), (0.28, 26), (7.0, 2), (7.1, 1)])
def test_a_step_that_fits_exactly_is_not_lost_to_rounding(step: float, n: int):
    assert len(grid((10, 3), (3, 3), step).centre) == n


@settings(deadline=None)
@given(angle=st.floats(0, np.pi), step=steps)
def test_points_along_a_straight_edge_lie_on_it_at_even_distances(angle: float, step: float):
    rows, columns = np.indices((41, 41)) - 20.25
    away = np.cos(angle) * rows + np.sin(angle) * columns
    frame, centre = along_edges(away > 0, step, frame=2)
    assert (frame == 2).all()
    off = (centre - 20.25) @ [np.cos(angle), np.sin(angle)]
    assert np.abs(off).max() <= 1
    gaps = np.linalg.norm(np.diff(centre, axis=0), axis=1)
    assert gaps.max(initial=0) <= step + 1e-9
    # a staircase is 8 % longer than the straight line; over short steps it may turn a corner
    assert gaps.min(initial=step) >= min(0.92 * step - 0.1, step / np.sqrt(2))
    along = (centre - 20.25) @ [-np.sin(angle), np.cos(angle)]
    length = 40 / max(np.abs(np.cos(angle)), np.abs(np.sin(angle)))
    assert np.ptp(along) + 1.1 * step + 2 >= length  # from border to border


def test_an_edge_along_the_rows_is_half_way_between_them():
    mask = np.zeros((9, 13), bool)
    mask[4:] = True
    _, centre = along_edges(mask, 3.0)
    assert (centre[:, 0] == 3.5).all()
    assert np.sort(centre[:, 1]).tolist() == [0, 3, 6, 9, 12]


@settings(deadline=None)
@given(radius=st.floats(3, 14), step=st.floats(0.5, 8))
def test_points_round_a_disc_have_no_seam(radius: float, step: float):
    distance = np.hypot(*(np.indices((33, 33)) - 16.0))
    _, centre = along_edges(distance < radius, step)
    np.testing.assert_allclose(np.hypot(*(centre - 16).T), radius, atol=1)
    turn = np.sort(np.arctan2(*(centre - 16).T))
    gaps = radius * np.diff([*turn, turn[0] + 2 * np.pi])
    n = 2 * np.pi * radius / step
    assert 0.85 * n - 1 <= len(centre) <= 1.15 * n + 1
    if len(gaps) > 3:
        assert gaps.max() < 1.25 * step + 1
        assert gaps.min() > 0.6 * step - 0.5


@pytest.mark.parametrize("value", [True, False])
def test_where_there_is_one_region_there_is_no_edge(value: bool):
    frame, centre = along_edges(np.full((5, 6), value), 2.0)
    assert (frame.shape, centre.shape) == ((0,), (0, 2))


def test_every_region_has_an_edge_of_its_own():
    mask = np.zeros((30, 30), bool)
    mask[3:8, 3:8] = mask[15:25, 15:25] = True
    _, centre = along_edges(mask, 2.0)
    first = (centre < 12).all(1)
    perimeter = 4 * 5 - 4 * (1 - np.sqrt(0.5)), 4 * 10 - 4 * (1 - np.sqrt(0.5))
    assert [first.sum(), (~first).sum()] == [round(length / 2) for length in perimeter]


points = st.lists(
    st.tuples(
        st.integers(0, 10**6),
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    min_size=1,
)


@settings(deadline=None)
@given(points, st.permutations(["frame", "row", "column", "note"]))
def test_points_are_read_whatever_the_order_of_columns(tmp_path_factory, values, names):
    path = tmp_path_factory.mktemp("points") / "some.CSV"
    lines = []
    for frame, row, column in values:
        cells = {"frame": frame, "row": repr(row), "column": repr(column), "note": "a wall"}
        lines.append(",".join(str(cells[name]) for name in names))
    path.write_text("\r\n".join([" , ".join(names).upper(), *lines, ""]))
    got = from_points(path)
    assert got.frame.tolist() == [frame for frame, _, _ in values]
    assert got.centre.tolist() == [[row, column] for _, row, column in values]


def test_points_of_one_frame_need_no_frame(tmp_path: Path):
    csv, npy = tmp_path / "points.csv", tmp_path / "points.npy"
    csv.write_text("\ufeffrow,column\n3.5,4\n\n-1,0\n", encoding="utf-8")
    np.save(npy, np.array([[3.5, 4], [-1, 0]], np.float32))
    for path in (csv, npy):
        got = from_points(path)
        assert got.frame.dtype == np.int64
        assert (got.frame.tolist(), got.centre.tolist()) == ([0, 0], [[3.5, 4.0], [-1.0, 0.0]])


def test_an_array_may_begin_with_the_frame(tmp_path: Path):
    np.save(tmp_path / "points.npy", np.array([[2, 3, 4], [0, 5, 6]]))
    got = from_points(tmp_path / "points.npy")
    assert (got.frame.tolist(), got.centre.tolist()) == ([2, 0], [[3.0, 4.0], [5.0, 6.0]])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", r"line 1 names no row and no column — begin with a line of column names"),
        ("1,2\n3,4\n", r"line 1 names no row and no column"),
        ("frame,row\n0,1\n", r"line 1 names no column"),
        ("row,column\n", r"points.csv holds no points — give one"),
        ("row,column\n1,2\n\n3,x\n", r"points.csv, line 4: column='x' is no number"),
        ("row,column\n1,2\n3\n", r"line 3 has 1 values — give 2"),
        ("row,column\n1,nan\n", r"line 2: frame=0, row=1, column=nan — give finite numbers"),
        ("frame,row,column\n0,1,2\n0.5,1,2\n", r"line 3: frame=0.5, .* — count frames from 0"),
        ("frame,row,column\n-1,1,2\n", r"line 2: frame=-1, .* — count frames from 0"),
        ("frame,row,column\n1e30,1,2\n", r"line 2: frame=1e\+30, .* — count frames from 0"),
        ("row,column\n1,\udcff\n", r"is not readable text — save it as CSV"),
    ],
)
def test_a_table_with_a_fault_is_the_users_to_correct(tmp_path: Path, text: str, error: str):
    path = tmp_path / "points.csv"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=error):
        from_points(path)


def npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.zeros((3, 2)))
    return file.getvalue()


@pytest.mark.parametrize(
    ("array", "error"),
    [
        (np.zeros((3, 4)), r"is an array \(3, 4\) of float64 — give numbers \(N, 2\)"),
        (np.zeros(4), r"is an array \(4,\) of float64"),
        (np.array([["a", "b"]]), r"is an array \(1, 2\) of <U1"),
        (np.zeros((0, 2)), r"holds no points"),
        (np.array([[0, 1, 2], [0.5, 1, 2]]), r"row 1: frame=0.5, row=1, column=2 — count frames"),
        (np.array([[1, np.inf]]), r"row 0: frame=0, row=1, column=inf — give finite numbers"),
        (np.array([[object(), 1]]), r"is no .npy array — save it with numpy.save"),
        (b"\x93NUMPY\x01", r"is no .npy array"),
        (b"", r"is no .npy array"),
        (npz(), r"is no .npy array"),
    ],
)
def test_an_array_with_a_fault_is_the_users_to_correct(tmp_path: Path, array, error: str):
    path = tmp_path / "points.npy"
    path.write_bytes(array) if isinstance(array, bytes) else np.save(path, array)
    with pytest.raises(UserError, match=error):
        from_points(path)


def test_a_file_of_points_must_be_there_and_of_a_known_kind(tmp_path: Path):
    with pytest.raises(UserError, match=r"points.csv is not there — give a file of points"):
        from_points(tmp_path / "points.csv")
    with pytest.raises(UserError, match=r"points.txt is neither .csv nor .npy"):
        from_points(tmp_path / "points.txt")
