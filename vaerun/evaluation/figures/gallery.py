"""The figures of a run: those whose arrays, listed in the package's docstring, are there."""

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from vaerun.evaluation.figures import (
    images,
    latent_space,
    learning_curves,
    micrograph_maps,
    pose,
    prediction,
    regression,
)
from vaerun.evaluation.figures.checks import draw_checks
from vaerun.evaluation.figures.curves import draw_curves
from vaerun.evaluation.figures.style import house_style
from vaerun.evaluation.metrics.circular import wrap
from vaerun.evaluation.metrics.summary import MATERIAL_SHIFT_PX, varies
from vaerun.utils.files import atomic_path

Arrays = Mapping[str, npt.NDArray[Any]]

POSE_SHIFTS = ("shift_row", "shift_column")


def draw(arrays: Arrays, classes: Sequence[str]) -> dict[str, Figure]:
    """Every figure of the arrays in `figures/arrays.npz`, by name; classes may be empty."""
    with house_style():
        of_curves = "curve_axis" in arrays
        return {
            **({} if of_curves else _image_figures(arrays)),
            **_training_figures(arrays, classes),
            **_latent_figures(arrays, classes),
            **(draw_curves(arrays, classes) if of_curves else _decoded_figures(arrays, classes)),
            **micrograph_maps.draw_maps(arrays, classes, _symmetry(arrays)),
            **_target_figures(arrays),
            **_prediction_figures(arrays),
            **_pose_figures(arrays, classes),
            **draw_checks(arrays),
        }


def png(figure: Figure) -> bytes:
    """The figure as a PNG file's content."""
    buffer = io.BytesIO()
    with house_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # drawn as boxes
        layout = figure.get_layout_engine()
        if layout is not None:  # savefig would draw everything once more for it
            layout.execute(figure)
            figure.set_layout_engine("none")
        figure.savefig(buffer, format="png", pil_kwargs={"compress_level": 4})
    return buffer.getvalue()


