"""Of which metrics more is better, and of which less, as far as their names tell."""

# What of `metrics.json` is shown unless one asks for other, and what it is called.
METRIC_LABELS = {
    "elbo.loss": "validation loss",
    "psnr.gain_db": "PSNR gained, dB",
    "classification.accuracy": "class accuracy",
    "clustering.hungarian": "classes found, one to one",
    "knn_accuracy": "neighbour accuracy of z",
    "angle.overall_mae_deg": "angle error, °",
    "lattice.sublattice_accuracy": "sublattices told by θ",
    "lattice.defect_auc": "defects told by z, ROC area",
    "train.seconds": "training, s",
}


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


TERMS = {
    "loss": "loss on the validation images",
    "reconstruction": "reconstruction",
    "kl_content": "divergence of the content",
    "kl_pose": "divergence of the pose",
    "kl_class": "divergence of the class",
}
MEASURES = {
    "knn_accuracy": "class from the 10 nearest neighbours in z",
    "majority": "groups named after their most frequent class",
    "hungarian": "groups assigned one to one",
    "ari": "adjusted Rand index of the groups",
    "nmi": "mutual information of the groups, normalised",
}
LATTICE = {
    "sublattice_accuracy": ("atoms on the sublattice of their peak of θ", "{:.3f}"),
    "peak_separation_deg": ("between the two peaks of θ, modulo 120°; 60° is ideal", "{:.1f}°"),
    "peak_width_deg": ("mean distance of θ from the nearer peak; 15° is chance", "{:.1f}°"),
    "defect_auc": ("defects told by the neighbours in z (ROC area)", "{:.3f}"),
}


# What a table says of a trial beside its value, where the data let it be known.
WATCHED = {
    "elbo.loss": "validation loss",
    "clustering.hungarian": "classes found",
    "classification.accuracy": "class accuracy",
    "knn_accuracy": "neighbour accuracy",
}
