"""Exported encoders and decoders against the run itself.

Every model, decoder, pose and shape goes through `torch.export`; ONNX is made from that and takes
longer, so it is asked only of those that between them use every part.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from vaerun.config.compose import compose
from vaerun.data.image_set import DataShape
from vaerun.models import InvariantVAE, export
from vaerun.models.export_graphs import Port
from vaerun.models.target_readout import TargetReadout
from vaerun.runs.config import validate
from vaerun.runs.folder import RunFolder
from vaerun.runs.run import Run
from vaerun.utils.errors import UserError

Runner = Callable[..., Sequence[np.ndarray]]

J = 4
RTS = "model.invariances=[r,t,s]"
PAPER = ("model/decoder=spatial", "model/pose=amortized")
CLASSIFIER = ("model/category=classifier", "model.category.hidden=[6]")
GAUSSIAN = ("model.likelihood=gaussian",)
GUMBEL = ("model/category=gumbel_softmax",)
REGRESSED = ("model=ssrvae", "model/category=regressed", "model.category.target=shear")
SQUARE, WIDE, CURVE = (1, 12, 12), (3, 9, 14), (2, 1, 24)
TARGET = (1, 1, 20)  # of what is predicted
CASES = {
    "ae": (SQUARE, "model=ae"),
    "vae": (WIDE, "model=vae"),
    "vae, canonical": (SQUARE, "model=vae", "model/decoder=canonical"),
    "rvae": (SQUARE, "model=rvae", "model.invariances=[r]"),
    "ved": (SQUARE, "model=ved", "model.invariances=[r]", "model.likelihood=gaussian"),
    "ved, curves": (CURVE, "model=ved", "model.invariances=[t]", "model.likelihood=gaussian"),
    "rvae, all invariances": (WIDE, "model=rvae", RTS, "model.pose.window_px=12"),
    "rvae, shift and scale": (SQUARE, "model=rvae", "model.invariances=[t,s]"),
    "rvae, spatial": (WIDE, "model=rvae", RTS, "model/decoder=spatial"),
    "rvae, amortized": (SQUARE, "model=rvae", RTS, "model/pose=amortized"),
    "rvae, paper": (WIDE, "model=rvae", RTS, *PAPER, "model.likelihood=gaussian"),
    "crvae of class": (SQUARE, "model=crvae", "model.category.condition=[class]"),
    "crvae of both": (WIDE, "model=crvae", RTS, "model.category.condition=[shear,class]"),
    "crvae, paper": (SQUARE, "model=crvae", "model.category.condition=[shear]", *PAPER),
    "ssrvae": (WIDE, "model=ssrvae", RTS),
    "ssrvae, paper": (SQUARE, "model=ssrvae", *PAPER, *CLASSIFIER),
    "jrvae": (SQUARE, "model=jrvae", "model.latent_dim=1"),
    "jrvae, gumbel": (WIDE, "model=jrvae", RTS, *GUMBEL),
    "rvae, curves": (CURVE, "model=rvae", "model.invariances=[t,s,i]", *GAUSSIAN),
    "regressed": (SQUARE, *REGRESSED, "model.invariances=[r,s,i]", *GAUSSIAN),
    "jrvae, paper": (SQUARE, "model=jrvae", *PAPER, *GUMBEL),
}  # fmt: skip
IN_ONNX = (
    "rvae, all invariances", "crvae of both", "ssrvae, paper", "jrvae, gumbel", "ved",
    "rvae, curves", "regressed",
)  # fmt: skip


def untrained(folder: Path, case: str) -> Run:
    """A run whose model was never trained."""
    image, *overrides = CASES[case]
    config = validate(compose(["model.hidden=[9,9]", "model.likelihood=bernoulli", *overrides]))
    torch.manual_seed(0)
    predicts, of_curves = config.model.name == "ved", image[1] == 1
    shape = DataShape(
        image=image,
        target=TARGET if predicts else None,
        target_window=(-3e-6, 2e-6) if predicts else None,
        n_classes=J,
        ranges={"shear": (-0.5, 1)},
        axis_step=0.25 if of_curves else None,
    )
    network = InvariantVAE(config.model, shape)
    for weights in network.encoder.parameters():
        weights.data *= 3  # so that poses and classes differ, as they do once trained
    run = Run(network.eval(), config, RunFolder(folder))
    if network.category.target is not None:
        run.__dict__["target"] = readout(config.model.latent_dim)
    return run


def readout(d: int) -> TargetReadout:
    """What was learned of a target in tiny units from content, scale, gain and offset."""
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(30, d + 3)) * [*[1] * d, 0.1, 0.3, 1e-9]
    known = 1e-5 * (np.sin(latents[:, 0]) + latents[:, -2])
    theta = np.log([1.5, *np.linspace(1, 3, d + 2), 0.01])  # offset does not vary
    return TargetReadout(latents, known, theta)


def runner(folder: Path, part: str) -> tuple[Runner, list[str]]:
    """What runs an exported file by the names of its inputs, and the names of its outputs."""
    said = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    inputs, outputs = ([port["name"] for port in said[part][k]] for k in ("inputs", "outputs"))
    path = folder / said[part]["file"]
    if said["format"] == "onnx":
        session = onnxruntime.InferenceSession(path)
        assert [given.name for given in session.get_inputs()] == inputs
        assert [out.name for out in session.get_outputs()] == outputs
        assert {port.shape[0] for port in session.get_inputs()} == {"batch"}
        return lambda **given: session.run(None, given), outputs
    module = torch.export.load(path).module()
    return lambda **given: [
        out.numpy() for out in module(*(torch.from_numpy(given[name]) for name in inputs))
    ], outputs


def conditions(run: Run, n: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Conditions of n images, for a run and for an exported file."""
    rng = np.random.default_rng(n)
    category = run.network.category
    to_run, columns = {}, []
    if run.network.n_classes or category.n_data_classes:
        to_run["label"] = rng.integers(J, size=n)
        columns.append(np.eye(J)[to_run["label"]])
    for name in category.factors:
        to_run[name] = rng.uniform(-0.5, 1, n)
        columns.append(to_run[name][:, None])
    return to_run, {"condition": np.hstack(columns).astype(np.float32)} if columns else {}


