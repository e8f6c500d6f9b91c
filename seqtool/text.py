"""Reading text: compressed or not, from files or stdin, in blocks of whole lines.

Lines end in "\\n" and nothing else, so a file has as many lines for seqtool as for ``wc -l``
(plus one if the last has no newline). Bytes that are not UTF-8 are an error that names the
line, or become U+FFFD under ``errors="replace"``.
"""

from __future__ import annotations

import errno
import glob
import os
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any, cast

from seqtool.errors import SeqtoolError

BLOCK_BYTES = 256 << 10
_COMPRESSED_BYTES = 16 << 10  # of .zst at once; what they expand to is held in memory
LONGEST_LINE_BYTES = 64 << 20


def display_name(path: str) -> str:
    """What messages call an input: its path, or ``stdin`` for ``-``."""
    return "stdin" if path == "-" else path


def expand_patterns(patterns: Sequence[str]) -> list[str]:
    """The files of all patterns, each pattern's sorted; ``-`` is stdin.

    Raises SeqtoolError for a pattern without files and for a file that is not there: better now
    than when the others have been read.
    """
    paths: list[str] = []
    for pattern in patterns:
        plain = pattern == "-" or os.path.exists(pattern) or not glob.has_magic(pattern)
        if plain and pattern != "-" and not os.path.exists(pattern):
            raise SeqtoolError(f"{pattern}: no such file")
        found = [pattern] if plain else sorted(glob.glob(pattern))
        if not found:
            raise SeqtoolError(f"{pattern}: no file matches")
        paths += found
    return paths


def open_bytes(path: str) -> IO[bytes]:
    """Open a file for reading, decompressed by its name's ending; ``-`` is stdin.

    Raises SeqtoolError when it cannot be opened.
    """
    if path == "-":
        if sys.stdin is None or sys.stdin.closed:
            raise SeqtoolError("stdin is closed: name a file instead")
        return sys.stdin.buffer
    if os.path.isdir(path):
        raise SeqtoolError(f"{path} is a folder: name a file in it")
    try:
        return _open_by_ending(path)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise SeqtoolError(f"{path}: no such file") from error
        raise SeqtoolError(f"{path}: cannot be read: {error.strerror or error}") from error


def _open_by_ending(path: str) -> IO[bytes]:
    if path.endswith(".gz"):
        import gzip

        return cast(IO[bytes], gzip.open(path, "rb"))
    if path.endswith(".xz"):
        import lzma

        return lzma.open(path, "rb")
    if path.endswith(".bz2"):
        import bz2

        return bz2.open(path, "rb")
    if path.endswith(".zst"):
        try:
            import zstandard
        except ImportError as error:
            raise SeqtoolError(
                f"{path}: reading .zst needs a library: pip install 'seqtool[zstd]'"
            ) from error
        return cast(IO[bytes], _ZstdFile(open(path, "rb"), zstandard.ZstdDecompressor()))
    return open(path, "rb", buffering=BLOCK_BYTES)


class _ZstdFile:
    """Decompresses frame after frame; unlike the library's reader it notices a missing end."""

    def __init__(self, file: IO[bytes], decompressor: Any) -> None:
        self._file = file
        self._start = decompressor.decompressobj
        self._frame: Any = None

    def __enter__(self) -> _ZstdFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    close = __exit__

    def read(self, size: int) -> bytes:
        """Some decompressed bytes; none at the end. They may be more than ``size``."""
        text = b""
        while not text:
            data = self._file.read(_COMPRESSED_BYTES)
            if not data:
                if self._frame is not None:
                    raise EOFError("the compressed data ends too early")
                return b""
            while data:
                self._frame = self._frame or self._start()
                text += self._frame.decompress(data)
                data = self._frame.unused_data if self._frame.eof else b""
                self._frame = None if self._frame.eof else self._frame
        return text

    read1 = read


