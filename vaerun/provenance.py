"""Where the running program comes from: its checkout, its revision, its packages' versions."""

import functools
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path


def checkout() -> Path | None:
    """The repository that this package is run from, or None where it was installed."""
    root = Path(__file__).resolve().parent.parent
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None
    named = project.get("project", {}).get("name") == "vaerun"
    return root if named and (root / "conf" / "config.yaml").is_file() else None


@functools.cache
def git_revision() -> str | None:
    """The commit of the checkout, with ``-dirty`` if files differ from it; None without one."""
    root = checkout()
    if root is None or not (root / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    # A hook of another repository sets GIT_DIR, which would answer for that one.
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    try:
        answer = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None


def package_versions() -> dict[str, str]:
    """Versions of Python, of vaerun and of each package it depends on that is installed."""
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    names = ["vaerun", *(re.split(r"[^\w.-]", line)[0] for line in _requirements())]
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _requirements() -> list[str]:
    """The requirement lines of vaerun itself, its extras left out."""
    try:
        lines = importlib.metadata.requires("vaerun") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [line for line in lines if "extra ==" not in line]
