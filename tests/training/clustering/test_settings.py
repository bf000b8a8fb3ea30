"""What is searched for pseudo-labels follows from the model."""

import math

import pytest
import torch

from vaerun.config.compose import compose
from vaerun.runs.config import validate
from vaerun.training.clustering.find_classes import find_pseudo_labels
from vaerun.training.clustering.settings import ClusteringSettings, clustering_settings

from .shapes import CPU, unknown


def settings_of(*overrides: str) -> ClusteringSettings | None:
    config = validate(compose(list(overrides)))
    return clustering_settings(config.model, getattr(config.model.category, "n_classes", 0) or 4)


def test_a_model_that_infers_classes_searches_all_angles():
    settings = settings_of(
        "model=jrvae", "model.clustering.templates=7", "model.clustering.repeats=2"
    )
    assert settings is not None
    assert (settings.n_classes, settings.n_templates, settings.n_repeats) == (4, 28, 2)
    assert settings.angle_range == pytest.approx(math.pi)
    assert (settings.centre, settings.size, settings.mask) == (False, False, False)


@pytest.mark.parametrize(
    ("overrides", "angle_range", "centre", "mask"),
    [
        (("model.pose.angle_range_deg=30", "model.invariances=[r,t]"), math.pi / 6, True, False),
        (("model/pose=none", "model.invariances=[]"), 0, False, False),
        (("model.invariances=[t]",), 0, True, False),
        (("model/pose=amortized", "model.invariances=[r,t]"), math.pi, True, False),
        (("data.fills_field=true", "model.invariances=[r,t]"), math.pi, False, True),
    ],
    ids=str,
)
def test_only_the_invariances_of_the_model_are_searched(
    overrides: tuple[str, ...], angle_range: float, centre: bool, mask: bool
):
    settings = settings_of("model=ssrvae", *overrides, "model.category.n_classes=3")
    assert settings is not None
    assert settings.n_classes == 3
    assert settings.angle_range == pytest.approx(angle_range)
    assert (settings.centre, settings.mask) == (centre, mask)


@pytest.mark.parametrize(
    "overrides",
    [
        ("model=rvae", "model.clustering.templates=0"),
        ("model=crvae", "model.clustering.templates=0"),
        ("model=jrvae", "model.clustering.templates=0"),
    ],
    ids=str,
)
def test_no_clustering_without_templates(overrides: tuple[str, ...]):
    assert settings_of(*overrides) is None


def test_a_single_template_has_no_neighbour_and_is_given_one():
    config = validate(compose(["model=rvae", "model.clustering.templates=1"]))
    wanted = clustering_settings(config.model, 1)
    assert wanted is not None
    assert wanted.n_templates == 2
    pseudo = find_pseudo_labels(torch.rand(9, 1, 6, 6), unknown(9), wanted, 0, CPU)
    assert set(pseudo.label.tolist()) == {0}


@pytest.mark.parametrize("category", ["classifier", "gumbel_softmax"])
def test_every_category_can_have_pseudo_labels(category: str):
    settings = settings_of(
        "model=jrvae", f"model/category={category}", "model.clustering.templates=5"
    )
    assert settings is not None
    assert settings.n_templates == 20
