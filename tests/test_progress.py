"""The progress line shows to a person, and only then."""

import io
import sys
from collections.abc import Callable, Iterator

import pytest

from seqtool import progress
from seqtool.progress import Progress


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """A time that the test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    return clock


@pytest.fixture
def watch() -> Iterator[Callable[[], Terminal]]:
    """Call it in the test: pytest sets sys.stderr itself between set-up and test."""
    before = sys.stderr

    def replace() -> Terminal:
        terminal = Terminal()
        sys.stderr = terminal
        return terminal

    yield replace
    sys.stderr = before


def test_rate_and_time_left(clock: Clock, watch: Callable[[], Terminal]) -> None:
    terminal = watch()
    with Progress("scoring", "segments", total=10_000) as bar:
        clock.now += 2
        bar.advance(2500)
    drawn, erased = terminal.getvalue().split("\r")[1:]
    assert drawn == "scoring: 2,500 of 10,000 segments (25%), 1,250/s, 0:06 left\x1b[K"
    assert erased == "\x1b[K"


def test_without_a_total(clock: Clock, watch: Callable[[], Terminal]) -> None:
    terminal = watch()
    with Progress("reading", "lines") as bar:
        clock.now += 4
        bar.advance(2)
    assert "reading: 2 lines, 0.5/s\x1b[K" in terminal.getvalue()


def test_at_most_ten_drawings_a_second(clock: Clock, watch: Callable[[], Terminal]) -> None:
    terminal = watch()
    with Progress("reading", "lines") as bar:
        for _ in range(1000):
            clock.now += 0.001
            bar.advance()
    assert 5 <= terminal.getvalue().count("reading") <= 10


def test_a_short_run_draws_nothing(clock: Clock, watch: Callable[[], Terminal]) -> None:
    terminal = watch()
    with Progress("reading", "lines") as bar:
        clock.now += 0.05
        bar.advance(10)
    assert terminal.getvalue() == ""


def test_quiet_and_no_terminal(
    clock: Clock, watch: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = watch()
    plain = io.StringIO()
    for stream, quiet in ((terminal, True), (plain, False), (None, False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with Progress("reading", "lines", quiet=quiet) as bar:
            clock.now += 1
            bar.advance()
    assert terminal.getvalue() == plain.getvalue() == ""


def test_a_terminal_that_goes_away(
    clock: Clock, watch: Callable[[], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = watch()

    def gone(text: str) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(terminal, "write", gone)
    with Progress("reading", "lines") as bar:
        clock.now += 1
        bar.advance()
        clock.now += 1
        bar.advance()
    assert bar.done == 2


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (3725, "1:02:05")])
def test_clock(seconds: float, shown: str) -> None:
    assert progress._clock(seconds) == shown
