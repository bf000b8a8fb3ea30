"""Errors that mean that memory is short, of the computer or of a GPU."""

from vaerun.utils.errors import UserError

_WORDS = ("can't allocate memory", "out of memory", "cannot allocate memory")


def memory_fault(error: BaseException) -> UserError | None:
    """The fault that an error of NumPy or torch means, if it is that memory is short."""
    text = str(error)
    is_of_torch = isinstance(error, RuntimeError) and any(w in text.lower() for w in _WORDS)
    if not isinstance(error, MemoryError) and not is_of_torch:
        return None
    what = f"the memory that is free is too small ({' '.join(text.split())[:120]})"
    hint = (
        "smaller images or fewer at once take less: data.size=64, data=patches of large images, "
        "or data.batch_size=10"
    )
    return UserError(what, hint)
