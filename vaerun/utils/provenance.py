"""The version of the running program: its checkout, git revision and package versions."""

import contextlib
import functools
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any


def checkout() -> Path | None:
    """The repository that contains this package, or None where it was installed."""
    root = Path(__file__).resolve().parents[2]
    return root if _pyproject(root) and (root / "conf" / "config.yaml").is_file() else None


def version() -> str:
    """The version of vaerun."""
    try:
        return importlib.metadata.version("vaerun")
    except importlib.metadata.PackageNotFoundError:  # a checkout on sys.path, not installed
        return str(_pyproject(checkout())["tool"]["setuptools_scm"]["fallback_version"])


@functools.cache
def git_revision() -> str | None:
    """The commit of the checkout, with ``-dirty`` if files differ from it; None without one."""
    root = checkout()
    if root is None or not (root / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    # A hook of another repository sets GIT_DIR, and git would describe that one.
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
    versions = {"python": ".".join(map(str, sys.version_info[:3])), "vaerun": version()}
    for line in _requirements():
        name = re.split(r"[^\w.-]", line)[0]
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _requirements() -> list[str]:
    """The requirement lines of vaerun without its extras."""
    try:
        lines = importlib.metadata.requires("vaerun") or []
    except importlib.metadata.PackageNotFoundError:
        lines = list(_pyproject(checkout())["project"]["dependencies"])
    return [line for line in lines if "extra ==" not in line]


def _pyproject(root: Path | None) -> dict[str, Any]:
    """The pyproject.toml of a checkout; empty where it is not vaerun's."""
    if root is None:
        return {}
    try:
        table = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}
    return table if table.get("project", {}).get("name") == "vaerun" else {}
