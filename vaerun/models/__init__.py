"""The models: what they share (network, bound, module), and one small file for each."""

from vaerun.models.build import build
from vaerun.models.categories.registry import CATEGORIES
from vaerun.models.config import ModelConfig, check
from vaerun.models.pose import POSES
from vaerun.models.variants import MODELS, ModelVariant

__all__ = ["CATEGORIES", "MODELS", "POSES", "ModelConfig", "ModelVariant", "build", "check"]
