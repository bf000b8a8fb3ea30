"""The models: what they share (network, bound, module), and one small file for each."""

from vaerun.models.ae import AE
from vaerun.models.build import build
from vaerun.models.config import ModelConfig, check
from vaerun.models.family import Family
from vaerun.models.poses import POSES
from vaerun.models.rvae import RVAE
from vaerun.models.vae import VAE

# `model.name` → what sets the model apart
MODELS: dict[str, Family] = {family.name: family for family in (AE, VAE, RVAE)}

__all__ = ["MODELS", "POSES", "Family", "ModelConfig", "build", "check"]
