"""The command line: what was typed → what is done (`dispatch` does it and has the statuses).

    vaerun [GROUP=CHOICE ...] [KEY=VALUE ...]          one run
    vaerun -m model=rvae,vae seed=0,1,2                every combination, through Hydra

0 done; 2 the user's input is wrong, one line on standard error; 1 a failure of ours, with
traceback; 130 interrupted. The last line on standard output names the run folder.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from vaerun.tasks.registry import run_one
from vaerun.utils import distributed
from vaerun.utils.errors import UserError
from vaerun.utils.exit_status import DONE, guarded, interrupting

_FLAGS = ("--help", "-h", "--version", "--cfg", "--resolve", "--multirun", "-m")


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments (those of the process if None) ask for; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _let_idle_threads_sleep()
    with interrupting():  # so that the run folder is made consistent
        return guarded(lambda: _with_others(lambda: _dispatch(arguments)))


def _let_idle_threads_sleep() -> None:
    """Have idle threads of OpenMP sleep, in this process and those that it starts.

    By default they spin for the next parallel loop, and take the cores from the threads that
    compute: beside one busy process, training was sixteen times slower (2 cores, 2 threads). The
    OpenMP library reads this once, when torch is imported. A setting of the user's own stands.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _with_others(work: Callable[[], int]) -> int:
    """Do some work, as the first of the processes that were started for it; the others follow."""
    if distributed.detect() is None:
        return work()
    from vaerun.training.worker import run_or_follow

    return run_or_follow(work)


def _dispatch(arguments: list[str]) -> int:
    flags = [word for word in arguments if word.startswith("-")]
    if "--help" in flags or "-h" in flags:
        from vaerun.config.help import page

        tasks = [word.removeprefix("task=") for word in arguments if word.startswith("task=")]
        _show(page(tasks[-1] if tasks else None))
        return DONE
    if "--version" in flags:
        from vaerun import __version__

        _show(f"vaerun {__version__}")
        return DONE
    arguments, shows_config = _without_cfg(arguments)
    flags = [word for word in arguments if word.startswith("-")]
    _refuse_unknown(flags)
    overrides = [_at_home(word) for word in arguments if not word.startswith("-")]
    command = ["vaerun", *arguments]
    if shows_config:
        return _show_config(overrides, resolve="--resolve" in flags)
    if "--resolve" in flags:
        raise UserError("--resolve alone does nothing", "write --cfg job --resolve")
    if "-m" in flags or "--multirun" in flags:
        from vaerun.tasks.sweep.task import multirun

        return multirun(overrides, command)
    from vaerun.config.compose import compose
    from vaerun.runs.inherited_overrides import with_inherited_data

    run_one(compose(with_inherited_data(overrides)), overrides, command)
    return DONE


def _at_home(override: str) -> str:
    """An override whose value is a path from ``~`` with that folder spelt out.

    The shell leaves ``data.root=~/mnist`` alone, and Hydra's grammar does not know it.
    """
    name, equals, value = override.partition("=")
    return name + equals + str(Path(value).expanduser()) if value.startswith("~/") else override


def _without_cfg(arguments: list[str]) -> tuple[list[str], bool]:
    """The arguments less ``--cfg job``, and whether it was there."""
    rest = list(arguments)
    if "--cfg=job" in rest:
        rest.remove("--cfg=job")
        return rest, True
    if "--cfg" not in rest:
        return rest, False
    at = rest.index("--cfg")
    what = rest[at + 1 : at + 2]
    if what != ["job"]:
        raise UserError(
            f"--cfg {''.join(what)} shows nothing".replace("  ", " "), "write --cfg job"
        )
    return rest[:at] + rest[at + 2 :], True


def _refuse_unknown(flags: list[str]) -> None:
    """Raise on a word that begins with - and is no option."""
    for flag in flags:
        if flag not in _FLAGS:
            options = "--help, --version, --cfg job, --resolve, -m"
            raise UserError(
                f"{flag} is not an option", f"options are {options}; the rest is KEY=VALUE"
            )


def _show_config(overrides: list[str], *, resolve: bool) -> int:
    """Print the composed config once it is proved valid."""
    from omegaconf import OmegaConf

    from vaerun.config.compose import compose_unresolved, to_dict
    from vaerun.runs.config import validate
    from vaerun.runs.inherited_overrides import with_inherited_data

    config = compose_unresolved(with_inherited_data(overrides))
    validate(to_dict(config))
    _show(OmegaConf.to_yaml(config, resolve=resolve).rstrip())
    return DONE


def _show(text: str) -> None:
    """Print to whoever reads as much of it as they like, as in ``vaerun --help | head``."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python flushes once more at exit; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
