"""Rows of tables by the length of the source, in words between white space."""

from __future__ import annotations

FIRSTS = (1, 6, 11, 16, 21, 31)  # words at which a row begins


def row_of(line: str) -> int:
    """The row of a line."""
    words = len(line.split())
    return sum(words >= first for first in FIRSTS[1:])


def bounds(row: int) -> tuple[int, int | None]:
    """How many words lines of a row have at least, and at most; None is any number."""
    return FIRSTS[row], FIRSTS[row + 1] - 1 if row + 1 < len(FIRSTS) else None


def label(first: int, last: int | None) -> str:
    """What a row of these bounds is called."""
    return f"{first} or more" if last is None else f"{first} to {last}"
