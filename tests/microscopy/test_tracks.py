"""Atoms are followed through drift, loss and birth."""

import numpy as np

from vaerun.microscopy.tracks import along_tracks, follow, nearest_spacing

CELLS = np.stack(np.mgrid[:12, :12], -1).reshape(-1, 2) * 10.0


def movie(n: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames that drift by 3 px each; atom 5 is lost in frame 2, and one is born there."""
    rng = np.random.default_rng(0)
    frame, position, number = [], [], []
    for k in range(n):
        own = np.arange(144)
        places = CELLS + np.array([3.0, -2.0]) * k + rng.normal(0, 0.4, CELLS.shape)
        if k >= 2:
            own = np.append(np.delete(own, 5), 144)
            places = np.concatenate([np.delete(places, 5, 0), [[140.0, 140.0]]])
        order = rng.permutation(len(own))
        frame.append(np.full(len(own), k))
        position.append(places[order])
        number.append(own[order])
    return np.concatenate(frame), np.concatenate(position), np.concatenate(number)


def test_an_atom_keeps_its_track_through_the_drift():
    frame, position, number = movie()
    track = follow(frame, position, 10.0, [0, 0, 0, 0])
    for one in (0, 17, 143):
        assert len(set(track[number == one])) == 1
    assert len(np.unique(track)) == 145


def test_lost_and_born_atoms_have_tracks_of_their_own():
    frame, position, number = movie()
    track = follow(frame, position, 10.0, [0, 0, 0, 0])
    lost, born = track[number == 5], track[number == 144]
    assert len(lost) == 2
    assert len(set(lost)) == len(set(born)) == 1
    assert set(born).isdisjoint(track[number != 144])


def test_tracks_end_with_their_movie_and_between_unrelated_frames():
    frame, position, _ = movie()
    track = follow(frame, position, 10.0, [0, 0, 1, 1])
    assert set(track[frame < 2]).isdisjoint(track[frame >= 2])
    random = np.random.default_rng(1).uniform(0, 120, (288, 2))
    track = follow(np.repeat([0, 1], 144), random, 10.0, [0, 0])
    assert len(np.unique(track)) == 288


def test_rows_along_tracks_are_of_the_frames_that_are_wanted():
    frame, position, number = movie()
    track = follow(frame, position, 10.0, [0, 0, 0, 0])
    rows = along_tracks(frame, track, frame[:, None] + [0, 1])
    there = rows[:, 1] >= 0
    np.testing.assert_array_equal(rows[:, 0], np.arange(len(frame)))
    assert (number[rows[there, 1]] == number[there]).all()
    assert (frame[rows[there, 1]] == frame[there] + 1).all()
    assert not there[(number == 5) & (frame == 1)].any()
    assert not there[frame == 3].any()


def test_spacing_is_the_distance_of_nearest_atoms():
    frame, position, _ = movie()
    assert abs(nearest_spacing(frame, position) - 10) < 1
