"""The script that scores the atom finder, on one small frame."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

from vaerun.microscopy import atom_finder
from vaerun.microscopy.simulation.movie import Scenario, simulate_movie

SCRIPT = Path(__file__).parents[2] / "scripts" / "judge_atom_finder.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("judge_atom_finder", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_frame_is_scored_and_the_record_renewed(script, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(script, "SIDE_PX", 200)
    side = 200 * atom_finder.PIXEL_A
    film = list(
        simulate_movie(Scenario(n_frames=1, height=side, width=side, silicon=5, grain=4.0), 70_000)
    )
    network = atom_finder.load_network(torch.device("cpu"))
    row = script._at_dose(network, [film], 20.0, mixed=False)
    assert row["f1_c"] > 0.97
    assert row["class_right"] > 0.95
    assert row["rms_A"] < 0.12
    assert "| 20 |" in script.table([row])
    weights = tmp_path / "finder.safetensors"
    weights.with_suffix(".json").write_text(json.dumps({"minutes": 3, "scores": []}))
    script.record([row], weights, crops=5)
    known = json.loads(weights.with_suffix(".json").read_text())
    assert (known["minutes"], known["crops"], known["scores"]) == (3, 5, [row])
