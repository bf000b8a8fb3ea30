"""Several starts of the templates: that with the deepest valleys between classes is kept.

Where the number of classes is to be found, that with most of them is.
"""

import pytest
import torch

from vaerun.training.clustering import find_classes
from vaerun.training.clustering.count_classes import ClassCount
from vaerun.training.clustering.find_classes import find_n_classes, find_pseudo_labels
from vaerun.training.clustering.settings import ClusteringSettings
from vaerun.training.clustering.template_classes import TemplateClasses

SETTINGS = ClusteringSettings(
    n_classes=3,
    n_templates=6,
    n_repeats=1,
    angle_range=0.0,
    centre=False,
    size=False,
    mask=False,
    likelihood="gaussian",
)


def images() -> torch.Tensor:
    """Three kinds (120, 1, 8, 8) in noise that makes classes differ from start to start."""
    random = torch.Generator().manual_seed(3)
    kinds = torch.rand(3, 1, 8, 8, generator=random)
    return kinds[torch.arange(120) % 3] + 0.5 * torch.randn(120, 1, 8, 8, generator=random)


def found(monkeypatch: pytest.MonkeyPatch, seed: int, most: int) -> tuple[torch.Tensor, list]:
    """Pseudo-labels of at most so many starts, and the valleys of each."""
    valleys = []
    fit = TemplateClasses.fit

    def noted(*arguments):
        classes = fit(*arguments)
        valleys.append(classes.valley)
        return classes

    monkeypatch.setattr(find_classes, "_MOST_STARTS", most)
    monkeypatch.setattr(TemplateClasses, "fit", noted)
    unknown = torch.full((120,), -1)
    label = find_pseudo_labels(images(), unknown, SETTINGS, seed, torch.device("cpu")).label
    monkeypatch.setattr(TemplateClasses, "fit", fit)
    return label, valleys


def test_the_start_with_the_deepest_valleys_is_kept(monkeypatch: pytest.MonkeyPatch):
    alone = [found(monkeypatch, seed, 1) for seed in range(3)]
    label, valleys = found(monkeypatch, 0, 3)
    assert valleys == [one for _, [one] in alone]
    assert len(set(valleys)) > 1
    assert torch.equal(label, alone[valleys.index(min(valleys))][0])


def test_most_classes_of_any_start_are_found_and_the_others_named(monkeypatch: pytest.MonkeyPatch):
    counts = [ClassCount(2, 0.1, 0.5), ClassCount(3, 0.2, 0.6), ClassCount(3, 0.1, 0.7)]
    left = iter(counts)
    monkeypatch.setattr(find_classes, "count_classes", lambda *_: next(left))
    found = find_n_classes(images(), SETTINGS, 0, torch.device("cpu"))
    assert found == counts[2]._replace(from_other_starts=(3, 2))
    assert found.reason.startswith("between them are 10 % of the images")
    assert found.reason.endswith("; other starts find 2: look at the classes")
    assert counts[2]._replace(from_other_starts=(3, 3)).reason == counts[2].reason


def test_many_images_have_one_start():
    assert [find_classes._n_starts(n) for n in (150, 1_900, 4_000, 60_000)] == [3, 2, 1, 1]
