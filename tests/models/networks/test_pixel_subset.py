"""Which pixels a training step looks at."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vaerun.models.networks.pixel_subset import RandomPixels, spread


@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_every_pixel_has_one_place_in_the_order(height, width):
    assert spread(height, width).sort().values.equal(torch.arange(height * width))


def test_the_order_of_four_by_four_pixels_is_bayers():
    rank = torch.empty(16, dtype=torch.long)
    rank[spread(4, 4)] = torch.arange(16)
    thresholds = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]
    assert rank.view(4, 4).tolist() == thresholds


@pytest.mark.parametrize("size", [(48, 48), (28, 28), (30, 47)])
def test_a_stretch_tells_more_of_a_smooth_image_than_random_pixels(size):
    row, column = torch.meshgrid(*(torch.linspace(-1, 1, side) for side in size), indexing="ij")
    bright = torch.exp(-8 * (column - 0.2) ** 2 - 20 * (row + 0.1) ** 2).flatten()
    n_pixels, n = len(bright), len(bright) // 9
    order = spread(*size)
    stretch = torch.arange(n_pixels)[:, None] + torch.arange(n)
    images = bright.expand(n_pixels, 1, 1, -1)
    evenly = RandomPixels(order[stretch % n_pixels], n_pixels)
    anywhere = RandomPixels(torch.randint(n_pixels, (n_pixels, n)), n_pixels)
    sums = [p.weight * p.select(images).sum((1, 2, 3)) for p in (evenly, anywhere)]
    torch.testing.assert_close(sums[0].mean(), bright.sum())  # every stretch once: no bias
    assert sums[0].std() < sums[1].std() / 4
