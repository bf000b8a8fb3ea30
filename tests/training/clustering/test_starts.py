"""Several starts of the templates: that with the deepest valleys between classes is kept.

Where the number of classes is to be found, the middle one is.
"""

import dataclasses
import types

import numpy as np
import pytest
import torch

from vaerun.training.clustering import find_classes, template_classes, template_mixture
from vaerun.training.clustering.count_classes import ClassCount
from vaerun.training.clustering.find_classes import find_n_classes, find_pseudo_labels
from vaerun.training.clustering.settings import ClusteringSettings
from vaerun.training.clustering.template_classes import TemplateClasses
from vaerun.training.clustering.template_mixture import TemplateMixture

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


@pytest.mark.parametrize("deepest", [1, 6])
def test_the_start_with_the_deepest_valleys_is_kept(monkeypatch: pytest.MonkeyPatch, deepest: int):
    """Hot and cold starts take turns, and valleys are judged without an image's own share."""
    device, unknown, fits = torch.device("cpu"), torch.full((120,), -1), []
    fit, without_own_share = TemplateMixture.fit, TemplateMixture.without_own_share
    monkeypatch.setattr(template_mixture, "_STEPS", 20)

    def noted_fit(mixture, x, *, mixed):
        fit(mixture, x, mixed=mixed)
        score = mixture.log_likelihood(x)
        classes = TemplateClasses.fit([score], unknown, SETTINGS, 1, len(fits))
        unbiased = without_own_share(mixture, score[0], x)
        fits.append((mixture.is_cold, unbiased, classes.predict([score], unknown).label))

    def valley(_, own, without_share):
        number = [torch.equal(without_share, unbiased) for _, unbiased, _ in fits].index(True)
        assert not torch.equal(own, without_share)
        return 1.0 if number == deepest else 1.1 + 0.1 * number

    monkeypatch.setattr(TemplateMixture, "fit", noted_fit)
    monkeypatch.setattr(TemplateClasses, "valley", valley)
    label = find_pseudo_labels(images(), unknown, SETTINGS, 0, device).label
    assert [cold for cold, _, _ in fits] == [False, True] * 5
    assert torch.equal(label, fits[deepest][2])


@pytest.mark.parametrize(
    ("valley", "same", "n_starts"), [(0.1, True, 2), (0.1, False, 10), (0.5, True, 10)]
)
def test_two_starts_that_agree_on_deep_valleys_are_enough(
    monkeypatch: pytest.MonkeyPatch, valley: float, same: bool, n_starts: int
):
    unknown, fits = torch.full((120,), -1), []
    monkeypatch.setattr(TemplateMixture, "fit", lambda mixture, *_, **__: fits.append(mixture))
    monkeypatch.setattr(TemplateClasses, "valley", lambda *_: valley)
    monkeypatch.setattr(find_classes, "_agree", lambda *_: same)
    find_pseudo_labels(images(), unknown, SETTINGS, 0, torch.device("cpu"))
    assert len(fits) == n_starts


def test_starts_agree_if_they_find_the_same_classes_in_any_order():
    class_of_image = torch.arange(90) % 3
    other = class_of_image.clone()
    other[:30] = 0
    starts = [
        types.SimpleNamespace(class_of_image=one)
        for one in (class_of_image, (class_of_image + 1) % 3, other)
    ]
    assert find_classes._agree(starts[0], starts[1])
    assert not find_classes._agree(starts[0], starts[2])


def test_a_rare_kind_has_a_template_after_a_cold_start():
    """Six of 160 images in noise: a hot start shares them among templates of the frequent kind."""
    random = torch.Generator().manual_seed(1)
    kinds = torch.rand(2, 1, 8, 8, generator=random)
    is_rare = torch.arange(160) >= 154
    x = kinds[is_rare.long()] + 0.5 * torch.randn(160, 1, 8, 8, generator=random)
    settings = dataclasses.replace(SETTINGS, n_classes=2, n_templates=8)
    apart = {True: 0, False: 0}
    for cold in apart:
        for seed in range(3):
            torch.manual_seed(seed)
            mixture = TemplateMixture(x, settings, 1.0, cold=cold)
            mixture.fit(x)
            best = mixture.log_likelihood(x)[0].argmax(1)
            apart[cold] += not set(best[is_rare].tolist()) & set(best[~is_rare].tolist())
    assert apart == {True: 3, False: 0}


