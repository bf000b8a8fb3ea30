"""Where the program comes from: the revision of its own checkout and of no other."""

import importlib.metadata
import subprocess

import pytest

from vaerun.utils import provenance


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of one commit that vaerun takes for its checkout; its path and its commit."""
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "file").write_text("first")
    me = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    for command in (("init",), ("add", "file"), (*me, "commit", "-m", "first")):
        subprocess.run(["git", *command], cwd=root, check=True, capture_output=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True)
    monkeypatch.setattr(provenance, "checkout", lambda: root)
    provenance.git_revision.cache_clear()
    yield root, head.stdout.strip()
    provenance.git_revision.cache_clear()


def test_the_revision_is_the_commit_of_the_checkout(repository, tmp_path, monkeypatch):
    _, head = repository
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "another"))
    assert provenance.git_revision() == head


def test_a_changed_file_shows_in_the_revision(repository):
    root, head = repository
    (root / "file").write_text("second")
    assert provenance.git_revision() == f"{head}-dirty"


def test_without_a_repository_there_is_no_revision(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "checkout", lambda: tmp_path)
    assert provenance.git_revision() is None


def test_versions_are_known_without_an_installation(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    torch = importlib.metadata.version("torch")
    monkeypatch.setattr(importlib.metadata, "requires", absent)
    assert provenance.package_versions()["torch"] == torch
    monkeypatch.setattr(importlib.metadata, "version", absent)
    assert provenance.version().count(".") == 2
