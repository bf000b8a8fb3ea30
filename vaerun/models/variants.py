"""The models side by side: what sets each apart, and its bound.

All share one network (`InvariantVAE`) and one ELBO (`vaerun.models.elbo`). x is an image, z its
content, θ its angle, Δ its shift, s the logarithm of its scale, y its class. Each E is over
q(latents | x), each KL(·) is from the prior of that latent.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ModelVariant:
    """A model of the family.

    Attributes
    ----------
    name
        As in ``model=<name>``.
    deterministic
        Whether latents are taken at their means and have no KL.
    categories
        Allowed values of ``model/category=``, the default first.
    learns_labels
        Whether it is trained on a labelled set too.
    predicts
        Whether it predicts what is paired with an image, and not the image.
    """

    name: str
    deterministic: bool = False
    categories: tuple[str, ...] = ("none",)
    learns_labels: bool = False
    predicts: bool = False


AE = ModelVariant(name="ae", deterministic=True)
"""Autoencoder (review, section 2.a): maximises log p(x | z) at the mean z of the encoder.

`vaerun model=ae data=mnist`
"""

VAE = ModelVariant(name="vae")
"""Variational autoencoder (review, eq. 2): content alone.

    E log p(x | z) − KL(z)

`vaerun model=vae data=mnist`
"""

RVAE = ModelVariant(name="rvae")
"""Invariant VAE (review, eq. 4): rotation, shift and scale are latents of their own.

    E log p(x | z, θ, Δ, s) − KL(z) − KL(θ) − KL(Δ) − KL(s)

With ``model/pose=orbit`` θ = φ_k + δ, a rotation bin and an offset, and the bound sums over bins;
with ``model/pose=amortized`` q(θ | x) is one Gaussian, as in the review.

`vaerun model=rvae data=cards_iv`
"""

CRVAE = ModelVariant(name="crvae", categories=("conditional",))
"""Conditional rVAE (review, figure 5b): encoder and decoder are conditioned on c.

    E log p(x | z, θ, Δ, c) − KL(z) − KL(θ) − KL(Δ)

c is the class, factors, or both; every class has a space of z of its own.

`vaerun model=crvae data=cards_iv`
"""

SSRVAE = ModelVariant(
    name="ssrvae", categories=("enumerated", "classifier", "regressed"), learns_labels=True
)
"""Semi-supervised rVAE (review, section 6): few images are labelled, the other classes inferred.

    labelled    ELBO(x | y) + α·log q(y | x)
    unlabelled  Σ_y q(y | x) ELBO(x | y) − KL(q(y | x) ‖ p(y))

With ``model/category=regressed`` y is a quantity, such as a strain: the bound is that of `RVAE`,
and p(y | z) a Gaussian process through the images of known y.

`vaerun model=ssrvae data=cards_iv`
"""

JRVAE = ModelVariant(name="jrvae", categories=("enumerated", "classifier", "gumbel_softmax"))
"""Joint rVAE (review, eq. 5): classes are latent, no label is used.

    Σ_y q(y | x) E log p(x | z, θ, Δ, y) − KL(z) − KL(θ) − KL(Δ) − KL(y)

KL(y) is from the prior p(y) = Cat(λ), where λ is the share of each class of the images.

``objective=capacity`` holds every KL to a capacity, as eq. 5 does.

`vaerun model=jrvae data=cards_iii`
"""

VED = ModelVariant(name="ved", predicts=True)
"""Variational encoder–decoder: of an image x another image or curve y is predicted.

    Σ_k q(k | x) { E log p(y | z) − KL(z) } − KL(k)

The encoder sees x turned back by every φ_k, as that of `RVAE`; there is nothing to turn in y.

`vaerun model=ved data=pairs data.path=images.h5 data.target_path=spectra.h5`
"""

# `model.name` → its variant
MODELS: dict[str, ModelVariant] = {
    variant.name: variant for variant in (AE, VAE, RVAE, CRVAE, SSRVAE, JRVAE, VED)
}
