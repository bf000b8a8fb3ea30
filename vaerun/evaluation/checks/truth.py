"""Whether true angles and shifts are given by another convention than the model's."""

from collections.abc import Sequence

import numpy as np

from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.metrics.truth_convention import TruthConvention
from vaerun.models.encodings import Encodings

TITLE = "Truth by our convention"


def truth_convention(encodings: Encodings, found: Sequence[TruthConvention]) -> Finding | None:
    """The conventions that were recognised, as a finding; None where nothing could be compared.

    Metrics are measured after the conversion, so that there is nothing to train again.
    """
    compared = {"angle", "shift_row"} & encodings.factors.keys()
    if not compared:
        return None
    if not found:
        return Finding(value=0.0, limits=(None, 0.0), text="true poses are given as found")
    first = found[0]
    own = encodings.angle if first.factor == "angle" else encodings.shift[:, 0]
    name = "angle" if first.factor == "angle" else "shift_row"
    n = min(len(own), 500)
    return Finding(
        value=float(len(found)),
        limits=(None, 0.0),
        text="; ".join(f"{one.sentence()}; measured so" for one in found),
        arrays={"given": encodings.factors[name][:n], "found": own[:n], "name": np.array(name)},
    )
