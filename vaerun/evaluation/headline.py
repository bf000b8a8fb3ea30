"""The handful of numbers that tell how a run went, for the terminal and the report."""

from collections.abc import Mapping, Sequence
from typing import Any

from vaerun.utils.format import duration, format_significant, percent

Metrics = Mapping[str, Any]

UNUSED = 0.1  # of its even share of images: a class with less has collapsed


def headline(metrics: Metrics) -> list[tuple[str, str]]:
    """The most telling numbers of `metrics.json`: name and value with its unit, best first.

    Examples
    --------
    >>> headline({"elbo": {"loss": 73.12}, "knn_accuracy": 0.998})
    [('Validation loss', '73.1 nats per image'), ('Neighbour accuracy of z', '99.8 %')]
    """
    rows = [
        ("Validation loss", _loss(metrics.get("elbo"))),
        ("Restoration", _restoration(metrics.get("psnr"))),
        *_angle(metrics.get("angle") or {}),
        ("Shift correlation", _least(metrics.get("shift", {}).get("pearson"))),
        ("Class accuracy", _accuracy(metrics.get("classification") or {})),
        _clusters(metrics.get("clustering") or {}),
        ("Unused classes", _unused(metrics.get("clustering", {}).get("usage"))),
        ("Neighbour accuracy of z", percent(metrics.get("knn_accuracy"))),
        *_factors(metrics.get("factors") or {}),
        *_lattice(metrics.get("lattice") or {}),
        ("Training", _training(metrics.get("train") or {})),
    ]
    return [(name, value) for name, value in rows if value is not None]


def _loss(elbo: Mapping[str, float] | None) -> str | None:
    loss = None if elbo is None else elbo.get("loss")
    return None if loss is None else f"{format_significant(loss)} nats per image"


def _restoration(psnr: Mapping[str, float] | None) -> str | None:
    """PSNR of the model's images beside that of the corrupted ones."""
    if psnr is None:
        return None
    return f"{psnr['output_db']:.1f} dB, input {psnr['input_db']:.1f} dB"


def _angle(angle: Metrics) -> list[tuple[str, str | None]]:
    if not angle:
        return []
    given = known(angle.get("mae_deg_given_factors"))
    return [
        ("Angle error", f"{angle['overall_mae_deg']:.1f}°"),
        ("Angle error, shear allowed for", f"{sum(given) / len(given):.1f}°" if given else None),
        ("Angle agreement R", _least(angle["resultant"])),
        ("Ground states", _ground_states(angle["ground_states"])),
    ]


def _least(values: Sequence[float | None] | None) -> str | None:
    """The mean of some values between −1 and 1 and, if there are several, the least."""
    numbers = known(values)
    if not numbers:
        return None
    mean = f"{sum(numbers) / len(numbers):.2f}"
    text = mean if len(numbers) == 1 else f"{mean}, least {min(numbers):.2f}"
    return text.replace("-", "−")


def _ground_states(counts: Sequence[int | None]) -> str:
    numbers = known(counts)
    if len(set(numbers)) == 1:
        return f"{numbers[0]}" + (" in every class" if len(numbers) > 1 else "")
    return " ".join("·" if n is None else str(n) for n in counts) + " by class"


def _accuracy(classification: Metrics) -> str | None:
    """The share that is right and, where classes of unlike sizes make it another, their mean."""
    right = percent(classification.get("accuracy"))
    mean = percent(classification.get("balanced_accuracy"))
    return right if mean in (None, right) else f"{right}, mean of the classes {mean}"


def _clusters(clustering: Metrics) -> tuple[str, str | None]:
    found = "Found classes" if clustering.get("method") == "y" else "k-means on z"
    return f"{found}, one to one", percent(clustering.get("hungarian"))


def _unused(usage: Sequence[float] | None) -> str | None:
    """Classes with next to no image, where there are any."""
    if usage is None:
        return None
    unused = [str(j) for j, share in enumerate(usage) if share < UNUSED / len(usage)]
    if not unused:
        return None
    return f"{len(unused)} of {len(usage)} ({', '.join(unused)}): the others share their images"


def _factors(factors: Mapping[str, Mapping[str, float]]) -> list[tuple[str, str | None]]:
    return [
        (f"{name.replace('_', ' ').capitalize()} told by z (R²)",
         f"{score['r2_within_class']:.2f}".replace("-", "−"))
        for name, score in factors.items()
    ]  # fmt: skip


def _lattice(lattice: Mapping[str, float]) -> list[tuple[str, str | None]]:
    area = lattice.get("defect_auc")
    return [
        ("Sublattices told by θ", percent(lattice.get("sublattice_accuracy"))),
        ("Peaks of θ apart", _peaks(lattice)),
        ("Defects told by z (ROC area)", None if area is None else f"{area:.2f}"),
        ("Ideal or defective, by two classes", percent(lattice.get("two_class_accuracy"))),
    ]


def _peaks(lattice: Mapping[str, float]) -> str | None:
    if "peak_separation_deg" not in lattice:
        return None
    if not lattice["peak_separation_deg"]:
        return "only one peak"
    width = lattice["peak_width_deg"]
    return f"{lattice['peak_separation_deg']:.1f}°, each ±{width:.1f}°"


def _training(train: Metrics) -> str | None:
    if "seconds" not in train:
        return None
    rate = train.get("images_per_second")
    return duration(train["seconds"]) + (f", {rate:,.0f} images/s" if rate else "")


def known(values: Sequence[Any] | None) -> list[Any]:
    """The values that are not None."""
    return [v for v in values or [] if v is not None]
