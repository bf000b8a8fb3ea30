"""Whether images fill their field, as patches of a lattice do, or have an empty margin."""

import torch

from vaerun.data.image_set import Images
from vaerun.models.object_locator import ObjectLocator
from vaerun.utils.arrays import evenly

_BORDER = 0.1  # of the shorter side: width of the margin that may be empty
_AS_MUCH = 0.5  # of the variation inside that there is in the margin of images that fill it
_LOOKED_AT, _MOST_NUMBERS = 2000, 2**26  # images, and numbers in them: 256 MB

# N images of H × W pixels.


def judge(images: Images) -> tuple[bool, str]:
    """Whether images (N, C, H, W) fill their field, and why.

    Not if most have one object on its own, whatever its background. Otherwise if the pixels of
    their margin differ from those of the same image as much as those inside do.
    """
    height, width = int(images.shape[-2]), int(images.shape[-1])
    if ObjectLocator((height, width), centred=True, sized=True).fit(images):
        return False, "most images have one object on its own"
    most = max(min(_LOOKED_AT, _MOST_NUMBERS // images.shape[1:].numel()), 1)
    some = images[torch.from_numpy(evenly(len(images), most))].mean(1)
    margin = max(round(_BORDER * min(height, width)), 1)
    border = torch.ones(height, width, dtype=torch.bool)
    border[margin:-margin, margin:-margin] = False
    differs = (some - some.flatten(1).median(1).values[:, None, None]).square()
    outside, inside = float(differs[:, border].mean()), float(differs[:, ~border].mean())
    if outside >= _AS_MUCH * inside:
        return True, "they go on at their margin as inside, as patches of a lattice"
    return False, "there is less at their margin than inside"
