"""A target of images given their latents: a Gaussian process through the few that are known.

    y = f(ζ) + ε,   f ~ GP(0, κ),   ε ~ N(0, σ²)

κ is a Matérn kernel (ν = 5/2) with a length for each latent, so that those that do not matter drop
out. ζ is what images have beside an angle and a shift, on which a target does not depend: z, the
logarithm of the scale, gain and offset. The lengths and σ maximise the likelihood of the known
targets. The spread of an image is that of y: of ε, and of f where few targets are known.
Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), chapters 2 and 5.
"""

import dataclasses
import logging
import warnings
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, Matern, WhiteKernel

from vaerun.models.encodings import Encodings
from vaerun.models.inference import Latents
from vaerun.utils.arrays import evenly, write_arrays
from vaerun.utils.errors import UserError

Floats = npt.NDArray[np.floating]
Encoded = TypeVar("Encoded", Latents, Encodings)

log = logging.getLogger(__name__)

# N images, n of known target, m latents.

MOST_KNOWN, _MOST_FITTED = 1000, 400  # targets that a prediction, and the lengths, follow from
_AT_ONCE = 5000  # images predicted at once: some 40 MB
_PER_LENGTH = 5  # known targets to each length; with fewer, all latents have one


@dataclasses.dataclass(frozen=True)
class TargetReadout:
    """The target of images, from its values at a few latents.

    Attributes
    ----------
    latents
        (n, m) of the images of known target, as `_latents` has them.
    known
        (n,) their targets.
    theta
        Logarithms of the kernel's parameters: height, length or lengths, variance of ε, in units
        of the variance of the known targets and the sd of each latent.
    """

    latents: Floats
    known: Floats
    theta: Floats

    @classmethod
    def fit(cls, encodings: Encodings, target: str) -> "TargetReadout":
        """Learn a target from encodings of images of which it is known, as a factor.

        Of more than `MOST_KNOWN` an even selection is used.
        """
        some = encodings.thinned(MOST_KNOWN)
        if len(some) < len(encodings):
            log.info(f"of {len(encodings):,} known values of {target}, {len(some):,} are used")
        latents, known = _latents(some), some.factors[target].astype(np.float64)
        rows = evenly(len(known), _MOST_FITTED)
        x, y = _units(latents, latents)[rows], _scaled(known)[rows]
        n_lengths = x.shape[1] if len(x) >= _PER_LENGTH * x.shape[1] else 1
        process = GaussianProcessRegressor(
            _kernel(n_lengths), n_restarts_optimizer=2, random_state=0
        )
        with warnings.catch_warnings():  # of lengths at their bounds: of latents that drop out
            warnings.simplefilter("ignore", ConvergenceWarning)
            return cls(latents, known, process.fit(x, y).kernel_.theta)

    def predict(self, encoded: Latents | Encodings) -> tuple[Floats, Floats]:
        """Mean and sd of the target (N,), in its unit, of encoded images."""
        n_lengths = len(self.theta) - 2
        kernel = _kernel(n_lengths).clone_with_theta(self.theta)
        process = GaussianProcessRegressor(kernel, optimizer=None)
        process.fit(_units(self.latents, self.latents), _scaled(self.known))
        x = _units(_latents(encoded), self.latents)
        parts = [
            process.predict(x[first : first + _AT_ONCE], return_std=True)
            for first in range(0, len(x), _AT_ONCE)
        ]
        mean, sd = (np.concatenate(some) for some in zip(*parts, strict=True))
        return self.known.mean() + self.known.std() * mean, self.known.std() * sd

    def left_out(self) -> tuple[Floats, Floats]:
        """Mean and sd (n,) of each known target, predicted from the others.

        In closed form: Rasmussen and Williams, section 5.4.2.
        """
        x, y = _units(self.latents, self.latents), _scaled(self.known)
        covariance = _kernel(len(self.theta) - 2).clone_with_theta(self.theta)(x)
        inverse = np.linalg.inv(covariance)
        precision = np.diag(inverse)
        unit = self.known.std()
        return self.known - unit * (inverse @ y) / precision, unit / np.sqrt(precision)

    def applied(self, encoded: Encoded) -> Encoded:
        """Encodings with `target_mean` and `target_sd`."""
        mean, sd = self.predict(encoded)
        return dataclasses.replace(
            encoded, target_mean=mean.astype(np.float32), target_sd=sd.astype(np.float32)
        )

    def write(self, path: Path) -> None:
        """Write the arrays, completely or not at all."""
        write_arrays(path, dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> "TargetReadout":
        """What `write` wrote.

        Raises
        ------
        UserError
            If the file is missing or another.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(*(arrays[field.name] for field in dataclasses.fields(cls)))
        except (OSError, KeyError, ValueError) as error:
            what = f"{path} does not hold what the run has learned of its target"
            raise UserError(what, "train it again") from error


def _kernel(n_lengths: int) -> Kernel:
    lengths = np.ones(n_lengths)
    matern = Matern(lengths if n_lengths > 1 else 1.0, (0.05, 100.0), nu=2.5)
    return ConstantKernel(1.0, (0.1, 100.0)) * matern + WhiteKernel(0.05, (1e-4, 1.0))


def _latents(encoded: Latents | Encodings) -> Floats:
    """The latents (N, m) that a target may depend on."""
    pose = [np.log(encoded.scale), encoded.gain, encoded.offset]
    return np.column_stack([encoded.z_mean, *pose]).astype(np.float64)


def _scaled(known: Floats) -> Floats:
    """Targets (n,) in sd from their mean."""
    scaled: Floats = (known - known.mean()) / known.std()
    return scaled


def _units(values: Floats, known: Floats) -> Floats:
    """Latents (N, m') in sd of the known ones (n, m) from their mean, of those that vary."""
    varies = known.std(0) > 1e-6
    return (values - known.mean(0))[:, varies] / known.std(0)[varies]
