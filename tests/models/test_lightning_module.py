"""Noise, means and learning rates of the LightningModule."""

import pytest
import torch

from vaerun.models.elbo import ElboMeans, ElboTerms
from vaerun.models.lightning_module import learning_rate_factor
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
