"""Keys whose ``auto`` follows from the loaded images and the machine: their values in a run.

Each is resolved once, before training, and its value is written to the run's config, so that a
resumed run and all that is done with the run afterwards have the same value.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from vaerun.data.image_set import Splits
from vaerun.models import likelihoods
from vaerun.runs.config import RunConfig, validate
from vaerun.runs.folder import RunFolder, read_config
from vaerun.runs.manifest import RunRequest
from vaerun.training.batch_size import fitting_batch_size
from vaerun.training.hardware import Hardware

AUTO = "auto"


class Resolved(NamedTuple):
    """Config and request of a run without any ``auto``, and reasons for values, by last word."""

    config: RunConfig
    request: RunRequest
    reasons: dict[str, str]


def resolve_auto(
    config: RunConfig,
    request: RunRequest,
    splits: Splits,
    hardware: Hardware,
    resumed: RunFolder | None = None,
) -> Resolved:
    """Replace each ``auto`` by its value: that of the resumed run, or one that fits the data.

    Raises a `UserError` if not even a training step of a single image fits in GPU memory.
    """
    reasons = {}
    for key, resolve in _RESOLVERS.items():
        group, name = key.split(".")
        plain = request.plain
        if plain[group][name] != AUTO:
            continue
        if resumed is None:
            value, reason = resolve(config, splits, hardware)
        else:
            value, reason = read_config(resumed)[group][name], "as when the run began"
        plain = plain | {group: plain[group] | {name: value}}
        config = validate(plain)
        request = replace(request, plain=plain, resolved_keys=(*request.resolved_keys, key))
        if reason:
            reasons[name] = f"{value}: {reason}"
    return Resolved(config, request, reasons)


def _likelihood(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[str, str]:
    return likelihoods.choose(splits.pixels)


def _batch_size(config: RunConfig, splits: Splits, hardware: Hardware) -> tuple[int, str]:
    return fitting_batch_size(config, splits, hardware), ""


# a batch is tried on a network, which has its likelihood by then
_RESOLVERS: dict[str, Callable[[RunConfig, Splits, Hardware], tuple[Any, str]]] = {
    "model.likelihood": _likelihood,
    "data.batch_size": _batch_size,
}
