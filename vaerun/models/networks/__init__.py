"""Encoder and decoders; no Lightning, no files."""

from vaerun.models.networks.canonical_decoder import CanonicalDecoder
from vaerun.models.networks.decoder import Decoder
from vaerun.models.networks.mlp_decoder import MlpDecoder
from vaerun.models.networks.spatial_decoder import SpatialDecoder

# `model.decoder.name` → its class; its options are its `Config`
DECODERS: dict[str, type[Decoder]] = {
    "canonical": CanonicalDecoder,
    "mlp": MlpDecoder,
    "spatial": SpatialDecoder,
}
