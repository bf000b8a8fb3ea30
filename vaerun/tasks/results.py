"""Results of a trained network: encodings, metrics, figures and report, in the run folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from rich.console import Console
from torch import Tensor

from vaerun.data.image_set import ImageSet, Splits, as_tensor
from vaerun.evaluation.figures import curve_arrays, draw, encoding_arrays, save_figures
from vaerun.evaluation.figures.arrays import MOST_DRAWN
from vaerun.evaluation.figures.checks import check_arrays
from vaerun.evaluation.figures.micrograph_arrays import frame_arrays
from vaerun.evaluation.headline import headline
from vaerun.evaluation.metrics import summary
from vaerun.evaluation.metrics.circular import common_symmetry
from vaerun.evaluation.metrics.class_separation import N_PICTURES, class_separation
from vaerun.evaluation.metrics.clustering import names_of_groups
from vaerun.evaluation.metrics.paired_pose import MOST_PAIRED
from vaerun.evaluation.metrics.regression import regression
from vaerun.evaluation.report import explorer_data, write_report
from vaerun.microscopy.frame import common_pixel_nm
from vaerun.models import inference
from vaerun.models.encodings import TRAIN, VALIDATION, Encodings, write_latents
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.latent_traversal import Decode, class_maps, latent_maps
from vaerun.models.target_readout import TargetReadout
from vaerun.runs import manifest
from vaerun.runs.config import RunConfig
from vaerun.runs.folder import RunFolder
from vaerun.runs.inherited_overrides import read_overrides
from vaerun.tasks import verdict
from vaerun.tasks.curve_results import curve_figure_arrays, spread_arrays
from vaerun.tasks.image_source import in_files, with_symmetry
from vaerun.tasks.prediction_results import write_prediction_metrics, write_prediction_results
from vaerun.tasks.terminal import print_table
from vaerun.training.event_files import write_pngs
from vaerun.training.trained_model import TrainedModel
from vaerun.utils import provenance
from vaerun.utils.arrays import evenly, write_arrays
from vaerun.utils.files import write_text

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
    """Encode all images with a trained network and write the results that the README lists.

    `plain` is the config as plain containers.
    """
    network = trained.network
    with console.status("encoding, measuring, drawing"):
        encodings = inference.encode_splits(network, splits)
        if network.category.target is not None:
            readout = _readout(trained, encodings, splits)
            readout.write(folder.target)
            trained, encodings = replace(trained, readout=readout), readout.applied(encodings)
        splits = with_symmetry(splits, encodings, len(splits.classes), console)
        attributes = {
            "vaerun_version": provenance.version(),
            "model": config.model.name,
            "data": config.data.name,
            "config": yaml.safe_dump(dict(plain), sort_keys=False, allow_unicode=True),
            "pixel_size_nm": common_pixel_nm(splits.frames),
            "classes": splits.classes or None,
            "predicted_classes": splits.classes if network.learns_classes else None,
            "source_fingerprint": splits.source or None,
        }
        write_latents(folder.latents, in_files(encodings, splits), attributes)
        found = verdict.find(plain, splits, trained, encodings)
        encodings, splits = found.encodings, found.splits
        checks = verdict.as_json(found.findings, _trained_with(config, folder))
        if network.variant.predicts:
            write_prediction_results(config, plain, folder, trained, found, checks, console)
            return
        metrics = write_metrics(folder, config, trained, found, checks)
        names = class_names(network, encodings, splits.classes, metrics)
        _print_subsets(encodings, console)
        arrays = _arrays(network, splits, encodings, metrics, names, trained.rows)
        arrays |= check_arrays(found.findings)
        write_arrays(folder.arrays, arrays)
        figures = save_figures(draw(arrays, splits.classes), folder.figures)
        if "tensorboard" in config.trainer.logger:
            write_pngs(folder.tensorboard, figures, len(trained.rows))
        write_report(
            folder.report,
            title=f"{config.model.name} on {config.data.name}",
            config=plain,
            metrics=metrics,
            # "finished", since the report is the last file that a run writes
            manifest=manifest.read_manifest(folder) | manifest.ending("finished"),
            figures=figures,
            film=folder.film,
            explorer=explorer_data.build_explorer(network, splits, encodings, names),
        )
    print_table(console, [*headline(metrics), ("report", str(folder.report))])
    verdict.print_checks(console, checks)


def _readout(trained: TrainedModel, encodings: Encodings, splits: Splits) -> TargetReadout:
    """What a finished run has learned of its target, or what the encodings tell of it."""
    target = trained.network.category.target
    if trained.readout is not None:
        return trained.readout
    assert target is not None
    assert splits.known is not None
    return TargetReadout.fit(encodings.select(splits.known.numpy()), target)


def _regression(
    encodings: Encodings, target: str | None, readout: TargetReadout | None
) -> dict[str, Any]:
    """``regression`` of a model that infers a target, else empty."""
    if target is None or readout is None:
        return {}
    return {"regression": regression(encodings, target, (readout.known, *readout.left_out()))}


def _trained_with(config: RunConfig, folder: RunFolder) -> list[str]:
    """The overrides that the network of a task was trained with."""
    own = RunFolder(Path(config.run)) if isinstance(config.run, str) else folder
    return read_overrides(own)


def _print_subsets(encodings: Encodings, console: Console) -> None:
    """Print how many images metrics and figures use, where that is not all of them."""
    n_val = int((encodings.split == VALIDATION).sum())
    n_train = int((encodings.split == TRAIN).sum())
    train, val = min(n_train, summary.MOST_TRAIN), min(n_val, summary.MOST_VAL)
    if (train, val) != (n_train, n_val):
        drawn = f"figures show {min(n_val, MOST_DRAWN):,}"
        compared = f"{val:,} are compared with {train:,} of training"
        console.print(f"of {n_val:,} validation images {compared}; {drawn}")


def write_metrics(
    folder: RunFolder,
    config: RunConfig,
    trained: TrainedModel,
    found: verdict.Verdict,
    checks: Mapping[str, Any],
) -> dict[str, Any]:
    """Measure a trained network on the encodings of its data; write and return `metrics.json`.

    ``checks`` are the findings with their commands.
    """
    splits, encodings = found.splits, found.encodings
    network = trained.network
    if network.variant.predicts:
        return write_prediction_metrics(folder, config, trained, found, checks)
    terms = inference.evaluate_elbo(network, splits.val, seed=trained.seed)
    elbo = {name: terms[name] for name in ("loss", "reconstruction", "kl_content")}
    unposed = None
    if network.latents.n_pose:
        elbo["kl_pose"] = terms["kl_pose"] + terms["kl_bin"]
        paired = evenly(len(splits.val), MOST_PAIRED)
        unposed = inference.encode_unposed(network, splits.val, paired)
    if network.n_classes:
        elbo["kl_class"] = terms["kl_class"]
    supervised = network.learns_classes
    metrics = {
        "elbo": elbo,
        **summary.summarise(
            encodings, splits.classes, splits.symmetry, supervised=supervised, unposed=unposed
        ),
        **_regression(encodings, network.category.target, trained.readout),
        **({} if supervised else _label_free(network, encodings)),
        **_psnr(network, splits.val),
        "train": trained.cost,
        "classes": splits.classes,
        "n_train": len(splits.train),
        "n_val": len(splits.val),
        "latent_dim": config.model.latent_dim,
    }
    if metrics.get("clustering", {}).get("method") == "y":
        metrics["clustering"]["class_prior"] = network.category.prior.tolist()
    metrics |= verdict.metrics(found, checks)
    write_text(folder.metrics_json, json.dumps(metrics, indent=2, allow_nan=False) + "\n")
    return metrics


def _label_free(network: InvariantVAE, encodings: Encodings) -> dict[str, dict[str, float]]:
    """How distinct the classes of an unsupervised model are; empty for a model without classes."""
    if not network.n_classes:
        return {}
    val = encodings.val
    images = []
    names = [str(j) for j in range(network.n_classes)]
    for j, (_, condition) in enumerate(network.category.examples(names)):
        members = np.flatnonzero(val.predicted == j)
        if len(members):
            members = members[np.linspace(0, len(members) - 1, N_PICTURES).astype(int)]
        images.append(inference.decode_canonical(network, val.z_mean[members], condition))
    share = np.bincount(val.predicted, minlength=network.n_classes) / len(val)
    return {"label_free": class_separation(images, share)}


def _psnr(network: InvariantVAE, images: ImageSet) -> dict[str, dict[str, float]]:
    """PSNR of corrupted images before and after the model; empty where none is corrupted."""
    if images.clean is None:
        return {}
    restored = inference.reconstruct(network, images)
    given, clean = (as_tensor(some).numpy() for some in (images.images, images.clean))
    return {"psnr": summary.psnr_gain(given, restored, clean)}


def _arrays(
    network: InvariantVAE,
    splits: Splits,
    encodings: Encodings,
    metrics: Mapping[str, Any],
    names: Sequence[str],
    rows: Sequence[Mapping[str, float]],
) -> Arrays:
    """The arrays behind every figure, under the names that `vaerun.evaluation.figures` lists."""
    examples = splits.val.first(_N_RECONSTRUCTIONS)
    history = {name: [row[name] for row in rows] for name in rows[0]}
    return {
        "inputs": inference.shown(splits.val.images[:_N_INPUTS]).numpy(),
        "reconstructions_input": inference.shown(as_tensor(examples.images)).numpy(),
        "reconstructions_output": inference.shown(
            torch.from_numpy(inference.reconstruct(network, examples))
        ).numpy(),
        **_truth(examples, metrics),
        # a term that the model lacks is zero throughout
        **curve_arrays({name: values for name, values in history.items() if any(values)}),
        **encoding_arrays(encodings, metrics),
        **target_arrays(network),
        "angle_symmetry": np.array(common_symmetry(splits.symmetry)),
        **frame_arrays(splits.frames, encodings, names, splits.axis),
        **_maps(network, names, encodings),
        **curve_figure_arrays(network, splits, encodings),
        **(spread_arrays(network, splits.val, encodings.val, names) if splits.axis else {}),
    }


def class_names(
    network: InvariantVAE,
    encodings: Encodings,
    classes: Sequence[str],
    metrics: Mapping[str, Any],
) -> Sequence[str]:
    """Names of the classes; those of an unsupervised model are named after their members."""
    if not network.n_classes or "classification" in metrics:
        return classes
    val = encodings.val
    return names_of_groups(val.predicted, val.label, classes, network.n_classes)


def target_arrays(network: InvariantVAE) -> Arrays:
    """Name of the target that the model infers; empty without."""
    target = network.category.target
    return {} if target is None else {"target_name": np.array(target)}


def _truth(examples: ImageSet, metrics: Mapping[str, Any]) -> Arrays:
    """The clean images of corrupted examples, with the PSNR of input and output in dB."""
    if examples.clean is None:
        return {}
    psnr_db = np.array([metrics["psnr"]["input_db"], metrics["psnr"]["output_db"]])
    truth = inference.shown(as_tensor(examples.clean)).numpy()
    return {"reconstructions_truth": truth, "psnr_db": psnr_db}


def _maps(network: InvariantVAE, classes: Sequence[str], encodings: Encodings) -> Arrays:
    """Decoded content: one map, or one for each class (or step of a condition)."""

    def decoder(condition: Tensor | None) -> Decode:
        return lambda z: inference.decode_canonical(network, z, condition, shift)

    shift = inference.usual_shift(network, encodings)
    examples = network.category.examples(classes)
    if not examples:
        return latent_maps(decoder(None), encodings)
    names = np.array([name for name, _ in examples])
    return {
        "map_names": names,
        **class_maps([decoder(condition) for _, condition in examples], encodings),
    }
