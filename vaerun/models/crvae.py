"""crVAE: what is known of an image is told to encoder and decoder (review, figure 5b).

    ELBO = E_q(z, θ, Δ | x, c) log p(x | z, θ, Δ, c) − KL(z) − KL(θ) − KL(Δ)

The condition c is the class, one number a factor, or both; z keeps what c does not say, so every
class has a latent space of its own.

`vaerun model=crvae data=cards_iv`
"""

from vaerun.models.family import Family

CRVAE = Family(name="crvae", categories=("given",))
