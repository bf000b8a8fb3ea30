"""What a model is told beside the images: conditions, labels, what was found before training."""

import torch

from vaerun.data.datamodule import Supervision
from vaerun.data.image_set import concatenate_images
from vaerun.models.lightning_module import VAELightningModule
from vaerun.training.clustering import template_mixture
from vaerun.training.context import TrainingContext


def supervision(setting: TrainingContext, module: VAELightningModule, epoch: int) -> Supervision:
    """What the model is told beside the images from an epoch on."""
    category = module.network.category
    is_guided = epoch < setting.config.objective.pseudo_label_epochs
    return Supervision(
        condition=lambda images: category.condition(images.label, images.factors),
        labels=module.network.variant.learns_labels,
        guide=setting.ranks.share(lambda: _pseudo_labels(setting, module)) if is_guided else None,
    )


def _pseudo_labels(setting: TrainingContext, module: VAELightningModule) -> torch.Tensor | None:
    """Class and angle found before training, (N, 2), for training and then labelled images."""
    network, splits = module.network, setting.splits
    told = network.category.n_data_classes
    sought = template_mixture.clustering_settings(
        setting.config.model, told or network.n_classes or 1
    )
    if sought is None:
        return None
    if not network.n_classes and not (sought.any_angle and len(network.search.bin_angle) > 1):
        return None  # neither classes nor uprights are wanted
    unknown = torch.full_like(splits.train.label, -1)
    images, label = [splits.train.images], [splits.train.label if told else unknown]
    if module.network.variant.learns_labels and splits.labelled is not None:
        images.append(splits.labelled.images)
        label.append(splits.labelled.label)
    with setting.console.status("looking for classes and uprights"):
        hardware = setting.hardware
        found = template_mixture.find_pseudo_labels(
            concatenate_images(images),
            torch.cat(label),
            sought,
            module.seed,
            hardware.torch_device,
            mixed=hardware.precision != "32-true",
        )
    if network.n_classes:
        sizes = torch.bincount(found.label[found.label >= 0], minlength=network.n_classes)
        setting.console.print(f"classes to begin with: {', '.join(f'{n:,}' for n in sizes)}")
    return torch.stack([found.label.float(), found.angle], dim=1)
