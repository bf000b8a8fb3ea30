"""The report of a run: one HTML file that needs nothing else, neither files nor network."""

from vaerun.analysis.report.explorer import Explorer, Manifold, Pictures
from vaerun.analysis.report.manifold import decode_manifold
from vaerun.analysis.report.page import write_report
from vaerun.analysis.report.sprites import most_pictures

__all__ = [
    "Explorer",
    "Manifold",
    "Pictures",
    "decode_manifold",
    "most_pictures",
    "write_report",
]
