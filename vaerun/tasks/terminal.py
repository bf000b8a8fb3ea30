"""What a task prints: its settings before it starts, its results at the end."""

import logging
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.logging import RichHandler
from rich.table import Table
from rich.text import Text

from vaerun.data.image_set import Splits
from vaerun.data.sampler import BatchOrder, EpochSampler
from vaerun.models.invariant_vae import InvariantVAE, count_parameters
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import RunFolder
from vaerun.training.hardware import Hardware


def open_console() -> Console:
    """A console that also prints the log messages of vaerun, such as that of a download."""
    console = Console()
    log = logging.getLogger("vaerun")
    log.setLevel(logging.INFO)
    log.handlers = [
        RichHandler(console=console, show_time=False, show_level=False, show_path=False)
    ]
    log.propagate = False
    return console


def opening(
    console: Console,
    config: RunConfig,
    splits: Splits,
    network: InvariantVAE,
    hardware: Hardware,
    folder: RunFolder,
    reasons: Mapping[str, str],
) -> None:
    """Print model, data, sizes, device and folder before training, and classes without a label.

    ``reasons`` are those of values that were ``auto``, by key.
    """
    channels, height, width = splits.image
    size = f"{height}×{width}" + (f"×{channels}" if channels > 1 else "")
    latents = network.latents
    pose = f", {config.model.pose.name} pose" if latents.n_pose else ""
    n_pose = f" + {latents.n_pose} of pose" if latents.n_pose else ""
    model = (
        f"{config.model.name}, {config.model.decoder.name} decoder{pose}; latents "
        f"{latents.content_dim}{n_pose}; {count_parameters(network):,} parameters"
    )
    data = (
        f"{config.data.name}: {len(splits.train):,} training and {len(splits.val):,} "
        f"validation images of {size}"
    )
    training = (
        f"{config.trainer.max_epochs} epochs in batches of {config.data.batch_size}, "
        f"{hardware.precision} on {hardware.device}"
    )
    repeats = _repeats(config, splits, hardware.n_ranks)
    rows = [("model", model), ("data", data), *reasons.items(), ("training", training), *repeats]
    rows.append(("folder", str(folder.path)))
    missing = ", ".join(_classes_without_label(splits))
    if missing:
        rows.append(("no label", f"of {missing}: such images will be taken for other classes"))
    print_table(console, rows)


def _repeats(config: RunConfig, splits: Splits, n_ranks: int) -> list[tuple[str, str]]:
    """How often an epoch shows the training images and labels, where that is not once."""
    n, repeats = len(splits.train), config.data.n_repeats(len(splits.train))
    if repeats == 1:
        return []
    n_labelled = 0 if splits.labelled is None else len(splits.labelled)
    labelled = f" and {n_labelled:,} labelled ones" if n_labelled else ""
    shown = f"{n:,} training images{labelled}, each shown {repeats:,} times an epoch"
    order = BatchOrder(batch_size=config.data.n_in_batch, repeats=repeats, n_ranks=n_ranks)
    n_steps = len(EpochSampler(n, order, n_labelled=n_labelled))
    return [("repeats", f"{shown}: {n_steps:,} steps")]


def _classes_without_label(splits: Splits) -> list[str]:
    """Classes of which semi-supervised training has no labelled image."""
    if splits.labelled is None:
        return []
    labelled = set(splits.labelled.label.tolist())
    return [name for j, name in enumerate(splits.classes) if j not in labelled]


def print_table(console: Console, rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair a line."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(value))
    console.print(table)
