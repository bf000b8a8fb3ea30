"""Text from file names and arguments in any encoding, and output to terminals of any encoding."""

import codecs
import io
import sys
import unicodedata

_HANDLER = "vaerun.any_terminal"
# What a terminal of few characters shows of those that vaerun prints.
_PLAIN = {"×": "x", "±": "+-", "°": " deg", "µ": "u", "μ": "u", "θ": "theta", "·": ".",
          "→": "->",
          "—": "-", "–": "-", "−": "-", "…": "...", "━": "-", "╸": "-", "╺": "-", "‘": "'",
          "’": "'", "“": '"', "”": '"', "λ": "lambda", "ß": "ss", "≥": ">=",
          "≤": "<="}  # fmt: skip


def as_text(name: str) -> str:
    """The name of a file, or an argument, as text that can be compared, printed and stored.

    Accents are composed (NFC): macOS decomposes them in file names. Bytes that the locale has no
    character for, which Python keeps as lone surrogates, are read as UTF-8, else as Latin-1.
    """
    if not is_text(name):
        raw = name.encode("utf-8", "surrogateescape")
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError:
            name = raw.decode("latin-1")
    return unicodedata.normalize("NFC", name)


def is_text(name: str) -> bool:
    """Whether a name can be encoded as UTF-8."""
    return not any(map(_is_byte, name))


def show_on_any_terminal() -> None:
    """Let standard output and error show what their encoding lacks in other characters."""
    codecs.register_error(_HANDLER, _encodable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _is_byte(char: str) -> bool:
    """Whether a character stands for a byte of a file name that is no text."""
    return "\udc80" <= char <= "\udcff"


def _encodable(error: UnicodeError) -> tuple[bytes, int]:
    """The bytes shown for the part of a text that cannot be encoded, and where it ends."""
    assert isinstance(error, UnicodeEncodeError)
    part = error.object[error.start : error.end]
    return b"".join(map(_bytes_of, part)), error.end


def _bytes_of(char: str) -> bytes:
    if _is_byte(char):  # a terminal of the same locale as the files shows it as they do
        return bytes([ord(char) - 0xDC00])
    plain = _PLAIN.get(char) or unicodedata.normalize("NFKD", char)
    return plain.encode("ascii", "ignore") or char.encode("ascii", "backslashreplace")
