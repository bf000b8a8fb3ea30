"""Invariant variational autoencoders for images.

    import vaerun
    run = vaerun.load("outputs/rvae/cards_iv/version_0")
    latents = run.encode(images)

Importing vaerun is light: torch is imported when a run is loaded.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaerun.runs.run import load as load

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import `load` and `__version__` when they are first used (PEP 562)."""
    if name == "load":
        from vaerun.runs.run import load

        return load
    if name == "__version__":
        from vaerun.utils.provenance import version

        return version()
    raise AttributeError(f"module 'vaerun' has no attribute {name!r}")
