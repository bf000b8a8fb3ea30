"""Names and output in any encoding."""

import io
import sys

import pytest

from vaerun.utils.text import as_text, show_on_any_terminal


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"M\xc3\xbcller", "Müller"),  # UTF-8 in a locale of ASCII
        (b"M\xfcller", "Müller"),  # Latin-1 in any other
        (b"plain", "plain"),
    ],
)
def test_bytes_that_the_locale_cannot_decode_are_text_all_the_same(raw: bytes, text: str):
    assert as_text(raw.decode("ascii", "surrogateescape")) == text


def test_accents_are_composed():
    assert as_text("Gro\u0308ße") == "Größe"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", b"48x48 +-2 theta Muller \xfc ?".replace(b" ?", b" \\u4e00")),
        ("latin-1", "48×48 ±2 theta Müller ü \\u4e00".encode("latin-1")),
        ("utf-8", "48×48 ±2 θ Müller ".encode() + b"\xfc" + " 一".encode()),
    ],
)
def test_a_terminal_shows_other_characters_for_those_that_it_lacks(
    encoding: str, shown: bytes, monkeypatch: pytest.MonkeyPatch
):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    show_on_any_terminal()
    print("48×48 ±2 θ Müller \udcfc 一", end="", flush=True)
    assert raw.getvalue() == shown
