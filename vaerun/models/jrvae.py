"""jrVAE: classes are latent too, and no label is ever shown (eq. 5 of the review).

    Σ_y q(y | x) E_q log p(x | z, θ, Δ, y) − KL(z) − KL(θ) − KL(Δ) − KL(y)

as it stands, or with every KL held to a capacity (``objective=capacity``).

`vaerun model=jrvae data=cards_iii`
"""

from vaerun.models.family import Family

JRVAE = Family(name="jrvae", categories=("summed", "classifier", "gumbel"))
