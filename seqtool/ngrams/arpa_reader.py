"""Reading an ARPA file: the usual lines in a kernel, all others one at a time."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.ngrams.arpa_kernels import parse_lines
from seqtool.ngrams.levels import SMALLEST, Ids
from seqtool.ngrams.model import END, START, UNKNOWN, NgramModel
from seqtool.ngrams.trie_builder import BadRowError, TrieBuilder
from seqtool.text import display_name, read_blocks
from seqtool.tokenizers.piece_kernels import index_pieces
from seqtool.vectors.vector_kernels import MOST_POWER

MOST_ORDER = 64
ROWS = 1 << 14  # n-grams parsed at once
MOST_LINES = 1 << 62
LARGEST = 1e9  # no logarithm of a probability is as far from 0
UNKNOWN_MISSING = -100.0  # log10 probability of <unk> where a file has none, as in KenLM

_COUNT = re.compile(rb"ngram\s+([0-9]{1,3})\s*=\s*([0-9]{1,18})")
_FIELDS = re.compile(rb"[ \t\r]+")


class _Line(NamedTuple):
    """One n-gram as a file has it."""

    prob: float
    words: list[bytes]
    backoff: float


class Reader:
    """Reads one file, see `seqtool.ngrams.arpa.read_arpa`."""

    def __init__(self, path: str) -> None:
        self._name = display_name(path)
        self._blocks = read_blocks(path)
        self._block = b""
        self._at = 0
        self._lines = 0  # before ``_at``
        self._powers = np.array([10.0**power for power in range(MOST_POWER + 1)] + [math.nan])

    def read(self) -> NgramModel:
        """The model of the file."""
        counts = self._header()
        vocabulary, builder = self._unigrams(counts[0])
        table = _NameTable([word.encode() for word in vocabulary])
        for order in range(2, len(counts) + 1):
            self._expect(f"\\{order}-grams:")
            self._ngrams(order, counts[order - 1], table, builder)
        self._expect("\\end\\")
        return NgramModel(vocabulary, builder.finish(), {"order": len(counts)})

    def _fail(self, what: str, line: int | None = None) -> NoReturn:
        raise SeqtoolError(f"{self._name}:{self._lines if line is None else line}: {what}")

    def _fill(self) -> bool:
        """Have something to read in the block; False at the end of the file."""
        while self._at == len(self._block):
            block = next(self._blocks, None)
            if block is None:
                return False
            self._block, self._at = block, 0
        return True

    def _line(self) -> bytes:
        """The next line that is not blank."""
        while self._fill():
            end = self._block.index(b"\n", self._at)
            line = self._block[self._at : end].strip(b" \t\r")
            self._at = end + 1
            self._lines += 1
            if line:
                return line
        raise SeqtoolError(
            f"{self._name}: ends without '\\end\\': it is cut off, or no ARPA file of n-grams"
        )

    def _expect(self, mark: str) -> None:
        line = self._line()
        if line != mark.encode():
            self._fail(f"'{mark}' is expected, found {_shown(line)}")

    def _header(self) -> list[int]:
        """How many n-grams of each order are promised; reads up to ``\\1-grams:``."""
        line = self._line()
        while line.startswith(b"#"):
            line = self._line()
        if line != b"\\data\\":
            self._fail("an ARPA file begins with '\\data\\': this is something else")
        counts: list[int] = []
        while match := _COUNT.fullmatch(line := self._line()):
            if int(match[1]) != len(counts) + 1 or len(counts) == MOST_ORDER:
                self._fail(f"'ngram {len(counts) + 1}=' is expected, found {_shown(line)}")
            counts.append(int(match[2]))
        if not counts or line != b"\\1-grams:":
            self._fail(f"'ngram 1=' or '\\1-grams:' is expected, found {_shown(line)}")
        return counts

    def _unigrams(self, promised: int) -> tuple[list[str], TrieBuilder]:
        words: dict[str, int] = {}
        numbers: list[tuple[float, float]] = []
        while not self._at_mark():
            line = self._parse(self._line(), 1)
            word = self._decoded(line.words[0])
            if word in words:
                self._fail(f"the word {word!r} is there twice")
            words[word] = len(words)
            numbers.append((line.prob, line.backoff))
        self._check_count(1, len(words), promised)
        vocabulary = list(words)
        if UNKNOWN not in words and UNKNOWN.upper() in words:
            vocabulary[words[UNKNOWN.upper()]] = UNKNOWN
        elif UNKNOWN not in words:
            vocabulary.append(UNKNOWN)
            numbers.append((UNKNOWN_MISSING, 0.0))
        for mark in (START, END):
            if mark not in words:
                raise SeqtoolError(f"{self._name}: '{mark}' is missing among its 1-grams")
        columns = np.array(numbers, np.float32)
        return vocabulary, TrieBuilder(columns[:, 0].copy(), columns[:, 1].copy())

    def _ngrams(self, order: int, promised: int, table: _NameTable, builder: TrieBuilder) -> None:
        """Read the section of an order and add it."""
        ids: list[Ids] = [np.empty((0, order), np.int32)]
        numbers: list[NDArray[np.float32]] = [np.empty((0, 2), np.float32)]
        places: list[tuple[int, int]] = []  # (row, line) where each piece begins
        rows = 0
        while not self._at_mark():
            before = self._lines
            piece = self._usual_lines(order, table)
            if not len(piece[0]):
                piece = self._other_line(order, table)
                before = self._lines - 1
            places.append((rows, before + 1))
            rows += len(piece[0])
            ids.append(piece[0])
            numbers.append(piece[1])
        self._check_count(order, rows, promised)
        columns = np.concatenate(numbers)
        try:
            builder.add(np.concatenate(ids), columns[:, 0].copy(), columns[:, 1].copy())
        except BadRowError as error:
            row, line = places[bisect_right(places, (error.row, MOST_LINES)) - 1]
            self._fail(f"this n-gram is wrong: {error.what}", line + error.row - row)

    def _usual_lines(self, order: int, table: _NameTable) -> tuple[Ids, NDArray[np.float32]]:
        """Words and numbers of the next lines, up to one that the kernel does not take."""
        data = np.frombuffer(self._block, np.uint8)
        ids = np.empty((ROWS, order), np.int32)
        numbers = np.empty((ROWS, 2), np.float32)
        state = np.zeros(1, np.int64)
        rows = parse_lines(
            data, self._at, ROWS, order, table.data, table.starts, table.slots,
            len(table.slots) - 1, self._powers, numbers.reshape(-1), ids.reshape(-1), state,
        )  # fmt: skip
        numbers = numbers[:rows]
        bad = (numbers[:, 0] > 0.0) | (np.abs(numbers) > LARGEST).any(axis=1)
        if bad.any():
            self._bad_number(self._lines + int(bad.argmax()) + 1)
        numbers[np.abs(numbers) < SMALLEST] = 0.0
        self._lines += rows
        self._at = int(state[0])
        return ids[:rows], numbers

    def _other_line(self, order: int, table: _NameTable) -> tuple[Ids, NDArray[np.float32]]:
        """The same for one line; says what is wrong with it."""
        line = self._parse(self._line(), order)
        for word in line.words:
            if word not in table.index:
                self._fail(f"the word {self._decoded(word)!r} is not among the 1-grams")
        ids = np.array([[table.index[word] for word in line.words]], np.int32)
        return ids, np.array([[line.prob, line.backoff]], np.float32)

    def _at_mark(self) -> bool:
        """Whether the next line that is not blank begins with a backslash."""
        while self._fill():
            end = self._block.index(b"\n", self._at)
            line = self._block[self._at : end].strip(b" \t\r")
            if line:
                return line.startswith(b"\\")
            self._at = end + 1
            self._lines += 1
        return True  # whoever reads on finds the end

    def _parse(self, line: bytes, order: int) -> _Line:
        fields = _FIELDS.split(line)
        if len(fields) not in (order + 1, order + 2):
            words = "a word" if order == 1 else f"{order} words"
            self._fail(
                f"a log10 probability, {words} and perhaps a backoff are expected, "
                f"found {_shown(line)}"
            )
        backoff = fields[order + 1] if len(fields) == order + 2 else b"0"
        prob = self._number(fields[0])
        if prob > 0.0:
            self._bad_number(self._lines)
        return _Line(prob, fields[1 : order + 1], self._number(backoff))

    def _number(self, field: bytes) -> float:
        try:
            value = math.nan if b"_" in field else float(field)
        except ValueError:
            value = math.nan
        if not abs(value) <= LARGEST:
            self._fail(f"{_shown(field)} is not the log10 of a number")
        return 0.0 if abs(value) < SMALLEST else value

    def _bad_number(self, line: int) -> NoReturn:
        self._fail(f"not the log10 of a probability (above 0, or further than {LARGEST:g})", line)

    def _decoded(self, word: bytes) -> str:
        try:
            return word.decode("utf-8")
        except UnicodeDecodeError:
            self._fail(f"the word {_shown(word)} is not UTF-8: convert the file")

    def _check_count(self, order: int, found: int, promised: int) -> None:
        if found != promised:
            self._fail(
                f"{promised:,} n-grams of order {order} are promised, but {found:,} are there"
            )


class _NameTable:
    """Words by their bytes, for Python (``index``) and for kernels."""

    def __init__(self, words: list[bytes]) -> None:
        self.index = {word: place for place, word in enumerate(words)}
        joined = b"".join(words)
        self.data: NDArray[np.uint8] = np.frombuffer(joined, np.uint8)
        self.starts = np.cumsum([0, *map(len, words)]).astype(np.int64)
        self.slots: Ids = np.zeros(1 << (2 * len(words)).bit_length(), np.int32)
        index_pieces(self.data, self.starts, self.slots, len(self.slots) - 1)


def _shown(line: bytes) -> str:
    """Some bytes of a file for a message."""
    text = line[:60].decode("utf-8", "replace")
    return repr(text + "..." if len(line) > 60 else text)
