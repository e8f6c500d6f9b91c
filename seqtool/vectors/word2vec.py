"""The formats of word2vec and GloVe: a row is a word and its numbers, as bytes or as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.kernels import announce
from seqtool.vectors.source import Source, finish_words
from seqtool.vectors.table import WordVectors
from seqtool.vectors.vector_kernels import MOST_POWER, parse_rows

if TYPE_CHECKING:
    from typing import BinaryIO

MOST_DIMENSIONS = 1 << 20  # a header that says more is not believed
LONGEST_WORD = 1 << 16  # bytes
TOO_LARGE = 2.0**128 - 2.0**103  # what rounds to a float32 of infinity begins here
ROWS_A_WRITE = 1000

Rows = tuple[list[bytes], NDArray[np.float32]]


def read_header(head: bytes) -> tuple[int, int, int] | None:
    """(rows, dimensions, bytes of the line) of a word2vec header; None if it is none."""
    line, newline, _ = head[:64].partition(b"\n")
    fields = _fields(line)  # other white space than a space may be a word
    if not newline or len(fields) != 2 or not all(field.isdigit() for field in fields):
        return None
    return int(fields[0]), int(fields[1]), len(line) + 1


def load_binary(source: Source, limit: int | None, errors: str) -> WordVectors:
    """Read word2vec's binary format; a newline after each vector may be there or not."""
    header = read_header(source.head)
    assert header is not None
    promised, dimensions, length = header
    _check_dimensions(source, dimensions)
    source.take(length, "the header")
    raw, matrix = _binary_rows(source, dimensions, limit)
    _compare_counts(source, promised, len(raw), limit)
    return WordVectors(*finish_words(raw, matrix, errors, source, "row"))


def _binary_rows(source: Source, dimensions: int, limit: int | None) -> Rows:
    width = 4 * dimensions
    words: list[bytes] = []
    numbers = bytearray()  # grows with what is there, whatever the header promises
    data = b""
    at = 0
    while limit is None or len(words) < limit:
        space = data.find(b" ", at)
        end = space + 1 + width
        if space < 0 or end > len(data):
            if space < 0 and len(data) - at > LONGEST_WORD:
                raise SeqtoolError(
                    f"{source.name}: row {len(words) + 1}: no word within {LONGEST_WORD:,} bytes: "
                    "it is damaged, or in another format"
                )
            more = source.chunk()
            if not more:
                break
            data, at = data[at:] + more, 0
            continue
        words.append(data[at:space].lstrip(b"\n"))
        numbers += data[space + 1 : end]
        at = end
    else:
        at = len(data)
    if data[at:].strip(b"\n"):
        raise source.ends_early(f"row {len(words) + 1}")
    matrix = np.frombuffer(numbers, dtype="<f4").astype(np.float32, copy=False)
    return words, matrix.reshape(len(words), dimensions)


def load_text(source: Source, limit: int | None, errors: str) -> WordVectors:
    """Read word2vec's text format, or GloVe's, which has no header line."""
    header = read_header(source.head)
    dimensions = text_dimensions(source.head)
    if dimensions is None:
        raise SeqtoolError(f"{source.name}: line 1: a word and its numbers are expected")
    has_header = header is not None and not _is_first_row(source.head, header[1])
    if has_header:
        assert header is not None
        source.take(header[2], "the header")
    _check_dimensions(source, dimensions)
    raw, matrix = _text_rows(source, dimensions, limit, lines_before=int(has_header))
    if has_header:
        assert header is not None
        _compare_counts(source, header[0], len(raw), limit)
    return WordVectors(*finish_words(raw, matrix, errors, source, "row"))


def text_dimensions(head: bytes) -> int | None:
    """Numbers in a vector, from the start of a text file; None if it does not look like one.

    With a header, what it says. Without, what is common to the first lines: words may contain
    spaces, so some lines can have more fields.
    """
    header = read_header(head)
    if header is not None and not _is_first_row(head, header[1]):
        return header[1] if _is_row(_second_line(head), header[1]) else None
    lines = head.split(b"\n", 100)
    if len(lines) > 1:
        lines.pop()  # perhaps not whole
    counts = [len(_fields(line)) - 1 for line in lines if line.strip(b" \r")]
    dimensions = min(counts, default=0)
    return dimensions if dimensions > 0 and _is_row(lines[0], dimensions) else None


def _is_first_row(head: bytes, dimensions: int) -> bool:
    """Whether what looks like a header is a GloVe row of one number, such as ``1984 2``."""
    second = _fields(_second_line(head))
    return dimensions != 1 and len(second) == 2 and _number(second[1]) is not None


def _second_line(head: bytes) -> bytes:
    parts = head.split(b"\n", 2)
    return parts[1] if len(parts) > 1 else b""


def _fields(line: bytes) -> list[bytes]:
    return [field for field in line.rstrip(b"\r").split(b" ") if field]


def _is_row(line: bytes, dimensions: int) -> bool:
    """Whether the last fields of a line are numbers; of a cut line, those that are there."""
    fields = _fields(line)
    numbers = fields[-dimensions:] if len(fields) > dimensions else fields[1:-1]
    return bool(numbers) and all(_number(field) is not None for field in numbers)


def _number(field: bytes) -> float | None:
    """A field's value; NaN and infinity are numbers here, ``1_000`` is not."""
    if b"_" in field:
        return None
    try:
        return float(field)
    except ValueError:
        return None


