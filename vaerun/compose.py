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
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from vaerun.config import GROUPS, NAMED_BY_GROUP, choices, conf_dir
from vaerun.utils.errors import UserError, likeness, nearest, not_a_choice, raise_all

ROOT = "config"

# ${angle_range:UNIFORM,NORMAL}: the angles to expect, in ± degrees, of a set whose images are
# turned by up to UNIFORM degrees or with a standard deviation of NORMAL degrees. No less than 45,
# since even upright things lean.
OmegaConf.register_new_resolver(
    "angle_range",
    lambda uniform, normal: 180.0 if normal else min(max(float(uniform), 45.0), 180.0),
    replace=True,
)

# ${canvas:FILLS_FIELD}: the side of a drawing over that of its image. A lattice goes on beyond the
# image, and its corners turn in: √2, and some room for shifts.
OmegaConf.register_new_resolver("canvas", lambda fills: 1.5 if fills else 1.0, replace=True)

# ${n_decode:CATEGORY,KIND}: hypotheses that a training step decodes. On cards, whose upright is
# soon found, two are enough where no class and no factor is told or sought; a ring of graphene
# looks the same thrice in a turn, and with two its bound was 8 nats worse than with three.
OmegaConf.register_new_resolver(
    "n_decode",
    lambda category, kind: 2 if (category, kind) == ("none", "cards") else 3,
    replace=True,
)


def compose(overrides: Sequence[str]) -> dict[str, Any]:
    """The config of one run as plain containers, interpolations resolved."""
    with hydra_at_conf():
        return plain(_compose(overrides))


def compose_unresolved(overrides: Sequence[str]) -> DictConfig:
    """The same with its interpolations as they stand in the YAML, for reading."""
    with hydra_at_conf():
        return _compose(overrides)


def plain(config: DictConfig) -> dict[str, Any]:
    """Plain containers, interpolations resolved."""
    with _one_line():
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(values, dict)
    return {str(name): value for name, value in values.items()}


def combinations(overrides: Sequence[str]) -> list[list[str]]:
    """What each run of a multirun is asked for, in Hydra's order.

    Only sweeps that can be listed are: ``a,b``, ``range(1,4)``, ``glob(paper/*)``.
    """
    return [list(one) for one in itertools.product(*(_sweep(text) for text in overrides))]


@contextlib.contextmanager
def hydra_at_conf() -> Iterator[None]:
    """Hydra, pointed at our YAML and at no other; to be entered once for many compositions."""
    if GlobalHydra.instance().is_initialized():
        yield
        return
    with initialize_config_dir(config_dir=str(conf_dir()), version_base="1.3"):
        yield


def _compose(overrides: Sequence[str]) -> DictConfig:
    """The config of checked overrides; Hydra is initialized."""
    parsed = [_parse(text) for text in overrides]
    faults = [fault for one in parsed if (fault := _form_fault(one) or _group_fault(one))]
    raise_all(faults)
    known = _keys_of(
        tuple(one.input_line or "" for one in parsed if _is_group(one) and not _is_no_op(one))
    )
    raise_all([fault for one in parsed if (fault := _key_fault(one, known))])
    with _one_line():
        return hydra_compose(ROOT, [one.input_line or "" for one in parsed if not _is_no_op(one)])


def _parse(text: str) -> Override:
    """One override as Hydra reads it."""
    if not text.startswith("="):
        with contextlib.suppress(HydraException):
            return OverridesParser.create().parse_override(text)
    if "=" in text:
        mend = "write KEY=VALUE and quote what has spaces or brackets: 'KEY=[1,2]'"
    elif "." in text:
        mend = f"write KEY=VALUE: {text}=..."
    else:
        groups = {choice: f"{group}={choice}" for group in GROUPS for choice in choices(group)}
        mend = f"write GROUP=CHOICE or KEY=VALUE, such as {groups[nearest(text, groups)]}"
    raise UserError(f"{text or repr(text)} is not an override", mend)


