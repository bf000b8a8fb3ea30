"""Tuning a model's settings with Optuna, an optional dependency that all modules here import."""

from vaerun.utils.errors import UserError

try:
    import optuna
except ImportError as error:
    raise UserError(
        "task=tune needs Optuna, which is not installed", "pip install 'vaerun[tune]'"
    ) from error

optuna.logging.set_verbosity(optuna.logging.ERROR)
