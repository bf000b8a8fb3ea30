"""Fits of templates that take little time."""

import pytest

from vaerun.training.clustering import find_classes, template_mixture


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start of few steps: enough for clean shapes."""
    monkeypatch.setattr(template_mixture, "_STEPS", 80)
    monkeypatch.setattr(template_mixture, "_BATCH", 100)
    monkeypatch.setattr(find_classes, "_MOST_STARTS", 1)