def _sweep(text: str) -> list[str]:
    """The overrides that one override with a sweep stands for."""
    override = _parse(text)
    value = override._value
    if not override.is_sweep_override():
        return [text]
    if isinstance(value, Glob):
        names = value.filter(list(choices(override.key_or_group)))
    elif override.is_discrete_sweep():
        names = list(override.sweep_string_iterator())
    else:
        names = []
    if not names:
        raise UserError(
            f"{text} names no values to run through", "list them, as in -m model=rvae,vae"
        )
    return [f"{override.get_key_element()}={name}" for name in names]


def _is_group(override: Override) -> bool:
    """Whether an override chooses from a group, one of ours or one of Hydra's."""
    name = override.key_or_group
    return name in GROUPS or name.startswith("hydra/")


def _is_no_op(override: Override) -> bool:
    """Whether an override says what the config says: no experiment."""
    return override.key_or_group == "experiment" and override.value() is None


def _is_hydra(override: Override) -> bool:
    return override.key_or_group.split("/")[0].split(".")[0] == "hydra"


def _form_fault(override: Override) -> UserError | None:
    """The fault of an override that asks for more than a value."""
    text = override.input_line or ""
    if override.is_delete():
        return UserError(f"{text} deletes what a run needs", "leave it out, or set a value")
    if override.is_sweep_override():
        name = override.key_or_group
        mend = f"put -m first to run each, or write a list as '{name}=[a,b]'"
        return UserError(f"{text} gives several values to one run", mend)
    if override.key_or_group.startswith("sweep."):
        return UserError(f"{text} is of no use to one run", "put -m first, or leave it out")
    if override.package is not None:
        return UserError(f"{text} moves a group elsewhere", "leave out @ and what follows it")
    return None


def _group_fault(override: Override) -> UserError | None:
    """The fault of an override that names no group we have, or no choice of it."""
    name, text = override.key_or_group, override.input_line or ""
    if _is_hydra(override):
        return None
    if name not in GROUPS:
        if "/" in name:
            mend = f"did you mean {nearest(name, GROUPS)}"
            return UserError(f"{text} names no group of choices", mend)
        return None
    if override.is_add() or override.is_force_add():
        return UserError(f"{text} adds a second {name}", f"leave out the +: {text.lstrip('+')}")
    value, known = override.value(), list(choices(name))
    return None if value in known or _is_no_op(override) else not_a_choice(name, value, known)


def _key_fault(override: Override, known: Mapping[str, bool]) -> UserError | None:
    """The fault of an override of a key that the composed config does not have.

    Parameters
    ----------
    override
        Of a value, or of a group (which has no such fault).
    known
        Every key of the composed config, and whether it holds further keys.
    """
    name, text = override.key_or_group, override.input_line or ""
    if _is_group(override) or _is_hydra(override):
        return None
    if name in NAMED_BY_GROUP:
        choice = override.get_value_element_as_str()
        mend = f"did you mean {NAMED_BY_GROUP[name]}={choice}"
        return UserError(f"{text} changes the name and not what it names", mend)
    if name not in known:
        return UserError(
            f"{name} is not a key of this config", f"did you mean {_like(name, known)}"
        )
    if known[name]:
        group, value = name.replace(".", "/"), override.value()
        mend = "set its keys one by one"
        if group in GROUPS and isinstance(value, str):
            mend = f"did you mean {group}={nearest(value, choices(group))}"
        return UserError(f"{text} sets a whole group of keys", mend)
    if override.is_add():
        return UserError(f"{text} adds a key that is there", f"leave out the +: {text[1:]}")
    return None


def _like(name: str, known: Mapping[str, bool]) -> str:
    """The key or group most like a name, as a whole or in its last word.

    ``latent_dim`` is meant to be found in ``model.latent_dim``.
    """
    leaf = name.rpartition(".")[2]
    keys = [key for key, has_keys in known.items() if not has_keys and key not in NAMED_BY_GROUP]

    def likeness_to(key: str) -> float:
        return max(likeness(name, key), likeness(leaf, key.rpartition(".")[2]))

    return max(keys if "." in name else [*keys, *GROUPS], key=likeness_to)


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
