"""The models: network, ELBO, LightningModule, inference and export, shared by all variants."""

from vaerun.models.categories.registry import CATEGORIES
from vaerun.models.config import ModelConfig, check
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.pose import POSES
from vaerun.models.variants import MODELS, ModelVariant

__all__ = ["CATEGORIES", "MODELS", "POSES", "InvariantVAE", "ModelConfig", "ModelVariant", "check"]
