"""Hooks of MkDocs: the page of keys is generated, formulas become MathML."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from docsite.formulas import with_mathml
from docsite.keys_page import page as keys_page
from mkdocs.structure.files import File, Files

KEYS = "reference/keys.md"


def on_files(files: Files, config: Any) -> Files:
    """Add the page of keys."""
    files.append(File.generated(config, KEYS, content=keys_page()))
    return files


def on_page_content(html: str, **_: Any) -> str:
    """Draw the formulas."""
    return with_mathml(html)
