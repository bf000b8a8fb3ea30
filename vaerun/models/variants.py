"""What sets one model of the family apart from the next; see `build` for what they share.

AE: the VAE's graph without sampling and without KL (review, section 2.a).

`vaerun model=ae data=mnist`

crVAE: what is known of an image is told to encoder and decoder (review, figure 5b).

    ELBO = E_q(z, θ, Δ | x, c) log p(x | z, θ, Δ, c) − KL(z) − KL(θ) − KL(Δ)

The condition c is the class, one number a factor, or both; z keeps what c does not say, so every
class has a latent space of its own.

`vaerun model=crvae data=cards_iv`

jrVAE: classes are latent too, and no label is ever shown (eq. 5 of the review).

    Σ_y q(y | x) E_q log p(x | z, θ, Δ, y) − KL(z) − KL(θ) − KL(Δ) − KL(y)

as it stands, or with every KL held to a capacity (``objective=capacity``).

`vaerun model=jrvae data=cards_iii`

rVAE: rotation, shift and scale get latents of their own (eq. 4 of the review).

    ELBO = E_q log p(x | z, θ, Δ, s) − KL(z) − KL(θ) − KL(Δ) − KL(s)

With `model/pose=orbit` the angle is a bin φ_k and an offset δ, θ = φ_k + δ, and the bound sums
over bins; with `model/pose=amortized` it is one Gaussian, as in the paper.

`vaerun model=rvae data=cards_iv`

ssrVAE: a few images are labelled, the classes of all others are inferred (review, section 4).

    labelled    ELBO(x, y) + α·log q(y | x)
    unlabelled  Σ_y q(y | x) ELBO(x, y) − KL(q(y | x) ‖ p(y)), the sum over every class

`vaerun model=ssrvae data=cards_iv`

VAE: content alone (eq. 2 of the review).

    ELBO = E_q(z|x) log p(x | z) − KL(q(z|x) ‖ N(0, 1))

`vaerun model=vae data=mnist`
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ModelVariant:
    """One model.

    Attributes
    ----------
    name
        As in ``model=<name>``.
    deterministic
        Latents are taken at their means and have no KL.
    categories
        Where its class may come from, as in ``model/category=``; the first is its own choice.
    learns_labels
        Whether it is shown the labels of a labelled set.
    """

    name: str
    deterministic: bool = False
    categories: tuple[str, ...] = ("none",)
    learns_labels: bool = False


AE = ModelVariant(name="ae", deterministic=True)


CRVAE = ModelVariant(name="crvae", categories=("conditional",))


JRVAE = ModelVariant(name="jrvae", categories=("enumerated", "classifier", "gumbel_softmax"))


RVAE = ModelVariant(name="rvae")


SSRVAE = ModelVariant(name="ssrvae", categories=("enumerated", "classifier"), learns_labels=True)


VAE = ModelVariant(name="vae")
