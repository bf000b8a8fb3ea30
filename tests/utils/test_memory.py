"""Memory that is short is the user's to mend, and said in one line."""

import numpy as np
import pytest
import torch

from vaerun.utils.exit_status import WRONG_INPUT, guarded
from vaerun.utils.memory import memory_fault

TOO_MUCH = 2**55


@pytest.mark.parametrize("make", [torch.empty, np.empty], ids=["torch", "numpy"])
def test_what_does_not_fit_is_said_with_what_takes_less(make, capsys: pytest.CaptureFixture):
    assert guarded(lambda: make(TOO_MUCH)) == WRONG_INPUT
    said = capsys.readouterr().err
    assert said.startswith("error: the memory that is free is too small (")
    assert "data.batch_size=10" in said
    assert said.count("\n") == 1


def test_other_errors_are_not_of_memory():
    assert memory_fault(RuntimeError("shapes differ")) is None
    assert memory_fault(ValueError("out of memory")) is None
