"""Whether true angles and shifts are given by another convention than the model's."""

import numpy as np

from vaerun.evaluation.checks.checked_run import CheckedRun
from vaerun.evaluation.checks.finding import Finding


def true_poses(run: CheckedRun) -> Finding | None:
    """The conventions that were recognised; None where nothing could be compared.

    Metrics are measured after the conversion, so that there is nothing to train again.
    """
    encodings, found = run.encodings, run.conventions
    if not {"angle", "shift_row"} & encodings.factors.keys():
        return None
    if not found:
        return Finding(value=0.0, limits=(None, 0.0), text="true poses are given as found")
    is_angle = found[0].factor == "angle"
    own = encodings.angle if is_angle else encodings.shift[:, 0]
    name = "angle" if is_angle else "shift_row"
    return Finding(
        value=float(len(found)),
        limits=(None, 0.0),
        text="; ".join(f"{one.sentence()}; measured so" for one in found),
        arrays={"given": encodings.factors[name], "found": own, "name": np.array(name)},
    )
