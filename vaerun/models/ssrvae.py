"""ssrVAE: a few images are labelled, the classes of all others are inferred (review, section 4).

    labelled    ELBO(x, y) + α·log q(y | x)
    unlabelled  Σ_y q(y | x) ELBO(x, y) − KL(q(y | x) ‖ p(y)), the sum over every class

`vaerun model=ssrvae data=cards_iv`
"""

from vaerun.models.family import Family

SSRVAE = Family(name="ssrvae", categories=("summed", "classifier"), learns_labels=True)
