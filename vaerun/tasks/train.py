"""`task=train`: data → network → training → encodings, metrics, figures and report.

vaerun model=rvae data=cards_iv
"""

from pathlib import Path

from rich.console import Console

from vaerun.runs import manifest, resume
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import RunFolder, create_run_folder, open_run
from vaerun.runs.inherited_overrides import inherited_from_run
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.terminal import open_console, opening
from vaerun.training.auto_keys import resolve_auto
from vaerun.training.context import TrainingContext, fingerprint, load_splits
from vaerun.training.hardware import Hardware
from vaerun.training.loggers import check_installed
from vaerun.training.new_module import new_network
from vaerun.training.starting_point import starting_point
from vaerun.training.trained_model import TrainedModel
from vaerun.training.trainer import check_sizes, fit


def train(config: RunConfig, request: RunRequest) -> Path:
    """Train a model and write the run folder that the README describes; returns that folder.

    Raises
    ------
    UserError
        If the input is wrong, before a folder is created; if training diverges.
    """
    console = open_console()
    hardware = Hardware.find(config.trainer)
    check_installed(config.trainer.logger)
    resumed = _resumed(config, request, console)
    splits = load_splits(config)
    config, request, reasons = resolve_auto(config, request, splits, hardware, resumed)
    if config.model.start_from is not None and resumed is None:
        starting_point(config, splits)
        reasons["weights"] = f"of {config.model.start_from}"
    network = new_network(config, splits, config.seed)
    check_sizes(config, splits, hardware)
    facts = RunFacts(
        device=hardware.device,
        data_fingerprint=fingerprint(request, splits),
        resumed_from=None if resumed is None else resumed.path,
        started_from=config.model.start_from,
        source_fingerprint=splits.source,
        selection=splits.selection,
    )
    folder = resumed or create_run_folder(config.out, config.model.name, config.data.name)
    with manifest.recorded(folder, request, facts):
        if inherited := inherited_from_run(request.overrides, request.command):
            reasons["from run"] = " ".join(inherited)
        opening(console, config, splits, network, hardware, folder, reasons)
        context = TrainingContext(
            config=config, splits=splits, folder=folder, hardware=hardware, console=console
        )
        n_shown = config.data.n_shown(len(splits.train))
        trained = TrainedModel.after_training(fit(context), folder, n_shown)
        # plotting libraries take a second to import, so only once training is over
        from vaerun.tasks.results import write_results

        write_results(config, request.plain, splits, folder, trained, console)
    return folder.path


def _resumed(config: RunConfig, request: RunRequest, console: Console) -> RunFolder | None:
    """The unfinished run to continue, or None for a new one."""
    if config.resume is None:
        return None
    if config.resume == "auto":
        run = resume.unfinished(config.out, config.model.name, config.data.name, request.plain)
        if run is None:
            console.print("resume=auto found no unfinished run of this config: a new one begins")
        return run
    folder = open_run(config.resume)
    resume.check_resumable(folder, request.plain)
    return folder
