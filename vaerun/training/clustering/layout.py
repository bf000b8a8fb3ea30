"""Templates laid out in a plane so that linked ones are neighbours.

Where classes run into one another, as handwritten digits do, a cut of the links severs small
groups at their rim, whereas a layout has dense regions with sparse ones between them.
"""

import numpy as np
import numpy.typing as npt
from sklearn.manifold import TSNE

from vaerun.training.clustering.spectral import Floats, k_means

# M templates.

_PERPLEXITY = 10.0  # neighbours of a template, or a third of all templates if that is fewer
_FEWEST = 4  # templates that a layout is made of
_LAYOUTS = 4  # that partitions are proposed by
_LEAST_LINK = 1e-6  # relative to the links of the two templates with themselves


def lay_out(links: Floats, n_dims: int, seed: int) -> Floats:
    """Positions (M, n_dims) of templates by t-SNE (van der Maaten and Hinton 2008).

    The distance of two templates is −ln of their normalised link. Coordinates have mean 0 and
    mean square 1 over all templates, each weighted by its links.

    Parameters
    ----------
    links
        (M, M) images shared by two templates, symmetric.
    n_dims
        1 or 2.
    """
    if len(links) < _FEWEST:
        return np.zeros((len(links), n_dims))
    own = np.sqrt(np.maximum(np.diag(links), 1e-300))
    distance = -np.log(np.clip(links / np.outer(own, own), _LEAST_LINK, 1.0))
    np.fill_diagonal(distance, 0)
    tsne = TSNE(
        n_dims,
        metric="precomputed",
        init="random",
        perplexity=min(_PERPLEXITY, (len(links) - 1) / 3),
        random_state=seed,
    )
    place = np.asarray(tsne.fit_transform(distance), np.float64)
    weight = links.sum(1) / links.sum()
    place -= weight @ place
    return place / np.maximum(np.sqrt((weight @ place**2).mean()), 1e-12)


def layout_partitions(links: Floats, n_parts: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """Part of each template (M,) by k-means in each of several layouts of links (M, M)."""
    if len(links) < max(_FEWEST, n_parts):
        return []
    layouts = [lay_out(links, 2, seed + i) for i in range(_LAYOUTS)]
    return [k_means(place, n_parts, seed, links.sum(1)) for place in layouts]
