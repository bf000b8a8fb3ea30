"""rVAE: rotation, shift and scale get latents of their own (eq. 4 of the review).

    ELBO = E_q log p(x | z, θ, Δ, s) − KL(z) − KL(θ) − KL(Δ) − KL(s)

With `model/pose=orbit` the angle is a bin φ_k and an offset δ, θ = φ_k + δ, and the bound sums
over bins; with `model/pose=amortized` it is one Gaussian, as in the paper.

`vaerun model=rvae data=cards_iv`
"""

from vaerun.models.family import Family

RVAE = Family(name="rvae")
