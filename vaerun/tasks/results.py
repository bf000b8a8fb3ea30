"""What a trained network is worth: encodings, metrics, figures and report, in the run folder."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from matplotlib.image import imread
from rich.console import Console
from torch.utils.tensorboard import SummaryWriter

from vaerun import models
from vaerun.data.image_set import ImageSet, Splits, as_tensor
from vaerun.evaluation.figures import curve_arrays, draw, encoding_arrays, save_figures
from vaerun.evaluation.figures.arrays import MOST_DRAWN
from vaerun.evaluation.figures.micrograph_arrays import frame_arrays
from vaerun.evaluation.headline import headline
from vaerun.evaluation.metrics import summary as analysis_metrics
from vaerun.evaluation.metrics.circular import common_symmetry
from vaerun.evaluation.metrics.class_separation import N_PICTURES, class_separation
from vaerun.evaluation.metrics.clustering import names_of_groups
from vaerun.evaluation.metrics.summary import MOST_TRAIN, MOST_VAL, psnr_gain
from vaerun.evaluation.report import explorer_data, write_report
from vaerun.microscopy.frame import Frame, common_pixel_nm, in_file
from vaerun.models import inference
from vaerun.models.encodings import VALIDATION, Encodings, write_latents
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.latent_traversal import class_maps, latent_maps
from vaerun.runs import manifest
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import RunFolder
from vaerun.tasks.terminal import closing
from vaerun.training.trained_model import TrainedModel
from vaerun.utils import provenance
from vaerun.utils.files import atomic_path, write_text

_N_INPUTS, _N_RECONSTRUCTIONS = 60, 12

Arrays = dict[str, npt.NDArray[Any]]


def write_results(
    config: RunConfig,
    plain: Mapping[str, Any],
    splits: Splits,
    folder: RunFolder,
    trained: TrainedModel,
    console: Console,
) -> None:
    """Encode everything with a trained network and write what the contract asks for.

    Parameters
    ----------
    config, plain
        Of the run, proved and plain.
    splits
        What to encode; it is judged by the validation images.
    folder
        Where to write.
    trained
        The network, and how it was trained.
    console
        For the result in a few numbers.
    """
    network = trained.network
    with console.status("encoding, measuring, drawing"):
        encodings = inference.encode_splits(network, splits)
        attributes = {
            "vaerun_version": provenance.version(),
            "model": config.model.name,
            "data": config.data.name,
            "config": yaml.safe_dump(dict(plain), sort_keys=False, allow_unicode=True),
            "pixel_size_nm": common_pixel_nm(splits.frames),
        }
        write_latents(folder.latents, _in_files(encodings, splits.frames), attributes)
        metrics = measure(config, splits, trained, encodings)
        write_text(folder.metrics_json, json.dumps(metrics, indent=2, allow_nan=False) + "\n")
        _tell_thinned(encodings, console)
        arrays = _arrays(network, splits, encodings, metrics, trained.rows)
        with atomic_path(folder.arrays) as path:
            np.savez_compressed(path, allow_pickle=False, **arrays)
        figures = save_figures(draw(arrays, splits.classes), folder.figures)
        with SummaryWriter(str(folder.tensorboard)) as board:
            for name, path in figures.items():
                board.add_image(name, imread(path)[..., :3], len(trained.rows), dataformats="HWC")
        write_report(
            folder.report,
            title=f"{config.model.name} on {config.data.name}",
            config=plain,
            metrics=metrics,
            # the report is the last thing a run writes
            manifest=manifest.read_manifest(folder) | manifest.ending("finished"),
            figures=figures,
            explorer=explorer_data.build_explorer(
                network, splits, encodings, _names_of_classes(network, splits, encodings, metrics)
            ),
        )
    closing(console, headline(metrics), folder)


def _tell_thinned(encodings: Encodings, console: Console) -> None:
    """Say so where not all images are compared with one another, or drawn."""
    n_val = int((encodings.split == VALIDATION).sum())
    n_train = len(encodings) - n_val
    if n_train > MOST_TRAIN or n_val > MOST_VAL:
        compared = f"{min(n_val, MOST_VAL):,} are compared with {min(n_train, MOST_TRAIN):,} of"
        drawn = f"; figures show {min(n_val, MOST_DRAWN):,}"
        console.print(f"of {n_val:,} validation images {compared} training{drawn}")


def _in_files(encodings: Encodings, frames: Sequence[Frame]) -> Encodings:
    """With the centres of patches in pixels of the user's files."""
    place = encodings.place
    if place is None or not frames:
        return encodings
    centre = in_file(place.centre, place.frame, frames).astype(np.float32)
    return dataclasses.replace(encodings, place=dataclasses.replace(place, centre=centre))


