"""Noise, means and learning rates of the LightningModule."""

import pytest
import torch

from vaerun.models.elbo import ElboMeans, ElboTerms
from vaerun.models.lightning_module import class_counts, class_weights, learning_rate_factor
from vaerun.utils import random


def test_noise_is_a_function_of_seed_stream_and_step():
    def drawn(*key: int) -> list[float]:
        random.seed(*key)
        return torch.randn(3).tolist()

    assert drawn(1, 0, 5) == drawn(1, 0, 5)
    assert len({tuple(drawn(*key)) for key in [(1, 0, 5), (2, 0, 5), (1, 1, 5), (1, 0, 6)]}) == 4


def test_means_count_images_and_not_batches():
    means = ElboMeans()
    for values in ([1.0, 2.0, 3.0], [10.0]):
        means.update(ElboTerms(*(torch.tensor(values) for _ in ElboTerms._fields)))
    computed = means.compute()
    assert float(computed["reconstruction"]) == pytest.approx(4.0)
    assert float(computed["loss"]) == pytest.approx(20.0)
    means.reset()
    assert not means.n_images


def test_schedules_begin_and_end_where_they_say():
    cosine = learning_rate_factor("cosine", 100)
    assert [cosine(0), cosine(50), cosine(100)] == pytest.approx([1.0, 0.5, 0.0])
    cycle = learning_rate_factor("one_cycle", 100)
    assert [cycle(0), cycle(10), cycle(100)] == pytest.approx([0.1, 1.0, 0.0])
    assert learning_rate_factor("constant", 100)(77) == 1.0


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
