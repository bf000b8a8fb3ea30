"""`task=encode`: new images through a finished run, with how unlike its own each of them is.

vaerun task=encode run=outputs/rvae/cards_iv/version_0 data=images data.path=new.h5
"""

from pathlib import Path

import numpy as np
import torch
import yaml
from rich.console import Console

from vaerun.config.task import EncodeConfig
from vaerun.data.image_set import DataShape, ImageSet, as_tensor
from vaerun.data.load import load_all
from vaerun.evaluation.figures import draw, encoding_arrays, save_figures
from vaerun.models import inference
from vaerun.models.encodings import VALIDATION, Encodings, write_csv, write_latents
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.runs import manifest
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import create_run_folder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.finished_run import check_fit, reused
from vaerun.tasks.terminal import print_table, show_log
from vaerun.training.hardware import Hardware
from vaerun.utils import provenance
from vaerun.utils.files import atomic_path

_N_OUTLIERS = 12


def encode(config: RunConfig, job: RunRequest) -> Path:
    """Encode all images of a data set; returns the folder with `latents.h5` and `figures/`.

    Images are read as they are needed, so that a file may be larger than memory.

    Raises
    ------
    UserError
        If there is no such run, or its network cannot be shown these images.
    """
    assert isinstance(config.task, EncodeConfig)
    as_csv = config.task.csv
    console = Console()
    show_log(console)
    again = reused(config, job)
    config, job, network = again.config, again.job, again.run.network
    hardware = Hardware.find(config.trainer)
    classes = again.run.metrics.get("classes")
    images = load_all(config.data, config.seed, like=network.shape, classes=classes)
    channels, height, width = images.images.shape[1:]
    check_fit(again.run, images, DataShape(image=(channels, height, width)))
    about = RunFacts(
        device=hardware.device,
        data_fingerprint=manifest.fingerprint([images.index, images.label]),
    )
    folder = create_run_folder(config.out, "encode", config.data.name)
    with manifest.recorded(folder, job, about):
        network = network.to(hardware.torch_device)
        encodings = inference.encode_set(
            network, images, VALIDATION, progress=config.trainer.progress
        )
        attributes = {
            "vaerun_version": provenance.version(),
            "model": config.model.name,
            "data": config.data.name,
            "run": str(again.folder.path),
            "classes": classes or None,
            "config": yaml.safe_dump(job.plain, sort_keys=False, allow_unicode=True),
        }
        write_latents(folder.latents, encodings, attributes)
        if as_csv:
            write_csv(folder.path / "latents.csv", encodings)
        arrays = _arrays(network, images, encodings)
        with atomic_path(folder.arrays) as path:
            np.savez_compressed(path, allow_pickle=False, **arrays)
        save_figures(draw(arrays, classes or []), folder.figures)
    print_table(console, _summary(encodings))
    return folder.path


def _arrays(
    network: InvariantVAE, images: ImageSet, encodings: Encodings
) -> dict[str, np.ndarray]:
    """Those of the figures: where the images lie, and the worst of them."""
    worst = images.select(torch.from_numpy(_outliers(encodings)))
    return {
        "outliers_input": as_tensor(worst.images).numpy(),
        "outliers_output": inference.reconstruct(network, worst),
        "outliers_error": encodings.error[_outliers(encodings)],
        **encoding_arrays(encodings, {}),
    }


def _outliers(encodings: Encodings) -> np.ndarray:
    """Positions of the images that are reconstructed worst, the worst first."""
    return np.argsort(-encodings.error, kind="stable")[:_N_OUTLIERS].copy()


def _summary(encodings: Encodings) -> list[tuple[str, str]]:
    middle, high = np.quantile(encodings.error, [0.5, 0.99])
    worst = ", ".join(str(i) for i in encodings.index[_outliers(encodings)[:5]])
    return [
        ("images", f"{len(encodings):,}"),
        ("error", f"{middle:.4f} a pixel in the middle, {high:.4f} at the worst 1 %"),
        ("worst", f"images {worst}: see figures/outliers.png"),
    ]
