"""Labels and pseudo-labels: which counts, what each class weighs, and what errors they make."""

import math

import pytest
import torch

from vaerun.data.dataloader import Batch
from vaerun.models.label_errors import (
    angle_error,
    class_counts,
    class_weights,
    place_error,
    targets_of,
)

SMALL = ("model.invariances=[r,t]", "model.hidden=[9,7]", "model.pose.decode=null")


def images() -> torch.Tensor:
    return torch.rand(3, 1, 12, 12, generator=torch.Generator().manual_seed(1))


def test_what_was_found_before_training_counts_where_no_label_says_otherwise():
    x = images()
    guide = torch.tensor([[3, 0.5], [-1, math.nan], [2, -1.0]])
    label, angle = targets_of(Batch(x, x, torch.tensor([-1, -1, 1]), pseudo_labels=guide))
    assert label.tolist() == [3, -1, 1]
    torch.testing.assert_close(angle, guide[:, 1], equal_nan=True)
    label, angle = targets_of(Batch(x, x, torch.tensor([-1, 0, 1])))
    assert label.tolist() == [-1, 0, 1]
    assert angle is None
    label, angle = targets_of(Batch(x, x, pseudo_labels=guide))
    assert label.tolist() == [3, -1, 2]
    assert targets_of(Batch(x, x)) == (None, None)


def test_a_known_angle_teaches_its_bin_and_the_offset_within(make):
    """Eight bins of 45°: 100° is bin 2 at 90° and 10° within it."""
    network, x = make("model=jrvae", *SMALL), images()
    posterior = network.infer(x)
    angle = torch.tensor([math.radians(100), math.nan, math.radians(-1)])
    assert network.search.nearest_bin(angle).tolist() == [2, -1, 0]
    got = angle_error(angle, posterior, network)
    assert got[1] == 0
    unit = network.latents.angle.sd
    offset = posterior.latents.mean[0, 2, :, 0] * unit  # of each class
    missed = (offset - math.radians(10)) / (0.25 * unit)
    want = -posterior.log_q[0, 2].logsumexp(0) + 0.5 * missed.square().mean()
    torch.testing.assert_close(got[0], want)


def test_a_known_place_teaches_the_content_of_the_known_bin_or_else_of_all(make):
    network, x = make("model=rvae", *SMALL), images()
    posterior = network.infer(x)
    angle, place = torch.tensor([math.radians(100), math.nan, 0.0]), torch.randn(3, 2)
    got = place_error(torch.cat([torch.full((3, 1), -1.0), angle[:, None], place], 1),
                      posterior, network)  # fmt: skip
    content = posterior.latents.mean[:, :, 0, -2:]  # (B, K, d)
    of_bin = 0.5 * ((content - place[:, None]) / 0.25).square().sum(2)
    want = torch.stack([
        of_bin[0, 2], (posterior.log_q[1, :, 0].exp() * of_bin[1]).sum(), of_bin[2, 0]
    ])  # fmt: skip
    torch.testing.assert_close(got, want)


def test_without_bins_a_known_angle_teaches_nothing(make):
    network = make("model=jrvae", "model/pose=amortized", "model.hidden=[9,7]")
    error = angle_error(torch.tensor([0.5, 0.1, 2.0]), network.infer(images()), network)
    assert error.tolist() == [0, 0, 0]


def test_classes_are_counted_by_label_where_there_is_one():
    log_class = torch.tensor([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]]).log()
    label = torch.tensor([-1, 1, -1])

    def counts(label: torch.Tensor | None, *, labelled_only: bool) -> list[float]:
        return class_counts(log_class, label, labelled_only=labelled_only).tolist()

    assert counts(label, labelled_only=False) == pytest.approx([0.7, 2.3])
    assert counts(None, labelled_only=False) == pytest.approx([1.6, 1.4])
    assert counts(label, labelled_only=True) == [0, 1]
    assert counts(None, labelled_only=True) == [0, 0]


def test_every_class_has_the_same_say_up_to_tenfold():
    label = torch.tensor([0] * 40 + [1] * 20 + [2] * 20 + [-1] * 7)
    weight = class_weights(label, 3)
    torch.testing.assert_close(weight[1], 2 * weight[0])
    torch.testing.assert_close(weight[label[label >= 0]].mean(), torch.tensor(1.0))
    rare = class_weights(torch.tensor([0] * 1000 + [1]), 3)
    torch.testing.assert_close(rare / rare[0], torch.tensor([1.0, 10.0, 10.0]))
    torch.testing.assert_close(class_weights(torch.arange(4), 4), torch.ones(4))
