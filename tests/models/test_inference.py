"""Objects drawn unposed are encoded as any other images; figures show large images small."""

import numpy as np
import pytest
import torch

from vaerun.config.compose import compose
from vaerun.data.image_set import ImageSet
from vaerun.data.load import load
from vaerun.models import inference
from vaerun.models.encodings import VALIDATION
from vaerun.runs.config import validate


@pytest.fixture
def val() -> ImageSet:
    """Sixteen cards of 12 × 12 pixels."""
    sizes = ("data.size=12", "data.train_size=4", "data.val_size=16")
    return load(validate(compose(["data=cards_iv", *sizes])).data, 0).val


@pytest.mark.parametrize("model", ["rvae", "crvae", "jrvae"])
def test_unposed_objects_are_encoded_in_pieces(make, val, monkeypatch, model: str):
    network = make(f"model={model}", "data=cards_iv", "model.hidden=[9,7]").eval()
    index = np.arange(0, 16, 3)
    whole = inference.encode_unposed(network, val, index)
    monkeypatch.setattr(inference, "_UNPOSED_AT_ONCE", 2)
    pieces = inference.encode_unposed(network, val, index)
    unposed = val.select_unposed(torch.from_numpy(index))
    assert whole is not None
    assert pieces is not None
    assert unposed is not None
    direct = inference.encode_set(network, unposed, VALIDATION)
    assert whole.index.tolist() == val.index[index].tolist()
    for found in (whole, pieces):
        np.testing.assert_allclose(found.angle, direct.angle, atol=1e-5)
        np.testing.assert_allclose(found.z_mean, direct.z_mean, atol=1e-5)
        np.testing.assert_array_equal(found.label, val.label[index])


def test_images_that_cannot_be_drawn_unposed_have_no_such_encodings(make, val):
    network = make("model=rvae", "data=cards_iv", "model.hidden=[9,7]").eval()
    plain = ImageSet.concatenate([val])
    assert inference.encode_unposed(network, plain, np.arange(3)) is None


def test_large_images_are_shown_small_and_others_as_they_are():
    large = torch.rand(2, 1, 512, 300, generator=torch.Generator().manual_seed(0))
    small = inference.shown(large)
    assert small.shape == (2, 1, 256, 150)
    torch.testing.assert_close(small[1, 0, 3, 4], large[1, 0, 6:8, 8:10].mean())
    assert torch.equal(inference.shown(small), small)
