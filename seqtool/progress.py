"""How far a long run is, on stderr, for a person who watches."""

import os
import sys
import time
from types import TracebackType

REDRAW = 0.1  # seconds between two drawings


class Progress:
    """A line on stderr that shows count, rate and time left.

    It shows only on a terminal and not when ``quiet``; it is erased at the end::

        with Progress("scoring", "segments", total=1000, quiet=quiet) as progress:
            progress.advance(10)
    """

    def __init__(
        self, label: str, unit: str, total: int | None = None, quiet: bool = False
    ) -> None:
        self.label = label
        self.unit = unit
        self.total = total
        self.done = 0
        self._shown = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._start = self._next = 0.0
        self._drawn = False

    def __enter__(self) -> "Progress":
        self._start = time.monotonic()
        self._next = self._start + REDRAW  # what ends sooner draws nothing at all
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawn:
            self._write("\r\x1b[K")

    def advance(self, count: int = 1) -> None:
        """Add ``count`` units; draws at most ten times a second."""
        self.done += count
        if not self._shown:
            return
        now = time.monotonic()
        if now >= self._next:
            self._next = now + REDRAW
            self._write(f"\r{self._line(now)[: _columns() - 1]}\x1b[K")
            self._drawn = True

    def _line(self, now: float) -> str:
        seconds = max(now - self._start, 1e-9)
        rate = self.done / seconds
        parts = [f"{self.label}: {self.done:,}"]
        if self.total:
            parts[0] += f" of {self.total:,} {self.unit} ({100 * self.done // self.total}%)"
        else:
            parts[0] += f" {self.unit}"
        parts.append(f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.2g}/s")
        if self.total and rate:
            parts.append(f"{_clock(max(self.total - self.done, 0) / rate)} left")
        return ", ".join(parts)

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):  # the terminal went away: the work goes on
            self._shown = self._drawn = False


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
