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
from vaerun.evaluation.checks.true_poses import true_poses


@dataclass(frozen=True, slots=True)
class Check:
    """A check with its title; None from its function: it does not apply to the model."""

    title: str
    make: Callable[[CheckedRun], Finding | None]


CHECKS: dict[str, Check] = {
    "converged": Check("Converged without overfitting", converged),
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
    findings = {name: check.make(run) for name, check in CHECKS.items()}
    return {name: finding for name, finding in findings.items() if finding is not None}
