"""Signals that wait for the end of a step, so that they find a state that is worth keeping.

`interrupting` makes a scheduler's signals end the program as Ctrl-C does; `DeferredSignals`
holds them back while a network is trained.
"""

import signal
from types import FrameType

from vaerun.utils.exit_status import can_be_handled

_HELD_BACK = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


class DeferredSignals:
    """Signals that came in; `act` has each do what it would have done at once.

    What that is was settled by others (Python, the command line, submitit), and is left to them.
    A second Ctrl-C does not wait.
    """

    def __init__(self) -> None:
        self._came: list[int] = []
        self._handlers: dict[int, signal._HANDLER] = {}

    def __bool__(self) -> bool:
        return bool(self._came)

    def remember(self) -> None:
        """Note what the signals do now; those that are ignored stay so."""
        handlers = {number: signal.getsignal(number) for number in _HELD_BACK}
        self._handlers = {n: h for n, h in handlers.items() if h not in (signal.SIG_IGN, None)}

    def hold_back(self) -> None:
        """Let them wait from here on."""
        if can_be_handled():
            for number in self._handlers:
                signal.signal(number, self._note)

    def let_go(self) -> None:
        """Let them do again what they did."""
        if can_be_handled():
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def act(self) -> None:
        """Do what the signals that wait would have done."""
        came, self._came = self._came, []
        for number in came:
            self._do(number, None)

    def forget(self) -> None:
        """Let those that came be as if they had not."""
        self._came = []

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and number in self._came:
            self._do(number, frame)
        elif number not in self._came:
            self._came.append(number)

    def _do(self, number: int, frame: FrameType | None) -> None:
        handler = self._handlers[number]
        if not callable(handler):  # the system's answer would kill
            raise KeyboardInterrupt
        handler(number, frame)
