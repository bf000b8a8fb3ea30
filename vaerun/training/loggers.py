"""Loggers beside metrics.csv and TensorBoard: MLflow and Weights & Biases, offline unless told.

Each gets the row of every epoch from `EpochLog`. What is logged stays in the run folder: MLflow in
``mlflow/``, W&B in ``wandb/`` until ``wandb sync``; `MLFLOW_TRACKING_URI` and `WANDB_MODE` send it
elsewhere.
"""

import importlib.util
import os
from collections.abc import Mapping, Sequence
from typing import Any

from pytorch_lightning.loggers import Logger, MLFlowLogger, WandbLogger

from vaerun.runs.folder import RunFolder, read_config
from vaerun.utils.errors import UserError, format_value

_EXTRAS = ("mlflow", "wandb")  # modules, and extras of vaerun, by the same names


def check_installed(names: Sequence[str]) -> None:
    """Raise a `UserError` if the package of a logger is not installed."""
    for name in _EXTRAS:
        if name in names and importlib.util.find_spec(name) is None:
            what = f"trainer.logger={format_value(names)} takes {name}, which is not installed"
            raise UserError(what, f"pip install 'vaerun[{name}]', or leave it out")


def extra_loggers(
    names: Sequence[str], folder: RunFolder, ids: Mapping[str, str]
) -> dict[str, Logger]:
    """The loggers among ``names`` that have a library of their own, with the config logged.

    Parameters
    ----------
    names
        Of ``trainer.logger``.
    folder
        The run folder.
    ids
        Identifiers that loggers of this run had before it was resumed.
    """
    loggers: dict[str, Logger] = {}
    config = read_config(folder) if set(names) & set(_EXTRAS) else {}
    title = "_".join(str((config.get(group) or {}).get("name")) for group in ("model", "data"))
    remote = os.environ.get("MLFLOW_TRACKING_URI")
    if "mlflow" in names:
        loggers["mlflow"] = MLFlowLogger(
            experiment_name=f"vaerun_{title}",
            run_name=folder.path.name,
            tracking_uri=remote or _local_mlflow(folder),
            artifact_location=None if remote else str((folder.path / "mlflow").absolute()),
            run_id=ids.get("mlflow"),
        )
    if "wandb" in names:
        loggers["wandb"] = WandbLogger(
            project="vaerun",
            name=f"{title}_{folder.path.name}",
            save_dir=str(folder.path),
            id=ids.get("wandb"),
            offline=os.environ.get("WANDB_MODE", "offline") == "offline",
            resume="allow",
        )
    for name, logger in loggers.items():
        if name not in ids:
            logger.log_hyperparams(config)
    return loggers


def ids_of(loggers: Mapping[str, Logger]) -> dict[str, str]:
    """Identifiers by which a resumed run finds what it logged before."""
    return {name: str(logger.version) for name, logger in loggers.items() if logger.version}


def finish(loggers: Mapping[str, Logger], status: str) -> None:
    """Close all loggers; ``status`` is ``success`` or ``failed``."""
    for logger in loggers.values():
        logger.finalize(status)
        if isinstance(logger, WandbLogger):
            logger.experiment.finish(exit_code=int(status != "success"))


def _local_mlflow(folder: RunFolder) -> str:
    """Address of a database in the run folder: MLflow no longer takes a folder of files."""
    home = (folder.path / "mlflow").absolute()
    home.mkdir(exist_ok=True)
    return f"sqlite:///{home / 'mlflow.db'}"


def numbers(row: Mapping[str, float]) -> dict[str, Any]:
    """What is logged of an epoch: all but its number, which is the step."""
    return {name: value for name, value in row.items() if name != "epoch"}
