"""Formulas of a page as MathML, which browsers draw without a script or the network."""

import html
import re

from latex2mathml.converter import convert

_FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\s*\\(?P<open>[(\[])(?P<tex>.*?)\\[)\]]\s*</(?P=tag)>',
    re.DOTALL,
)


def with_mathml(page: str) -> str:
    """A page of HTML with MathML in place of each formula in TeX."""

    def mathml(found: re.Match[str]) -> str:
        block = found["open"] == "["
        formula = convert(html.unescape(found["tex"]), display="block" if block else "inline")
        return f'<div class="formula">{formula}</div>' if block else formula

    return _FORMULA.sub(mathml, page)
