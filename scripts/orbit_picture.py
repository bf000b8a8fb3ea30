"""Draw how an rVAE looks at images: copies turned back, their weights, the drawing, turned.

python scripts/orbit_picture.py outputs/rvae/cards_iii/version_0 docs/orbit.png
"""

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import vaerun
from vaerun.evaluation.figures.style import house_style
from vaerun.geometry import rotate

N_IMAGES = 3


def main(run_folder: Path, target: Path) -> None:
    """Draw some of the run's own inputs, a row each."""
    run = vaerun.load(run_folder)
    inputs = np.load(run.folder.arrays)["inputs"][:N_IMAGES]
    bins = run.network.search.bin_angle
    with torch.no_grad():
        weight = run.network.infer(torch.as_tensor(inputs)).log_q.exp().sum(2)  # (B, K)
        copies = [rotate(torch.as_tensor(inputs), -angle.expand(N_IMAGES)) for angle in bins]
    latents = run.encode(inputs)
    drawing = run.decode(latents.z_mean)
    turned = run.decode(latents.z_mean, latents.angle)
    degrees = [round(float(angle) * 180 / np.pi) % 360 for angle in bins]
    titles = ["image", *(f"turned by −{angle}°" if angle else "as it is" for angle in degrees)]
    titles += ["drawing of z", "turned by θ"]
    with house_style():
        figure = Figure(figsize=(14, 4.8), layout="constrained")
        axes = figure.subplots(N_IMAGES, len(titles))
        for i, row in enumerate(axes):
            images = [inputs[i], *(copy[i] for copy in copies), drawing[i], turned[i]]
            for place, image in zip(row, images, strict=True):
                place.imshow(image[0], cmap="gray", vmin=0, vmax=1)
                _without_ticks(place)
            for k, place in enumerate(row[1 : 1 + len(bins)]):
                place.set_xlabel(f"{100 * float(weight[i, k]):.0f} %")
        for place, title in zip(axes[0], titles, strict=True):
            place.set_title(title, fontsize=8)
        figure.savefig(target, dpi=100)


def _without_ticks(place: Axes) -> None:
    place.set(xticks=[], yticks=[])
    for spine in place.spines.values():
        spine.set_visible(False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
