"""Signals deferred to the end of a training step, when there is a state worth saving."""

import signal
from types import FrameType

from vaerun.utils.exit_status import can_be_handled

_DEFERRED = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class DeferredSignals:
    """Signals received during a step; `act` calls the handlers that they had before.

    The handlers are those of others (Python, the command line, submitit). A second Ctrl-C is
    not deferred, and signals that are ignored stay so.
    """

    def __init__(self) -> None:
        self._received: list[int] = []
        self._handlers: dict[int, signal._HANDLER] = {}

    def __bool__(self) -> bool:
        return bool(self._received)

    def remember(self) -> None:
        """Store the present handlers."""
        handlers = {number: signal.getsignal(number) for number in _DEFERRED}
        self._handlers = {n: h for n, h in handlers.items() if h not in (signal.SIG_IGN, None)}

    def defer(self) -> None:
        """Defer signals from now on."""
        if can_be_handled():
            for number in self._handlers:
                signal.signal(number, self._receive)

    def restore(self) -> None:
        """Restore the stored handlers."""
        if can_be_handled():
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def act(self) -> None:
        """Call the stored handlers of the signals received."""
        received, self._received = self._received, []
        for number in received:
            self._handle(number, None)

    def forget(self) -> None:
        """Drop the signals received."""
        self._received = []

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and number in self._received:
            self._handle(number, frame)
        elif number not in self._received:
            self._received.append(number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        handler = self._handlers[number]
        if not callable(handler):  # the system's default would kill the process
            raise KeyboardInterrupt
        handler(number, frame)
