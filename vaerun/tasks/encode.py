"""`task=encode`: latents of new images from a finished run, and its outliers among them.

vaerun task=encode run=outputs/rvae/cards_iv/version_0 data=images data.path=new.h5
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from vaerun.config.task import EncodeConfig
from vaerun.data.image_set import AllImages, as_tensor
from vaerun.data.load import load_all
from vaerun.data.selection import source_of_images
from vaerun.evaluation.figures import draw, encoding_arrays, save_figures
from vaerun.evaluation.figures.micrograph_arrays import frame_arrays
from vaerun.evaluation.metrics.circular import common_symmetry
from vaerun.evaluation.metrics.clustering import classification
from vaerun.microscopy.frame import common_pixel_nm
from vaerun.models import inference
from vaerun.models.encodings import VALIDATION, Encodings, write_csv, write_latents
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.runs import manifest
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import create_run_folder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.runs.run import Run
from vaerun.tasks.curve_results import curve_figure_arrays
from vaerun.tasks.finished_run import check_fit, reuse_run
from vaerun.tasks.image_source import in_files, with_symmetry
from vaerun.tasks.prediction_results import predicted_arrays
from vaerun.tasks.results import class_names, target_arrays
from vaerun.tasks.terminal import open_console, print_table
from vaerun.training.hardware import Hardware
from vaerun.utils import provenance
from vaerun.utils.arrays import write_arrays
from vaerun.utils.digest import fingerprint

_N_OUTLIERS = 12


def encode(config: RunConfig, request: RunRequest) -> Path:
    """Encode all images of a data set; returns the folder with `latents.h5` and `figures/`.

    Images are read in chunks, so that a file may be larger than memory.

    Raises
    ------
    UserError
        If there is no such run, or its network does not fit these images.
    """
    assert isinstance(config.task, EncodeConfig)
    as_csv = config.task.csv
    console = open_console()
    run, config, request = reuse_run(config, request)
    network = run.network
    hardware = Hardware.find(config.trainer)
    classes = list(run.metrics.get("classes") or [])
    source = load_all(config.data, config.seed, like=network.shape, classes=classes)
    images = source.images
    check_fit(run, images)
    digest = source_of_images(images, config.data)
    facts = RunFacts(
        device=hardware.device,
        source_fingerprint=digest or None,
        data_fingerprint=fingerprint([images.index, images.label]),
    )
    folder = create_run_folder(config.out, "encode", config.data.name)
    with manifest.recorded(folder, request, facts):
        network = network.to(hardware.torch_device)
        encodings = inference.encode_set(
            network, images, VALIDATION, progress=config.trainer.progress
        )
        if run.target is not None:
            encodings = run.target.applied(encodings)
        source = with_symmetry(source, encodings, len(classes), console)
        attributes = {
            "vaerun_version": provenance.version(),
            "model": config.model.name,
            "data": config.data.name,
            "run": str(run.path),
            "classes": classes or None,
            "predicted_classes": classes if network.learns_classes else None,
            "source_fingerprint": digest or None,
            "config": yaml.safe_dump(request.plain, sort_keys=False, allow_unicode=True),
            "pixel_size_nm": common_pixel_nm(source.frames),
        }
        stored = in_files(encodings, source)
        write_latents(folder.latents, stored, attributes)
        if as_csv:
            write_csv(folder.path / "latents.csv", stored)
        if network.variant.predicts:
            arrays = predicted_arrays(run.folder, network, images, encodings, folder)
        else:
            names, known = _names(run, encodings, classes), _known(network, encodings, classes)
            arrays = _arrays(network, source, encodings, names, known)
        write_arrays(folder.arrays, arrays)
        save_figures(draw(arrays, classes), folder.figures)
    print_table(console, _summary(encodings))
    return folder.path


def _names(run: Run, encodings: Encodings, classes: Sequence[str]) -> Sequence[str]:
    """Names of the classes that the model infers, in the terms of the run."""
    return class_names(run.network, encodings, classes, run.metrics)


def _known(network: InvariantVAE, encodings: Encodings, classes: Sequence[str]) -> dict[str, Any]:
    """Metrics of the classes that a model infers, of the images that have a label."""
    labelled = encodings.label >= 0
    found: dict[str, Any] = {"classes": classes}
    if network.learns_classes and labelled.any():
        found["classification"] = classification(
            encodings.predicted[labelled], encodings.label[labelled], len(classes)
        )
    return found


def _arrays(
    network: InvariantVAE,
    source: AllImages,
    encodings: Encodings,
    names: Sequence[str],
    known: Mapping[str, Any],
) -> dict[str, np.ndarray]:
    """Arrays behind the figures: latents of all images, maps, the images reconstructed worst.

    ``known`` are metrics of the classes, by which these are drawn.
    """
    positions = _outliers(encodings)
    worst = source.images.select(torch.from_numpy(positions))
    return {
        "outliers_input": inference.shown(as_tensor(worst.images)).numpy(),
        "outliers_output": inference.shown(
            torch.from_numpy(inference.reconstruct(network, worst))
        ).numpy(),
        "outliers_error": encodings.error[positions],
        **encoding_arrays(encodings, known),
        **target_arrays(network),
        "angle_symmetry": np.array(common_symmetry(source.symmetry)),
        **frame_arrays(source.frames, encodings, names, source.axis),
        **curve_figure_arrays(network, source, encodings),
    }


def _outliers(encodings: Encodings) -> np.ndarray:
    """Indices of the images with the largest reconstruction error, largest first."""
    return np.argsort(-encodings.error, kind="stable")[:_N_OUTLIERS].copy()


def _summary(encodings: Encodings) -> list[tuple[str, str]]:
    if not np.isfinite(encodings.error).all():  # predicted, where the truth is not known
        return [("images", f"{len(encodings):,}"), ("predictions", "predictions.h5")]
    median, high = np.quantile(encodings.error, [0.5, 0.99])
    worst = ", ".join(str(i) for i in encodings.index[_outliers(encodings)[:5]])
    return [
        ("images", f"{len(encodings):,}"),
        ("error", f"median {median:.4f} a pixel, {high:.4f} or more for the worst 1 %"),
        ("worst", f"images {worst}: see figures/outliers.png"),
    ]
