"""The YAML files that the groups offer."""

from pathlib import Path

from vaerun.config import groups
from vaerun.config.groups import choices, config_dir


def test_an_installed_package_reads_its_own_yaml(monkeypatch):
    monkeypatch.setattr(groups, "checkout", lambda: None)
    assert config_dir() == Path(groups.__file__).parents[1] / "conf"


def test_shared_files_are_no_choices(tmp_path, monkeypatch):
    for name in ("_base", "plain", "paper/first"):
        for group in ("data", "experiment"):
            file = tmp_path / group / f"{name}.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("# @package _global_\n\n# a phrase\nkey: 1\n# another\n")
    monkeypatch.setattr(groups, "config_dir", lambda: tmp_path)
    assert choices("data") == {"plain": "a phrase"}
    assert choices("experiment") == {"paper/first": "a phrase", "plain": "a phrase"}