def assert_encodes_alike(run: Run, file: Runner, outputs: list[str], n: int) -> None:
    x = np.random.default_rng(n).random((n, *run.network.shape.image), np.float32)
    to_run, to_file = ({}, {}) if run.network.n_classes else conditions(run, n)
    expected = run.encode(x, **to_run)
    got = file(images=x, **to_file)
    network = run.network
    n_more = bool(network.n_classes) + 2 * (network.brightness is not None)
    n_more += 2 * (network.category.target is not None)
    assert len(got) == len(outputs) == 6 + n_more
    for name, values in zip(outputs, got, strict=True):
        right = getattr(expected, name)
        assert values.shape == right.shape
        if name == "angle":
            np.testing.assert_allclose(np.exp(1j * values), np.exp(1j * right), atol=1e-4)
        elif name.startswith("target"):
            np.testing.assert_allclose(values, right, rtol=1e-3, err_msg=name)
        else:
            np.testing.assert_allclose(values, right, atol=1e-4, err_msg=name)


def assert_decodes_alike(run: Run, file: Runner, n: int) -> None:
    rng = np.random.default_rng(n)
    z = rng.normal(size=(n, run.config.model.latent_dim)).astype(np.float32)
    pose = {}
    if run.network.decoder.can_pose:
        shift = rng.normal(size=(n, run.network.latents.n_shifts))
        pose = {"angle": rng.uniform(-3, 3, n), "shift": shift}
        pose = {k: v.astype(np.float32) for k, v in pose.items()}
        pose["scale"] = rng.uniform(0.7, 1.3, n).astype(np.float32)
    to_run, to_file = conditions(run, n)
    (got,) = file(z=z, **pose, **to_file)
    expected = run.decode(z, **pose, **to_run)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=1e-4)


