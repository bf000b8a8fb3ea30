"""Every data preset composes, is what its schema wants, and holds the paper's figures."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import vaerun.config.compose  # noqa: F401 - what ${angle_range:…} means
from vaerun.config.schema import check
from vaerun.data.config import DataConfig
from vaerun.data.load import DATASETS
from vaerun.utils.errors import UserError

FOLDER = Path(__file__).parents[2] / "conf" / "data"
PRESETS = sorted(path.stem for path in FOLDER.glob("[!_]*.yaml"))


def preset(name: str, *overrides: str) -> DataConfig:
    """The checked config of data=<name>."""
    root = str(FOLDER.parent)
    with initialize_config_dir(root, version_base="1.3"):
        composed = compose(overrides=[f"+data={name}", *overrides])
    values = OmegaConf.to_container(composed, resolve=True)["data"]
    return check(DATASETS[values["kind"]].config, values, "data")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fits_its_schema_and_bears_its_own_name(name: str) -> None:
    assert preset(name).name == name


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_begins_with_the_phrase_that_help_shows(name: str) -> None:
    first = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert len(first) < 80


@pytest.mark.parametrize(
    ("name", "rotation_deg", "shear_deg"),
    [("cards_i", 12, 1), ("cards_ii", 12, 20), ("cards_iii", 120, 1), ("cards_iv", 120, 20)],
)
def test_cards_have_the_ranges_of_the_paper(
    name: str, rotation_deg: float, shear_deg: float
) -> None:
    config = preset(name)
    assert (config.rotation_deg, config.shear_deg) == (rotation_deg, shear_deg)
    assert config.angle_range_deg == 180  # no suit is always drawn in its canonical orientation
    assert (config.train_per_class, config.val_per_class, config.size) == (3000, 1000, 48)


def test_the_known_range_follows_the_rotation() -> None:
    assert preset("rotated_mnist", "data.rotation_deg=60").angle_range_deg == 60


def test_the_environment_says_where_data_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAERUN_DATA", raising=False)
    assert preset("mnist").root == "~/.cache/vaerun"
    monkeypatch.setenv("VAERUN_DATA", "/elsewhere")
    assert preset("mnist").root == "/elsewhere"


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("data.shear_deg=45", "data.shear_deg=45 must be below 45"),
        ("data.train_size=0", "data.train_size=0 must be at least 1"),
        ("data.invariances=[q]", r"data.invariances\[0\]=q is not a choice"),
    ],
)
def test_impossible_values_are_refused(override: str, line: str) -> None:
    with pytest.raises(UserError, match=f"^{line} — "):
        preset("cards_iv", override)
