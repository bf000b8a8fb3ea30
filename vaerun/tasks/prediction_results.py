"""Results of a variational encoder–decoder: latents, predictions, metrics, figures, report."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console

from vaerun.data.image_set import ImageSet, ImageSource, Splits, as_tensor
from vaerun.evaluation.figures import curve_arrays, draw, save_figures
from vaerun.evaluation.figures.checks import check_arrays
from vaerun.evaluation.headline import headline
from vaerun.evaluation.metrics.prediction import prediction_scores, turned_change
from vaerun.evaluation.report import write_report
from vaerun.models import inference
from vaerun.models.encodings import Encodings
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.prediction import Predictions, predict
from vaerun.runs import manifest
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import RunFolder
from vaerun.tasks import verdict
from vaerun.tasks.curve_results import shown_axis
from vaerun.tasks.terminal import print_table
from vaerun.training.trained_model import TrainedModel
from vaerun.utils.arrays import evenly, write_arrays
from vaerun.utils.files import atomic_path, write_text

Arrays = dict[str, npt.NDArray[Any]]

_N_INPUTS, _N_EXAMPLES, _MOST_POINTS, _N_TURNED = 60, 12, 4000, 500


def write_predictions(path: Path, predictions: Predictions, encodings: Encodings) -> None:
    """Write `predictions.h5`, of images in the order of `latents.h5`, completely or not at all."""
    with atomic_path(path) as unfinished, h5py.File(unfinished, "w") as file:
        file["prediction_mean"], file["prediction_sd"] = predictions
        file["index"], file["split"] = encodings.index, encodings.split


def predicted_arrays(
    run: RunFolder,
    network: InvariantVAE,
    images: ImageSet,
    encodings: Encodings,
    folder: RunFolder,
) -> Arrays:
    """Write what a finished run predicts of new images; the arrays of some of it for a figure."""
    in_units = predict(network, images.images).in_units(network.shape.target_window)
    write_predictions(folder.predictions, in_units, encodings)
    some = evenly(len(images), _N_EXAMPLES)
    with np.load(run.arrays, allow_pickle=False) as arrays:
        axis = {name: arrays[name] for name in arrays if name.startswith("prediction_axis")}
    made = {"prediction_mean": in_units.mean[some], "prediction_sd": in_units.sd[some]}
    return axis | made


def write_prediction_results(
    config: RunConfig,
    plain: Mapping[str, Any],
    folder: RunFolder,
    trained: TrainedModel,
    found: verdict.Verdict,
    checks: Mapping[str, Any],
    console: Console,
) -> None:
    """Predict for the validation images, and write what `write_results` does of other models."""
    network, splits = trained.network, found.splits
    predictions = predict(network, splits.val.images)
    in_units = predictions.in_units(splits.target_window)
    write_predictions(folder.predictions, in_units, found.encodings.val)
    metrics = write_prediction_metrics(folder, config, trained, found, checks, predictions)
    history = {name: [row[name] for row in trained.rows] for name in trained.rows[0]}
    arrays = {
        "inputs": inference.shown(as_tensor(splits.val.images[:_N_INPUTS])).numpy(),
        **curve_arrays({name: values for name, values in history.items() if any(values)}),
        **_input_axis(network, splits),
        **_prediction_arrays(network, splits, in_units),
        **check_arrays(found.findings),
    }
    write_arrays(folder.arrays, arrays)
    figures = save_figures(draw(arrays, []), folder.figures)
    write_report(
        folder.report,
        title=f"{config.model.name} on {config.data.name}",
        config=plain,
        metrics=metrics,
        manifest=manifest.read_manifest(folder) | manifest.ending("finished"),
        figures=figures,
    )
    print_table(console, [*headline(metrics), ("report", str(folder.report))])
    verdict.print_checks(console, checks)


def write_prediction_metrics(
    folder: RunFolder,
    config: RunConfig,
    trained: TrainedModel,
    found: verdict.Verdict,
    checks: Mapping[str, Any],
    predictions: Predictions | None = None,
) -> dict[str, Any]:
    """Measure what is predicted for the validation images; write and return `metrics.json`.

    ``checks`` are the findings with their commands. ``predictions`` are those for all of these
    images, from 0 to 1; None makes them.
    """
    network, splits = trained.network, found.splits
    if predictions is None:
        predictions = predict(network, splits.val.images)
    terms = inference.evaluate_elbo(network, splits.val, seed=trained.seed)
    elbo = {name: terms[name] for name in ("loss", "reconstruction", "kl_content")}
    mask = splits.val.measured
    known = None if mask is None else as_tensor(mask).numpy()
    truth = as_tensor(splits.val.target).numpy()
    scores = prediction_scores(truth, predictions.mean, predictions.sd, known)
    rows = torch.from_numpy(evenly(len(splits.val), _N_TURNED))
    x = as_tensor(splits.val.select(rows).images)
    if "r" in config.model.invariances and x.shape[2] == x.shape[3]:
        turned = predict(network, torch.rot90(x, 1, (2, 3)))
        change = turned_change(predictions.mean[rows], turned.mean, turned.sd)
        scores["turned_change"] = change
    metrics = {
        "elbo": elbo | {"kl_pose": terms["kl_bin"]},
        "prediction": scores,
        "train": trained.cost,
        "classes": [],
        "n_train": len(splits.train),
        "n_val": len(splits.val),
        "latent_dim": config.model.latent_dim,
        **verdict.metrics(found, checks),
    }
    write_text(folder.metrics_json, json.dumps(metrics, indent=2, allow_nan=False) + "\n")
    return metrics


def _input_axis(network: InvariantVAE, source: ImageSource) -> Arrays:
    """Axis of inputs that are curves; empty for images."""
    if source.axis is None:
        return {}
    axis = shown_axis(source.axis, network.shape.image[2])
    return {"curve_axis": axis, "curve_axis_label": np.array(source.axis.label)}


def _prediction_arrays(network: InvariantVAE, splits: Splits, predictions: Predictions) -> Arrays:
    """Some predictions beside the truth, in its units, and an even selection of all numbers."""
    true = as_tensor(splits.val.target).numpy()
    truth = Predictions(true, true).in_units(splits.target_window).mean
    some = evenly(len(truth), _N_EXAMPLES)
    points = evenly(truth.size, _MOST_POINTS)
    named = {"truth": truth, "mean": predictions.mean, "sd": predictions.sd}
    arrays: Arrays = {f"prediction_{name}": values[some] for name, values in named.items()}
    arrays |= {f"prediction_point_{name}": v.ravel()[points] for name, v in named.items()}
    if splits.target_axis is not None:
        arrays["prediction_axis"] = splits.target_axis.values(network.drawn[2])
        arrays["prediction_axis_label"] = np.array(splits.target_axis.label)
    return arrays
