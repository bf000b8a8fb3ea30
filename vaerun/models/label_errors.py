"""Labels and pseudo-labels of a batch, and the errors of a posterior against them, in nats."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.data.dataloader import Batch
from vaerun.geometry import wrap
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.posterior import Posterior

N_TARGETS = 2  # columns of pseudo-labels before those of the place in z: class and angle
_PSEUDO_LABEL_SD = 0.25  # of the offset of a pseudo-labelled angle, in prior sd
_PLACE_SD = 0.25  # of a pseudo-labelled place in z, in prior sd
_LARGEST_WEIGHT = 10.0  # of a rare class over that of the most frequent

# B images, K rotation bins, J classes.


def targets_of(batch: Batch[Tensor]) -> tuple[Tensor | None, Tensor | None]:
    """Labels and angles to learn from, (B,) each, −1 and NaN for images without.

    Labels of the data precede pseudo-labels. None stands for no image of the batch having one.
    """
    if batch.pseudo_labels is None:
        return batch.label, None
    pseudo_label, angle = batch.pseudo_labels[:, :N_TARGETS].unbind(1)
    if batch.label is None:
        return pseudo_label.long(), angle
    return torch.where(batch.label < 0, pseudo_label.long(), batch.label), angle


@torch.no_grad()
def class_counts(log_class: Tensor, label: Tensor | None, *, labelled_only: bool) -> Tensor:
    """Images (J,) in each class: by their label, those without by q(y | x), as sums in doubles.

    Parameters
    ----------
    log_class
        (B, J) log q(y | x).
    label
        (B,) −1 for images without; None if no image has one.
    labelled_only
        Whether images without a label are left out.
    """
    probability = log_class.double().exp()
    if label is None:
        label = torch.full_like(log_class[:, 0], -1, dtype=torch.long)
    known = (label >= 0)[:, None]
    one_hot = F.one_hot(label.clamp_min(0), log_class.shape[1])
    without = torch.zeros_like(probability) if labelled_only else probability
    return torch.where(known, one_hot.to(probability.dtype), without).sum(0)


def class_weights(label: Tensor, n_classes: int) -> Tensor:
    """Weights (J,) that make frequent and rare classes count alike, 1 on average over images.

    The ratio of the largest to the smallest is at most 10.

    Parameters
    ----------
    label
        (N,) of the labelled images, −1 where unknown.
    n_classes
        J.
    """
    count = torch.bincount(label[label >= 0], minlength=n_classes).float()
    weight = count.max() / count.clamp_min(1)
    weight = weight.clamp_max(_LARGEST_WEIGHT * weight.min())
    return weight * count.sum() / (weight * count).sum()


def angle_error(angle: Tensor, posterior: Posterior, network: InvariantVAE) -> Tensor:
    """Error of the posterior for pseudo-labelled angles (B,) radians, nats; 0 where they are NaN.

    −log q of the rotation bin, plus the −log density, without its constant, of the offset within
    it under a normal of a quarter of the prior sd: some degrees, the precision of a pseudo-label.
    """
    bin_number = network.search.nearest_bin(angle)  # (B,)
    if network.latents.angle is None or len(network.search.bin_angle) == 1:
        return posterior.log_q.new_zeros(len(angle))
    chosen = bin_number.clamp_min(0)
    target = wrap(angle.nan_to_num() - network.search.bin_angle[chosen])
    offset = posterior.latents.mean[..., 0]  # (B, K, J), prior sd; the first latent is the angle
    offset = offset.gather(1, chosen[:, None, None].expand(-1, 1, offset.shape[2]))[:, 0]  # (B, J)
    away = (offset - (target / network.latents.angle.sd)[:, None]) / _PSEUDO_LABEL_SD
    of_bin = negative_log_prob(posterior.log_q.logsumexp(2), bin_number)
    return torch.where(bin_number >= 0, of_bin + 0.5 * away.square().mean(1), 0.0)


def place_error(pseudo_labels: Tensor, posterior: Posterior, network: InvariantVAE) -> Tensor:
    """Error of the posterior means for pseudo-labelled places in z, nats (B,).

    Parameters
    ----------
    pseudo_labels
        (B, 2 + d) class, angle and place; the first d content latents should be there.
    """
    angle, place = pseudo_labels[:, 1], pseudo_labels[:, N_TARGETS:]
    first = network.latents.n_pose
    mean = posterior.latents.mean[..., first : first + place.shape[1]]  # (B, K, J, d)
    away = ((mean - place[:, None, None]) / _PLACE_SD).square().sum(-1)
    bin_number = network.search.nearest_bin(angle)
    n_bins = posterior.log_q.shape[1]
    of_bin = F.one_hot(bin_number.clamp_min(0), n_bins)[..., None] / posterior.log_q.shape[2]
    weight = torch.where((bin_number >= 0)[:, None, None], of_bin, posterior.log_q.detach().exp())
    return 0.5 * (weight * away).sum((1, 2))


def negative_log_prob(log_q: Tensor, target: Tensor) -> Tensor:
    """−log q (B, n) at the target (B,), 0 where it is −1."""
    at = log_q.gather(1, target.clamp_min(0)[:, None])[:, 0]
    return torch.where(target >= 0, -at, 0.0)
