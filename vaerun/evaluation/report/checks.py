"""The checks of a run as the first section of its report."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from vaerun.evaluation.checks.finding import summary_line
from vaerun.evaluation.figures.checks import PREFIX
from vaerun.evaluation.report.packing import Recoded
from vaerun.evaluation.report.templates import render

_STATES = {True: ("passed", "✓"), False: ("failed", "✗"), None: ("open", "·")}


def checks_section(
    checks: Mapping[str, Mapping[str, Any]], images: Mapping[str, Recoded]
) -> Markup:
    """A card for each check, those that failed first; empty without checks.

    Parameters
    ----------
    checks
        ``checks`` of `metrics.json`.
    images
        The picture of each figure by its name, ``check_<name>`` for a check.
    """
    if not checks:
        return Markup()
    order = sorted(checks, key=lambda name: checks[name]["passed"] is not False)
    cards = []
    for name in order:
        check, image = checks[name], images.get(f"{PREFIX}{name}")
        state, mark = _STATES[check["passed"]]
        card = {**check, "state": state, "mark": mark, "address": ""}
        if image is not None:
            card |= {"address": image.address, "width": image.width * 2 // 3,
                     "height": image.height * 2 // 3}  # fmt: skip
        cards.append(card)
    return render("checks", checks=cards, summary=summary_line(checks))
