"""The Jinja2 templates and style sheets of a report: whatever a run contains is escaped."""

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def render(template: str, **values: Any) -> Markup:
    """HTML of a template in ``templates/``; all values that are not `Markup` are escaped."""
    return Markup(_environment().get_template(f"{template}.html.j2").render(values))


@cache
def asset(name: str) -> str:
    """Text of a style sheet or script in the folder of this module."""
    return (files(__package__) / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
