"""The checks of a run, in the order in which they are shown."""

from collections.abc import Callable
from dataclasses import dataclass

from vaerun.evaluation.checks.checked_run import CheckedRun
from vaerun.evaluation.checks.classes_apart import classes_apart
from vaerun.evaluation.checks.converged import converged
from vaerun.evaluation.checks.finding import Finding
from vaerun.evaluation.checks.invariances import invariances
from vaerun.evaluation.checks.latents_used import latents_used
from vaerun.evaluation.checks.noise_left import noise_left
from vaerun.evaluation.checks.one_orientation import one_orientation
from vaerun.evaluation.checks.pose_follows import pose_follows
from vaerun.evaluation.checks.pose_leak import pose_leak
from vaerun.evaluation.checks.predictions import better_than_mean, prediction_stays, spread_true
from vaerun.evaluation.checks.true_poses import true_poses


@dataclass(frozen=True, slots=True)
class Check:
    """A check with its title; None from its function: it does not apply to the model.

    Attributes
    ----------
    of_drawings, of_predictions
        Whether it is made of models that draw their images, and of those that predict others.
    """

    title: str
    make: Callable[[CheckedRun], Finding | None]
    of_drawings: bool = True
    of_predictions: bool = False

    def applies(self, run: CheckedRun) -> bool:
        """Whether it is made of a model of this kind."""
        return self.of_predictions if run.network.variant.predicts else self.of_drawings


def _of_predictions(title: str, make: Callable[[CheckedRun], Finding | None]) -> Check:
    return Check(title, make, of_drawings=False, of_predictions=True)


CHECKS: dict[str, Check] = {
    "converged": Check("Converged without overfitting", converged, of_predictions=True),
    "better_than_mean": _of_predictions("Better than the mean", better_than_mean),
    "spread_true": _of_predictions("Spread as it says", spread_true),
    "prediction_stays": _of_predictions("Prediction stays", prediction_stays),
    "invariances": Check("Invariances fit the images", invariances),
    "pose_follows": Check("Pose follows, z stays", pose_follows),
    "one_orientation": Check("One orientation", one_orientation),
    "pose_leak": Check("No pose in z", pose_leak),
    "latents_used": Check("Latents in use", latents_used),
    "classes_apart": Check("Classes are kinds", classes_apart),
    "noise_left": Check("Only noise left", noise_left),
    "truth_convention": Check("Truth by our convention", true_poses),
}


def check_run(run: CheckedRun) -> dict[str, Finding]:
    """Findings of all checks that apply, by name."""
    findings = {name: check.make(run) for name, check in CHECKS.items() if check.applies(run)}
    return {name: finding for name, finding in findings.items() if finding is not None}
