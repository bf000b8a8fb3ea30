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
    categories
        Where its class may come from, as in ``model/category=``; the first is its own choice.
    learns_labels
        Whether it is shown the labels of a labelled set.
    """

    name: str
    deterministic: bool = False
    categories: tuple[str, ...] = ("none",)
    learns_labels: bool = False
