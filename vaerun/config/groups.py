"""The YAML files of the config: their folder, groups and choices."""

from pathlib import Path

from vaerun.utils.provenance import checkout

# In the order of --help.
GROUPS = (
    "task",
    "model",
    "model/decoder",
    "model/pose",
    "model/category",
    "data",
    "objective",
    "trainer",
    "experiment",
)
# Keys that hold the choice made from a group: set by the group, never by the user.
NAMED_BY_GROUP = {
    "task.name": "task",
    "model.name": "model",
    "model.decoder.name": "model/decoder",
    "model.pose.name": "model/pose",
    "model.category.name": "model/category",
    "data.kind": "data",
    "objective.name": "objective",
}


def config_dir() -> Path:
    """The absolute folder of the YAML files: of the checkout, else of the installed package."""
    root = checkout()
    return root / "conf" if root is not None else Path(__file__).resolve().parents[1] / "conf"


def choices(group: str) -> dict[str, str]:
    """Each choice of a group, with the first comment of its YAML file as a phrase about it.

    Files whose names begin with an underscore are included by others and are no choices. A
    folder inside a group is a group of its own, except under ``experiment``.
    """
    folder = config_dir() / group
    nested = group == "experiment"
    files = sorted(folder.rglob("*.yaml") if nested else folder.glob("*.yaml"))
    return {
        file.relative_to(folder).with_suffix("").as_posix(): _phrase(file)
        for file in files
        if not file.name.startswith("_")
    }


def _phrase(file: Path) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    comments = (line for line in lines if line.startswith("#") and not line.startswith("# @"))
    return next(comments, "").lstrip("# ").strip()  # "# @package ..." is a directive of Hydra
