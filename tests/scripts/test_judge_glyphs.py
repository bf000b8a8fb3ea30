"""Images of glyphs, which classes and angles are judged on."""

import dataclasses
import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "judge_glyphs.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("judge_glyphs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_draws_are_the_same_again_and_dark_ones_are_negatives(script):
    plain = {"noise_sd": 0.0, "counts": None, "size_variation": 0.0, "shift_px": 0.0,
             "gradient": 0.0, "shear_deg": 0.0, "is_dark": False}  # fmt: skip
    setting = dataclasses.replace(script.drawn_setting(201), n=6, background=0.1, **plain)
    drawn = script.draw_images(setting, 3)
    again = script.draw_images(setting, 3)
    np.testing.assert_array_equal(drawn["images"], again["images"])
    dark = script.draw_images(dataclasses.replace(setting, is_dark=True), 3)
    np.testing.assert_allclose(dark["images"], 1 - drawn["images"])
    assert np.allclose(drawn["images"][:, 0, 0], 0.1)
    assert set(drawn["kind"]) <= set(range(len(setting.glyphs)))
    assert np.abs(drawn["angle"]).max() <= np.pi
