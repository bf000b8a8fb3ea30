"""`task=train`: data → network → training → encodings, metrics, figures and report.

vaerun model=rvae data=cards_iv
"""

from pathlib import Path

from rich.console import Console

from vaerun.runs import manifest, resume
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import RunFolder, create_run_folder, open_run
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.terminal import opening, show_log
from vaerun.training.batch_size import resolve_batch_size
from vaerun.training.context import TrainingContext, fingerprint, load_splits
from vaerun.training.hardware import Hardware
from vaerun.training.trained_model import TrainedModel
from vaerun.training.trainer import check_sizes, fit, new_network


def train(config: RunConfig, job: RunRequest) -> Path:
    """Train a model, write everything the contract asks of a run; returns its folder.

    Raises
    ------
    UserError
        Before a folder is claimed if the input is wrong; after, if training diverges.
    """
    console = Console()
    show_log(console)
    hardware = Hardware.find(config.trainer)
    resumed = _resumed(config, job, console)
    splits = load_splits(config)
    network = new_network(config, splits, config.seed)
    config, job = resolve_batch_size(config, job, splits, network, hardware, resumed)
    check_sizes(config, splits, hardware)
    about = RunFacts(
        device=hardware.device,
        data_fingerprint=fingerprint(job, splits),
        resumed_from=None if resumed is None else resumed.path,
    )
    folder = resumed or create_run_folder(config.out, config.model.name, config.data.name)
    with manifest.recorded(folder, job, about):
        opening(console, config, splits, network, hardware, folder)
        setting = TrainingContext(
            config=config, splits=splits, folder=folder, hardware=hardware, console=console
        )
        record = fit(setting)
        trained = TrainedModel.after_training(record, folder, len(splits.train))
        from vaerun.tasks.results import (
            write_results,  # a second of plotting libraries: not before
        )

        write_results(config, job.plain, splits, folder, trained, console)
    return folder.path


def _resumed(config: RunConfig, job: RunRequest, console: Console) -> RunFolder | None:
    """The run to go on with, or None for a new one."""
    if config.resume is None:
        return None
    if config.resume == "auto":
        found = resume.unfinished(config.out, config.model.name, config.data.name, job.plain)
        if found is None:
            console.print("resume=auto found no unfinished run of this config: a new one begins")
        return found
    folder = open_run(config.resume)
    resume.check_resumable(folder, job.plain)
    return folder
