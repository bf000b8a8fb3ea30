"""Signals wait while a step is done, then do what they would have done."""

import os
import signal
from collections.abc import Iterator

import pytest

from vaerun.training.signals import DeferredSignals
from vaerun.utils.exit_status import interrupting


@pytest.fixture
def seen() -> Iterator[list[int]]:
    """The signals that came through to whoever handled them before."""
    numbers: list[int] = []
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGUSR2, signal.SIGINT)}
    signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


def deferring() -> DeferredSignals:
    waiting = DeferredSignals()
    waiting.remember()
    waiting.defer()
    return waiting


def test_a_signal_waits_and_is_then_left_to_whoever_handled_it(seen: list[int]):
    waiting = deferring()
    assert not waiting
    os.kill(os.getpid(), signal.SIGTERM)
    assert waiting
    assert seen == []
    waiting.act()
    assert not waiting
    assert seen == [signal.SIGTERM]
    waiting.restore()
    os.kill(os.getpid(), signal.SIGTERM)
    assert seen == [signal.SIGTERM] * 2


def test_a_signal_that_nobody_handles_interrupts(seen: list[int]):
    signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    waiting = deferring()
    os.kill(os.getpid(), signal.SIGUSR2)
    with pytest.raises(KeyboardInterrupt):
        waiting.act()
    waiting.restore()
    assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL


def test_a_second_interrupt_does_not_wait(seen: list[int]):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    waiting = deferring()
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    waiting.restore()


def test_what_is_ignored_stays_so(seen: list[int]):
    """As in the background of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting = deferring()
    os.kill(os.getpid(), signal.SIGINT)
    assert not waiting
    waiting.restore()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_what_a_scheduler_sends_interrupts(number: signal.Signals):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), interrupting():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before
