"""Atoms followed from frame to frame of a movie: nearest, lost and born."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from vaerun.microscopy.detection_score import matches

_REACH = 0.4  # of the spacing, that an atom moves from a frame to the next at most
_LEAST_SHARE = 0.6  # of the atoms that are found again, or the frames show different places
_ROUNDS = 3  # of the drift, which is known the better the more atoms are matched

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def follow(frame: Ints, position: Floats, spacing: float, movie: Sequence[int]) -> Ints:
    """Number (N,) of the track of each atom: an atom in the next frame has that of its nearest.

    An atom without one in the frame before is born: its track is a new one. One without any in the
    next frame is lost.

    Parameters
    ----------
    frame, position
        (N,) ascending number of the frame, (N, 2) row and column in pixels.
    spacing
        Distance of neighbours, pixels. Atoms that are each other's nearest within 0.4 of it, after
        the drift between the frames, are one, if most of the atoms have such a partner.
    movie
        Number of the movie of each frame; tracks end with their movie.
    """
    track = np.full(len(frame), -1)
    n_tracks = 0
    before = np.zeros(0, np.int64)
    for number, own in enumerate(movie):
        rows = np.flatnonzero(frame == number)
        if number and own == movie[number - 1]:
            i, j = _same(position[before], position[rows], spacing)
            if len(i) >= _LEAST_SHARE * min(len(before), len(rows)):
                track[rows[j]] = track[before[i]]
        born = rows[track[rows] < 0]
        track[born] = n_tracks + np.arange(len(born))
        n_tracks += len(born)
        before = rows
    return track


def _same(before: Floats, after: Floats, spacing: float) -> tuple[Ints, Ints]:
    """Indices of atoms of two frames that are each other's nearest, but for the drift."""
    drift = np.zeros(2)
    for _ in range(_ROUNDS):
        i, j = matches(before + drift, after, _REACH * spacing)
        if not len(i):
            break
        drift = np.median(after[j] - before[i], axis=0)
    return matches(before + drift, after, _REACH * spacing)


def along_tracks(frame: Ints, track: Ints, numbers: Ints) -> Ints:
    """Rows (n, C) of the atoms of some tracks in given frames; −1 where a track has none there.

    Parameters
    ----------
    frame, track
        (N,) of each atom.
    numbers
        (N, C) frames that are wanted along the track of each atom.
    """
    key = frame.astype(np.int64) * (int(track.max(initial=0)) + 1) + track
    order = np.argsort(key)
    wanted = numbers * (int(track.max(initial=0)) + 1) + track[:, None]
    at = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    return np.where(key[order][at] == wanted, order[at], -1)


def nearest_spacing(frame: Ints, position: Floats) -> float:
    """Median distance (px) of the atoms of all frames to their nearest neighbours."""
    parts = [np.zeros(0)]
    for number in np.unique(frame):
        own = position[frame == number]
        if len(own) > 1:
            parts.append(cKDTree(own).query(own, k=2)[0][:, 1])
    every = np.concatenate(parts)
    return float(np.median(every)) if len(every) else 1.0
