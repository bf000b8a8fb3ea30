"""What a run says in the terminal: what it will do, and how it went."""

import logging
from collections.abc import Sequence

from rich.console import Console
from rich.logging import RichHandler
from rich.table import Table
from rich.text import Text

from vaerun.data.image_set import Splits
from vaerun.models.invariant_vae import InvariantVAE, count_parameters
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import RunFolder
from vaerun.training.hardware import Hardware


def show_log(console: Console) -> None:
    """Let our own notices, such as that of a download, be seen."""
    log = logging.getLogger("vaerun")
    log.setLevel(logging.INFO)
    log.handlers = [
        RichHandler(console=console, show_time=False, show_level=False, show_path=False)
    ]
    log.propagate = False


def opening(
    console: Console,
    config: RunConfig,
    splits: Splits,
    network: InvariantVAE,
    hardware: Hardware,
    folder: RunFolder,
) -> None:
    """Model, data, sizes, device and folder, before training begins; what labels are missing."""
    channels, height, width = splits.image
    n_parameters = count_parameters(network)
    latents = network.latents
    pose = f", {config.model.pose.name} pose" if latents.n_pose else ""
    n_pose = f" + {latents.n_pose} of pose" if latents.n_pose else ""
    rows = [
        (
            "model",
            f"{config.model.name}, {config.model.decoder.name} decoder{pose}; "
            f"latents {latents.content_dim}{n_pose}; "
            f"{n_parameters:,} parameters",
        ),
        (
            "data",
            f"{config.data.name}: {len(splits.train):,} training and {len(splits.val):,} "
            f"validation images of {height}×{width}" + (f"×{channels}" if channels > 1 else ""),
        ),
        (
            "training",
            f"{config.trainer.max_epochs} epochs in batches of {config.data.batch_size}, "
            f"{hardware.precision} on {hardware.device}",
        ),
        ("folder", str(folder.path)),
    ]
    missing = _without_label(splits)
    if missing:
        names = ", ".join(missing)
        rows.append(("no label", f"of {names}: such images will be taken for other classes"))
    print_table(console, rows)


def _without_label(splits: Splits) -> list[str]:
    """Classes that a model which learns from labels has not a single one of."""
    if splits.labelled is None:
        return []
    known = set(splits.labelled.label.tolist())
    return [name for j, name in enumerate(splits.classes) if j not in known]


def closing(console: Console, headline: Sequence[tuple[str, str]], folder: RunFolder) -> None:
    """The result in a few numbers, and where to look at it."""
    print_table(console, [*headline, ("report", str(folder.report))])


def print_table(console: Console, rows: Sequence[tuple[str, str]]) -> None:
    """Names and values, one pair a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(value))
    console.print(table)
