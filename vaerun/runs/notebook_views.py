"""How a notebook shows a run: a card of picture and numbers, and the plots of its report."""

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vaerun.runs.folder import RunFolder
from vaerun.utils.errors import UserError

_PICTURES = ("manifold.png", "traversal_z1.png", "reconstructions.png")  # the first there is
_ONLY_PLOTS = "<style>main > :not(#explore) { display: none }</style></head>"


@dataclass(frozen=True)
class Html:
    """HTML that a notebook shows as it is."""

    text: str

    def _repr_html_(self) -> str:
        return self.text


def card(folder: RunFolder, title: str, metrics: Mapping[str, Any]) -> str:
    """A run in HTML: title, what it learned, loss, checks and time.

    Parameters
    ----------
    folder
        Its `figures/` have the picture; a run without is shown without.
    title
        One line about the run.
    metrics
        The content of `metrics.json`, empty for a run that has not finished.
    """
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
        f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
        for name, value in _numbers(metrics).items()
    )
    return (
        f"<div><p><code>{html.escape(title)}</code></p>"
        f"<div style='display:flex;gap:1.5em;align-items:flex-start'>{_picture(folder)}"
        f"<table>{rows}</table></div></div>"
    )


def explorer(folder: RunFolder, height_px: int) -> Html:
    """The interactive plots of a run's report in a frame of that height.

    Raises
    ------
    UserError
        If the run has no report.
    """
    if not folder.report.is_file():
        raise UserError(f"{folder.report} is not there", "the run has not finished")
    page = folder.report.read_text(encoding="utf-8").replace("</head>", _ONLY_PLOTS, 1)
    style = f"width:100%;height:{height_px}px;border:0"
    return Html(f'<iframe style="{style}" srcdoc="{html.escape(page)}"></iframe>')


def _picture(folder: RunFolder) -> str:
    there = (folder.figures / name for name in _PICTURES)
    path = next((path for path in there if path.is_file()), None)
    if path is None:
        return ""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    source = f"data:image/png;base64,{data}"
    return f"<img style='height:320px;background:#fff' alt='{path.stem}' src='{source}'>"


def _numbers(metrics: Mapping[str, Any]) -> dict[str, str]:
    """What is worth a line: loss, checks, images and time."""
    lines = {}
    if "elbo" in metrics:
        lines["validation loss"] = f"{metrics['elbo']['loss']:.1f} nats per image"
    if "n_train" in metrics:
        lines["images"] = f"{metrics['n_train']:,} training, {metrics['n_val']:,} validation"
    checks = metrics.get("checks", {}).values()
    if checks:
        failed = [check["title"] for check in checks if check["passed"] is False]
        n_made = sum(check["passed"] is not None for check in checks)
        lines["checks"] = f"{n_made - len(failed)} of {n_made} passed"
        if failed:
            lines["failed"] = ", ".join(failed).lower()
    if "train" in metrics:
        lines["training"] = (
            f"{metrics['train']['epochs']} epochs, {metrics['train']['seconds']:.0f} s"
        )
    return lines
