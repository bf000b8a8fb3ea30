"""Drawn peaks: what the factors say is what the curves are."""

import numpy as np
import pytest

from vaerun.config.compose import compose
from vaerun.data.load import load
from vaerun.runs.config import validate
from vaerun.utils.errors import UserError


def config(*overrides: str):
    few = ["data.train_size=60", "data.val_size=20"]
    return validate(compose(["data=peaks", "model.invariances=[t]", *few, *overrides])).data


def test_a_curve_is_the_formula_of_its_factors():
    quiet = ["data.noise_sd=[0,0]", "data.offset=0.2", "data.slope=0.3"]
    splits = load(config("data.shapes=[gaussian]", *quiet), 0)
    low, high = splits.window
    at = splits.axis.values(128)
    f = {name: values.numpy().astype(float) for name, values in splits.train.factors.items()}
    u = (at - f["position"][:, None]) / f["width"][:, None]
    tilt = f["slope"][:, None] * (at / 100 - 0.5)
    want = f["height"][:, None] * np.exp(-(u**2) / 2) + f["offset"][:, None] + tilt
    got = low + (high - low) * splits.train.images[:, 0, 0].numpy()
    np.testing.assert_allclose(got, want, atol=1e-5)
    assert splits.classes == []
    assert (splits.train.label == -1).all()


def test_the_whole_set_goes_from_0_to_1():
    splits = load(config(), 1)
    both = [part.images for part in (splits.train, splits.val)]
    assert min(float(x.min()) for x in both) == 0
    assert max(float(x.max()) for x in both) == pytest.approx(1)


def test_noise_is_of_the_drawn_sd():
    splits = load(config("data.shapes=[gaussian]", "data.noise_sd=[0.01,0.1]",
                         "data.channels=2000"), 0)  # fmt: skip
    away = splits.train.images[:, 0, 0, :200].std(1) * (splits.window[1] - splits.window[0])
    ratio = away / splits.train.factors["noise_sd"]  # no line is there
    assert ratio.numpy() == pytest.approx(1, abs=5 / np.sqrt(400))  # five standard errors


def test_shapes_alternate_and_have_classes():
    splits = load(config("data.shapes=[gaussian,loop,fano]"), 0)
    assert splits.classes == ["gaussian", "loop", "fano"]
    assert splits.train.label[:4].tolist() == [0, 1, 2, 0]


def test_further_lines_are_where_their_number_says():
    splits = load(config("data.lines=[1,3]", "data.noise_sd=[0,0]", "data.shapes=[gaussian]",
                         "data.height=[1,1]", "data.width=[1,1]"), 3)  # fmt: skip
    area = splits.train.images[:, 0, 0].sum(1).numpy()
    lines = splits.train.factors["lines"].numpy()
    assert set(lines) == {1.0, 2.0, 3.0}
    assert area[lines == 1].std() < 0.01 * area[lines == 1].mean()
    assert area[lines == 3].mean() > area[lines == 2].mean() > area[lines == 1].mean()


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("data.width=[3,2]", r"data.width=\[3(.0)?,2(.0)?\] is not a lower and an upper end"),
        ("data.axis=[5,5]", r"data.axis=\[5(.0)?,5(.0)?\] is not a lower"),
        ("data.shapes=[]", r"data.shapes=\[\] is empty or names one twice"),
        ("data.shapes=[cubic]", "cubic.*gaussian"),
    ],
)
def test_wrong_ranges_are_refused(override, line):
    with pytest.raises(UserError, match=line):
        config(override)


def test_rotation_of_curves_is_refused_with_what_to_type():
    with pytest.raises(UserError) as fault:
        config("model.invariances=[r,t,i]")
    assert "curves, which have no rotation" in str(fault.value)
    assert "'model.invariances=[t,i]'" in str(fault.value)
