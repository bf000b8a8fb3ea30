"""`task=evaluate`: a finished run judged once more, by its own images or by others.

vaerun task=evaluate run=outputs/rvae/cards_iii/version_0
vaerun task=evaluate run=outputs/rvae/cards_iii/version_0 data=cards_iv
"""

from pathlib import Path

from rich.console import Console

from vaerun.runs import manifest
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import create_run_folder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.finished_run import check_fit, reused, with_classes_of
from vaerun.tasks.results import write_results
from vaerun.tasks.terminal import print_table, show_log
from vaerun.training.context import fingerprint, load_splits
from vaerun.training.hardware import Hardware
from vaerun.training.trained_model import TrainedModel


def evaluate(config: RunConfig, job: RunRequest) -> Path:
    """Write metrics, encodings, figures and report of a run into a new folder; returns it.

    Raises
    ------
    UserError
        If there is no such run, or its network cannot be shown these data.
    """
    console = Console()
    show_log(console)
    again = reused(config, job)
    config, job = again.config, again.job
    hardware = Hardware.find(config.trainer)
    splits = with_classes_of(again.run, load_splits(config))
    for images in splits.parts:
        check_fit(again.run, images, splits.shape)
    about = RunFacts(device=hardware.device, data_fingerprint=fingerprint(job, splits))
    folder = create_run_folder(config.out, "evaluate", config.data.name)
    with manifest.recorded(folder, job, about):
        print_table(
            console,
            [
                ("run", f"{config.model.name}, {again.folder.path}"),
                ("data", f"{config.data.name}: {len(splits.val):,} validation images"),
                ("folder", str(folder.path)),
            ],
        )
        trained = TrainedModel.of_run(again.run.network.to(hardware.torch_device), again.folder)
        write_results(config, job.plain, splits, folder, trained, console)
    return folder.path
