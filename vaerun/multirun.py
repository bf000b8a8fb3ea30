"""`vaerun -m`: every combination proved before the first run starts, then run through Hydra.

Hydra's own program does the running, so that its launchers and sweepers (``hydra/launcher=``)
plug in; its record of the sweep goes to ``<out>/multirun/<date>``.
"""

import os
import sys
from collections.abc import Sequence

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from vaerun.compose import ROOT, combinations, compose, hydra_at_conf, meaningful
from vaerun.config import conf_dir, validate
from vaerun.dispatch import DONE, FAILED, INTERRUPTED, guarded, run_one
from vaerun.errors import UserError
from vaerun.faults import raise_all
from vaerun.inherit import with_own


def multirun(overrides: Sequence[str], command: list[str]) -> int:
    """Run every combination; returns the highest exit status among them."""
    runs = combinations(overrides)
    _validate_all(runs)
    parent, codes = os.getpid(), []

    def job(_: DictConfig) -> None:
        codes.append(_run_job(command))
        if os.getpid() != parent and codes[-1] != DONE:
            # A launcher's worker: Hydra alone can carry the news home.
            raise RuntimeError(f"a run ended with status {codes[-1]}")

    # Hydra reads the process's own arguments; they are ours for as long as it runs.
    typed, sys.argv = sys.argv, ["vaerun", "--multirun", *meaningful(overrides)]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=ROOT)(job)()
    except SystemExit as stop:
        return FAILED if stop.code else DONE
    finally:
        sys.argv = typed
    return max(codes, default=DONE)


def _validate_all(runs: list[list[str]]) -> None:
    """Prove every combination, or raise one `UserError` for all of them, each fault once."""
    faults: dict[str, UserError] = {}
    with hydra_at_conf():
        for overrides in runs:
            try:
                validate(compose(with_own(overrides)))
            except UserError as fault:
                faults.setdefault(str(fault), fault)
    raise_all(list(faults.values()))


def _run_job(command: list[str]) -> int:
    """Do one combination as a run of its own; returns its exit status."""
    overrides = [str(text) for text in HydraConfig.get().overrides.task]

    def work() -> int:
        print(f"multirun: {' '.join(overrides)}", flush=True)
        # composed once more, since a run that is used again brings overrides of its own
        run_one(compose(with_own(overrides)), overrides, command)
        return DONE

    code = guarded(work)
    if code == INTERRUPTED:
        raise KeyboardInterrupt  # ends the whole sweep
    return code
