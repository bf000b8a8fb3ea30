"""The most important numbers of a run as text, for the terminal and the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from vaerun.evaluation.metrics.clustering import UNUSED
from vaerun.utils.format import duration, format_significant, percent

Metrics = Mapping[str, Any]

_WIDEST_PEAK_DEG = 10.0  # of a clear peak; an angle without peaks has 15


def headline(metrics: Metrics) -> list[tuple[str, str]]:
    """Name and value with unit of the main numbers of `metrics.json`, most important first.

    Examples
    --------
    >>> headline({"elbo": {"loss": 73.12}, "knn_accuracy": 0.998})
    [('Validation loss', '73.1 nats per image'), ('Neighbour accuracy of z', '99.8 %')]
    """
    rows = [
        ("Validation loss", _loss(metrics.get("elbo", {}))),
        ("Restoration", _restoration(metrics.get("psnr"))),
        *_angle(metrics.get("angle")),
        ("Shift correlation", _mean_and_least(metrics.get("shift", {}).get("pearson"))),
        ("Stretch correlation", _mean_and_least(metrics.get("scale", {}).get("pearson"))),
        ("Gain correlation", _mean_and_least(metrics.get("gain", {}).get("pearson"))),
        ("Class accuracy", _accuracy(metrics.get("classification", {}))),
        *_regression(metrics.get("regression")),
        *_prediction(metrics.get("prediction")),
        _clusters(metrics.get("clustering", {})),
        ("Unused classes", _unused(metrics.get("clustering", {}).get("usage"))),
        ("Neighbour accuracy of z", percent(metrics.get("knn_accuracy"))),
        *_factors(metrics.get("factors", {})),
        *_flags(metrics.get("flags", {})),
        *_lattice(metrics.get("lattice", {})),
        ("Training", _training(metrics.get("train", {}))),
    ]
    return [(name, value) for name, value in rows if value is not None]


def _loss(elbo: Mapping[str, float]) -> str | None:
    return f"{format_significant(elbo['loss'])} nats per image" if "loss" in elbo else None


def _restoration(psnr: Mapping[str, float] | None) -> str | None:
    """PSNR of the model's images beside that of the corrupted ones."""
    if psnr is None:
        return None
    return f"{psnr['output_db']:.1f} dB, input {psnr['input_db']:.1f} dB"


def _angle(angle: Metrics | None) -> list[tuple[str, str | None]]:
    if not angle:
        return []
    given = not_none(angle.get("mae_deg_given_factors"))
    paired = angle.get("paired_mae_deg")
    return [
        ("Angle error", f"{angle['overall_mae_deg']:.1f}°"),
        ("Angle error, in pairs", None if paired is None else f"{paired:.1f}°"),
        ("Angle error, shear allowed for", f"{sum(given) / len(given):.1f}°" if given else None),
        ("Angle agreement R", _mean_and_least(angle["resultant"])),
        ("Orientation modes", _orientation_modes(angle["ground_states"])),
    ]


def _mean_and_least(values: Sequence[float | None] | None) -> str | None:
    """Mean of values between −1 and 1 and, of several, the least."""
    numbers = not_none(values)
    if not numbers:
        return None
    mean = f"{sum(numbers) / len(numbers):.2f}"
    text = mean if len(numbers) == 1 else f"{mean}, least {min(numbers):.2f}"
    return text.replace("-", "−")


def _orientation_modes(counts: Sequence[int | None]) -> str:
    numbers = not_none(counts)
    if len(set(numbers)) == 1:
        return f"{numbers[0]}" + (" in every class" if len(numbers) > 1 else "")
    return " ".join("·" if n is None else str(n) for n in counts) + " by class"


def _accuracy(classification: Metrics) -> str | None:
    """Accuracy and, where classes of unequal sizes make it another number, the mean recall."""
    accuracy = percent(classification.get("accuracy"))
    mean = percent(classification.get("balanced_accuracy"))
    return accuracy if mean in (None, accuracy) else f"{accuracy}, mean of the classes {mean}"


def _regression(regression: Metrics | None) -> list[tuple[str, str | None]]:
    if regression is None:
        return []
    name = regression["target"].replace("_", " ").capitalize()
    parts = {"of unseen images": regression, "each known one from the others": regression["known"]}
    return [(f"{name}, {what} (R²)", _r2_and_coverage(scores)) for what, scores in parts.items()]


def _prediction(prediction: Metrics | None) -> list[tuple[str, str | None]]:
    if prediction is None:
        return []
    turned = percent(prediction.get("turned_change"))
    return [
        ("Prediction, of unseen images (R²)", _r2_and_coverage(prediction)),
        ("Its change by a quarter turn", turned and f"{turned} of its spread"),
    ]


def _r2_and_coverage(scores: Metrics) -> str | None:
    if "r2" not in scores:
        return None
    within = f"{percent(scores['coverage_68'])} within the spread, 68 % expected"
    return f"{scores['r2']:.3f}, {within}".replace("-", "−")


def _clusters(clustering: Metrics) -> tuple[str, str | None]:
    groups = "Predicted classes" if clustering.get("method") == "y" else "k-means on z"
    return f"{groups}, one to one", percent(clustering.get("hungarian"))


def _unused(usage: Sequence[float] | None) -> str | None:
    """Classes with next to no image; None where all are used."""
    shares = usage or []
    unused = [str(j) for j, share in enumerate(shares) if share < UNUSED]
    if not unused:
        return None
    return f"{len(unused)} of {len(shares)} ({', '.join(unused)}): the others share their images"


def _factors(factors: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str | None]]:
    return [
        (f"{name.replace('_', ' ').capitalize()} from z (R²)",
         f"{score['r2_within_class']:.2f}".replace("-", "−"))
        for name, score in factors.items()
    ]  # fmt: skip


def _flags(flags: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str | None]]:
    return [
        (f"{name.replace('_', ' ').capitalize()} from z (ROC area)", f"{score['roc_auc']:.3f}")
        for name, score in flags.items()
    ]


def _lattice(lattice: Mapping[str, float]) -> list[tuple[str, str | None]]:
    area = lattice.get("defect_auc")
    return [
        ("Sublattices from θ", percent(lattice.get("sublattice_accuracy"))),
        ("Peaks of θ apart", _peaks(lattice)),
        ("Defects from z (ROC area)", None if area is None else f"{area:.2f}"),
        ("Ideal or defective, by two classes", percent(lattice.get("two_class_accuracy"))),
    ]


def _peaks(lattice: Mapping[str, float]) -> str | None:
    if "peak_separation_deg" not in lattice:
        return None
    if not lattice["peak_separation_deg"]:
        return "only one peak"
    width = lattice["peak_width_deg"]
    if width > _WIDEST_PEAK_DEG:
        return f"no two clear ones (±{width:.1f}°): several grains, or no order"
    return f"{lattice['peak_separation_deg']:.1f}°, each ±{width:.1f}°"


def _training(train: Metrics) -> str | None:
    if "seconds" not in train:
        return None
    rate = train.get("images_per_second")
    return duration(train["seconds"]) + (f", {rate:,.0f} images/s" if rate else "")


def not_none(values: Sequence[Any] | None) -> list[Any]:
    """The values that are not None."""
    return [v for v in values or [] if v is not None]
