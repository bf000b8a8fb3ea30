"""Hooks of MkDocs: keys and notebooks are generated, formulas are MathML, nothing is fetched."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jupytext
from mkdocs.structure.files import File, Files

from docsite.formulas import with_mathml
from docsite.keys_page import page as keys_page

KEYS = "reference/keys.md"
_FETCHED = "https://unpkg.com/iframe-worker/shim"  # by the theme, for search from disk


def on_files(files: Files, config: Any) -> Files:
    """Add the page of keys, and the scripts of examples/ as notebooks."""
    files.append(File.generated(config, KEYS, content=keys_page()))
    for script in sorted((Path(config.config_file_path).parent / "examples").glob("*.py")):
        if "jupytext" in script.read_text(encoding="utf-8"):
            notebook = jupytext.writes(jupytext.read(script), fmt="ipynb")
            name = f"notebooks/{script.stem}.ipynb"
            files.append(File.generated(config, name, content=notebook))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Draw the formulas."""
    return with_mathml(html)


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Search by the script that is beside the pages."""
    up = "../" * page.url.count("/")
    return output.replace(_FETCHED, f"{up}search_from_disk.js")


def on_post_template(output_content: str, **_: Any) -> str:
    """The same for the page of what is not found."""
    return output_content.replace(_FETCHED, "/search_from_disk.js")
