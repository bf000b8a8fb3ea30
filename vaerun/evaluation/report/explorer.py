"""What the interactive part of a report shows: arrays only, made elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaerun.microscopy.frame import Frame
from vaerun.models.encodings import Encodings

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

# N images, P of them with a picture, J classes, R rows and K columns of a grid, C H W image.


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Some images beside what the model makes of them, most wanted first.

    As many are shown as the page has room for.

    Attributes
    ----------
    rows
        (P,) their rows among the encodings.
    images, reconstructions
        (P, C, H, W) in [0, 1].
    """

    rows: Ints
    images: Floats
    reconstructions: Floats


@dataclass(frozen=True, kw_only=True)
class Manifold:
    """Images decoded on a grid over two dimensions of the content, upright, the others at zero.

    Attributes
    ----------
    names
        Of the J classes (or steps of a condition) decoded under; one that is empty without.
    images
        (J, R, K, C, H, W).
    row_axis, column_axis
        (R,) and (K,) evenly rising content along the second and the first dimension.
    dimensions
        Which ones these are, counted from 0; the second is missing where d = 1, and R = 1.
    """

    names: Sequence[str]
    images: Floats
    row_axis: Floats
    column_axis: Floats
    dimensions: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Explorer:
    """A finished run, to look around in.

    Attributes
    ----------
    encodings
        Of all images, N of all splits; patches lie where they do in ``frames``.
    classes
        Names of the true classes, empty when there are none.
    predicted_names
        Names of the classes that the model infers, empty if it infers none.
    symmetry
        Angles are shown modulo 360°/symmetry.
    pictures, manifold
        None where there are none.
    frames
        Micrographs, by the numbers in the encodings' `Place.frame`.
    """

    encodings: Encodings
    classes: Sequence[str]
    predicted_names: Sequence[str] = ()
    symmetry: int = 1
    pictures: Pictures | None = None
    manifold: Manifold | None = None
    frames: Sequence[Frame] = ()
