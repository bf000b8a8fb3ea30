"""From what was typed to one plain config: Hydra composes, every fault is one line.

    vaerun model=vae model.latent_dim=3      →  compose(["model=vae", "model.latent_dim=3"])

Each override is looked at before Hydra sees it: does its group, its choice, its key exist? The
keys are those of the config composed of the chosen groups, so ``+new=1`` adds nothing either.
What Hydra or OmegaConf still object to is squeezed into the same one line.
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
    """The config of one run as plain containers, interpolations resolved."""
    with hydra_at_conf():
        return to_dict(_compose(overrides))


def compose_unresolved(overrides: Sequence[str]) -> DictConfig:
    """The same with its interpolations as they stand in the YAML, for reading."""
    with hydra_at_conf():
        return _compose(overrides)


def to_dict(config: DictConfig) -> dict[str, Any]:
    """Plain containers, interpolations resolved."""
    with _one_line():
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)
    return {str(name): value for name, value in values.items()}


def expand_sweep(overrides: Sequence[str]) -> list[list[str]]:
    """What each run of a multirun is asked for, in Hydra's order.

    Only sweeps that can be listed are: ``a,b``, ``range(1,4)``, ``glob(paper/*)``.
    """
    return [list(one) for one in itertools.product(*(sweep_overrides(text) for text in overrides))]


@contextlib.contextmanager
def hydra_at_conf() -> Iterator[None]:
    """Hydra, pointed at our YAML and at no other; to be entered once for many compositions."""
    if GlobalHydra.instance().is_initialized():
        yield
        return
    with initialize_config_dir(config_dir=str(config_dir()), version_base="1.3"):
        yield


def _compose(overrides: Sequence[str]) -> DictConfig:
    """The config of checked overrides; Hydra is initialized."""
    parsed = [parse(text) for text in overrides]
    faults = [fault for one in parsed if (fault := form_fault(one) or group_fault(one))]
    raise_all(faults)
    known = _keys_of(
        tuple(one.input_line or "" for one in parsed if is_group(one) and not is_no_op(one))
    )
    raise_all([fault for one in parsed if (fault := key_fault(one, known))])
    with _one_line():
        return hydra_compose(ROOT, [one.input_line or "" for one in parsed if not is_no_op(one)])


@functools.lru_cache(maxsize=64)  # a sweep asks for the same few again and again
def _keys_of(chosen: tuple[str, ...]) -> Mapping[str, bool]:
    """Every key of the config that some choices make, see `_keys`; Hydra is initialized."""
    with _one_line():
        return _keys(hydra_compose(ROOT, list(chosen)))


def _keys(config: DictConfig) -> dict[str, bool]:
    """Every key of a config by its full name, and whether it holds further keys."""
    found: dict[str, bool] = {}

    def walk(values: Mapping[str, Any], where: str) -> None:
        for name, value in values.items():
            inner = isinstance(value, Mapping)
            found[where + name] = inner
            if inner:
                walk(value, f"{where}{name}.")

    container = OmegaConf.to_container(config, resolve=False)
    assert isinstance(container, dict)
    walk(container, "")  # type: ignore[arg-type]
    return found


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    """Whatever Hydra or OmegaConf object to, as a `UserError`."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), repr(error))
        what = " ".join(first.split()).rstrip(".")
        mend = "leave it out, or see vaerun --help for what there is"
        if isinstance(error, InterpolationResolutionError | MissingMandatoryValue):
            mend = f"set {error.full_key} to a plain value"
        raise UserError(f"the config cannot be composed: {what}", mend) from error
