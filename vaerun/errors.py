"""The one exception that means "the user's input is wrong"."""


class UserError(Exception):
    """What the user gave cannot be used; the command line shows it as one line, status 2.

    Parameters
    ----------
    what
        What is wrong, with the key or file and its value.
    mend
        What to type or do instead.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} — {mend}")
        self.what = what
        self.mend = mend
