"""`data.batch_size=auto`: the rule, what fits, and the number that a run saves."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vaerun.models.lightning_module import VAELightningModule
from vaerun.training.batch_size import batch_size, usual_batch_size
from vaerun.utils.errors import UserError

TINY = (
    "data.size=16",
    "data.repeats=1",
    "data.train_size=40",
    "data.val_size=20",
    "model.hidden=[12,10]",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)


@pytest.mark.parametrize(
    ("n_images", "n_ranks", "most", "size"),
    [
        (12_000, 1, 9999, 64),
        (1_600_000, 1, 9999, 1024),
        (1_600_000, 8, 9999, 8192),
        (12_000, 4, 9999, 4 * 32),
        (50, 1, 9999, 32),  # few steps, but not tiny ones
        (1_600_000, 1, 300, 256),
        (1_600_000, 2, 3, 4),
        (12_000, 2, 1, 4),  # no fewer than two images a device, whose means are of something
    ],
)
def test_it_is_the_largest_power_of_two_that_fits_and_leaves_100_steps(
    n_images: int, n_ranks: int, most: int, size: int
):
    assert batch_size(n_images, n_ranks, lambda n: n <= most) == size


@pytest.mark.parametrize(
    ("image", "n_ranks", "size"),
    [
        ((1, 48, 48), 1, 100),
        ((1, 256, 256), 8, 100),
        ((3, 256, 256), 1, 100),  # colours are no reason for fewer
        ((16, 256, 256), 1, 25),
        ((1, 512, 512), 1, 25),
        ((1, 1024, 1024), 1, 6),
        ((1, 9000, 9000), 1, 4),
        ((1, 1024, 1024), 4, 8),  # two for each device
    ],
)
def test_the_usual_number_is_of_as_many_pixels_as_100_images_of_256(
    image: tuple[int, int, int], n_ranks: int, size: int
):
    assert usual_batch_size(image, n_ranks) == size


@given(st.integers(10, 10**7), st.integers(1, 9), st.integers(1, 5000))
def test_more_room_or_more_images_never_make_it_smaller(n_images: int, n_ranks: int, most: int):
    def size(n: int, room: int) -> int:
        return batch_size(n, n_ranks, lambda size: size <= room)

    assert size(n_images, most) <= size(2 * n_images, most)
    assert size(n_images, most) <= size(n_images, 2 * most)


def test_no_room_at_all_is_an_error_of_one_line():
    with pytest.raises(UserError, match=r"data\.batch_size=auto finds no room .* — choose"):
        batch_size(1000, 1, lambda _: False)


def config_of(folder: Path) -> dict:
    return yaml.safe_load((folder / "config.yaml").read_text())


@pytest.mark.parametrize("how", ["auto", "outputs/rvae/cards_iv/version_0"])
def test_a_run_saves_its_number_and_resumes_with_it(
    vaerun, monkeypatch: pytest.MonkeyPatch, how: str
):
    monkeypatch.setattr("vaerun.tasks.results.write_results", lambda *_: None)
    options = (*TINY, "data.batch_size=auto")
    with monkeypatch.context() as patch:
        honest = VAELightningModule.training_step

        def step(self: VAELightningModule, batch: object, batch_idx: int) -> object:
            if self.global_step == 3:
                raise RuntimeError("power cut")
            return honest(self, batch, batch_idx)

        patch.setattr(VAELightningModule, "training_step", step)
        assert vaerun(*options)[0] == 1
    folder = Path("outputs/rvae/cards_iv/version_0")
    assert config_of(folder)["data"]["batch_size"] == 32
    resolved = json.loads((folder / "manifest.json").read_text())["resolved"]
    assert resolved[-1] == "data.batch_size"  # last, since a batch is tried on the whole model
    monkeypatch.setattr(
        "vaerun.training.batch_size.batch_size", lambda *_: 1 / 0
    )  # is not called again
    status, output, errors = vaerun(*options, f"resume={how}")
    assert (status, errors) == (0, [])
    assert output[-1] == f"run: {folder}"
    assert config_of(folder)["data"]["batch_size"] == 32


def test_a_run_of_a_given_number_is_another(vaerun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vaerun.tasks.results.write_results", lambda *_: 1 / 0)
    assert vaerun(*TINY, "data.batch_size=32")[0] == 1
    monkeypatch.setattr("vaerun.tasks.results.write_results", lambda *_: None)
    status, output, _ = vaerun(*TINY, "data.batch_size=auto", "resume=auto")
    assert (status, output[-1]) == (0, "run: outputs/rvae/cards_iv/version_1")


@pytest.mark.parametrize("value", ["0", "-3", "2.5", "all", "null"])
def test_other_values_are_refused_in_one_line(vaerun, value: str):
    status, _, errors = vaerun(*TINY, f"data.batch_size={value}")
    assert status == 2
    (line,) = errors
    assert f"data.batch_size={value}" in line
    assert "auto" in line.split(" — ")[1]
