"""What the model gets beside the images: conditions, labels, and pseudo-labels of clustering."""

import torch

from vaerun.data.datamodule import Supervision
from vaerun.data.image_set import concatenate_images
from vaerun.models.lightning_module import VAELightningModule
from vaerun.training.clustering.find_classes import find_pseudo_labels
from vaerun.training.clustering.settings import clustering_settings
from vaerun.training.context import TrainingContext


def supervision(context: TrainingContext, module: VAELightningModule, step: int) -> Supervision:
    """Conditions, labels and pseudo-labels of a training that starts at a step, from 0.

    Weights of a finished run need no pseudo-labels: what they know is class and angle.
    """
    config, category = context.config, module.network.category
    is_guided = step < config.objective.pseudo_label_steps and config.model.start_from is None
    return Supervision(
        condition=lambda images: category.condition(images.label, images.factors),
        labels=module.network.variant.learns_labels,
        pseudo_labels=context.ranks.broadcast_tensor(lambda: _pseudo_labels(context, module))
        if is_guided
        else None,
    )


def _pseudo_labels(context: TrainingContext, module: VAELightningModule) -> torch.Tensor | None:
    """Pseudo-label, angle, place in z (N, 2 + d) of the training, then the labelled images."""
    network, splits = module.network, context.splits
    n_given = network.category.n_data_classes
    settings = clustering_settings(context.config.model, n_given or network.n_classes or 1)
    if settings is None:
        return None
    aligns = settings.any_angle and len(network.search.bin_angle) > 1
    if not (network.n_classes or aligns or settings.n_dims):
        return None  # no pseudo-label would be used
    unknown = torch.full_like(splits.train.label, -1)
    images, label = [splits.train.images], [splits.train.label if n_given else unknown]
    if module.network.variant.learns_labels and splits.labelled is not None:
        images.append(splits.labelled.images)
        label.append(splits.labelled.label)
    with context.console.status("clustering images for pseudo-labels"):
        hardware = context.hardware
        pseudo = find_pseudo_labels(
            concatenate_images(images),
            torch.cat(label),
            settings,
            module.seed,
            hardware.torch_device,
            mixed=hardware.precision != "32-true",
        )
    if network.n_classes:
        sizes = torch.bincount(pseudo.label[pseudo.label >= 0], minlength=network.n_classes)
        context.console.print(f"pseudo-labels per class: {', '.join(f'{n:,}' for n in sizes)}")
    return torch.cat([torch.stack([pseudo.label.float(), pseudo.angle], dim=1), pseudo.place], 1)
