"""What a loaded run may be told: of untrained models, whose answers only need to differ."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vaerun.compose import compose
from vaerun.config import validate
from vaerun.data.sets import DataShape
from vaerun.errors import UserError
from vaerun.loaded import Run, _labels
from vaerun.models import build

N, J = 3, 4
X, Z = np.zeros((N, 12, 12)), np.zeros((N, 2))


def loaded(*overrides: str) -> Run:
    """A run of a model that was never trained."""
    config = validate(compose(["model.hidden=[9,7]", *overrides]))
    torch.manual_seed(0)
    ranges = {"angle": (-2.0, 2.0), "shear": (-0.5, 0.5)}
    shape = DataShape(image=(1, 12, 12), n_classes=J, ranges=ranges)
    return Run(build(config.model, shape).eval(), config)


def conditioned(on: str) -> Run:
    return loaded("model=crvae", f"model.category.condition=[{on}]")


def content(run: Run, **told: object) -> np.ndarray:
    """What it makes of images that are told so."""
    return run.encode(X, **told).z_mean


def decoded(run: Run, **told: object) -> np.ndarray:
    """What it makes of content that is told so."""
    return run.decode(Z, **told)


@pytest.mark.parametrize("use", [content, decoded])
@pytest.mark.parametrize(
    ("on", "told", "words"),
    [
        ("class", {"label": 0, "shear": 0.1}, "conditioned on class, but was given class, shear"),
        ("shear", {"shear": 0.1, "label": 0}, "conditioned on shear, but was given class, shear"),
        ("shear", {"shear": 0.1, "sheer": 0.1}, "conditioned on shear, but was given shear, she"),
        ("class,shear", {"label": 0}, "conditioned on class, shear, .* — give label=, shear="),
        ("angle", {}, r'conditioned on angle, .* nothing — give factors=\{"angle": …\}'),
    ],
)
def test_what_a_model_is_not_conditioned_on_is_refused(
    use: Callable[..., np.ndarray], on: str, told: dict[str, float], words: str
):
    with pytest.raises(UserError, match=words):
        use(conditioned(on), **told)


@pytest.mark.parametrize("use", [content, decoded])
def test_factors_may_be_given_by_name_or_in_a_mapping(use: Callable[..., np.ndarray]):
    run = conditioned("class,shear")
    by_name, in_mapping, other = (
        use(run, label=1, **told)
        for told in ({"shear": 0.3}, {"factors": {"shear": 0.3}}, {"factors": {"shear": -0.3}})
    )
    np.testing.assert_array_equal(by_name, in_mapping)
    assert (by_name != other).any()
    with pytest.raises(UserError, match="shear is given by name and in factors"):
        use(run, label=1, shear=0.3, factors={"shear": 0.3})


def test_an_angle_that_is_told_is_not_the_angle_that_turns():
    run = conditioned("angle")
    told, told_other = (run.decode(Z, factors={"angle": angle}) for angle in (0.0, 1.0))
    turned = run.decode(Z, angle=np.pi / 2, factors={"angle": 0.0})
    np.testing.assert_allclose(turned, np.rot90(told, 1, (2, 3)), rtol=1e-3, atol=1e-5)
    assert np.abs(told_other - told).max() > 1e-4
    with pytest.raises(UserError, match="conditioned on angle"):
        run.decode(Z, angle=1.0)
    np.testing.assert_array_equal(content(run, angle=1.0), content(run, factors={"angle": 1.0}))


def test_a_run_without_classes_is_told_nothing_in_a_mapping_either():
    run = loaded("model=rvae")
    with pytest.raises(UserError, match="rvae is told of no class or factor"):
        run.decode(Z, factors={"angle": 0.1})
    assert run.decode(Z, factors={}).shape == (N, 1, 12, 12)


@given(st.lists(st.integers(0, J - 1), min_size=1, max_size=9))
def test_classes_are_whole_numbers_of_any_type(numbers: list[int]):
    for kind in (np.uint8, np.int64, np.float32):
        assert _labels(np.array(numbers, kind), len(numbers), J).tolist() == numbers
    assert _labels(numbers[0], 5, J).tolist() == numbers[:1] * 5


@given(
    st.lists(st.integers(0, J - 1), max_size=500),
    st.sampled_from([1.7, -0.5, float("nan"), float("inf"), -1, J, None]),
    st.lists(st.sampled_from([0, 1.5, -7]), max_size=3),
)
def test_the_first_label_that_is_no_class_is_named_and_no_other(before, wrong, after):
    labels = [*before, wrong, *after]
    with pytest.raises(UserError) as caught:
        _labels(labels, len(labels), J)
    named = str(caught.value).removesuffix(" is no class — give whole numbers, 0 to 3")
    assert named in (f"label={wrong!r}", f"label={float(wrong or 0)!r}")


@pytest.mark.parametrize(
    ("label", "named"), [("hearts", "'hearts'"), (["1"] * N, "'1'"), (True, True)]
)
def test_a_class_goes_by_its_number_not_by_its_name(label: object, named: object):
    with pytest.raises(UserError, match=f"label={named} is no class"):
        _labels(label, N, J)
