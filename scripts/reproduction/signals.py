"""Rows on curves: the public shift-VAE example, and lines of known shape."""

from reproduction.row import Measure, Row

_SHIFT = Measure("shift correlation", "shift.pearson:min", "", 4, "–", 0.995)
_SECONDS = Measure("training, seconds", "train.seconds", "", 1)

SIGNALS = (
    Row("rvae_gaussian_peaks", "best/rvae_gaussian_peaks", (
        _SHIFT,
        Measure("width from one z, rank correlation", "factors.width.rank_within_class", "", 4,
                "–", 0.99),
        _SECONDS,
    )),
    Row("jrvae_peaks", "best/jrvae_peaks", (
        Measure("shapes found, one to one", "clustering.hungarian", "%", 2, "–", 0.97),
        Measure("shift correlation", "shift.pearson:min", "", 4, "–", 0.99),
        Measure("stretch correlation", "scale.pearson:min", "", 4, "–", 0.97),
        Measure("height from z, R²", "factors.height.r2_within_class", "", 3, "–", 0.05, "<="),
        _SECONDS,
    )),
)  # fmt: skip
