"""fastText's own binary files (``model.bin``), read only.

The layout is that of fastText 0.9: magic, version, arguments, dictionary, input matrix (rows of
words, then of n-gram buckets), output matrix, which is not needed here.
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from seqtool.errors import SeqtoolError
from seqtool.vectors.source import Source, check_finite, finish_words, first_bad_row
from seqtool.vectors.subwords import Subwords
from seqtool.vectors.table import WordVectors

MAGIC = struct.pack("<i", 793712314)
NEWEST_VERSION = 12
SUPERVISED = 3
MODELS = {1: "cbow", 2: "skipgram", 3: "supervised"}
LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
LONGEST_WORD = 1 << 16
SMALLEST_ENTRY = 10  # bytes of a word in the dictionary: a NUL, its count, its type

ARGUMENTS = (
    *("dimensions", "window", "epochs", "min_count", "negatives", "word_ngrams"),
    *("loss", "model", "buckets", "minn", "maxn", "update_rate", "sample"),
)


class Header(NamedTuple):
    """What comes before the matrix, but for the words."""

    arguments: dict[str, float]
    words: int
    tokens: int

    def integer(self, name: str) -> int:
        """An argument that is a whole number."""
        return int(self.arguments[name])


def is_fasttext(head: bytes) -> bool:
    """Whether a file starts like a fastText model."""
    return head.startswith(MAGIC)


def read_header(source: Source) -> Header:
    """Read up to the words; refuses what cannot be used as word vectors."""
    _, version = struct.unpack("<ii", source.take(8, "the header"))
    if not 0 < version <= NEWEST_VERSION:
        raise SeqtoolError(
            f"{source.name}: fastText format {version}, known up to {NEWEST_VERSION}"
        )
    values = struct.unpack("<12id", source.take(56, "the arguments"))
    arguments = dict(zip(ARGUMENTS, values, strict=True))
    if arguments["model"] == SUPERVISED:
        raise SeqtoolError(
            f"{source.name}: a fastText classifier (supervised), not word vectors: train with "
            "skipgram or cbow"
        )
    size, words, labels, tokens, pruned = struct.unpack("<iiiqq", source.take(28, "the dictionary"))
    if pruned > 0:
        raise SeqtoolError(f"{source.name}: {_QUANTISED}")
    sane = (
        words > 0
        and labels >= 0
        and size == words + labels
        and 0 < arguments["dimensions"] <= 1 << 20
        and arguments["buckets"] >= 0
        and 0 <= arguments["minn"] <= 1 << 10
        and 0 <= arguments["maxn"] <= 1 << 10
        and math.isfinite(arguments["sample"])
    )
    if not sane:
        raise SeqtoolError(f"{source.name}: the fastText header makes no sense: it is damaged")
    if source.size is not None and size * SMALLEST_ENTRY > source.size:
        raise SeqtoolError(f"{source.name}: {size:,} words are promised in a shorter file")
    return Header(arguments, words, tokens)


_QUANTISED = "a quantised fastText model (.ftz): use the .bin it was made from"


def load_fasttext(source: Source, limit: int | None, errors: str) -> WordVectors:
    """Read a skipgram or cbow model: finished vectors of its words, and its n-grams."""
    header = read_header(source)
    raw = _dictionary(source, header.words)
    if source.take(1, "the header of the matrix") != b"\0":
        raise SeqtoolError(f"{source.name}: {_QUANTISED}")
    rows, columns = struct.unpack("<qq", source.take(16, "the header of the matrix"))
    buckets = header.integer("buckets")
    if header.integer("maxn") <= 0 and rows == header.words:
        buckets = 0
    if columns != header.integer("dimensions") or rows != header.words + buckets:
        raise SeqtoolError(
            f"{source.name}: a matrix of {rows:,} x {columns:,} where {header.words + buckets:,} "
            f"x {header.integer('dimensions'):,} is expected: it is damaged"
        )
    matrix = source.floats(header.words, columns, "the vectors of words")
    raw, matrix = raw[:limit], matrix[:limit]
    words, own = finish_words(raw, matrix, errors, source, "word")
    metadata = {"format": "fasttext", "arguments": named_arguments(header)}
    if buckets == 0 or header.integer("maxn") <= 0:
        return WordVectors(words, own, metadata=metadata)
    grams = source.floats(buckets, columns, "the vectors of n-grams")
    if first_bad_row(grams) is not None:
        raise SeqtoolError(f"{source.name}: the vector of an n-gram is not finite")
    subwords = Subwords(grams, header.integer("minn"), header.integer("maxn"), buckets)
    finished = subwords.word_vectors(words, own)
    check_finite(words, finished, source.name)  # sums of huge numbers may not be
    return WordVectors(words, finished, subwords, metadata)


def named_arguments(header: Header) -> dict[str, object]:
    """The arguments with names instead of numbers for what has a name."""
    named: dict[str, object] = dict(header.arguments)
    named["model"] = MODELS.get(header.integer("model"), "unknown")
    named["loss"] = LOSSES.get(header.integer("loss"), "unknown")
    return named


def _dictionary(source: Source, count: int) -> list[bytes]:
    """The words; each is followed by NUL, its count (8 bytes) and its type (1 byte)."""
    words: list[bytes] = []
    data = b""
    at = 0
    while len(words) < count:
        end = data.find(b"\0", at)
        if end < 0 or end + SMALLEST_ENTRY > len(data):
            if end < 0 and len(data) - at > LONGEST_WORD:
                raise SeqtoolError(f"{source.name}: the dictionary is damaged")
            more = source.chunk()
            if not more:
                raise source.ends_early(f"word {len(words) + 1} of the dictionary")
            data, at = data[at:] + more, 0
            continue
        if data[end + SMALLEST_ENTRY - 1] != 0:
            raise SeqtoolError(f"{source.name}: the dictionary has labels or is damaged")
        words.append(data[at:end])
        at = end + SMALLEST_ENTRY
    source.give_back(data[at:])
    return words
