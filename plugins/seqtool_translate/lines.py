"""Lines of the input, as many at once as have come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from seqtool.text import aligned_blocks, display_name, explain_bad_bytes, read_blocks

AT_ONCE = 1024  # lines: enough that those of one length fill a batch, and answers come soon


class Lines(NamedTuple):
    """Some lines of a file; ``before`` lines of it came before them, ``first`` of all files."""

    path: str
    before: int
    first: int
    texts: list[str]

    def place(self, number: int) -> str:
        """``file:line`` of a line of these, counted from 0."""
        return f"{display_name(self.path)}:{self.before + number + 1}"


def read_lines(files: Sequence[str], errors: str) -> Iterator[Lines]:
    """The lines of files, as they come. Raises SeqtoolError for what cannot be read."""
    first = 0
    for path in files:
        before = 0
        for block in read_blocks(path, errors):
            explain_bad_bytes(block, path, before)
            lines = block.decode("utf-8").split("\n")[:-1]
            for start in range(0, len(lines), AT_ONCE):
                some = lines[start : start + AT_ONCE]
                yield Lines(path, before + start, first + start, some)
            before += len(lines)
            first += len(lines)


def read_pairs(source: str, target: str, errors: str) -> Iterator[tuple[Lines, Lines]]:
    """The lines of two files side by side, as they come.

    Raises SeqtoolError for what cannot be read, and when one has more lines.
    """
    before = 0
    for blocks in aligned_blocks([source, target], errors):
        sides = []
        for path, block in zip((source, target), blocks, strict=True):
            explain_bad_bytes(block, path, before)
            sides.append(block.decode("utf-8").split("\n")[:-1])
        for start in range(0, len(sides[0]), AT_ONCE):
            first, second = (
                Lines(path, before + start, before + start, lines[start : start + AT_ONCE])
                for path, lines in zip((source, target), sides, strict=True)
            )
            yield first, second
        before += len(sides[0])
