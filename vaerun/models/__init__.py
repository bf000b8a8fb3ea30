"""The models: what they share (network, bound, module), and one small file for each."""

from vaerun.models.build import build
from vaerun.models.categories.registry import CATEGORIES
from vaerun.models.config import ModelConfig, check
from vaerun.models.pose import POSES
from vaerun.models.variants import AE, CRVAE, JRVAE, RVAE, SSRVAE, VAE, ModelVariant

# `model.name` → what sets the model apart
MODELS: dict[str, ModelVariant] = {
    family.name: family for family in (AE, VAE, RVAE, CRVAE, SSRVAE, JRVAE)
}

__all__ = ["CATEGORIES", "MODELS", "POSES", "ModelConfig", "ModelVariant", "build", "check"]
