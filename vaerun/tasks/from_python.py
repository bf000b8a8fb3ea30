"""Training from Python or a notebook, with the words of the command line.

run = vaerun.train("model=rvae", "data=images", "data.path=particles.h5")
"""

from typing import TYPE_CHECKING

from vaerun.config.compose import compose
from vaerun.runs.inherited_overrides import with_data_of_run
from vaerun.tasks.registry import run_one
from vaerun.utils.errors import UserError
from vaerun.utils.exit_status import interrupting
from vaerun.utils.paths import with_home

if TYPE_CHECKING:
    from vaerun.runs.run import Run


def train(*overrides: str) -> "Run":
    """Train a model as ``vaerun`` does on the command line, and load the finished run.

    Parameters
    ----------
    *overrides
        As on the command line, one word each: ``"model=rvae"``, ``"data.path=my scans/*.tif"``.
        None of them needs quotes of its own.

    Raises
    ------
    UserError
        If one of them, or a file that they name, cannot be used; with what helps.

    Examples
    --------
    >>> run = vaerun.train("model=rvae", "data=cards_iv", "seed=1")  # doctest: +SKIP
    >>> run.latents.to_dataframe()  # doctest: +SKIP
    """
    words = with_data_of_run([with_home(word) for word in overrides])
    plain = compose(words)
    task = plain["task"]["name"]
    if task != "train":
        raise UserError(
            f"task={task} does not train", f"type it in a terminal: vaerun task={task} …"
        )
    with interrupting():
        folder = run_one(plain, words, ["vaerun", *overrides])
    from vaerun.runs.run import load

    return load(folder)
