"""Every metric of `metrics.json`, once: its path, label, unit and direction."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from vaerun.utils.format import duration, format_significant


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of `metrics.json`, or a list of one number for each class.

    Attributes
    ----------
    path
        Its keys with dots between; ``*`` matches the name of any factor.
    label
        A few words, as the head of a column.
    less_is_better
        None for a number that is neither good nor bad.
    unit
        Of the value; empty for shares, and for ``elbo.*``, in nats per image.
    description
        Row of the report, where there is room for more than the label.
    spec
        Format of the value in the report; empty for four significant digits.
    is_compared
        Whether tables of several runs have it unless other metrics are asked for.
    """

    path: str
    label: str
    less_is_better: bool | None
    unit: str = ""
    description: str = ""
    spec: str = ".3f"
    is_compared: bool = False

    def text(self, value: float) -> str:
        """The value with its unit, as the report prints it."""
        if self.unit == "s":
            return duration(value)
        number = f"{value:{self.spec}}" if self.spec else format_significant(value, 4)
        return f"{number}{'' if self.unit in ('', '°') else ' '}{self.unit}"


LESS, MORE = True, False
METRICS = (
    Metric("elbo.loss", "validation loss", LESS, "", "loss on the validation images", "", True),
    Metric("elbo.reconstruction", "reconstruction", LESS, spec=""),
    Metric("elbo.kl_content", "divergence of the content", LESS, spec=""),
    Metric("elbo.kl_pose", "divergence of the pose", LESS, spec=""),
    Metric("elbo.kl_class", "divergence of the class", LESS, spec=""),
    Metric("psnr.input_db", "PSNR of the input", None, "dB", spec=".1f"),
    Metric("psnr.output_db", "PSNR of the output", MORE, "dB", spec=".1f"),
    Metric("psnr.gain_db", "PSNR gained", MORE, "dB", spec=".1f", is_compared=True),
    Metric("classification.accuracy", "class accuracy", MORE, is_compared=True),
    Metric("classification.balanced_accuracy", "mean recall of the classes", MORE),
    Metric("classification.per_class", "accuracy", MORE),
    Metric("regression.r2", "target, R²", MORE, "",
           "R² of the target, of validation images", is_compared=True),
    Metric("regression.mae", "target, mean error", LESS, "",
           "mean absolute error of the target, in its unit", ""),
    Metric("regression.coverage_68", "within the spread", None, "",
           "true targets within 1 sd of the inferred ones; 0.68 is ideal"),
    Metric("regression.known.r2", "known targets, R²", MORE, "",
           "R² of each known target, predicted from the others"),
    Metric("regression.known.mae", "known targets, mean error", LESS, spec=""),
    Metric("regression.known.coverage_68", "known within the spread", None),
    Metric("prediction.r2", "prediction, R²", MORE, "",
           "R² of what is predicted, of validation images", is_compared=True),
    Metric("prediction.rmse", "prediction, error", LESS, "",
           "root mean squared error of what is predicted, from 0 to 1", ""),
    Metric("prediction.coverage_68", "prediction within the spread", None, "",
           "true numbers within 1 sd of the predicted ones; 0.68 is ideal"),
    Metric("prediction.turned_change", "prediction, change by a turn", LESS, "",
           "change of what is predicted by a quarter turn, over its spread", ".4f"),
    Metric("knn_accuracy", "neighbour accuracy of z", MORE, "",
           "class from the 10 nearest neighbours in z", is_compared=True),
    Metric("clustering.majority", "predicted classes or k-means on z, by majority", MORE, "",
           "groups named after their most frequent class"),
    Metric("clustering.hungarian", "predicted classes or k-means on z, one to one", MORE, "",
           "groups assigned one to one", is_compared=True),
    Metric("clustering.recall", "recall, one to one", MORE),
    Metric("clustering.ari", "adjusted Rand index", MORE, "", "adjusted Rand index of the groups"),
    Metric("clustering.nmi", "normalised mutual information", MORE, "",
           "mutual information of the groups, normalised"),
    Metric("clustering_z.majority", "k-means on mean and sd of z, by majority", MORE),
    Metric("clustering_z.hungarian", "k-means on mean and sd of z, one to one", MORE),
    Metric("clustering_z.ari", "k-means on mean and sd of z, Rand index", MORE, "",
           "k-means on mean and sd of z, adjusted Rand index"),
    Metric("clustering_z.nmi", "k-means on mean and sd of z, information", MORE, "",
           "k-means on mean and sd of z, mutual information, normalised"),
    Metric("label_free.score", "class separation", MORE),
    Metric("angle.overall_mae_deg", "angle error", LESS, "°", spec=".1f", is_compared=True),
    Metric("angle.resultant", "agreement R", MORE),
    Metric("angle.mae_deg", "angle error by class", LESS, "°", "angle error", ".1f"),
    Metric("angle.mae_deg_given_factors", "error, shear allowed for", LESS, "°", spec=".1f"),
    Metric("angle.ground_states", "orientation modes", LESS, spec=""),
    Metric("angle.signed_resultant", "agreement R, signed", MORE),
    Metric("angle.paired_mae_deg", "angle error, in pairs", LESS, "°",
           "error of the angle", ".1f"),
    Metric("angle.paired_resultant", "agreement R, in pairs", MORE, "",
           "agreement R of the angle"),
    Metric("shift.pearson", "shift correlation", MORE),
    Metric("shift.paired_pearson", "shift correlation, in pairs", MORE, "",
           "correlation of the shift (row, column)"),
    Metric("shift.paired_mae_px", "shift error, in pairs", LESS, "px",
           "error of the shift (row, column)", ".2f"),
    Metric("factors.*.r2_within_class", "R² within a class", MORE),
    Metric("factors.*.rank_within_class", "rank correlation with z within a class", MORE, "",
           "rank correlation with a dimension of z within a class"),
    Metric("scale.pearson", "scale correlation", MORE),
    Metric("gain.pearson", "gain correlation", MORE),
    Metric("flags.*.roc_auc", "from z, ROC area", MORE, "", "from the neighbours in z (ROC area)"),
    Metric("lattice.sublattice_accuracy", "sublattices from θ", MORE, "",
           "atoms on the sublattice of their peak of θ", is_compared=True),
    Metric("lattice.peak_separation_deg", "peaks of θ apart", None, "°",
           "between the two peaks of θ, modulo 120°; 60° is ideal", ".1f"),
    Metric("lattice.peak_width_deg", "width of the peaks of θ", LESS, "°",
           "mean distance of θ from the nearer peak; 15° is chance", ".1f"),
    Metric("lattice.defect_auc", "defects from z, ROC area", MORE, "",
           "defects from the neighbours in z (ROC area)", is_compared=True),
    Metric("lattice.two_class_accuracy", "ideal or defective, by two classes", MORE),
    Metric("reward.score", "reward", MORE),
    Metric("reward.drawn", "structure drawn", MORE),
    Metric("reward.latents", "latents worth it", MORE),
    Metric("reward.passed", "checks passed", MORE),
    Metric("reward.grouped", "groups in z", MORE),
    Metric("verdict.failed", "checks failed", LESS, spec=",", is_compared=True),
    Metric("train.epochs", "epochs", LESS, spec=","),
    Metric("train.steps", "steps", LESS, spec=","),
    Metric("train.seconds", "training", LESS, "s", "time", is_compared=True),
    Metric("train.images_per_second", "images a second", MORE, spec=",.0f"),
    Metric("train.parameters", "trainable parameters", LESS, spec=","),
    Metric("train.peak_rss_mb", "main memory at most", LESS, "MB", spec=",.0f"),
    Metric("train.peak_gpu_mb", "GPU memory at most", LESS, "MB", spec=",.0f"),
)  # fmt: skip
COMPARED = tuple(metric.path for metric in METRICS if metric.is_compared)


def find_metric(path: str) -> Metric | None:
    """The metric at a path of `metrics.json`; None for one that is not listed."""
    return next((metric for metric in METRICS if fnmatchcase(path, metric.path)), None)


def label_of(path: str) -> str:
    """Label and unit of a metric; its path where it is not listed."""
    metric = find_metric(path)
    if metric is None:
        return path
    return f"{metric.label}, {metric.unit}" if metric.unit else metric.label


def less_is_better(path: str) -> bool | None:
    """Direction of a metric; None for one that is neither good nor bad, or not listed.

    Examples
    --------
    >>> less_is_better("angle.overall_mae_deg"), less_is_better("angle.resultant")
    (True, False)
    """
    metric = find_metric(path)
    return None if metric is None else metric.less_is_better
