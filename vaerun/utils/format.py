"""Numbers, durations and Markdown tables as text."""

from collections.abc import Sequence


def percent(share: float | None) -> str | None:
    """A share in per cent, one decimal."""
    return None if share is None else f"{100 * share:.1f} %"


def format_significant(value: float | None, digits: int = 3) -> str:
    """A number of about ``digits`` digits, thousands separated, true minus sign; – for None."""
    if value is None:
        return "–"
    if abs(value) >= 10 ** (digits - 1):
        text = f"{value:,.{1 if abs(value) < 1000 else 0}f}"
    else:
        text = f"{value:.{digits}g}"
    return text.replace("-", "−")


def interval(low: float, high: float) -> str:
    """Two different numbers, with as many digits as tell them apart.

    Examples
    --------
    >>> interval(0, 255), interval(1e9, 1e9 + 0.5)
    ('0 to 255', '1000000000 to 1000000000.5')
    """
    digits = next((n for n in (6, 9, 12) if f"{low:.{n}g}" != f"{high:.{n}g}"), 17)
    return f"{low:.{digits}g} to {high:.{digits}g}"


def duration(seconds: float) -> str:
    """A time in seconds, minutes or hours."""
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of a head and rows."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(c.replace('|', '/') for c in line)} |\n" for line in lines)
