"""What a check found out about a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Outcome of one check.

    Attributes
    ----------
    value
        The number that was judged; None where it could not be measured.
    limits
        The least and the greatest value that pass, None where there is none.
    text
        One sentence: what was measured, and what it means.
    mend
        Overrides to train again with, in the order in which to try them; empty if none is known.
    arrays
        Evidence to draw, by name.
    failed
        Overrules the limits, for a check of several numbers.
    """

    value: float | None
    limits: tuple[float | None, float | None]
    text: str
    mend: str = ""
    arrays: Arrays = field(default_factory=dict)
    failed: bool | None = None

    @property
    def passed(self) -> bool | None:
        """Whether the check passed; None where it could not be made."""
        if self.failed is not None:
            return not self.failed
        if self.value is None or not np.isfinite(self.value):
            return None
        low, high = self.limits
        return (low is None or self.value >= low) and (high is None or self.value <= high)

    def to_json(self, title: str) -> dict[str, Any]:
        """Entry of ``checks`` in `metrics.json`; a mend only where the check failed."""
        value = None if self.value is None or not np.isfinite(self.value) else float(self.value)
        return {
            "title": title,
            "value": value,
            "limits": list(self.limits),
            "passed": self.passed,
            "text": self.text[:1].upper() + self.text[1:],
            "mend": self.mend if self.passed is False else "",
        }


def summary_line(checks: Mapping[str, Mapping[str, Any]]) -> str:
    """How many checks passed, and which failed.

    Examples
    --------
    >>> entry = {"title": "Converged", "passed": True}
    >>> summary_line({"converged": entry, "latents": {"title": "Latents used", "passed": False}})
    '1 of 2 passed; failed: latents used'
    """
    made = [check for check in checks.values() if check["passed"] is not None]
    failed = [check["title"] for check in made if not check["passed"]]
    text = f"{len(made) - len(failed)} of {len(made)} passed"
    names = ", ".join(title[:1].lower() + title[1:] for title in failed)
    return f"{text}; failed: {names}" if failed else text
