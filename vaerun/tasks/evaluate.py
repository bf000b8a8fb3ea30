"""`task=evaluate`: metrics, figures and report of a finished run, on its own data or on others.

vaerun task=evaluate run=outputs/rvae/cards_iii/version_0
vaerun task=evaluate run=outputs/rvae/cards_iii/version_0 data=cards_iv
"""

import dataclasses
from pathlib import Path

from vaerun.runs import manifest
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import create_run_folder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.finished_run import (
    check_fit,
    is_own_data,
    reuse_run,
    warn_of_other_data,
    with_classes_of,
)
from vaerun.tasks.results import write_results
from vaerun.tasks.terminal import open_console, print_table
from vaerun.training.context import fingerprint, load_splits
from vaerun.training.hardware import Hardware
from vaerun.training.trained_model import TrainedModel


def evaluate(config: RunConfig, request: RunRequest) -> Path:
    """Write metrics, encodings, figures and report of a run into a new folder; returns it.

    Raises
    ------
    UserError
        If there is no such run, or its network does not fit these data.
    """
    console = open_console()
    run, config, request = reuse_run(config, request)
    hardware = Hardware.find(config.trainer)
    splits = with_classes_of(run, load_splits(config))
    for images in splits.parts:
        check_fit(run, images)
    facts = RunFacts(
        device=hardware.device,
        data_fingerprint=fingerprint(request, splits),
        source_fingerprint=splits.source,
        selection=splits.selection,
    )
    warn_of_other_data(run, request, facts.data_fingerprint)
    folder = create_run_folder(config.out, "evaluate", config.data.name)
    with manifest.recorded(folder, request, facts):
        print_table(
            console,
            [
                ("run", f"{config.model.name}, {run.path}"),
                ("data", f"{config.data.name}: {len(splits.val):,} validation images"),
                ("folder", str(folder.path)),
            ],
        )
        network = run.network.to(hardware.torch_device)
        trained = dataclasses.replace(
            TrainedModel.of_run(network, run.folder),
            on_own_images=is_own_data(run, facts.data_fingerprint),
        )
        write_results(config, request.plain, splits, folder, trained, console)
    return folder.path
