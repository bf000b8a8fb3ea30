"""The peers of real spectra are given what the model is given, and find what is there."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "real_spectra.py"
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("real_spectra", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_curves_are_prepared_as_for_a_model(script, tmp_path: Path):
    curves = np.cumsum(RNG.normal(size=(12, 40)), 1)
    np.savez(tmp_path / "a.npz", spectra=curves, wavenumber=np.arange(40.0))
    found = script.prepared(tmp_path / "a.npz", ["data.bin=2"])
    means = curves.reshape(12, 20, 2).mean(2)
    expected = (means - means.min()) / np.ptp(means)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_least_squares_find_a_target_that_two_lines_tell(script):
    amounts, lines = RNG.uniform(size=(30, 2)), RNG.normal(size=(2, 25))
    curves = amounts @ lines + 1e-6 * RNG.normal(size=(30, 25))
    found = script.partial_least_squares(curves[:20], amounts[:20, 0], curves[20:])
    np.testing.assert_allclose(found, amounts[20:, 0], atol=1e-3)


def test_components_are_as_many_as_tell_the_classes(script):
    label = np.arange(30) % 3
    spread = np.array([9, 9, 9, 1.0])  # the classes are in the fourth component
    curves = RNG.normal(size=(30, 4)) * spread
    curves[:, 3] = 4.0 * label + 0.1 * RNG.normal(size=30)
    assert script.components(np.pad(curves, ((0, 0), (0, 8))), label) == 4


def test_a_row_has_the_mean_and_spread_over_seeds(script):
    results = [script.Result("coffee", "origin, %", 90.0, value, 3.0) for value in (80.0, 90.0)]
    assert script.row(results) == ["coffee", "origin, %", "90 ± 0", "85 ± 7.1", "80, 90", "3"]
