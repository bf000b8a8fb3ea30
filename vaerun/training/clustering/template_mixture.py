"""A mixture of templates under a grid of poses, fitted by annealed expectation maximisation.

    log p(x | m, g) = Σ_pixels x·gT_m − ln(1 + exp gT_m)

of template T_m in pose g, a transformed mixture (Frey and Jojic 2003), or Σ −(x − gT_m)²/2σ² with
a learned σ for grey images. Without content latents one matrix product scores every hypothesis
exactly. Shifts and sizes are not searched: objects are centred and brought to one size beforehand.
Of curves it is shifts that are searched.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaerun.geometry import Pose, is_curve, pixel_size, place
from vaerun.training.clustering.settings import ClusteringSettings

# N images, M templates of all mixtures, K angles, J classes, B images of a step.

_BATCH, _STEPS = 200, 400
_FEWEST_STEPS, _PASSES = 80, 30  # of few images: more passes and templates fit their noise,
_SHARE, _COLD_SHARE = 20, 10  # and so do templates that have fewer images than this
_LEARNING_RATE = 0.1
_HOT, _COLD, _COOLING = 100.0, 3.0, 0.8  # at the start; share of the steps until it is 1
_REVIVED = (0.4, 0.5, 0.6, 0.7)  # of the steps, after which templates of no image start again
_DEAD, _USE_RATE = 0.1, 0.05  # use of a template over an even share; share of a new batch in it
N_ANGLES = 32  # over the full circle
_SD_RATE, _LEAST_SD = 0.1, 0.02  # of the Gaussian likelihood: share of a new batch; floor


class TemplateMixture(nn.Module):
    """A mixture of templates under a grid of rotations or, of curves, of shifts.

    Parameters
    ----------
    images
        (N, C, H, W) small; templates start half way between some of them and their mean.
    weight
        Pixels of the original image that one pixel represents.
    cold
        Whether annealing starts cold. A hot start shares every image among all templates at
        first, so that what they end as does not depend on the few images that they began with;
        but then the frequent kinds take all. A cold one keeps to these images, of which some are
        of a rare kind: of few images it has more templates.
    """

    def __init__(
        self, images: Tensor, settings: ClusteringSettings, weight: float, *, cold: bool = False
    ) -> None:
        super().__init__()
        self.weight = weight
        self.is_gaussian = settings.likelihood == "gaussian"
        away = images - images.mean(0)
        self.sd = max(float(away.square().mean().sqrt()), _LEAST_SD)  # if Gaussian
        size = images.shape[-2:]
        self.size = (size[0], size[1])
        self.is_cold = cold
        most = max(len(images) // (_COLD_SHARE if cold else _SHARE), settings.n_classes, 2)
        n_templates = min(settings.n_templates, most)
        chosen = images[torch.randint(len(images), (n_templates,))]
        start = 0.5 * chosen + 0.5 * images.mean(0)
        self.templates = nn.Parameter(
            start if self.is_gaussian else start.clamp(0.02, 0.98).logit()
        )
        self.full_circle = settings.any_angle
        self.angles: Tensor
        shifts = _shifts(self.size, settings.shift_range)
        angles = _angles(settings.angle_range) if len(shifts) < 2 else torch.zeros(len(shifts))
        self.register_buffer("angles", angles)
        self.shifts: Tensor
        self.register_buffer("shifts", shifts)
        self.inside: Tensor
        self.register_buffer("inside", _inside(self.size, images.shape[1], settings.mask))

    def fit(self, images: Tensor, *, mixed: bool = False) -> None:
        """Fit the templates by annealed expectation maximisation on random batches.

        Products are bfloat16 if ``mixed``, and the likelihood is Bernoulli. A Gaussian one is a
        small difference of large products where images are bright and of little contrast: rounded
        ones were off by hundreds of nats, and of four kinds that templates tell apart none was
        found.
        """
        mixed = mixed and not self.is_gaussian
        highest = _COLD if self.is_cold else _HOT
        n_steps = _n_steps(len(images), len(self.templates))
        adam = torch.optim.Adam(self.parameters(), lr=_LEARNING_RATE)
        device = self.angles.device
        n_templates = len(self.templates)
        use = torch.full((n_templates,), 1 / n_templates, device=device)
        revived = {round(share * n_steps) for share in _REVIVED}
        for step in range(n_steps):
            x = images[torch.randint(len(images), (_BATCH,))].to(device)
            temperature = max(highest ** (1 - step / (_COOLING * n_steps)), 1.0)
            for group in adam.param_groups:
                group["lr"] = 0.5 * _LEARNING_RATE * (1 + math.cos(math.pi * step / n_steps))
            with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                log_lik = self(x).float()  # (B, M·K)
            expected = (log_lik.detach() / temperature).softmax(1)
            use.lerp_(expected.unflatten(1, (n_templates, -1)).sum(2).mean(0), _USE_RATE)
            if step in revived:
                self._revive(x, log_lik.detach(), use)
            if self.is_gaussian:
                self._update_sd(x, float((expected * log_lik.detach()).sum(1).mean()))
            adam.zero_grad()
            (-(expected * log_lik).sum(1).mean()).backward()
            adam.step()

    @torch.no_grad()
    def _revive(self, x: Tensor, log_lik: Tensor, use: Tensor) -> None:
        """Let templates of next to no image start again, from images that none describes.

        A hot start brings templates together, and of kinds without variation a few take all
        images, two kinds sharing one. A new template is half one of the worst described images of
        a batch (B, C, H, W), half the template that describes it best, in its pose.

        Parameters
        ----------
        log_lik
            (B, M·K) of the batch.
        use
            (M,) share of the images, which is set to an even one for the new templates.
        """
        dead = (use < _DEAD / len(use)).nonzero()[:, 0]
        best, pose = log_lik.max(1)
        cost = -best
        if self.is_gaussian:
            cost = cost + (x.flatten(1).square() @ self.inside) / (2 * self.sd**2)
        worst = cost.topk(min(len(dead), len(x) // 4)).indices
        dead = dead[: len(worst)]
        image = x[worst] if self.is_gaussian else x[worst].clamp(0.02, 0.98).logit()
        near = self._turned()[pose[worst]].view_as(image)
        self.templates[dead] = 0.5 * image + 0.5 * near
        use[dead] = 1 / len(use)

    def _update_sd(self, x: Tensor, log_lik: float) -> None:
        """Move the sd towards that of a batch, given the mean of its `forward`."""
        square = float((x.flatten(1).square() * self.inside).sum(1).mean())
        variance = (square - 2 * self.sd**2 * log_lik) / float(self.inside.sum())
        kept = (1 - _SD_RATE) * self.sd**2 + _SD_RATE * max(variance, 0.0)
        self.sd = max(math.sqrt(kept), _LEAST_SD)

    @torch.no_grad()
    def log_likelihood(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Log p(x | m), summed over angles, and the best angle of each image and template.

        Returns
        -------
        score, step
            (N, M) nats up to a constant; (N, M) index of the angle.
        """
        device = self.angles.device
        scores, steps = [], []
        for x in images.split(_BATCH):
            log_lik = self(x.to(device)).unflatten(1, (len(self.templates), -1))  # (B, M, K)
            scores.append(log_lik.logsumexp(2).cpu())
            steps.append(log_lik.argmax(2).cpu())
        return torch.cat(scores), torch.cat(steps)

    def without_own_share(self, score: Tensor, images: Tensor) -> Tensor:
        """Log p(x | m) of images that a mixture was fitted to, each left out in turn.

        A template of few images has learned their noise. It is the mean of its n images, of which
        one has the share r, its posterior of the template. Without it, the template would be
        n / (n − r) times as far from this image. Half an image is added to n, for templates of
        one image and of none. Scores of a Bernoulli mixture are returned as they are.

        Parameters
        ----------
        score
            (N, M) of `log_likelihood`.
        images
            (N, C, H, W), all that were fitted to.
        """
        if not self.is_gaussian:
            return score
        share = score.softmax(1)
        n = share.sum(0) + 0.5
        square = (images.flatten(1).square() @ self.inside.cpu())[:, None] / (2 * self.sd**2)
        return (score - square) * (n / (n - share)).square() + square

    def forward(self, x: Tensor) -> Tensor:
        """Log p(x | m, angle) of images (B, C, H, W) up to a constant, (B, M·K)."""
        turned = self._turned() * self.inside
        product: Tensor = x.flatten(1) @ turned.T
        if self.is_gaussian:
            return (product.float() - 0.5 * turned.float().square().sum(1)) / self.sd**2
        log_normaliser = (F.softplus(turned) * self.inside).sum(1)
        return self.weight * (product.float() - log_normaliser)

    def _turned(self) -> Tensor:
        """Every template in every pose, (M·K, C·H·W).

        Over the full circle, squares are resampled within a quarter turn only; quarter turns of
        the results move pixels, which costs less.
        """
        height, width = self.size
        quarters = 4 if self.full_circle and height == width else 1
        angles = self.angles[: len(self.angles) // quarters]
        n_templates, n_angles = len(self.templates), len(angles)
        pose = Pose.identity(n_templates * n_angles, angles.device)
        pose = pose._replace(angle=angles.repeat(n_templates))
        if len(self.shifts) > 1:
            pose = pose._replace(shift=self.shifts.repeat(n_templates, 1))
        turned = place(self.templates.repeat_interleave(n_angles, 0), pose, self.size)
        turned = turned.unflatten(0, (n_templates, n_angles))  # (M, K / quarters, C, H, W)
        return (
            torch.cat([turned.rot90(i, (3, 4)) for i in range(quarters)], 1)
            .flatten(0, 1)
            .flatten(1)
        )


def _n_steps(n_images: int, n_templates: int) -> int:
    """Steps of a fit: more for many templates, but not so many that templates fit noise."""
    wanted = min(max(_STEPS, 2 * n_templates), 3 * _STEPS)
    return min(wanted, max(_PASSES * n_images // _BATCH, _FEWEST_STEPS))


def _angles(angle_range: float) -> Tensor:
    """A grid of angles (K,) over ± a range, radians; the full circle names none twice."""
    if angle_range >= math.pi - 1e-6:
        return torch.arange(N_ANGLES) * (2 * math.pi / N_ANGLES)
    n = math.ceil(N_ANGLES * angle_range / math.pi) // 2 * 2 + 1
    return torch.linspace(-angle_range, angle_range, n) if n > 1 else torch.zeros(1)


def _shifts(size: tuple[int, int], half_range: float) -> Tensor:
    """A grid of shifts (K, 2) of small curves, one a point over ± a range; none for images."""
    if not is_curve(size[0]) or not half_range:
        return torch.zeros(1, 2)
    most = int(half_range / pixel_size(*size))
    columns = torch.arange(-most, most + 1) * pixel_size(*size)
    return torch.stack([torch.zeros_like(columns), columns], 1)


def _inside(size: tuple[int, int], channels: int, mask: bool) -> Tensor:
    """1 where a pixel counts, else 0, (C·H·W,)."""
    height, width = size
    inside = torch.ones(height, width)
    if mask:
        rows = torch.arange(height)[:, None] - (height - 1) / 2
        columns = torch.arange(width) - (width - 1) / 2
        inside = ((rows.square() + columns.square()).sqrt() <= min(size) / 2).float()
    return inside.expand(channels, -1, -1).flatten()