def test_a_score_without_an_images_own_share_is_that_under_the_template_without_it():
    """Templates that are means of their images, and half an image like themselves."""
    x = images()
    mixture = TemplateMixture(x, dataclasses.replace(SETTINGS, n_templates=4), 1.0)
    mixture.sd = 0.9  # wide: every image has a share in every template
    with torch.no_grad():
        for _ in range(50):  # to the fixed point of expectation maximisation
            share = mixture(x).softmax(1)
            means = torch.einsum("nm,nchw->mchw", share, x) / share.sum(0)[:, None, None, None]
            mixture.templates.copy_(means)
        score, _ = mixture.log_likelihood(x)
        share = score.softmax(1)
        got = mixture.without_own_share(score, x)
    n = share.sum(0) + 0.5
    template = mixture.templates.detach()
    for i, m in ((0, 0), (7, 2), (50, 3)):
        left = (n[m] * template[m] - share[i, m] * x[i]) / (n[m] - share[i, m])
        want = (x[i] * left - 0.5 * left**2).sum() / mixture.sd**2
        assert float(got[i, m]) == pytest.approx(float(want), rel=1e-4)


def test_grey_templates_are_fitted_in_full_precision():
    """Bright images of little contrast, whose products bfloat16 would round by many nats."""
    x = 0.7 + 0.1 * images()
    fitted = []
    for mixed in (True, False):
        torch.manual_seed(0)
        mixture = TemplateMixture(x, SETTINGS, 1.0)
        mixture.fit(x, mixed=mixed)
        fitted.append(mixture.templates.detach())
    assert torch.equal(*fitted)


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_templates_of_no_image_start_again_from_images_that_none_describes(likelihood: str):
    random = torch.Generator().manual_seed(0)
    kinds = 0.2 + 0.6 * (torch.rand(2, 1, 8, 8, generator=random) > 0.5).float()
    x = kinds[torch.arange(40) % 2] + 0.05 * torch.randn(40, 1, 8, 8, generator=random)
    settings = dataclasses.replace(SETTINGS, n_templates=2, n_classes=2, likelihood=likelihood)
    mixture = TemplateMixture(x.clamp(0, 1), settings, 1.0)
    known = kinds[0] if likelihood == "gaussian" else kinds[0].logit()
    with torch.no_grad():
        mixture.templates.copy_(torch.stack([known, -5 * known]))
        use = torch.tensor([1.0, 0.0])
        mixture._revive(x, mixture(x), use)
        score, _ = mixture.log_likelihood(x)
    assert torch.equal(mixture.templates[0].detach(), known)
    assert use.tolist() == [1.0, 0.5]
    assert score.argmax(1).tolist() == [0, 1] * 20


def test_the_middle_number_of_classes_is_found_and_the_others_named(
    monkeypatch: pytest.MonkeyPatch,
):
    counts = [ClassCount(n, 0.1, 0.7) for n in (4, 2, 3, 1)]
    left = iter(counts)
    monkeypatch.setattr(find_classes, "count_classes", lambda *_: next(left))
    found = find_n_classes(images(), SETTINGS, 0, torch.device("cpu"))
    assert found == counts[2]._replace(from_other_starts=(1, 2, 4))
    assert found.reason.startswith("between them are 10 % of the images")
    assert found.reason.endswith("; other starts find 1 and 2 and 4: look at the classes")
    assert counts[2]._replace(from_other_starts=(3, 3)).reason == counts[2].reason


@pytest.mark.parametrize(("other", "taken"), [(0.59, [0, 0, 1]), (0.3, [0, 1, 1])])
def test_the_cut_is_taken_unless_the_valleys_of_another_partition_are_clearly_deeper(
    monkeypatch: pytest.MonkeyPatch, other: float, taken: list[int]
):
    cut, joined = np.array([0, 0, 1]), np.array([0, 1, 1])
    monkeypatch.setattr(template_classes, "spectral_partition", lambda *_: cut)
    monkeypatch.setattr(template_classes, "partition_by_valleys", lambda *_: joined)
    monkeypatch.setattr(template_classes, "layout_partitions", lambda *_: [])
    monkeypatch.setattr(
        template_classes, "mean_valley", lambda _, part: 0.6 if part is cut else other
    )
    score = torch.rand(20, 3)
    gaps = [torch.tensor(0.1)]
    part = template_classes._partition([(score, score.long())], gaps, np.eye(3), 2, 0)
    assert part.tolist() == taken


def test_many_images_have_one_start_unless_templates_are_few():
    assert [find_classes._n_starts(n, 64) for n in (150, 4_000, 6_000, 60_000)] == [10, 3, 2, 1]
    assert find_classes._n_starts(12_000, 8) == 8
