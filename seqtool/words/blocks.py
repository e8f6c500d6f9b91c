"""A corpus in blocks of whole lines, for threads to take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from seqtool.text import explain_bad_bytes, read_blocks

_BATCH_BYTES = 1 << 20  # of text that a thread takes at once


class TextBlock:
    """Some whole lines of a file."""

    def __init__(self, data: bytes, path: str, lines_before: int) -> None:
        self.data = data
        self._path = path
        self._lines_before = lines_before

    def check(self) -> None:
        """Raise SeqtoolError, which names file and line, if the block is not UTF-8."""
        if not self.data.isascii():
            explain_bad_bytes(self.data, self._path, self._lines_before)


def text_blocks(
    paths: Sequence[str],
    errors: str,
    on_block: Callable[[bytes], None] | None = None,
) -> Iterator[TextBlock]:
    """Yield files as blocks of about a megabyte, each file with a blank line behind it.

    ``on_block`` sees the data of every block first, but not those blank lines.
    """
    for path in paths:
        lines = seen = 0
        parts: list[bytes] = []
        size = 0
        for part in read_blocks(path, errors):
            parts.append(part)
            size += len(part)
            if size >= _BATCH_BYTES:
                data = b"".join(parts)
                parts, size, seen = [], 0, lines
                lines += data.count(b"\n")
                if on_block:
                    on_block(data)
                yield TextBlock(data, path, seen)
        data = b"".join(parts)
        if on_block and data:
            on_block(data)
        yield TextBlock(data + b"\n", path, lines)