def read_blocks(path: str, errors: str = "strict") -> Iterator[bytes]:
    """Yield a file in blocks of whole lines as UTF-8, each line ending in a newline.

    A block is what the source gives at once, so a slow stream comes line by line. Under
    ``errors="replace"`` the bytes are valid UTF-8; under ``"strict"`` whoever decodes them finds
    out, and calls `explain_bad_bytes`. Raises SeqtoolError for what cannot be read.
    """
    name = display_name(path)
    pending = b""
    lines = 0
    with open_bytes(path) as file:
        for chunk in _chunks(file, name):
            cut = chunk.rfind(b"\n") + 1
            if cut == 0:
                pending += chunk
                if len(pending) > LONGEST_LINE_BYTES:
                    raise SeqtoolError(
                        f"{name}:{lines + 1}: a line of over {LONGEST_LINE_BYTES >> 20} MiB: "
                        "is this a text file?"
                    )
                continue
            block = pending + chunk[:cut]
            pending = chunk[cut:]
            lines += block.count(b"\n")
            yield _repaired(block, errors)
        if pending:
            yield _repaired(pending + b"\n", errors)


def _repaired(data: bytes, errors: str) -> bytes:
    return data.decode("utf-8", "replace").encode() if errors == "replace" else data


def explain_bad_bytes(data: bytes, path: str, lines_before: int) -> None:
    """Raise SeqtoolError if a block is not UTF-8; the message names file and line."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = lines_before + data.count(b"\n", 0, error.start) + 1
        raise SeqtoolError(
            f"{display_name(path)}:{line}: not UTF-8 (byte 0x{data[error.start]:02x}): "
            "convert the file, or use --errors replace"
        ) from None


def _chunks(file: IO[bytes], name: str) -> Iterator[bytes]:
    read = getattr(file, "read1", None) or file.read
    while True:
        try:
            chunk = cast(bytes, read(BLOCK_BYTES))
        except (OSError, EOFError, ValueError) as error:
            raise SeqtoolError(f"{name}: cannot be read: {error}") from error
        except Exception as error:  # each compression library has its own error class
            if type(error).__name__ not in ("LZMAError", "ZstdError", "error"):
                raise
            raise SeqtoolError(f"{name}: damaged compressed data: {error}") from error
        if not chunk:
            return
        yield chunk


def numbered_lines(path: str, errors: str = "strict") -> Iterator[tuple[int, str]]:
    """Lines of a file with their numbers from 1. Raises SeqtoolError for bad bytes."""
    number = 0
    for block in read_blocks(path, errors):
        explain_bad_bytes(block, path, number)
        for text in block.decode("utf-8").split("\n")[:-1]:
            number += 1
            yield number, text


class _Source:
    """The lines of one file, taken as many at a time as the others have, too."""

    def __init__(self, path: str, errors: str) -> None:
        self.name = display_name(path)
        self.lines = 0
        self._blocks = read_blocks(path, errors)
        self._text = b""
        self._offset = 0
        self.available = 0

    def fill(self) -> None:
        """Read the next block when all lines of the last are taken."""
        while self.available == 0:
            block = next(self._blocks, None)
            if block is None:
                return
            self._text, self._offset = block, 0
            self.available = block.count(b"\n")

    def take(self, count: int) -> bytes:
        """The next ``count`` lines, which must be available."""
        if count == self.available:
            end = len(self._text)
        else:
            end = self._offset
            for _ in range(count):
                end = self._text.index(b"\n", end) + 1
        text = self._text[self._offset : end]
        self._offset = end
        self.available -= count
        self.lines += count
        return text

    def skip_to_end(self) -> None:
        """Count the lines that are left."""
        self.fill()
        while self.available:
            self.lines += self.available
            self.available = 0
            self.fill()


def aligned_blocks(paths: Sequence[str], errors: str = "strict") -> Iterator[list[bytes]]:
    """Read files side by side: yield, file by file, as many lines of each (see `read_blocks`).

    Raises SeqtoolError when a file has more lines than another; the message says both counts.
    """
    for path in paths:
        if path != "-" and (os.path.isfile(path) or not os.path.exists(path)):
            open_bytes(path).close()  # a missing file is told before any work is done
    sources = [_Source(path, errors) for path in paths]
    while True:
        for source in sources:
            source.fill()
        count = min(source.available for source in sources)
        if count == 0:
            break
        yield [source.take(count) for source in sources]
    if any(source.available for source in sources):
        for source in sources:
            source.skip_to_end()
        first = sources[0]
        other = next(s for s in sources if s.lines != first.lines)
        raise SeqtoolError(
            f"{first.name} has {first.lines:,} lines, {other.name} has {other.lines:,}: "
            "the files must match line by line"
        )
