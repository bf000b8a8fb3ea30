"""What templates are fitted to: curves of at most 96 points, of one mean and contrast."""

import dataclasses

import torch

from vaerun.training.clustering.settings import ClusteringSettings
from vaerun.training.clustering.small_images import averaged_pixels, downsample, prepared

SETTINGS = ClusteringSettings(
    n_classes=2, n_templates=4, n_repeats=1, angle_range=0.0, centre=True, size=False,
    mask=False, likelihood="gaussian", shift_range=0.5, level=True,
)  # fmt: skip


def test_curves_are_averaged_along_their_points_alone():
    curves = torch.arange(200.0).expand(3, 1, 1, 200)
    small = downsample(curves)
    assert small.shape == (3, 1, 1, 67)
    assert small[0, 0, 0, :2].tolist() == [1.0, 4.0]  # of 0, 1, 2 and of 3, 4, 5
    assert small[0, 0, 0, -1] == 198.5  # of the two that are left
    assert averaged_pixels(curves, None) == 200 / 67


def test_curves_of_any_gain_and_offset_look_alike():
    curve = torch.rand(1, 1, 1, 50)
    both = torch.cat([curve, 7 * curve - 2])
    one, other = prepared(both, None, SETTINGS)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    as_given = prepared(both, None, dataclasses.replace(SETTINGS, level=False))
    torch.testing.assert_close(as_given, both)