def save_figures(figures: Mapping[str, Figure], folder: Path) -> dict[str, Path]:
    """Write each figure to ``<folder>/<name>.png``; the paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, figure in figures.items():
        paths[name] = folder / f"{name}.png"
        with atomic_path(paths[name]) as unfinished:
            unfinished.write_bytes(png(figure))
    return paths


def _image_figures(arrays: Arrays) -> dict[str, Figure]:
    figures = {}
    if "inputs" in arrays and len(arrays["inputs"]):
        figures["inputs"] = images.draw_inputs(arrays["inputs"])
    if "reconstructions_input" in arrays and len(arrays["reconstructions_input"]):
        names = {"input": "input", "output": "model", "truth": "truth"}
        rows = {
            name: arrays[f"reconstructions_{key}"]
            for key, name in names.items()
            if f"reconstructions_{key}" in arrays
        }
        figures["reconstructions"] = images.draw_reconstructions(rows, _psnr_title(arrays))
    if "outliers_input" in arrays and len(arrays["outliers_input"]):
        rows = {"input": arrays["outliers_input"], "model": arrays["outliers_output"]}
        low, high = arrays["outliers_error"].min(), arrays["outliers_error"].max()
        figures["outliers"] = images.draw_reconstructions(
            rows, f"Reconstructed worst: error {high:.2g} to {low:.2g} a pixel"
        )
    return figures


def _psnr_title(arrays: Arrays) -> str:
    if "psnr_db" not in arrays:
        return ""
    before, after = arrays["psnr_db"]
    return f"PSNR over all validation images: input {before:.1f} dB → output {after:.1f} dB"


def _training_figures(arrays: Arrays, classes: Sequence[str]) -> dict[str, Figure]:
    figures = {}
    curves = {
        name.removeprefix("curve_"): values
        for name, values in arrays.items()
        if name.startswith(("curve_train_", "curve_val_"))
    }
    if curves and len(arrays["curve_epoch"]):
        figures["learning_curve"] = learning_curves.draw_learning_curve(
            arrays["curve_epoch"], curves
        )
    if "confusion" in arrays:
        columns = arrays.get("confusion_columns")
        groups = None if columns is None else [int(j) for j in columns]
        figures["confusion"] = learning_curves.draw_confusion(arrays["confusion"], classes, groups)
    return figures


def _latent_figures(arrays: Arrays, classes: Sequence[str]) -> dict[str, Figure]:
    if "latent_z" not in arrays or len(arrays["latent_z"]) < 2:
        return {}
    labels, names = _latent_classes(arrays, classes)
    z, symmetry = arrays["latent_z"], _symmetry(arrays)
    distribution = latent_space.draw_latent_distribution(
        z, labels, _latent_angles(arrays, symmetry), _latent_values(arrays), names, 360 / symmetry
    )
    return {
        "latent_distribution": distribution,
        "latent_density": latent_space.draw_latent_density(z),
    }


def _latent_classes(
    arrays: Arrays, classes: Sequence[str]
) -> tuple[dict[str, npt.NDArray[Any]], Sequence[str]]:
    """Classes to colour images by, under the titles of their panels, and names of the classes.

    Where no image has a true class, predicted ones are named by their number.
    """
    counted = any(re.fullmatch(r"frame_\d+_rings", name) for name in arrays)
    known = "Ring class" if counted else "True class"
    titles = {"latent_label": known, "latent_predicted": "Predicted class"}
    labels = {
        title: arrays[name]
        for name, title in titles.items()
        if name in arrays and (arrays[name] >= 0).any()
    }
    if classes and known in labels:
        return labels, classes
    labels.pop(known, None)
    n_classes = max((int(label.max()) + 1 for label in labels.values()), default=0)
    return labels, [f"class {j}" for j in range(n_classes)]


def _symmetry(arrays: Arrays) -> int:
    """Order of the rotational symmetry of all images."""
    return int(arrays.get("angle_symmetry", 1))


def _latent_angles(arrays: Arrays, symmetry: int) -> dict[str, npt.NDArray[Any]]:
    """Angles to colour the content by, degrees, under the titles of their panels."""
    names = {"True angle": "factor_angle", "Encoded angle": "latent_angle"}
    unit = "(°)" if symmetry == 1 else f"modulo {360 / symmetry:g}°"
    return {
        f"{title} {unit}": np.rad2deg(wrap(arrays[name], 2 * np.pi / symmetry))
        for title, name in names.items()
        if name in arrays and varies(arrays[name])
    }


def _latent_values(arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    """Other quantities to colour the content by, under the titles of their panels."""
    values = {}
    for key, factor in arrays.items():
        name = key.removeprefix("factor_")
        if name in (key, "angle") or not varies(factor):
            continue
        if name in POSE_SHIFTS:
            if np.nanstd(factor) > MATERIAL_SHIFT_PX:
                values[f"True {name.removeprefix('shift_')} shift (pixels)"] = factor
        elif name == "shear":
            values["True shear (°)"] = np.rad2deg(factor)
        else:
            values[f"True {name.replace('_', ' ')}"] = factor
    return values


def _decoded_figures(arrays: Arrays, classes: Sequence[str]) -> dict[str, Figure]:
    figures = {}
    if "map_names" in arrays:
        classes = [str(name) for name in arrays["map_names"]]
    for name in arrays:
        if re.fullmatch(r"manifold(_data|_class_\d+)?", name):
            figures[name] = images.draw_manifold(
                arrays[name],
                arrays[f"{name}_row_axis"],
                arrays[f"{name}_column_axis"],
                [int(i) for i in arrays[f"{name}_dimensions"]],
                _manifold_title(name, classes),
            )
        if re.fullmatch(r"traversal_z\d+", name):
            figures[name] = images.draw_traversal(
                arrays[name], arrays[f"{name}_axis"], name.removeprefix("traversal_"), classes
            )
    return figures


def _manifold_title(name: str, classes: Sequence[str]) -> str:
    if name == "manifold":
        return "Decoded content, over the middle of the prior"
    if name == "manifold_data":
        return "Decoded content, over the range of the data"
    j = int(name.rsplit("_", 1)[1])
    return f"Decoded content of {classes[j] if j < len(classes) else f'class {j}'}"


def _target_figures(arrays: Arrays) -> dict[str, Figure]:
    name = str(arrays.get("target_name", ""))
    truth = arrays.get(f"factor_{name}")
    if truth is None or not varies(truth):
        return {}
    mean, sd = arrays["target_mean"], arrays["target_sd"]
    known, title = np.isfinite(truth), name.replace("_", " ")
    return {
        "target_vs_truth": regression.draw_target_vs_truth(
            truth[known], mean[known], sd[known], title
        )
    }


def _prediction_figures(arrays: Arrays) -> dict[str, Figure]:
    if "prediction_mean" not in arrays:
        return {}
    truth, mean, sd = (arrays.get(f"prediction_{name}") for name in ("truth", "mean", "sd"))
    assert mean is not None
    assert sd is not None
    if "prediction_axis" in arrays:
        axis, label = arrays["prediction_axis"], str(arrays["prediction_axis_label"])
        figures = {"predictions": prediction.draw_predicted_curves(truth, mean, sd, axis, label)}
    else:
        figures = {"predictions": prediction.draw_predicted_images(truth, mean, sd)}
    if truth is not None:
        true, at, width = (arrays[f"prediction_point_{name}"] for name in ("truth", "mean", "sd"))
        figures["prediction_vs_truth"] = regression.draw_target_vs_truth(true, at, width, "value")
    return figures


def _pose_figures(arrays: Arrays, classes: Sequence[str]) -> dict[str, Figure]:
    figures = {}
    symmetry = _symmetry(arrays)
    angle, truth = arrays.get("latent_angle"), arrays.get("factor_angle")
    if truth is not None and not np.isfinite(truth).any():
        truth = None
    if angle is not None and len(angle) and np.any(angle):
        labels, names = _latent_classes(arrays, classes)
        label = next(iter(labels.values()), np.full(len(angle), -1))
        if truth is not None and varies(truth):
            some = np.isfinite(truth)
            figures["angle_vs_truth"] = pose.draw_angle_vs_truth(
                angle[some], truth[some], label[some], names, symmetry
            )
        figures["angle_histogram"] = pose.draw_angle_histogram(
            angle, truth, label, names, symmetry
        )
    shift = arrays.get("shift_px")
    if shift is not None and len(shift) and np.any(shift):
        true = {n: arrays[f"factor_shift_{n}"] for n in ("row", "column")
                if f"factor_shift_{n}" in arrays}  # fmt: skip
        figures["shift_histogram"] = pose.draw_shift_histogram(shift, true)
    return figures
