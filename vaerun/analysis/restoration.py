"""How near restored images come to the clean ones, and how near the corrupted ones were."""

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.floating]

_LEAST = float(np.finfo(np.float32).eps) ** 2  # error of equal images: 138 dB and not infinity


def restoration(corrupted: Images, restored: Images, clean: Images) -> dict[str, float]:
    """PSNR of a model's input and output against the clean images, (N, C, H, W) each, and gain."""
    before, after = psnr_db(corrupted, clean), psnr_db(restored, clean)
    return {"input_db": before, "output_db": after, "gain_db": after - before}


def psnr_db(images: Images, clean: Images) -> float:
    """Peak signal-to-noise ratio in dB, of the mean squared error over all pixels of all images.

    The peak is 1, so it is −10 log₁₀ MSE. (The mean of the ratios of single images is larger, by
    Jensen's inequality.)

    Examples
    --------
    >>> psnr_db(np.full((2, 1, 3, 3), 0.6), np.full((2, 1, 3, 3), 0.5))
    20.0
    """
    error = np.square(np.subtract(images, clean, dtype=np.float64)).mean()
    return float(-10 * np.log10(max(error, _LEAST)))
