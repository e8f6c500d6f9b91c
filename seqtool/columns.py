"""Small tables: for people in columns, for programs with tabs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of equally many cells as lines: the first column to the left, the others to the right.

    There is at least one row, usually of headings.
    """
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for first, *rest in rows:
        padded = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        yield "  ".join([first.ljust(widths[0]), *padded]).rstrip()


def cell(text: str) -> str:
    """Text as a field between tabs."""
    return text.replace("\t", " ").replace("\n", " ")
