"""`data=graphene`: the simulated scenario, and the labelled images."""

import dataclasses

import numpy as np
import pytest
import torch

from vaerun.config.compose import compose
from vaerun.data.datasets.graphene import GrapheneConfig, _scenario, load_labelled
from vaerun.data.image_set import ImageSet, Splits
from vaerun.microscopy.simulation.movie import Scenario, simulate_movie
from vaerun.runs.config import validate
from vaerun.utils.errors import UserError


def config(*typed: str) -> GrapheneConfig:
    made = validate(compose(["data=graphene", *typed])).data
    assert isinstance(made, GrapheneConfig)
    return made


def splits(label: list[int]) -> Splits:
    part = ImageSet(
        images=torch.zeros(len(label), 1, 8, 8),
        label=torch.tensor(label),
        index=torch.arange(len(label)),
    )
    return Splits(train=part, val=part, classes=[], symmetry=[])


def test_a_frame_of_usual_size_has_the_default_scenario():
    usual = dataclasses.replace(Scenario(), height=512 * 0.14, width=512 * 0.14)
    assert _scenario(config()) == usual


def test_a_small_frame_is_not_emptied():
    scenario = _scenario(config("data.frame_px=64", "data.n_frames=20"))
    first, *_, last = simulate_movie(scenario, 0)
    n = [
        int(((t.position > 0) & (t.position < scenario.height)).all(1).sum())
        for t in (first, last)
    ]
    assert n[1] > 0.75 * n[0] > 0


def test_a_share_of_each_class_is_labelled():
    label = [0] * 40 + [1] * 20 + [-1] * 10
    labelled = load_labelled(config("data.labelled_share=0.25"), 0, splits(label))
    assert np.bincount(labelled.label.numpy()).tolist() == [10, 5]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["data.ring_classes=[]"], "data.ring_classes"),
        (["data.centres=grid"], "data.centres=grid"),
    ],
)
def test_what_has_no_class_gives_no_labels(typed: list[str], words: str):
    with pytest.raises(UserError, match=words.replace(".", r"\.")):
        load_labelled(config(*typed), 0, splits([-1] * 5))
