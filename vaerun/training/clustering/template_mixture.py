"""Classes and uprights before training: an atlas of templates, linked by images between them.

A model that is to find classes by itself, or from a few labels, has no use for a random start: it
puts all images into one class, or splits one suit by its shear and joins the halves of two
others. What holds a class together is that its images run smoothly into one another, whatever
else varies, and what separates classes is a gap. Neither shows in a mixture of J templates, but
both do in one of many:

1. Templates T_m are learned by annealed expectation maximisation under every pose g of a grid,
   log p(x | m, g) = Σ_pixels x·gT_m − ln(1 + exp gT_m). Content is off, so that all images share
   the turned templates, and one matrix product scores every hypothesis exactly (Frey and Jojic
   2003 treat transformed mixtures so). Shifts need no search: an object on an empty background is
   moved to its centre of mass beforehand.
2. Two templates are linked as often as images are torn between them.
3. The links are cut into J parts by a normalised cut, or known labels spread along them.
4. Within each class the templates are turned into line along the links, see `uprights`.

The outcome, a class and an angle for every image, guides the first epochs of training and is then
dropped.

Images made ready for an atlas: moved to the middle, and no larger than needed.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaerun.data.image_set import Images, as_tensor
from vaerun.data.lazy.file_images import FileImages
from vaerun.geometry import Pose, pixel_grid, place
from vaerun.training.clustering.settings import ClusteringSettings, clustering_settings
from vaerun.training.clustering.template_classes import PseudoLabels, TemplateClasses
from vaerun.utils.arrays import evenly

_CHUNK = 2000  # images moved or shrunk at once
_SIDE = 24  # pixels along the longer side that suffice to tell classes apart


def centre_on_mass(images: Images) -> Tensor:
    """Images (N, C, H, W) moved so that the centre of mass of what stands out is in the middle.

    What stands out is brighter or darker than the mean of the image's border.
    """
    height, width = images.shape[-2:]
    points = pixel_grid(height, width)
    border = torch.ones(height, width, dtype=torch.bool)
    border[1:-1, 1:-1] = False
    moved = []
    for x in images.split(_CHUNK):
        mean = x.mean(1)  # (n, H, W)
        mass = mean - mean[:, border].mean(1)[:, None, None]
        total = mass.sum((1, 2))
        centre = torch.einsum("nhw,hwi->ni", mass, points) / total.abs().clamp_min(1e-6)[:, None]
        centre = (centre * total.sign()[:, None]).clamp(-1, 1)
        pose = Pose.identity(len(x))._replace(shift=-centre)
        moved.append(place(x, pose, (height, width)))
    return torch.cat(moved)


def downsample(images: Images) -> Tensor:
    """Images of no more pixels than needed, each the mean of a square of the original."""
    side = math.ceil(max(images.shape[-2:]) / _SIDE)
    if side == 1:
        return as_tensor(images)
    pool = nn.AvgPool2d(side, ceil_mode=True, count_include_pad=False)
    return torch.cat([pool(x) for x in images.split(_CHUNK)])


__all__ = [
    "ClusteringSettings",
    "PseudoLabels",
    "TemplateMixture",
    "centre_on_mass",
    "clustering_settings",
    "find_pseudo_labels",
]

# N images, M templates of all atlases, K angles, J classes, B images of a step.

_BATCH, _STEPS = 200, 400
_FEWEST_STEPS, _PASSES = 80, 30  # of few images: more passes and templates learn their noise,
_SHARE = 20  # and so do templates that have fewer images than this
_LEARNING_RATE = 0.1
_TEMPERATURE, _COOLING = 100.0, 0.8  # at the start; share of the steps until it is 1
_ANGLES = 32  # over the whole circle
_ENOUGH = 60_000  # images to learn from, where looking at all of them takes long
_AT_ONCE = 2000  # images that are then looked up


def find_pseudo_labels(
    images: Images,
    label: Tensor,
    sought: ClusteringSettings,
    seed: int,
    device: torch.device,
    *,
    mixed: bool = False,
) -> PseudoLabels:
    """Class and angle of every image.

    Of images on disk 60,000 are enough to learn from; all are looked up.

    Parameters
    ----------
    images
        (N, C, H, W) in [0, 1].
    label
        (N,) −1 where unknown. Where any is known, classes are those of the labels.
    sought
        Classes and poses.
    seed
        Of all random numbers.
    device
        Where to work.
    mixed
        Whether to learn templates with bfloat16 products, where the hardware is quick at them.
    """
    some = _enough(label) if isinstance(images, FileImages) else slice(None)
    small = _small(images[some], sought)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        atlases, scores = [], []
        for _ in range(sought.n_atlases):
            atlas = TemplateMixture(
                small, sought, math.prod(images.shape[1:]) / small[0].numel()
            ).to(device)
            atlas.learn(small, mixed=mixed)
            atlases.append(atlas)
            scores.append(atlas.score(small))
    legend = TemplateClasses.of(scores, label[some], sought, _ANGLES, seed)
    if len(small) == len(images):
        return legend.read(scores, label)
    parts = []
    for x, known in zip(images.split(_AT_ONCE), label.split(_AT_ONCE), strict=True):
        small = _small(x, sought)
        parts.append(legend.read([atlas.score(small) for atlas in atlases], known))
    return PseudoLabels(*(torch.cat(values) for values in zip(*parts, strict=True)))


def _small(images: Images, sought: ClusteringSettings) -> Tensor:
    """Images as an atlas sees them."""
    return downsample(centre_on_mass(images) if sought.centre else images)


def _enough(label: Tensor) -> Tensor:
    """Positions of images to learn from, spread evenly: all, or half of them at most labelled."""
    known, unknown = (label >= 0).nonzero()[:, 0], (label < 0).nonzero()[:, 0]
    least = min(len(unknown), _ENOUGH // 2)
    known = known[torch.from_numpy(evenly(len(known), _ENOUGH - least))]
    unknown = unknown[torch.from_numpy(evenly(len(unknown), _ENOUGH - len(known)))]
    return torch.cat([known, unknown]).sort().values


class TemplateMixture(nn.Module):
    """Templates under a grid of poses.

    Parameters
    ----------
    images
        (N, C, H, W) small; templates begin half way between some of them and their mean.
    sought
        Number of templates, ranges of the poses.
    weight
        Pixels of an image that each pixel stands for.
    """

    def __init__(self, images: Tensor, sought: ClusteringSettings, weight: float) -> None:
        super().__init__()
        self.weight = weight
        size = images.shape[-2:]
        self.size = (size[0], size[1])
        n_templates = min(sought.n_templates, max(len(images) // _SHARE, sought.n_classes, 2))
        chosen = images[torch.randint(len(images), (n_templates,))]
        start = (0.5 * chosen + 0.5 * images.mean(0)).clamp(0.02, 0.98)
        self.templates = nn.Parameter(start.logit())
        self.angles: Tensor
        self.register_buffer("angles", _angles(sought.angle_range))
        self.inside: Tensor
        self.register_buffer("inside", _inside(self.size, images.shape[1], sought.mask))

    def learn(self, images: Tensor, *, mixed: bool = False) -> None:
        """Annealed expectation maximisation on random batches."""
        n_steps = _n_steps(len(images), len(self.templates))
        adam = torch.optim.Adam(self.parameters(), lr=_LEARNING_RATE)
        device = self.angles.device
        for step in range(n_steps):
            x = images[torch.randint(len(images), (_BATCH,))].to(device)
            hot = max(_TEMPERATURE ** (1 - step / (_COOLING * n_steps)), 1.0)
            for group in adam.param_groups:
                group["lr"] = 0.5 * _LEARNING_RATE * (1 + math.cos(math.pi * step / n_steps))
            with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                log_lik = self(x).float()  # (B, M·K)
            expected = (log_lik.detach() / hot).softmax(1)
            adam.zero_grad()
            (-(expected * log_lik).sum(1).mean()).backward()
            adam.step()

    @torch.no_grad()
    def score(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Log p(x | m) of every image and template, summed over angles, and the best angle.

        Returns
        -------
        score, step
            (N, M) nats up to a constant; (N, M) number of the angle.
        """
        device = self.angles.device
        scores, steps = [], []
        for x in images.split(_BATCH):
            log_lik = self(x.to(device)).unflatten(1, (len(self.templates), -1))  # (B, M, K)
            scores.append(log_lik.logsumexp(2).cpu())
            steps.append(log_lik.argmax(2).cpu())
        return torch.cat(scores), torch.cat(steps)

    def forward(self, x: Tensor) -> Tensor:
        """Log p(x | m, pose) of images (B, C, H, W), (B, M·K), up to the prior."""
        turned = self._turned() * self.inside
        log_normaliser = (F.softplus(turned) * self.inside).sum(1)
        product: Tensor = x.flatten(1) @ turned.T
        return self.weight * (product.float() - log_normaliser)

    def _turned(self) -> Tensor:
        """Every template under every angle, (M·K, C·H·W)."""
        n_templates, n_angles = len(self.templates), len(self.angles)
        n = n_templates * n_angles
        pose = Pose.identity(n, self.angles.device)._replace(angle=self.angles.repeat(n_templates))
        canvas = self.templates.repeat_interleave(n_angles, 0)
        return place(canvas, pose, self.size).flatten(1)


def _n_steps(n_images: int, n_templates: int) -> int:
    """How long to learn: longer for many templates, but not until noise is learned by heart."""
    wanted = min(max(_STEPS, 2 * n_templates), 3 * _STEPS)
    return min(wanted, max(_PASSES * n_images // _BATCH, _FEWEST_STEPS))


def _angles(angle_range: float) -> Tensor:
    """A grid of angles over ± a range, (K,)."""
    if angle_range >= math.pi - 1e-6:
        return torch.arange(_ANGLES) * (2 * math.pi / _ANGLES)
    n = math.ceil(_ANGLES * angle_range / math.pi) // 2 * 2 + 1
    return torch.linspace(-angle_range, angle_range, n) if n > 1 else torch.zeros(1)


def _inside(size: tuple[int, int], channels: int, mask: bool) -> Tensor:
    """1 where a pixel counts, (C·H·W,)."""
    height, width = size
    inside = torch.ones(height, width)
    if mask:
        rows = torch.arange(height)[:, None] - (height - 1) / 2
        columns = torch.arange(width) - (width - 1) / 2
        inside = ((rows.square() + columns.square()).sqrt() <= min(size) / 2).float()
    return inside.expand(channels, -1, -1).flatten()
