"""A target from a few known values: where it is known well, where not, and what is stored."""

import logging

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor

from vaerun.models import target_readout
from vaerun.models.target_readout import TargetReadout
from vaerun.utils.errors import UserError


def known_in_the_middle(encodings, n=150, n_latents=3):
    """Encodings whose strain is a curved function of the first of z, and has noise of sd 0.05."""
    rng = np.random.default_rng(1)
    z = rng.uniform(-1, 1, (n, n_latents)).astype("f4")
    strain = (np.sin(2 * z[:, 0]) + 0.05 * rng.normal(size=n)).astype("f4")
    return encodings(n - 1, 1, z_mean=z, z_sd=z, factors={"strain": strain})


@pytest.fixture
def readout(encodings):
    return TargetReadout.fit(known_in_the_middle(encodings, 120), "strain")


def test_a_target_is_a_function_of_the_latents_that_matter(readout, encodings):
    new = known_in_the_middle(encodings, 400)
    mean, sd = readout.predict(new)
    away = new.factors["strain"] - mean
    assert np.abs(away).mean() < 0.06
    assert 0.5 < (np.abs(away) < sd).mean() < 0.85
    lengths = np.exp(readout.theta[1:-1])
    assert lengths[0] < 0.2 * lengths[1:].min()


def test_the_spread_grows_where_no_target_is_known(readout, encodings):
    new = known_in_the_middle(encodings, 20)
    far = new.z_mean + np.array([4, 0, 0], "f4")
    _, near_sd = readout.predict(new)
    _, far_sd = readout.predict(encodings(19, 1, z_mean=far, z_sd=far))
    assert far_sd.min() > 3 * near_sd.max()


def test_scale_and_gain_count_but_the_pose_does_not(encodings):
    rng = np.random.default_rng(0)
    gain = rng.uniform(1, 2, 100).astype("f4")
    known = encodings(99, 1, gain=gain, factors={"dose": 3 * gain})
    readout = TargetReadout.fit(known, "dose")
    turned = encodings(99, 1, gain=gain, angle=rng.uniform(-3, 3, 100).astype("f4"))
    for made in (known, turned):
        mean, _ = readout.predict(made)
        np.testing.assert_allclose(mean, 3 * gain, atol=0.1)


def test_known_targets_are_predicted_as_if_each_were_left_out(readout):
    mean, sd = readout.left_out()
    units = readout.known.mean(), readout.known.std()
    x = target_readout._units(readout.latents, readout.latents)
    y = (readout.known - units[0]) / units[1]
    kernel = target_readout._kernel(len(readout.theta) - 2).clone_with_theta(readout.theta)
    for i in (0, 17):
        others = np.arange(len(y)) != i
        process = GaussianProcessRegressor(kernel, optimizer=None).fit(x[others], y[others])
        one, its_sd = process.predict(x[i : i + 1], return_std=True)
        np.testing.assert_allclose(mean[i], units[0] + units[1] * one[0], rtol=1e-5)
        np.testing.assert_allclose(sd[i], units[1] * its_sd[0], rtol=1e-5)


def test_what_is_stored_predicts_the_same(tmp_path, readout, encodings):
    readout.write(tmp_path / "target.npz")
    new = known_in_the_middle(encodings, 30)
    stored = TargetReadout.read(tmp_path / "target.npz").applied(new)
    mean, sd = readout.predict(new)
    np.testing.assert_array_equal(stored.target_mean, mean.astype("f4"))
    np.testing.assert_array_equal(stored.target_sd, sd.astype("f4"))
    assert stored.has_target
    assert not new.has_target
    (tmp_path / "target.npz").write_bytes(b"no arrays")
    for name in ("target.npz", "missing.npz"):
        with pytest.raises(UserError, match=r"learned of its target — train it again"):
            TargetReadout.read(tmp_path / name)


def test_of_very_many_known_targets_an_even_selection_is_used(encodings, monkeypatch, caplog):
    monkeypatch.setattr(target_readout, "MOST_KNOWN", 40)
    with caplog.at_level(logging.INFO):
        readout = TargetReadout.fit(known_in_the_middle(encodings, 90), "strain")
    assert len(readout.known) == len(readout.latents) == 40
    assert "of 90 known values of strain, 40 are used" in caplog.text
