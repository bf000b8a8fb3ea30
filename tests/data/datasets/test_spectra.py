"""The user's own curves as splits: places, labels, masks, windows."""

import h5py
import numpy as np
import pytest

from vaerun.config.compose import compose
from vaerun.data.load import load, load_all
from vaerun.runs.config import validate
from vaerun.utils.errors import UserError


def config(path, *overrides):
    words = ["data=spectra", "model.invariances=[t]", f"data.path={path}"]
    return validate(compose([*words, *overrides])).data


@pytest.fixture
def map_file(tmp_path):
    """A map of 5 × 6 curves of 40 points, whose values tell their place."""
    row, column = np.mgrid[:5, :6]
    cube = (10 * row + column)[..., None] + np.linspace(0, 1, 40)
    with h5py.File(tmp_path / "map.h5", "w") as file:
        file["map"], file["energy"] = cube, np.linspace(20, 59, 40)
        file["phase"], file["strain"] = (column > 2).astype(int), row / 10
    return tmp_path / "map.h5"


def test_every_curve_of_a_map_knows_its_place(map_file):
    splits = load(config(map_file), 0)
    assert len(splits.val) == 6
    assert len(splits.train) == 24
    low, high = splits.window
    for part in (splits.train, splits.val):
        first = low + (high - low) * part.images[:, 0, 0, 0].numpy()
        row, column = part.place.centre.T
        np.testing.assert_allclose(first, 10 * row + column, atol=1e-4)
    assert splits.frames[0].image.shape == (5, 6)
    assert splits.axis.step == 1
    assert splits.axis.first == 20


def test_labels_and_factors_lie_beside_the_map(map_file):
    splits = load(config(map_file, "data.label=phase", "data.factors=[strain]"), 0)
    row, column = splits.train.place.centre.T
    np.testing.assert_array_equal(splits.train.label.numpy(), column > 2)
    np.testing.assert_allclose(splits.train.factors["strain"].numpy(), row / 10, atol=1e-6)
    with pytest.raises(UserError, match=r"data.label=phases is neither .* — did you mean phase"):
        load(config(map_file, "data.label=phases"), 0)


def test_labels_come_from_a_table_of_as_many_rows(map_file, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("kind\n" + "\n".join("ab"[i % 2] for i in range(30)) + "\n")
    words = [f"data.table={table}", "data.label=kind"]
    splits = load(config(map_file, *words), 0)
    assert splits.classes == ["a", "b"]
    np.testing.assert_array_equal(splits.train.label.numpy(), splits.train.index.numpy() % 2)
    table.write_text("kind\na\nb\n")
    with pytest.raises(UserError, match="has 2 rows for 30 curves — give one for each"):
        load(config(map_file, *words), 0)


def test_bad_channels_and_gaps_do_not_count(tmp_path):
    curves = np.random.default_rng(0).random((20, 30))
    curves[3, 7] = np.nan
    np.save(tmp_path / "a.npy", curves)
    splits = load(config(tmp_path / "a.npy", "data.bad_channels=[0,29]"), 0)
    measured = load_all(config(tmp_path / "a.npy", "data.bad_channels=[0,29]"), 0).images.measured
    assert (~measured[3, 0, 0]).nonzero().flatten().tolist() == [0, 7, 29]
    assert (~measured[4, 0, 0]).nonzero().flatten().tolist() == [0, 29]
    assert splits.train.measured is not None
    with pytest.raises(UserError, match=r"data.bad_channels names 30, but curves have points 0"):
        load(config(tmp_path / "a.npy", "data.bad_channels=[30]"), 0)


def test_new_curves_are_brought_to_0_to_1_as_those_of_the_run(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).random((20, 30)))
    np.save(tmp_path / "b.npy", 0.5 * np.ones((12, 30)) + np.linspace(0, 0.1, 30))
    run = load(config(tmp_path / "a.npy"), 0)
    new = load_all(config(tmp_path / "b.npy"), 0, like=run.shape)
    low, high = run.window
    assert float(new.images.images[0, 0, 0, 0]) == pytest.approx((0.5 - low) / (high - low))
    np.save(tmp_path / "c.npy", np.random.default_rng(0).random((20, 31)))
    with pytest.raises(UserError, match=r"1×1×31 .* the run's 1×1×30 — give curves in 1 channels"):
        load_all(config(tmp_path / "c.npy"), 0, like=run.shape)


@pytest.mark.parametrize(
    ("shape", "line"),
    [
        ((4, 50), "holds 4 curves: too few to learn from — give 10 or more"),
        ((40, 5), "have 5 points — give 8 or more"),
    ],
)
def test_too_few_curves_or_points_are_refused(tmp_path, shape, line):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).random(shape))
    with pytest.raises(UserError, match=line):
        load(config(tmp_path / "a.npy"), 0)


def test_a_path_is_needed():
    words = ["data=spectra", "model.invariances=[t]"]
    with pytest.raises(UserError, match=r"data.path is not given — name your curves"):
        load(validate(compose(words)).data, 0)


def test_a_derivative_takes_an_odd_number_of_points(tmp_path):
    with pytest.raises(UserError, match=r"data.derivative_points=8 is even — give 9"):
        config(tmp_path, "data.derivative_points=8")


@pytest.mark.parametrize("axes", ["YL", "NN", "YXLL", "ABL"])
def test_letters_that_name_no_curves_are_refused(tmp_path, axes):
    with pytest.raises(UserError, match=f"data.axes={axes} does not name the axes of curves"):
        config(tmp_path, f"data.axes={axes}")
