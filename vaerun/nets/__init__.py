"""Encoders and decoders, one call signature each; no Lightning, no files."""

from vaerun.nets.canonical import CanonicalDecoder
from vaerun.nets.decoder import Decoder
from vaerun.nets.mlp import MlpDecoder
from vaerun.nets.spatial import SpatialDecoder

# `model.decoder.name` → the network; its options are its `Config`
DECODERS: dict[str, type[Decoder]] = {
    "canonical": CanonicalDecoder,
    "mlp": MlpDecoder,
    "spatial": SpatialDecoder,
}
