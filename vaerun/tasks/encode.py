"""`task=encode`: latents of new images from a finished run, and its outliers among them.

vaerun task=encode run=outputs/rvae/cards_iv/version_0 data=images data.path=new.h5
"""

from pathlib import Path

import numpy as np
import torch
import yaml

from vaerun.config.task import EncodeConfig
from vaerun.data.image_set import ImageSet, as_tensor
from vaerun.data.load import load_all
from vaerun.data.selection import source_of_images
from vaerun.evaluation.figures import draw, encoding_arrays, save_figures
from vaerun.models import inference
from vaerun.models.encodings import VALIDATION, Encodings, write_csv, write_latents
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.runs import manifest
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import create_run_folder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.finished_run import check_fit, reuse_run
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
    classes = run.metrics.get("classes")
    images = load_all(config.data, config.seed, like=network.shape, classes=classes)
    check_fit(run, images)
    source = source_of_images(images, config.data)
    facts = RunFacts(
        device=hardware.device,
        source_fingerprint=source or None,
        data_fingerprint=fingerprint([images.index, images.label]),
    )
    folder = create_run_folder(config.out, "encode", config.data.name)
    with manifest.recorded(folder, request, facts):
        network = network.to(hardware.torch_device)
        encodings = inference.encode_set(
            network, images, VALIDATION, progress=config.trainer.progress
        )
        attributes = {
            "vaerun_version": provenance.version(),
            "model": config.model.name,
            "data": config.data.name,
            "run": str(run.path),
            "classes": classes or None,
            "predicted_classes": classes if network.variant.learns_labels else None,
            "source_fingerprint": source or None,
            "config": yaml.safe_dump(request.plain, sort_keys=False, allow_unicode=True),
        }
        stored = encodings
        if network.shape.window is not None:
            stored = encodings.in_intensities(np.asarray(network.shape.window)[None])
        write_latents(folder.latents, stored, attributes)
        if as_csv:
            write_csv(folder.path / "latents.csv", stored)
        arrays = _arrays(network, images, encodings)
        write_arrays(folder.arrays, arrays)
        save_figures(draw(arrays, classes or []), folder.figures)
    print_table(console, _summary(encodings))
    return folder.path


def _arrays(
    network: InvariantVAE, images: ImageSet, encodings: Encodings
) -> dict[str, np.ndarray]:
    """Arrays behind the figures: latents of all images, and the images reconstructed worst."""
    positions = _outliers(encodings)
    worst = images.select(torch.from_numpy(positions))
    return {
        "outliers_input": as_tensor(worst.images).numpy(),
        "outliers_output": inference.reconstruct(network, worst),
        "outliers_error": encodings.error[positions],
        **encoding_arrays(encodings, {}),
    }


def _outliers(encodings: Encodings) -> np.ndarray:
    """Indices of the images with the largest reconstruction error, largest first."""
    return np.argsort(-encodings.error, kind="stable")[:_N_OUTLIERS].copy()


def _summary(encodings: Encodings) -> list[tuple[str, str]]:
    median, high = np.quantile(encodings.error, [0.5, 0.99])
    worst = ", ".join(str(i) for i in encodings.index[_outliers(encodings)[:5]])
    return [
        ("images", f"{len(encodings):,}"),
        ("error", f"median {median:.4f} a pixel, {high:.4f} or more for the worst 1 %"),
        ("worst", f"images {worst}: see figures/outliers.png"),
    ]
