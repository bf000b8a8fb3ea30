"""Invariant variational autoencoders for images.

    import vaerun
    run = vaerun.train("model=rvae", "data=cards_iv")
    run = vaerun.load("outputs/rvae/cards_iv/version_0")
    latents = run.encode(images)

Importing vaerun is light: torch is imported when a run is trained or loaded.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaerun.runs.run import load as load
    from vaerun.tasks.from_python import train as train

__all__ = ["__version__", "load", "train"]


def __getattr__(name: str) -> Any:
    """Import `train`, `load` and `__version__` when they are first used (PEP 562)."""
    if name == "train":
        from vaerun.tasks.from_python import train

        return train
    if name == "load":
        from vaerun.runs.run import load

        return load
    if name == "__version__":
        from vaerun.utils.provenance import version

        return version()
    raise AttributeError(f"module 'vaerun' has no attribute {name!r}")
