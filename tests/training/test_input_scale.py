"""Grey images reach the encoder with mean 0 and sd 1, nearly black and white ones as they are."""

import pytest
import torch

import vaerun as package
from vaerun.data.pixel_statistics import pixel_statistics
from vaerun.training.context import load_splits

SMALL = ("data.size=16", "data.batch_size=20", "data.repeats=1", "model.hidden=[8]",
         "model.clustering.templates=0", "trainer.max_epochs=1", "trainer.accelerator=cpu",
         "trainer.precision=32-true")  # fmt: skip
GREY = ("data=particles", "data.diameter_px=8", "data.train_size=60", "data.val_size=40")


def network_of(vaerun, *words: str):
    status, output, errors = vaerun("model=rvae", *words, *SMALL)
    assert (status, errors) == (0, [])
    return package.load(output[-1].removeprefix("run: "))


def test_grey_images_are_scaled_by_all_training_pixels(vaerun):
    run = network_of(vaerun, *GREY)
    scale, images = run.network.input_scale, load_splits(run.config).train.images
    pixels = pixel_statistics(len(images), images[0].numel(), lambda rows: images[rows])
    assert float(scale.level) == pytest.approx(pixels.mean)
    assert float(scale.sd) == pytest.approx(pixels.sd)
    seen = images[:4].float()
    with torch.no_grad():
        before = run.network.infer(seen).log_q
        scaled = scale(seen)
        scale.level.fill_(0)
        scale.sd.fill_(1)
        torch.testing.assert_close(run.network.infer(scaled).log_q, before)


def test_black_and_white_images_are_not(vaerun):
    scale = network_of(vaerun, "data=cards_iv", "data.train_size=60", "data.val_size=40").network
    assert (float(scale.input_scale.level), float(scale.input_scale.sd)) == (0, 1)
