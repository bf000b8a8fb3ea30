"""Commands in processes of their own that start at once: forked from one that has torch imported.

They can be stopped and killed, and several can run at a time.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["vaerun.cli", "vaerun.tasks.train", "vaerun.training.worker"])


class Command:
    """A `vaerun` command that runs without pictures, with the names of `subprocess.Popen`.

    Parameters
    ----------
    folder
        In which it runs.
    arguments
        Its words but the first.
    environment
        Variables that it has, beside those of this process.
    """

    _number = 0

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        Command._number += 1
        self.folder = folder
        self._output = folder / f".{Command._number}.output", folder / f".{Command._number}.errors"
        variables = {**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})}
        self._process = _CONTEXT.Process(
            target=_run, args=(folder, list(arguments), variables, self._output)
        )
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit status, or minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self._process.is_alive():
            os.kill(self.pid, number)

    def wait(self, timeout: float = 300.0) -> int:
        """Its exit status, once it has ended."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            self._process.kill()
            raise TimeoutError(f"still running after {timeout:g} s")
        return status

    def communicate(self, timeout: float = 300.0) -> tuple[str, str]:
        """What it wrote as output and as errors, once it has ended."""
        self.wait(timeout)
        output, errors = (path.read_text() if path.exists() else "" for path in self._output)
        return output, errors


def _run(
    folder: Path,
    arguments: list[str],
    environment: dict[str, str],
    output: tuple[Path, Path],
) -> None:
    """In the new process: be the command."""
    for descriptor, path in zip((1, 2), output, strict=True):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    sys.argv[:] = ["vaerun", *arguments]
    import torch

    from tests.blank_pictures import blank
    from vaerun.cli import main
    from vaerun.evaluation.figures import gallery

    torch.set_num_threads(1)  # the variable was read when torch was imported
    gallery.png = blank
    sys.exit(main(arguments))
