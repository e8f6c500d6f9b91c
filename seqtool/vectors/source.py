"""Files of vectors as a stream of bytes whose start can be looked at before it is read."""

from __future__ import annotations

import io
import os
import stat
import zlib
from collections.abc import Iterator
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.text import LONGEST_LINE_BYTES, display_name, open_bytes

CHUNK = 1 << 20
READ_ERRORS = (OSError, EOFError, ValueError, zlib.error)


class Source:
    """A file, plain or compressed, or ``-`` for stdin. Use it in a ``with`` block.

    ``head`` is its first megabyte (all of a shorter file), and is read again by what follows.
    ``size`` is its length in bytes, None where only reading would tell.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = display_name(path)
        self._file = open_bytes(path)
        self._buffer = b""
        self.size = self._known_size()
        self._end = False
        self._done = 0  # bytes handed out
        while len(self._buffer) < CHUNK and self._fill():
            pass
        self.head = self._buffer

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.path != "-":
            self._file.close()

    def take(self, count: int, what: str) -> bytes:
        """The next ``count`` bytes; SeqtoolError, which names ``what``, if there are fewer."""
        while len(self._buffer) < count:
            if not self._fill():
                raise self.ends_early(what)
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        self._done += count
        return data

    def chunk(self) -> bytes:
        """Some of the bytes that come next; none at the end."""
        if not self._buffer:
            self._fill()
        data, self._buffer = self._buffer, b""
        self._done += len(data)
        return data

    def give_back(self, data: bytes) -> None:
        """Put bytes that ``chunk`` gave back in front of those that come next."""
        self._buffer = data + self._buffer
        self._done -= len(data)

    def blocks(self) -> Iterator[bytes]:
        """The rest in blocks of whole lines; every line ends in a newline."""
        pending = b""
        while data := self.chunk():
            cut = data.rfind(b"\n") + 1
            if cut:
                yield pending + data[:cut]
                pending = data[cut:]
            else:
                pending += data
                if len(pending) > LONGEST_LINE_BYTES:
                    raise SeqtoolError(
                        f"{self.name}: a line of over {LONGEST_LINE_BYTES >> 20} MiB: "
                        "are these word vectors?"
                    )
        if pending:
            yield pending + b"\n"

    def floats(self, rows: int, dimensions: int, what: str) -> NDArray[np.float32]:
        """The next numbers, float32 (rows, dimensions); no memory is taken for absent ones."""
        count = 4 * rows * dimensions
        if self.size is not None and self._done + count > self.size:
            raise SeqtoolError(
                f"{self.name}: {what}: {rows:,} x {dimensions:,} numbers are promised, but only "
                f"{self.size - self._done:,} bytes are left: the file is cut off or damaged"
            )
        data = bytearray()
        while len(data) < count:
            if not self._buffer and not self._fill():
                raise self.ends_early(what)
            piece = self._buffer[: count - len(data)]
            self._buffer = self._buffer[len(piece) :]
            self._done += len(piece)
            data += piece
        return np.frombuffer(data, dtype="<f4").astype(np.float32, copy=False).reshape(rows, -1)

    def ends_early(self, what: str) -> SeqtoolError:
        """The error of a file that ends too soon."""
        return SeqtoolError(f"{self.name}: ends in the middle of {what}: it is cut off or damaged")

    def _known_size(self) -> int | None:
        if self.path == "-" or not isinstance(self._file, io.BufferedReader):
            return None
        state = os.fstat(self._file.fileno())
        return state.st_size if stat.S_ISREG(state.st_mode) else None

    def _fill(self) -> bool:
        """Read on; False at the end of the file."""
        if self._end:
            return False
        try:
            data = self._file.read(CHUNK)
        except READ_ERRORS as error:
            raise SeqtoolError(f"{self.name}: cannot be read: {error}") from error
        except Exception as error:  # each compression library has its own error class
            if type(error).__name__ not in ("LZMAError", "ZstdError"):
                raise
            raise SeqtoolError(f"{self.name}: damaged compressed data: {error}") from error
        self._end = not data
        self._buffer += data
        return bool(data)


def finish_words(
    raw: list[bytes], matrix: NDArray[np.float32], errors: str, source: Source, row_name: str
) -> tuple[list[str], NDArray[np.float32]]:
    """Words as text, each with one row: what every format is checked for in the end.

    Of a repeated word the first row stays. Raises SeqtoolError for bytes that are not UTF-8
    (unless ``errors`` is "replace"), for empty words and for vectors that are not finite.
    ``row_name`` is what messages call a row, such as "row" or "line", counted from 1.
    """
    try:
        words = [word.decode("utf-8", errors) for word in raw]
    except UnicodeDecodeError:
        row = next(i for i, word in enumerate(raw) if not _is_utf8(word))
        raise SeqtoolError(
            f"{source.name}: {row_name} {row + 1}: the word {raw[row]!r} is not UTF-8: "
            "use --errors replace to read it anyway"
        ) from None
    if "" in words:
        raise SeqtoolError(f"{source.name}: {row_name} {words.index('') + 1} has no word")
    return finish_rows(words, matrix, source.name)


def finish_rows(
    words: list[str], matrix: NDArray[np.float32], name: str
) -> tuple[list[str], NDArray[np.float32]]:
    """The same for words that are text already."""
    if not words or not matrix.shape[1]:
        raise SeqtoolError(f"{name}: there are no vectors in it")
    check_finite(words, matrix, name)
    first = dict(zip(reversed(words), range(len(words) - 1, -1, -1), strict=True))
    if len(first) == len(words):
        return words, matrix
    from seqtool.kernels import announce

    announce(f"{name}: {len(words) - len(first):,} repeated words, the first of each counts")
    rows = sorted(first.values())
    return [words[row] for row in rows], matrix[rows]


def check_finite(words: list[str], matrix: NDArray[np.float32], name: str) -> None:
    """Raise SeqtoolError when a vector holds NaN or infinity."""
    row = first_bad_row(matrix)
    if row is not None:
        raise SeqtoolError(f"{name}: the vector of {words[row]!r} is not finite (NaN or infinity)")


def first_bad_row(matrix: NDArray[np.float32]) -> int | None:
    """The first row that holds NaN or infinity."""
    step = 1 + (1 << 20) // max(matrix.shape[1], 1)
    for start in range(0, len(matrix), step):  # a little at a time: the mask takes memory, too
        bad = ~np.isfinite(matrix[start : start + step]).all(axis=1)
        if bad.any():
            return start + int(bad.argmax())
    return None


def _is_utf8(word: bytes) -> bool:
    try:
        word.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
