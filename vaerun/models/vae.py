"""VAE: content alone (eq. 2 of the review).

    ELBO = E_q(z|x) log p(x | z) − KL(q(z|x) ‖ N(0, 1))

`vaerun model=vae data=mnist`
"""

from vaerun.models.family import Family

VAE = Family(name="vae")
