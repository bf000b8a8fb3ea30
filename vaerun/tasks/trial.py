"""A setting trained, measured and checked in a run folder of its own, as a trial of a study is.

The folder has config, manifest, checkpoints and metrics, but no encodings, figures or report:
these take longer than training a small trial, and `task=evaluate run=<folder>` makes them.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
from rich.console import Console

from vaerun.config.compose import compose
from vaerun.config.schema import without
from vaerun.data.image_set import Splits
from vaerun.models import inference
from vaerun.runs import manifest
from vaerun.runs.config import RunConfig, keys_affecting, validate
from vaerun.runs.folder import RunFolder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks import verdict
from vaerun.tasks.results import write_metrics
from vaerun.training.auto_keys import resolve_auto
from vaerun.training.context import TrainingContext, fingerprint, load_splits
from vaerun.training.hardware import Hardware
from vaerun.training.trained_model import TrainedModel
from vaerun.training.trainer import check_sizes, fit


class TrialRunner:
    """Trains settings, each ``typed`` overrides and some of its own."""

    def __init__(self, typed: Sequence[str], hardware: Hardware, console: Console) -> None:
        self.typed = list(typed)
        self.hardware = hardware
        self.console = console
        self._splits: tuple[object, Splits] | None = None

    def request(self, setting: Sequence[str]) -> RunRequest:
        """The request that trains a setting on its own."""
        overrides = [*self.typed, *setting]
        return RunRequest(
            plain=compose(overrides), overrides=overrides, command=["vaerun", *overrides]
        )

    def splits(self, config: RunConfig) -> Splits:
        """The data of a setting, read once for all that share them."""
        drawn_with = without({"data": asdict(config.data)}, keys_affecting("training"))
        key = (drawn_with, config.model.category, config.seed)
        if self._splits is None or self._splits[0] != key:
            self._splits = (key, load_splits(config))
        return self._splits[1]

    def run(
        self, request: RunRequest, folder: RunFolder, callbacks: Sequence[pl.Callback] = ()
    ) -> dict[str, Any]:
        """Train a setting in a folder, from its last checkpoint if any; returns its metrics."""
        config = validate(request.plain)
        splits = self.splits(config)
        resumed = folder if folder.config.is_file() else None
        config, request, _ = resolve_auto(config, request, splits, self.hardware, resumed)
        check_sizes(config, splits, self.hardware)
        facts = RunFacts(
            device=self.hardware.device, data_fingerprint=fingerprint(request, splits)
        )
        folder.path.mkdir(parents=True, exist_ok=True)
        with manifest.recorded(folder, request, facts):
            context = TrainingContext(
                config=config,
                splits=splits,
                folder=folder,
                hardware=self.hardware,
                console=self.console,
            )
            record = fit(context, list(callbacks))
            n_shown = config.data.n_shown(len(splits.train))
            trained = TrainedModel.after_training(record, folder, n_shown)
            encodings = inference.encode_splits(trained.network, splits)
            found = verdict.find(request.plain, splits, trained, encodings)
            checks = verdict.as_json(found.findings, request.overrides)
            return write_metrics(folder, config, trained, found, checks)