def measure(
    config: RunConfig, splits: Splits, trained: TrainedModel, encodings: Encodings
) -> dict[str, Any]:
    """What `metrics.json` says of a trained network and the encodings of its data."""
    network, family = trained.network, models.MODELS[config.model.name]
    terms = inference.evaluate_elbo(network, splits.val, seed=config.seed)
    elbo = {name: terms[name] for name in ("loss", "reconstruction", "kl_content")}
    if network.latents.n_pose:
        elbo["kl_pose"] = terms["kl_pose"] + terms["kl_bin"]
    if network.n_classes:
        elbo["kl_class"] = terms["kl_class"]
    return {
        "elbo": elbo,
        **analysis_metrics.summarise(
            encodings,
            splits.classes,
            splits.symmetry,
            supervised=family.learns_labels,
        ),
        **_label_free(network, splits, encodings, supervised=family.learns_labels),
        **_psnr(network, splits.val),
        "train": trained.cost,
        "classes": splits.classes,
        "n_train": len(splits.train),
        "n_val": len(splits.val),
        "latent_dim": config.model.latent_dim,
    }


def _label_free(
    network: InvariantVAE, splits: Splits, encodings: Encodings, *, supervised: bool
) -> dict[str, dict[str, float]]:
    """How distinct the classes are that a model found itself; nothing for other models."""
    if not network.n_classes or supervised:
        return {}
    val = encodings.val
    names = [str(j) for j in range(network.n_classes)]
    pictures = []
    for j, (_, told) in enumerate(network.category.examples(names)):
        members = np.flatnonzero(val.predicted == j)
        some = (
            members[np.linspace(0, len(members) - 1, N_PICTURES).astype(int)]
            if len(members)
            else members
        )
        pictures.append(inference.decode_canonical(network, val.z_mean[some], told))
    share = np.bincount(val.predicted, minlength=network.n_classes) / len(val)
    return {"label_free": class_separation(pictures, share)}


def _psnr(network: InvariantVAE, images: ImageSet) -> dict[str, dict[str, float]]:
    """How well corrupted images are restored; nothing where they are not corrupted."""
    if images.clean is None:
        return {}
    restored = inference.reconstruct(network, images)
    given, clean = (as_tensor(some).numpy() for some in (images.images, images.clean))
    return {"psnr": psnr_gain(given, restored, clean)}


def _arrays(
    network: InvariantVAE,
    splits: Splits,
    encodings: Encodings,
    metrics: Mapping[str, Any],
    rows: Sequence[Mapping[str, float]],
) -> Arrays:
    """The arrays behind every figure, under the names that `analysis.figures` lists."""
    examples = splits.val.first(_N_RECONSTRUCTIONS)
    names = _names_of_classes(network, splits, encodings, metrics)
    history = {name: [row[name] for row in rows] for name in rows[0]}
    return {
        "inputs": splits.val.images[:_N_INPUTS].numpy(),
        "reconstructions_input": as_tensor(examples.images).numpy(),
        "reconstructions_output": inference.reconstruct(network, examples),
        **_truth(examples, metrics),
        # a term that the model lacks is zero throughout
        **curve_arrays({name: values for name, values in history.items() if any(values)}),
        **encoding_arrays(encodings, metrics),
        "angle_symmetry": np.array(common_symmetry(splits.symmetry)),
        **frame_arrays(splits.frames, encodings, names),
        **_maps(network, names, encodings),
    }


def _names_of_classes(
    network: InvariantVAE, splits: Splits, encodings: Encodings, metrics: Mapping[str, Any]
) -> list[str]:
    """The classes that a model is told or infers: those it found itself after what is in them."""
    if not network.n_classes or "classification" in metrics:
        return splits.classes
    val = encodings.val
    return names_of_groups(val.predicted, val.label, splits.classes, network.n_classes)


def _truth(examples: ImageSet, metrics: Mapping[str, Any]) -> Arrays:
    """What a model should have made of corrupted examples, and how near it came to that."""
    if examples.clean is None:
        return {}
    psnr_db = np.array([metrics["psnr"]["input_db"], metrics["psnr"]["output_db"]])
    return {"reconstructions_truth": as_tensor(examples.clean).numpy(), "psnr_db": psnr_db}


def _maps(network: InvariantVAE, classes: Sequence[str], encodings: Encodings) -> Arrays:
    """Decoded content: one map, or one for each class (or step of a condition)."""
    examples = network.category.examples(classes)
    if not examples:
        return latent_maps(partial(inference.decode_canonical, network), encodings)
    decodes = [
        partial(inference.decode_canonical, network, class_code=told) for _, told in examples
    ]
    names = np.array([name for name, _ in examples])
    return {"map_names": names, **class_maps(decodes, encodings)}
