"""Ending long work at a moment when nothing is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from seqtool.errors import Terminated

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # the last where there is one


class Interrupt:
    """Whether the user or the system asked to stop."""

    def __init__(self) -> None:
        self._signal = 0

    @property
    def requested(self) -> bool:
        """True once a signal came."""
        return self._signal != 0

    def note(self, number: int, frame: Any) -> None:
        """Signal handler: remember the first signal; a second one stops at once."""
        if self._signal:
            self.obey()
        self._signal = number

    def obey(self) -> None:
        """Raise what the signal would have raised, if one came."""
        if self._signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self._signal:
            raise Terminated(self._signal)


@contextmanager
def postponed_interrupt() -> Iterator[Interrupt]:
    """Collect Ctrl-C, SIGTERM and SIGHUP inside the block, which calls ``obey()`` when it is safe.

    A signal that is ignored (``nohup``) stays ignored.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    old = {
        number: signal.signal(number, interrupt.note)
        for number in numbers
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield interrupt
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
    interrupt.obey()
