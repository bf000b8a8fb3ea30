"""AE: the VAE's graph without sampling and without KL (review, section 2.a).

`vaerun model=ae data=mnist`
"""

from vaerun.models.family import Family

AE = Family(name="ae", deterministic=True)
