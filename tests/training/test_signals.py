"""Signals are deferred while a step runs, then handled as they would have been."""

import os
import signal
from collections.abc import Iterator

import pytest

from vaerun.training.signals import DeferredSignals
from vaerun.utils.exit_status import interrupting


@pytest.fixture
def seen() -> Iterator[list[int]]:
    """Signals that reached the handlers set before."""
    numbers: list[int] = []
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGUSR2, signal.SIGINT)}
    signal.signal(signal.SIGTERM, lambda number, _: numbers.append(number))
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


def deferring() -> DeferredSignals:
    signals = DeferredSignals()
    signals.remember()
    signals.defer()
    return signals


def test_a_signal_is_deferred_and_then_left_to_its_handler(seen: list[int]):
    signals = deferring()
    assert not signals
    os.kill(os.getpid(), signal.SIGTERM)
    assert signals
    assert seen == []
    signals.act()
    assert not signals
    assert seen == [signal.SIGTERM]
    signals.restore()
    os.kill(os.getpid(), signal.SIGTERM)
    assert seen == [signal.SIGTERM] * 2


def test_a_signal_without_a_handler_interrupts(seen: list[int]):
    signal.signal(signal.SIGUSR2, signal.SIG_DFL)
    signals = deferring()
    os.kill(os.getpid(), signal.SIGUSR2)
    with pytest.raises(KeyboardInterrupt):
        signals.act()
    signals.restore()
    assert signal.getsignal(signal.SIGUSR2) is signal.SIG_DFL


def test_a_second_interrupt_is_not_deferred(seen: list[int]):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signals = deferring()
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    signals.restore()


def test_an_ignored_signal_stays_ignored(seen: list[int]):
    """Shells ignore SIGINT for background jobs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signals = deferring()
    os.kill(os.getpid(), signal.SIGINT)
    assert not signals
    signals.restore()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_signals_of_schedulers_interrupt(number: signal.Signals):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), interrupting():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before
