import numpy as np
import pytest

from vaerun.analysis.factors import is_flag, varies

NAN = np.nan


@pytest.mark.parametrize(
    ("values", "flag", "more_than_one"),
    [
        ([0, 1, 1], True, True),
        ([0, NAN, 1], True, True),
        ([NAN, 1, 1], True, False),
        ([0, 0.5, 1], False, True),
        ([NAN, 3, 3], False, False),
        ([NAN, NAN], False, False),
        ([], False, False),
    ],
)
def test_only_known_values_count(values, flag, more_than_one):
    factor = np.array(values, np.float32)
    assert is_flag(factor) is flag
    assert varies(factor) is more_than_one
