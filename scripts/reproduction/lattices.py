"""Results on simulated crystals, of every kind, with and without brightness as a nuisance."""

from dataclasses import replace

from reproduction.row import Measure, Row
from vaerun.microscopy.simulation.lattices import CRYSTALS

_ANGLE = Measure("angle error of grains", "angle.overall_mae_deg", "°", 1, "–", 2, "<=")
_POLAR = Measure(
    "size of the displacement from z, R²", "factors.polar_size.r2_within_class", "", 3, "–", 0.9
)
_VACANCIES = Measure("vacancies from z, ROC area", "flags.vacancy.roc_auc", "", 3, "–", 0.95)
_FROM_Z = Measure("sublattices from z, ROC area", "flags.sublattice.roc_auc", "", 3)
_FROM_ANGLE = Measure("sublattices from the angle", "lattice.sublattice_accuracy", "%", 1)

_MEASURES = {
    "square": (_ANGLE,),
    "hexagonal": (_ANGLE,),
    "perovskite": (_ANGLE, _POLAR, _FROM_Z),
    "dichalcogenide": (_ANGLE, _VACANCIES, _FROM_Z, _FROM_ANGLE),
}


_BRIGHTNESS = Measure(
    "local brightness from z, R²", "factors.brightness.r2_within_class", "", 2, "–", 0.05, "<="
)


def _rows(crystal: str) -> tuple[Row, Row]:
    """The results on a crystal: gain and offset solved for, and left to z for comparison."""
    measures, words = (_BRIGHTNESS, *_MEASURES[crystal]), (f"data.crystal={crystal}",)
    left_to_z = (*words, "model.invariances=[r,t]")
    compared = tuple(replace(measure, target=None) for measure in measures)
    name, experiment = f"lattices_{crystal}", "best/rvae_lattices"
    return (
        Row(name, experiment, measures, overrides=words),
        Row(f"{name}_without_i", experiment, compared, overrides=left_to_z),
    )


LATTICES = tuple(row for crystal in CRYSTALS for row in _rows(crystal))
