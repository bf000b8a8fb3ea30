"""What a loaded run does: of untrained models, whose answers only need to differ."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vaerun.config.compose import compose
from vaerun.data.image_set import DataShape
from vaerun.models import InvariantVAE, latent_traversal
from vaerun.models.inference import decode_canonical
from vaerun.runs.config import validate
from vaerun.runs.folder import RunFolder
from vaerun.runs.inputs import labels
from vaerun.runs.run import Run
from vaerun.utils.errors import UserError

N, J = 3, 4
X, Z = np.zeros((N, 12, 12)), np.zeros((N, 2))


def loaded(*overrides: str, folder: Path = Path("nowhere")) -> Run:
    """A run of a model that was never trained."""
    config = validate(compose(["model.hidden=[9,7]", "model.likelihood=bernoulli", *overrides]))
    torch.manual_seed(0)
    ranges = {"angle": (-2.0, 2.0), "shear": (-0.5, 0.5)}
    shape = DataShape(image=(1, 12, 12), n_classes=J, ranges=ranges)
    return Run(InvariantVAE(config.model, shape).eval(), config, RunFolder(folder))


def conditioned(on: str) -> Run:
    return loaded("model=crvae", f"model.category.condition=[{on}]")


def content(run: Run, **condition: object) -> np.ndarray:
    """Content of images under a condition."""
    return run.encode(X, **condition).z_mean


def decoded(run: Run, **condition: object) -> np.ndarray:
    """Images of content under a condition."""
    return run.decode(Z, **condition)


@pytest.mark.parametrize("use", [content, decoded])
@pytest.mark.parametrize(
    ("on", "condition", "words"),
    [
        ("class", {"label": 0, "shear": 0.1}, "conditioned on class, but was given class, shear"),
        ("shear", {"shear": 0.1, "label": 0}, "conditioned on shear, but was given class, shear"),
        ("shear", {"shear": 0.1, "sheer": 0.1}, "conditioned on shear, but was given shear, she"),
        ("class,shear", {"label": 0}, "conditioned on class, shear, .* — give label=, shear="),
        ("angle", {}, r'conditioned on angle, .* nothing — give factors=\{"angle": …\}'),
    ],
)
def test_what_a_model_is_not_conditioned_on_is_refused(
    use: Callable[..., np.ndarray], on: str, condition: dict[str, float], words: str
):
    with pytest.raises(UserError, match=words):
        use(conditioned(on), **condition)


@pytest.mark.parametrize("use", [content, decoded])
def test_factors_may_be_given_by_name_or_in_a_mapping(use: Callable[..., np.ndarray]):
    run = conditioned("class,shear")
    by_name, in_mapping, other = (
        use(run, label=1, **condition)
        for condition in (
            {"shear": 0.3},
            {"factors": {"shear": 0.3}},
            {"factors": {"shear": -0.3}},
        )
    )
    np.testing.assert_array_equal(by_name, in_mapping)
    assert (by_name != other).any()
    with pytest.raises(UserError, match="shear is given by name and in factors"):
        use(run, label=1, shear=0.3, factors={"shear": 0.3})


def test_a_factor_called_angle_does_not_turn_the_image():
    run = conditioned("angle")
    condition, other = (run.decode(Z, factors={"angle": angle}) for angle in (0.0, 1.0))
    turned = run.decode(Z, angle=np.pi / 2, factors={"angle": 0.0})
    np.testing.assert_allclose(turned, np.rot90(condition, 1, (2, 3)), rtol=1e-3, atol=1e-5)
    assert np.abs(other - condition).max() > 1e-4
    with pytest.raises(UserError, match="conditioned on angle"):
        run.decode(Z, angle=1.0)
    np.testing.assert_array_equal(content(run, angle=1.0), content(run, factors={"angle": 1.0}))


def test_a_run_without_classes_takes_no_condition_in_a_mapping_either():
    run = loaded("model=rvae")
    with pytest.raises(UserError, match="rvae takes no class and no factor"):
        run.decode(Z, factors={"angle": 0.1})
    assert run.decode(Z, factors={}).shape == (N, 1, 12, 12)


@given(st.lists(st.integers(0, J - 1), min_size=1, max_size=9))
def test_classes_are_whole_numbers_of_any_type(numbers: list[int]):
    for kind in (np.uint8, np.int64, np.float32):
        assert labels(np.array(numbers, kind), len(numbers), J).tolist() == numbers
    assert labels(numbers[0], 5, J).tolist() == numbers[:1] * 5


@given(
    st.lists(st.integers(0, J - 1), max_size=500),
    st.sampled_from([1.7, -0.5, float("nan"), float("inf"), -1, J, None]),
    st.lists(st.sampled_from([0, 1.5, -7]), max_size=3),
)
def test_the_first_label_that_is_no_class_is_named_and_no_other(before, wrong, after):
    given_labels = [*before, wrong, *after]
    with pytest.raises(UserError) as caught:
        labels(given_labels, len(given_labels), J)
    named = str(caught.value).removesuffix(" is no class — give whole numbers, 0 to 3")
    assert named in (f"label={wrong!r}", f"label={float(wrong or 0)!r}")


@pytest.mark.parametrize(
    ("label", "named"), [("hearts", "'hearts'"), (["1"] * N, "'1'"), (True, True)]
)
def test_a_class_goes_by_its_number_not_by_its_name(label: object, named: object):
    with pytest.raises(UserError, match=f"label={named} is no class"):
        labels(label, N, J)


RANDOM = np.random.default_rng(0).random((N, 12, 12))


def test_a_run_says_what_it_is(tmp_path: Path):
    run = loaded("model=vae", "model.latent_dim=1", folder=tmp_path)
    assert repr(run) == f"Run(vae on cards_iv, 1 content dimension, {tmp_path})"
    with pytest.raises(UserError, match=r"metrics\.json is not there — the run has not finished"):
        _ = run.metrics
    (tmp_path / "metrics.json").write_text(json.dumps({"elbo": {"loss": 123.456}}))
    loss = "validation loss 123.5"
    assert repr(run) == f"Run(vae on cards_iv, 1 content dimension, {loss}, {tmp_path})"
    assert run.metrics["elbo"]["loss"] == 123.456
    assert run.path == tmp_path
    (tmp_path / "metrics.json").write_text("{")
    with pytest.raises(UserError, match=r"metrics\.json is not readable JSON"):
        _ = run.metrics


def test_its_own_latents_are_read_when_asked_for_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run, asked = loaded(folder=tmp_path), []
    monkeypatch.setattr("vaerun.runs.run.read_latents", asked.append)
    assert run.latents is run.latents
    assert asked == [tmp_path / "latents.h5"]
    monkeypatch.undo()
    with pytest.raises(UserError, match=r"latents\.h5 is not there"):
        _ = loaded(folder=tmp_path).latents


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_manifold_is_that_of_the_figure(d: int, monkeypatch: pytest.MonkeyPatch):
    run = loaded(f"model.latent_dim={d}")
    z = np.random.default_rng(d).normal(size=(50, d)) * [0.1, 1, 2][-d:]
    known = SimpleNamespace(z_mean=z)
    monkeypatch.setattr("vaerun.runs.run.read_latents", lambda path: known)
    arrays = latent_traversal.latent_maps(partial(decode_canonical, run.network), known)
    tiles = latent_traversal.STRIP_TILES if d == 1 else latent_traversal.TILES
    got = run.manifold(tiles)
    assert got.shape == (1 if d == 1 else tiles, tiles, 1, 12, 12)
    np.testing.assert_allclose(got, arrays["manifold"], atol=1e-6)


def test_a_manifold_may_be_of_any_class_dimensions_and_extent():
    run = loaded("model=ssrvae", "model.latent_dim=3")
    got = run.manifold(3, label=2, extent=2.0, dimensions=(2, 0))
    corner = run.decode([2.0, 0.0, -2.0], label=2)[0]  # top left: the third low, the first high
    np.testing.assert_allclose(got[0, 0], corner, atol=1e-6)
    for wrong in ((0, 3), (1, 1), (), (0, 1, 2)):
        with pytest.raises(UserError, match=r"are not there — give one or two, from 0 to 2"):
            run.manifold(3, label=2, dimensions=wrong)
    with pytest.raises(UserError, match="n=1 is no grid"):
        run.manifold(1, label=2, dimensions=(0,))
    with pytest.raises(UserError, match="decodes under a class"):
        run.manifold(3, dimensions=(0,))


def test_a_pose_is_decoded_as_it_was_encoded():
    run = loaded("model.invariances=[r,t,s]")
    latents = run.encode(RANDOM)
    got = run.decode(latents.z_mean, latents.angle, shift=latents.shift, scale=latents.scale)
    error = np.square(got[:, 0] - RANDOM).mean((1, 2))
    np.testing.assert_allclose(error, latents.error, rtol=1e-3)
    moved = run.decode(Z, shift=(2, -3))
    np.testing.assert_allclose(moved[:, :, 4:-2, 2:-5], run.decode(Z)[:, :, 2:-4, 5:-2], atol=1e-5)


def test_many_images_are_decoded_in_parts(monkeypatch: pytest.MonkeyPatch):
    run = loaded("model=crvae", "model.category.condition=[class]")
    z, angle, label = np.random.default_rng(1).normal(size=(7, 2)), np.arange(7), np.arange(7) % J
    whole = run.decode(z, angle, label)
    monkeypatch.setattr("vaerun.models.invariant_vae._MOST_IMAGES", 3)
    np.testing.assert_allclose(run.decode(z, angle, label), whole, atol=1e-6)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (RANDOM[:, :11], r"images of shape \(3, 11, 12\) are not .* C×H×W = 1×12×12"),
        (RANDOM[0], r"images of shape \(12, 12\) are not what this run was trained on"),
        (RANDOM[:0], "there are no images"),
        (RANDOM + 1j, "images of type complex128 are not real numbers — give some from 0 to 1"),
        ((RANDOM * 255).astype(np.uint8), r"images of type uint8 go up to 25\d — scale them"),
        (np.where(RANDOM > 0.9, np.nan, RANDOM), "some pixels are not finite — fill them"),
    ],
)
def test_images_that_it_cannot_encode_are_refused_in_one_line(images: np.ndarray, words: str):
    with pytest.raises(UserError, match=words):
        loaded().encode(images)


@pytest.mark.parametrize(
    ("pose", "words"),
    [
        ({"shift": (1, 2, 3)}, r"shift of shape \(3,\) for 3 images — give row and column"),
        ({"scale": 0}, "scale=0 is no factor — give numbers above 0"),
        ({"angle": [1, 2]}, "2 angles for 3 images"),
    ],
)
def test_a_pose_that_is_none_is_refused_in_one_line(pose: dict[str, object], words: str):
    with pytest.raises(UserError, match=words):
        loaded().decode(Z, **pose)
    for changed in ({"angle": 1}, {"shift": (0, 1)}, {"scale": 2}):
        with pytest.raises(UserError, match="vae cannot turn, shift or scale images"):
            loaded("model=vae").decode(Z, **changed)
