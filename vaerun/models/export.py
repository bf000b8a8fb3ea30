"""Export of encoder and decoder to files for programs without vaerun.

`write` makes `encoder` and `decoder`, and of a model that predicts `predictor`, ONNX (`.onnx`) or
torch.export (`.pt2`), for any batch size, and an `export.json` that describes inputs and outputs.
Before they get their names the files are run, and must agree with the network.
"""

import contextlib
import importlib.util
import json
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaerun.geometry import wrap
from vaerun.models.export_graphs import DecoderGraph, EncoderGraph, Graph, Port, PredictorGraph
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.target_readout import TargetReadout
from vaerun.utils.errors import UserError
from vaerun.utils.files import atomic_path

SUFFIXES = {"onnx": ".onnx", "torch": ".pt2"}

_TOLERANCE = 1e-4  # absolute, and relative to numbers above 1
_N_TRACED = 3  # images; a batch of one would become a constant
_N_DRAWN, _N_CHECKED = 28, 7
_LEAD = 1e-4  # in log-probability, of an image's likeliest hypothesis

Runner = Callable[[Sequence[Tensor]], Sequence[Tensor]]


@torch.no_grad()
def write(
    network: InvariantVAE,
    folder: Path,
    form: str,
    about: Mapping[str, Any],
    readout: TargetReadout | None = None,
) -> None:
    """Write encoder, decoder, a model's predictor and `export.json`, all of them or none.

    Parameters
    ----------
    network
        In evaluation mode, on the CPU.
    folder
        Created if missing; files of these names are replaced.
    form
        ``onnx`` or ``torch``.
    about
        Plain values at the beginning of `export.json`.
    readout
        What was learned of a target; None for a model that infers none.

    Raises
    ------
    UserError
        If the form is unknown, its packages are missing, or the folder cannot be written.
    RuntimeError
        If a file does not agree with the network.
    """
    _check_form(form)
    parts: dict[str, Graph] = {
        "encoder": EncoderGraph(network, readout).eval(),
        "decoder": DecoderGraph(network).eval(),
    }
    if network.variant.predicts:
        parts["predictor"] = PredictorGraph(network).eval()
    described: dict[str, Any] = {**about, "format": form}
    try:
        with contextlib.ExitStack() as stack, _quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            # entered first, so renamed last, after the files that it describes
            description = stack.enter_context(atomic_path(folder / "export.json"))
            for name, graph in parts.items():
                file = folder / f"{name}{SUFFIXES[form]}"
                unfinished = stack.enter_context(atomic_path(file))
                _write_graph(graph, unfinished, form, graph.examples(network, _N_TRACED))
                inputs = graph.examples(network, _N_DRAWN)
                if name == "encoder":
                    inputs = _unambiguous(network, *inputs)
                difference = _check(graph, _runner(unfinished, form), inputs, file.name)
                described[name] = _description(graph, file.name, difference)
            text = json.dumps(described, indent=2, ensure_ascii=False, allow_nan=False)
            description.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{folder} cannot hold an export ({error.strerror}: {error.filename})",
            "give a folder that can be written to",
        ) from error


def _check_form(form: str) -> None:
    if form not in SUFFIXES:
        raise UserError(f"format={form!r} is no format", f"give {' or '.join(SUFFIXES)}")
    wanted = ("onnx", "onnxscript", "onnxruntime") if form == "onnx" else ()
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"format=onnx needs {', '.join(missing)}, not installed",
            "pip install 'vaerun[onnx]', or give format=\"torch\"",
        )


def _write_graph(graph: Graph, path: Path, form: str, examples: Sequence[Tensor]) -> None:
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(
        graph, tuple(examples), dynamic_shapes=(tuple({0: batch} for _ in examples),), strict=False
    )
    if form == "torch":
        torch.export.save(program, path)
        return
    exported = torch.onnx.export(
        program,
        dynamo=True,
        verbose=False,
        dynamic_shapes=tuple({0: "batch"} for _ in examples),  # names the dimension
        input_names=[port.name for port in graph.inputs],
        output_names=[port.name for port in graph.outputs],
    )
    assert exported is not None
    exported.save(path)


def _runner(path: Path, form: str) -> Runner:
    """Function that runs a file."""
    if form == "torch":
        module = torch.export.load(path).module()
        return lambda inputs: module(*inputs)
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]

    def run(inputs: Sequence[Tensor]) -> list[Tensor]:
        arrays = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
        return [torch.from_numpy(out) for out in session.run(None, arrays)]

    return run


def _check(graph: Graph, run: Runner, inputs: Sequence[Tensor], name: str) -> float:
    """Largest difference between a file and the network, for several images and for one."""
    largest = 0.0
    for n in (_N_CHECKED, 1):
        some = [tensor[:n] for tensor in inputs]
        for port, got, expected in zip(graph.outputs, run(some), graph(*some), strict=True):
            worst = _away(port, got, expected)
            if not worst <= _TOLERANCE:
                raise RuntimeError(
                    f"{name} gives another {port.name} than the network, by {worst:.1e}"
                )
            largest = max(largest, worst)
    return largest


def _away(port: Port, got: Tensor, expected: Tensor) -> float:
    """Largest difference, relative for numbers above 1; of angles, on the circle.

    In units of the user's it is relative to the largest number, whatever that is.
    """
    if got.shape != expected.shape:
        return math.inf
    away = wrap(got - expected) if port.name == "angle" else got - expected
    size = (
        expected.abs().max().clamp_min(1e-30) if port.in_units else expected.abs().clamp_min(1.0)
    )
    return float((away.abs() / size).max())


def _unambiguous(network: InvariantVAE, *inputs: Tensor) -> list[Tensor]:
    """Inputs whose likeliest hypothesis is clearly ahead, so that rounding cannot change it."""
    images, *plain = inputs
    condition = network.category.standardise(plain[0]) if plain else None
    posterior = network.infer(images, condition)
    scores = []
    if posterior.log_class is not None:
        scores.append(posterior.log_class)
        if posterior.log_q.shape[2] > 1:
            posterior = posterior.on_class(posterior.log_class.argmax(1))
    scores.append(posterior.log_q.flatten(1))
    lead = torch.full((len(images),), torch.inf)
    for score in scores:
        if score.shape[1] > 1:
            first, second = score.topk(2, dim=1).values.T
            lead = torch.minimum(lead, first - second)
    clear = lead > _LEAD
    return [tensor[clear] for tensor in inputs] if clear.any() else list(inputs)


def _description(graph: Graph, file: str, difference: float) -> dict[str, Any]:
    inputs, outputs = (
        [
            {"name": p.name, "shape": ["batch", *p.shape], "type": "float32", "is": p.meaning}
            for p in ports
        ]
        for ports in (graph.inputs, graph.outputs)
    )
    return {"file": file, "inputs": inputs, "outputs": outputs, "largest_difference": difference}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence warnings and logs of torch's exporter; `_check` decides whether it worked."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
