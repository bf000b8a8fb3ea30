"""How much work the benchmark does: in full, and with ``--quick``."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scales:
    """What the scaling series vary, one at a time; see `bench.scaling`.

    Attributes
    ----------
    images, peer_images
        Images of an epoch where their number is not varied, of vaerun and of pyroVED.
    sides, peer_sides
        Sides of the image, pixels.
    counts, peer_counts
        Numbers of images.
    bins
        Rotation bins K; vaerun has no fewer than 2.
    classes
        Classes J; 1 is the model without classes.
    latents, peer_latents
        Latent dimensions.
    """

    images: int = 2000
    peer_images: int = 100
    sides: tuple[int, ...] = (32, 48, 64, 96, 128, 256)
    peer_sides: tuple[int, ...] = (32, 48, 64, 96, 128)
    counts: tuple[int, ...] = (1000, 2000, 10_000, 30_000, 100_000)
    peer_counts: tuple[int, ...] = (100, 500)
    bins: tuple[int, ...] = (2, 4, 8, 16, 32)
    classes: tuple[int, ...] = (1, 2, 5, 10)
    latents: tuple[int, ...] = (2, 8, 32)
    peer_latents: tuple[int, ...] = (2, 8, 32)


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much work is done.

    Attributes
    ----------
    batch, large_batch
        Images in a training step, by default and in the first row of orbit.
    speed_images, speed_epochs
        Size of the throughput rows of spatial decoders; at most ``images``, two epochs or more.
    quick_images
        Images of the throughput rows of models that are faster by orders of magnitude.
    images, held_out, epochs
        Size of the time to quality, and of the final bound of pixel subsets.
    many_images, few_epochs
        Size of the scale row: one epoch of the former against epochs of ``quick_images``.
    patches, patches_in_memory
        Patches of 40×40 pixels streamed from a file, and in memory.
    patches_gb
        Gigabytes of the former that may be in memory.
    default
        Further overrides of the default run.
    scales
        Size of the scaling series.
    """

    batch: int = 100
    large_batch: int = 200
    speed_images: int = 1000
    speed_epochs: int = 3
    quick_images: int = 12_000
    images: int = 3000
    held_out: int = 1000
    epochs: int = 10
    many_images: int = 600_000
    few_epochs: int = 20
    patches: int = 2_000_000
    patches_in_memory: int = 200_000
    patches_gb: float = 1.0
    default: tuple[str, ...] = ()
    scales: Scales = Scales()


FULL = Sizes()
QUICK = Sizes(
    speed_images=200,
    speed_epochs=2,
    quick_images=2000,
    images=300,
    held_out=100,
    epochs=2,
    many_images=4000,
    few_epochs=2,
    patches=20_000,
    patches_in_memory=5000,
    patches_gb=0.01,
    default=("data.train_size=1200", "data.val_size=400", "trainer.max_epochs=2"),
    scales=Scales(
        images=500,
        peer_images=100,
        sides=(32, 48),
        peer_sides=(32, 48),
        counts=(500, 2000),
        peer_counts=(100,),
        bins=(2, 8),
        classes=(1, 2),
        latents=(2, 8),
        peer_latents=(2,),
    ),
)