def assert_predicts_alike(run: Run, file: Runner, n: int) -> None:
    x = np.random.default_rng(n).random((n, *run.network.shape.image), np.float32)
    for values, right in zip(file(images=x), run.predict(x), strict=True):
        assert values.shape == right.shape == (n, *TARGET)
        np.testing.assert_allclose(values, right, rtol=1e-3, atol=1e-4 * np.abs(right).max())


@pytest.mark.parametrize(
    ("form", "case"),
    [("onnx" if case in IN_ONNX else "torch", case) for case in CASES],
)
def test_what_is_exported_agrees_with_the_run_for_any_number_of_images(
    tmp_path: Path, form: str, case: str
):
    run = untrained(tmp_path, case)
    folder = run.export(tmp_path / "out" / "there", form)
    suffix = {"onnx": "onnx", "torch": "pt2"}[form]
    parts = ["encoder", "decoder", *(["predictor"] if run.config.model.name == "ved" else [])]
    wanted = {*(f"{part}.{suffix}" for part in parts), "export.json"}
    assert {path.name for path in folder.iterdir()} == wanted
    encoder, outputs = runner(folder, "encoder")
    decoder, _ = runner(folder, "decoder")
    for n in (1, 7):
        assert_encodes_alike(run, encoder, outputs, n)
        assert_decodes_alike(run, decoder, n)
    if "predictor" in parts:
        predictor, _ = runner(folder, "predictor")
        for n in (1, 7):
            assert_predicts_alike(run, predictor, n)


def test_a_file_that_disagrees_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    right = export._runner

    def wrong(path: Path, form: str) -> export.Runner:
        run = right(path, form)
        return lambda inputs: [out + 0.001 for out in run(inputs)]

    monkeypatch.setattr(export, "_runner", wrong)
    with pytest.raises(RuntimeError, match=r"encoder\.pt2 gives another z_mean .* by 1\.0e-03"):
        untrained(tmp_path, "vae").export(tmp_path / "out", "torch")
    assert not list((tmp_path / "out").iterdir())


def test_angles_on_either_side_of_half_a_turn_agree():
    given, expected = torch.tensor([3.1415]), torch.tensor([-3.1415])
    assert export._away(Port("angle", (), ""), given, expected) < 1e-3
    assert export._away(Port("shift", (), ""), given, expected) > 1


def test_numbers_in_units_are_compared_with_the_largest_of_them():
    given, expected = torch.tensor([2e-9, 0.0]), torch.tensor([1e-9, 4e-9])
    assert export._away(Port("scale", (), ""), given, expected) < 1e-6
    assert export._away(Port("target_sd", (), "", in_units=True), given, expected) == 1


def test_an_image_with_two_equally_likely_hypotheses_is_not_compared(tmp_path: Path):
    network = untrained(tmp_path, "rvae").network
    blank, drawn = torch.zeros(1, 1, 12, 12), torch.rand(1, 1, 12, 12)
    (compared,) = export._unambiguous(network, torch.cat([blank, drawn]))
    torch.testing.assert_close(compared, drawn)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("onxx", "format='onxx' is no format — give onnx or torch"),
        ("onnx", r"format=onnx needs onnxscript, .* — pip install 'vaerun\[onnx\]'"),
    ],
)
def test_a_form_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, words: str
):
    monkeypatch.setattr(
        export.importlib.util, "find_spec", lambda name: None if name == "onnxscript" else name
    )
    with pytest.raises(UserError, match=words):
        untrained(tmp_path, "vae").export(tmp_path / "out", form)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path):
    (tmp_path / "out").touch()
    with pytest.raises(UserError, match=r"out cannot hold an export .* — give a folder"):
        untrained(tmp_path, "vae").export(tmp_path / "out", "torch")
