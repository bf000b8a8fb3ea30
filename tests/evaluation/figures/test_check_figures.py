"""What the pictures beside the checks show."""

import numpy as np

from vaerun.evaluation.figures import draw


def test_the_last_epochs_are_seen_although_the_loss_falls_steeply_at_first():
    epoch = np.arange(1, 19)
    loss = 70 + 300 * np.exp(-(epoch - 1.0))
    own = {"epoch": epoch, "training": loss + 1, "validation": loss}
    figure = draw({f"check_converged_{name}": values for name, values in own.items()}, [])
    axes = figure["check_converged"].axes[0]
    low, high = axes.get_ylim()
    assert low < loss.min() < high < loss.max()
    ticks = axes.get_xticks()
    np.testing.assert_array_equal(ticks, np.round(ticks))
