"""Of which metrics more is better, and of which less, as far as their names tell."""

# Last words of metrics of which more is better, and first words of those of which less is.
_MORE = frozenset(
    {
        "accuracy",
        "knn_accuracy",
        "sublattice_accuracy",
        "majority",
        "hungarian",
        "ari",
        "nmi",
        "resultant",
        "signed_resultant",
        "pearson",
        "r2_within_class",
        "defect_auc",
        "gain_db",
        "output_db",
        "images_per_second",
        "score",
    }
)
_LESS = frozenset({"elbo", "train", "angle"})


def less_is_better(metric: str) -> bool | None:
    """Whether less is better of a metric, a path in `metrics.json`; None where no one can tell.

    Examples
    --------
    >>> less_is_better("angle.overall_mae_deg"), less_is_better("angle.resultant")
    (True, False)
    """
    words = metric.split(".")
    if words[-1] in _MORE:
        return False
    return True if words[0] in _LESS else None
