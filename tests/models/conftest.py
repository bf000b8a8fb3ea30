"""Small models of every kind, built as a run would build them."""

from collections.abc import Callable

import pytest
import torch

from vaerun.config.compose import compose
from vaerun.data.image_set import DataShape
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.runs.config import validate

Make = Callable[..., InvariantVAE]


@pytest.fixture
def make() -> Make:
    """Builds the network of a command line's model, for images of a size."""

    def network(
        *overrides: str, image: tuple[int, int, int] = (1, 12, 12), n_classes: int = 4
    ) -> InvariantVAE:
        torch.manual_seed(0)
        shape = DataShape(image=image, n_classes=n_classes, ranges={"shear": (-0.5, 0.5)})
        all_rows = "data.every_row=1"  # as in validation, so that bounds are exact
        default = [all_rows, "model.likelihood=bernoulli"]
        return InvariantVAE(validate(compose([*default, *overrides])).model, shape)

    return network
