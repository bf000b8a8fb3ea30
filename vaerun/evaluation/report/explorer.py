"""Content of the interactive section of a report, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaerun.data.curve_axis import CurveAxis
from vaerun.microscopy.frame import Frame
from vaerun.models.encodings import Encodings

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

# N images, P of them with a picture, J classes, R rows and K columns of a grid, C H W image.


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Images and their reconstructions; the page holds as many of the first as it has room for.

    Attributes
    ----------
    rows
        (P,) rows of the images among the encodings.
    images, reconstructions
        (P, C, H, W) in [0, 1].
    """

    rows: Ints
    images: Floats
    reconstructions: Floats


@dataclass(frozen=True, kw_only=True)
class Manifold:
    """Images decoded in canonical orientation on a grid over two content dimensions, others at 0.

    Attributes
    ----------
    names
        Names of the J classes (or values of a condition) decoded; [""] for a model without.
    images
        (J, R, K, C, H, W).
    row_axis, column_axis
        (R,) and (K,) evenly rising content along the second and the first dimension.
    dimensions
        Numbers of both dimensions, from 0; only one where d = 1, and R = 1.
    """

    names: Sequence[str]
    images: Floats
    row_axis: Floats
    column_axis: Floats
    dimensions: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Explorer:
    """A finished run as the interactive section shows it.

    Attributes
    ----------
    encodings
        Encodings of the N images of all splits.
    classes, predicted_names
        Names of the true and of the inferred classes, empty when there are none.
    symmetry
        Angles are shown modulo 360°/symmetry.
    pictures, manifold
        None where there are none.
    frames
        Micrographs, by the numbers in the encodings' `PatchLocation.frame`.
    source
        Hash of the images that the encodings' ``index`` counts; empty if unknown.
    axis
        Axis of curves; None for images.
    """

    encodings: Encodings
    classes: Sequence[str]
    predicted_names: Sequence[str] = ()
    symmetry: int = 1
    pictures: Pictures | None = None
    manifold: Manifold | None = None
    frames: Sequence[Frame] = ()
    source: str = ""
    axis: CurveAxis | None = None
