"""Compose overrides to one plain config with Hydra; every fault is one line.

    vaerun model=vae model.latent_dim=3      →  compose(["model=vae", "model.latent_dim=3"])

Group, choice and key of each override are checked before Hydra gets it, against the config that
the chosen groups make, so ``+new=1`` adds no key. Other errors of Hydra become one line, too.
"""

import contextlib
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from vaerun.config import resolvers
from vaerun.config.groups import config_dir
from vaerun.config.overrides import (
    form_fault,
    group_fault,
    is_group,
    is_no_op,
    key_fault,
    parse,
    sweep_overrides,
)
from vaerun.utils.errors import UserError, raise_all

ROOT = "config"

resolvers.register()


def compose(overrides: Sequence[str]) -> dict[str, Any]:
    """The config of one run in plain containers, interpolations resolved."""
    with hydra_at_conf():
        return to_dict(_compose(overrides))


def compose_unresolved(overrides: Sequence[str]) -> DictConfig:
    """The config of one run with the interpolations of the YAML, for reading."""
    with hydra_at_conf():
        return _compose(overrides)


def to_dict(config: DictConfig) -> dict[str, Any]:
    """A config in plain containers, interpolations resolved."""
    with _one_line():
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)
    return {str(name): value for name, value in values.items()}


def expand_sweep(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each run of a sweep over ``a,b``, ``range(1,4)`` or ``glob(paper/*)``."""
    return [list(one) for one in itertools.product(*(sweep_overrides(text) for text in overrides))]


@contextlib.contextmanager
def hydra_at_conf() -> Iterator[None]:
    """Initialize Hydra with the YAML of vaerun; enter it once for many compositions."""
    if GlobalHydra.instance().is_initialized():
        yield
        return
    with initialize_config_dir(config_dir=str(config_dir()), version_base="1.3"):
        yield


def _compose(overrides: Sequence[str]) -> DictConfig:
    """The config of checked overrides; Hydra is initialized."""
    parsed = [one for one in map(parse, overrides) if not is_no_op(one)]
    raise_all([fault for one in parsed if (fault := form_fault(one) or group_fault(one))])
    keys = _keys(tuple(one.input_line or "" for one in parsed if is_group(one)))
    raise_all([fault for one in parsed if (fault := key_fault(one, keys))])
    with _one_line():
        return hydra_compose(ROOT, [one.input_line or "" for one in parsed])


@functools.lru_cache(maxsize=64)  # the trials of a sweep share their choices
def _keys(chosen: tuple[str, ...]) -> Mapping[str, bool]:
    """Each key of the config of some choices, and whether it holds further keys."""
    with _one_line():
        config = OmegaConf.to_container(hydra_compose(ROOT, list(chosen)), resolve=False)
    return dict(_walk(config, ""))


def _walk(values: Any, where: str) -> Iterator[tuple[str, bool]]:
    for name, value in values.items():
        yield where + name, isinstance(value, Mapping)
        if isinstance(value, Mapping):
            yield from _walk(value, f"{where}{name}.")


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    """Raise the errors of Hydra and OmegaConf as a `UserError`."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), repr(error))
        what = " ".join(first.split()).rstrip(".")
        hint = "leave it out, or see vaerun --help for what there is"
        if isinstance(error, InterpolationResolutionError | MissingMandatoryValue):
            hint = f"set {error.full_key} to a plain value"
        raise UserError(f"the config cannot be composed: {what}", hint) from error
