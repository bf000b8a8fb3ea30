"""What sets one model of the family apart from the next; see `build` for what they share."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Family:
    """One model.

    Attributes
    ----------
    name
        As in ``model=<name>``.
    deterministic
        Latents are taken at their means and have no KL.
    """

    name: str
    deterministic: bool = False
