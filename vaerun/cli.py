"""The command line: its options, then one task or a sweep.

    vaerun [GROUP=CHOICE ...] [KEY=VALUE ...]          one run
    vaerun -m model=rvae,vae seed=0,1,2                every combination, as a sweep

The last line on standard output names the run folder. Exit statuses: 0 done; 2 the user's input
is wrong, one line on standard error; 1 another failure, with its traceback; 130 interrupted.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Sequence

from vaerun.tasks.registry import run_one
from vaerun.utils import distributed
from vaerun.utils.disk import hush_threads_on_disk_faults
from vaerun.utils.errors import UserError
from vaerun.utils.exit_status import DONE, guarded, interrupting
from vaerun.utils.paths import with_home
from vaerun.utils.text import show_on_any_terminal

_OPTIONS = (
    "options are --help, --version, --report-bug, --cfg job, --resolve, -m; the rest is KEY=VALUE"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments (those of the process if None) ask for; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Idle threads of OpenMP spin by default and take the cores from threads that compute: beside
    # one busy process, training was up to sixteen times slower (2 cores, 2 threads). On a quiet
    # machine sleeping costs some 15 %. OpenMP reads this once, when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    show_on_any_terminal()
    hush_threads_on_disk_faults()
    with interrupting():  # a signal must leave a consistent run folder, too
        status = guarded(lambda: _on_each_rank(lambda: _dispatch(arguments)))
    _flush()
    return status


def _on_each_rank(work: Callable[[], int]) -> int:
    """Do some work; of several processes started for it, the first does it, the others follow."""
    if distributed.detect() is None:
        return work()
    from vaerun.training.worker import run_or_follow

    return run_or_follow(work)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    flags_of_options = (("-h", "--help"), ("--version",), ("--report-bug",), ("--resolve",))
    for flags in (*flags_of_options, ("-m", "--multirun")):
        parser.add_argument(*flags, action="store_true")
    parser.add_argument("--cfg", nargs="?", const="")
    return parser


def _dispatch(arguments: list[str]) -> int:
    try:
        options, words = _parser().parse_known_args(arguments)
    except argparse.ArgumentError as error:
        raise UserError(str(error), _OPTIONS) from error
    if options.help:
        from vaerun.config.help import page

        tasks = [word.removeprefix("task=") for word in words if word.startswith("task=")]
        _show(page(tasks[-1] if tasks else None))
        return DONE
    if options.version:
        from vaerun import __version__

        _show(f"vaerun {__version__}")
        return DONE
    if options.report_bug:
        from vaerun.runs.bug_report import bug_report

        _show(bug_report(words))
        return DONE
    if options.cfg not in (None, "job"):
        raise UserError(f"--cfg {options.cfg}".strip() + " shows nothing", "write --cfg job")
    for word in words:
        if word.startswith("-"):
            raise UserError(f"{word} is not an option", _OPTIONS)
    overrides = [with_home(word) for word in words]
    if options.cfg:
        return _show_config(overrides, resolve=options.resolve)
    if options.resolve:
        raise UserError("--resolve alone does nothing", "write --cfg job --resolve")
    command = ["vaerun", *arguments]
    from vaerun.runs.inherited_overrides import with_data_of_run

    overrides = with_data_of_run(overrides)
    if options.multirun:
        from vaerun.tasks.sweep.task import multirun

        return multirun(overrides, command)
    from vaerun.config.compose import compose
    from vaerun.runs.inherited_overrides import with_inherited_data

    run_one(compose(with_inherited_data(overrides)), overrides, command)
    return DONE


def _show_config(overrides: list[str], *, resolve: bool) -> int:
    """Print the composed config, if it is valid."""
    from omegaconf import OmegaConf

    from vaerun.config.compose import compose_unresolved, to_dict
    from vaerun.runs.config import validate
    from vaerun.runs.inherited_overrides import with_data_of_run, with_inherited_data

    config = compose_unresolved(with_inherited_data(with_data_of_run(overrides)))
    validate(to_dict(config))
    _show(OmegaConf.to_yaml(config, resolve=resolve).rstrip())
    return DONE


def _show(text: str) -> None:
    """Print text whose reader may stop early, as in ``vaerun --help | head``."""
    with contextlib.suppress(BrokenPipeError):
        print(text, flush=True)


def _flush() -> None:
    """Write what is left of the output, so that Python has nothing to fail at on exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
