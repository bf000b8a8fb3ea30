"""What a training is done with, in one hand."""

from dataclasses import dataclass

from rich.console import Console

from vaerun.data.image_set import Splits
from vaerun.hardware import Hardware
from vaerun.ranks.together import ALONE, Ranks
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What every part of a training is done with, and by whom."""

    config: RunConfig
    splits: Splits
    folder: RunFolder
    hardware: Hardware
    console: Console
    ranks: Ranks = ALONE