def _text_rows(source: Source, dimensions: int, limit: int | None, lines_before: int) -> Rows:
    words: list[bytes] = []
    numbers = bytearray()
    powers = np.array([10.0**power for power in range(MOST_POWER + 1)] + [np.nan])
    line = lines_before
    for data in source.blocks():
        if limit is not None and len(words) >= limit:
            break
        line = _parse_block(source, data, dimensions, powers, line, words, numbers)
    matrix = np.frombuffer(numbers, dtype=np.float32).reshape(len(words), dimensions)
    if words and b" " in words[0] and _number(words[0].rpartition(b" ")[2]) is not None:
        raise SeqtoolError(
            f"{source.name}: line {lines_before + 1} has more than the {dimensions} numbers "
            "that the header promises"
        )
    return words[:limit], matrix[:limit]


def _parse_block(
    source: Source,
    data: bytes,
    dimensions: int,
    powers: NDArray[np.float64],
    line: int,
    words: list[bytes],
    numbers: bytearray,
) -> int:
    """Append the rows of a block of lines; blank lines are passed over.

    ``line`` counts the lines before the block; returns the number of those up to its end.
    """
    flat = np.frombuffer(data, dtype=np.uint8)
    # A number takes two bytes or more, its space counted.
    space = np.empty((len(data) // (2 * dimensions) + 1, dimensions), dtype=np.float32)
    spans = np.empty(3 * len(space), dtype=np.int64)
    start = 0
    while start < len(data):
        done = parse_rows(flat, start, len(space), dimensions, powers, space.reshape(-1), spans)
        rows = space[:done]
        places = spans[: 3 * done].reshape(done, 3).tolist()
        for i in np.flatnonzero(~np.isfinite(rows).all(axis=1)).tolist():
            _, end, stop = places[i]
            rows[i] = _parse_slowly(source, data[end:stop], dimensions, line + i + 1)
        words += [data[begin:end] for begin, end, _ in places]
        numbers += rows.reshape(-1).view(np.uint8).data
        line += done
        start = places[-1][2] + 1 if places else start
        if start < len(data):  # the kernel stopped at a line of too few fields
            stop = data.index(b"\n", start)
            if data[start:stop].strip(b" \r"):
                raise SeqtoolError(
                    f"{source.name}: line {line + 1}: a word and {dimensions} numbers are "
                    f"expected, it has {len(_fields(data[start:stop]))} fields: cut off, or "
                    "dimensions differ"
                )
            start = stop + 1
            line += 1
    return line


def _parse_slowly(source: Source, text: bytes, dimensions: int, line: int) -> list[float]:
    """The numbers of a row that the kernel could not read, or the error that names the line."""
    values = []
    for field in _fields(text)[-dimensions:]:
        value = _number(field)
        if value is None or not abs(value) < TOO_LARGE:
            shown = field[:20].decode("utf-8", "replace")
            raise SeqtoolError(f"{source.name}: line {line}: '{shown}' is not a finite number")
        values.append(value)
    return values


def _check_dimensions(source: Source, dimensions: int) -> None:
    if not 0 < dimensions <= MOST_DIMENSIONS:
        raise SeqtoolError(
            f"{source.name}: vectors of {dimensions:,} numbers are promised: it is damaged, or in "
            "another format"
        )


def _compare_counts(source: Source, promised: int, found: int, limit: int | None) -> None:
    """Say so when the header is wrong about the number of rows; the rows are believed."""
    if (limit is None or found < limit) and promised != found:
        announce(f"{source.name}: the header promises {promised:,} words, there are {found:,}")


def write_binary(file: BinaryIO, vectors: WordVectors) -> None:
    """Write word2vec's binary format, with a newline after each vector as word2vec does."""
    file.write(b"%d %d\n" % (len(vectors), vectors.dimensions))
    for word, row in zip(vectors.words, vectors.matrix, strict=True):
        file.write(_word(word, b" \n") + b" " + row.astype("<f4", copy=False).tobytes() + b"\n")


def write_text(file: BinaryIO, vectors: WordVectors, header: bool) -> None:
    """Write word2vec's text format, or GloVe's; nine digits bring each float32 back exactly."""
    if header:
        file.write(b"%d %d\n" % (len(vectors), vectors.dimensions))
    # With one number a row could pass for a header if that number could pass for a count.
    number = " %.9g" if vectors.dimensions > 1 else " %.8e"
    line = number * vectors.dimensions + "\n"
    for start in range(0, len(vectors), ROWS_A_WRITE):
        stop = start + ROWS_A_WRITE
        rows = vectors.matrix[start:stop].tolist()
        words = vectors.words[start:stop]
        file.write(
            b"".join(
                _word(word, b"\n") + (line % tuple(row)).encode()
                for word, row in zip(words, rows, strict=True)
            )
        )


def _word(word: str, forbidden: bytes) -> bytes:
    """A word as bytes, if the format can hold it."""
    try:
        data = word.encode("utf-8")
    except UnicodeEncodeError:
        raise SeqtoolError(f"the word {word!r} cannot be written as UTF-8") from None
    if not data or any(byte in data for byte in forbidden):
        raise SeqtoolError(f"the word {word!r} cannot be written in this format: take .safetensors")
    return data
