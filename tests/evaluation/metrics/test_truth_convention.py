"""True poses by other conventions are recognised, and right ones are left as they are."""

from dataclasses import replace

import numpy as np
import pytest

from vaerun.data.patch_location import PatchLocation
from vaerun.evaluation.metrics.circular import resultant, wrap
from vaerun.evaluation.metrics.truth_convention import converted, recognise

from ...conftest import make_encodings

N = 400
RNG = np.random.default_rng(2)
TURN = RNG.uniform(-np.pi, np.pi, N)
SHIFT = RNG.normal(0, 2, (N, 2))


def found(given, angle=TURN, **factors):
    """Encodings (N,) of objects turned by TURN, of four classes with an offset each."""
    base = make_encodings(n_train=0, n_val=N)
    measured = wrap(angle + 0.5 * base.label + RNG.normal(0, 0.03, N)).astype("f4")
    shift = (SHIFT + RNG.normal(0, 0.1, SHIFT.shape)).astype("f4")
    given = {} if given is None else {"angle": np.asarray(given, "f4")}
    return make_encodings(
        n_train=0, n_val=N, angle=measured, shift=shift,
        factors={**given, **{k: np.asarray(v, "f4") for k, v in factors.items()}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (-TURN, "run clockwise"),
        (np.rad2deg(TURN), "are in degrees"),
        (360 - np.rad2deg(TURN), "are in degrees and run clockwise"),
        (wrap(TURN, np.pi), "hold modulo 180°"),
        (wrap(TURN, np.pi / 2), "hold modulo 90°"),
    ],
)
def test_angles_of_other_conventions(given, text):
    encodings = found(given)
    (convention,) = recognise(encodings, [1, 1, 1, 1])
    assert convention.text == text
    assert convention.before < 0.5
    assert convention.after > 0.99
    assert text in convention.sentence()
    after = converted(encodings, [convention])
    one = after.label == 0
    difference = (after.angle - after.factors["angle"])[one]
    assert resultant(difference, convention.symmetry) > 0.99


def test_right_angles_wrong_models_and_unknown_ones_are_left_alone():
    assert recognise(found(TURN), [1] * 4) == []
    assert recognise(found(RNG.uniform(-np.pi, np.pi, N)), [1] * 4) == []
    assert recognise(found(np.full(N, np.nan)), [1] * 4) == []
    assert recognise(found(None), [1] * 4) == []
    assert recognise(found(np.zeros(N)), [1] * 4) == []
    # of an object that looks the same after half a turn that much is known already
    assert recognise(found(wrap(TURN, np.pi)), [2] * 4) == []


@pytest.mark.parametrize(
    ("row", "column", "text"),
    [
        (SHIFT[:, 1], SHIFT[:, 0], "are (column, row)"),
        (-SHIFT[:, 0], -SHIFT[:, 1], "have rows of the opposite sign and have columns"),
        (SHIFT[:, 0], -SHIFT[:, 1], "have columns of the opposite sign"),
        (-SHIFT[:, 1], SHIFT[:, 0], "are (column, row) and have columns"),
    ],
)
def test_shifts_of_other_conventions(row, column, text):
    encodings = found(None, shift_row=row, shift_column=column)
    (convention,) = recognise(encodings, [1])
    assert convention.text.startswith(text)
    after = converted(encodings, [convention]).factors
    np.testing.assert_allclose(after["shift_row"], SHIFT[:, 0], atol=1e-5)
    np.testing.assert_allclose(after["shift_column"], SHIFT[:, 1], atol=1e-5)


def test_right_shifts_are_left_alone():
    assert recognise(found(None, shift_row=SHIFT[:, 0], shift_column=SHIFT[:, 1]), [1]) == []


def test_each_kind_of_atom_has_an_offset_of_its_own():
    base = found(TURN)
    kind = (base.label % 2).astype(int)
    place = PatchLocation(
        frame=np.zeros(N, int),
        centre=np.zeros((N, 2), np.float32),
        species=kind,
        ring_class=np.full(N, -1),
    )
    angle = wrap(TURN + np.pi / 3 * kind + RNG.normal(0, 0.03, N)).astype("f4")
    made = replace(base, angle=angle, label=np.full(N, -1), place=place)
    assert recognise(made, [3]) == []
    (one_kind,) = recognise(replace(made, place=replace(place, species=0 * kind)), [3])
    assert one_kind.text == "hold modulo 60°"
