"""The models: what they share (network, bound, module), and one small file for each."""

from vaerun.models.ae import AE
from vaerun.models.build import build
from vaerun.models.categories import CATEGORIES
from vaerun.models.config import ModelConfig, check
from vaerun.models.crvae import CRVAE
from vaerun.models.family import Family
from vaerun.models.jrvae import JRVAE
from vaerun.models.poses import POSES
from vaerun.models.rvae import RVAE
from vaerun.models.ssrvae import SSRVAE
from vaerun.models.vae import VAE

# `model.name` → what sets the model apart
MODELS: dict[str, Family] = {
    family.name: family for family in (AE, VAE, RVAE, CRVAE, SSRVAE, JRVAE)
}

__all__ = ["CATEGORIES", "MODELS", "POSES", "Family", "ModelConfig", "build", "check"]
