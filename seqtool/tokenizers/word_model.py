"""The simplest models: every word, or every character, is a piece of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.parallel import for_each
from seqtool.tokenizers.piece_kernels import index_pieces
from seqtool.tokenizers.types import Batch, Encoded, Offsets, WordCounts, Words
from seqtool.tokenizers.word_model_kernels import (
    count_characters,
    look_up_characters,
    look_up_words,
)
from seqtool.word_classes import INVALID

_PART_BYTES = 1 << 18  # of text that a thread takes at once
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)  # the Unicode property White_Space

LookUp = Callable[[int, int, npt.NDArray[np.int32], Offsets, Offsets], None]


class WordModel:
    """Whole words, without the white space around them.

    ``unknown`` is the id of words that are not among ``pieces``; None makes them an error.
    Pieces with an id in ``hidden`` (special tokens) are never found in text.
    """

    kind = "word"

    def __init__(
        self, pieces: Sequence[bytes], unknown: int | None, hidden: Collection[int] = ()
    ) -> None:
        self.pieces = pieces
        self.unknown = unknown
        listed = [b"" if number in hidden else piece for number, piece in enumerate(pieces)]
        self._arena = np.frombuffer(b"".join(listed) or b"\0", np.uint8)
        self._starts = np.zeros(len(pieces) + 1, np.int64)
        np.cumsum([len(piece) for piece in listed], out=self._starts[1:])
        self._slots = np.zeros(1 << (2 * len(pieces) + 2).bit_length(), np.int32)
        index_pieces(self._arena, self._starts, self._slots, len(self._slots) - 1)

    def encode(
        self, batch: Batch, words: Words, threads: int = 1, *, with_ends: bool = False
    ) -> Encoded:
        """Ids of the words. Raises SeqtoolError for an unknown word that has no id."""

        def look_up(
            first: int, last: int, ids: npt.NDArray[np.int32], ends: Offsets, counts: Offsets
        ) -> None:
            look_up_words(
                batch.data, words.ends, words.starts, first, last, self._arena, self._starts,
                self._slots, len(self._slots) - 1, _or_minus_one(self.unknown), ids, ends, counts,
            )  # fmt: skip

        return _encode(batch, words.starts, look_up, threads, with_ends)


class CharModel:
    """Single characters (code points).

    ``bytes_ids`` maps bytes to the ids of pieces that stand for them: an unknown character is cut
    into its bytes if they all have one, else it is ``unknown``; None makes that an error.
    """

    kind = "char"

    def __init__(
        self,
        pieces: Sequence[bytes],
        unknown: int | None,
        hidden: Collection[int] = (),
        bytes_ids: Mapping[int, int] | None = None,
    ) -> None:
        self.pieces = pieces
        self.unknown = unknown
        self.bytes_ids = dict(bytes_ids or {})
        self._id_of_code = np.full(INVALID + 1, -1, np.int32)
        left_out = set(hidden) | set(self.bytes_ids.values())
        for number, piece in enumerate(pieces):
            if number not in left_out:
                self._id_of_code[ord(piece.decode())] = number
        self._id_of_byte = np.full(256, -1, np.int32)
        for byte, number in self.bytes_ids.items():
            self._id_of_byte[byte] = number

    def encode(
        self, batch: Batch, words: Words, threads: int = 1, *, with_ends: bool = False
    ) -> Encoded:
        """Ids of the characters; where words end does not matter."""

        def look_up(
            first: int, last: int, ids: npt.NDArray[np.int32], ends: Offsets, counts: Offsets
        ) -> None:
            look_up_characters(
                batch.data, batch.starts, first, last, self._id_of_code, self._id_of_byte,
                _or_minus_one(self.unknown), ids, ends, counts,
            )  # fmt: skip

        return _encode(batch, batch.starts, look_up, threads, with_ends)


def _or_minus_one(number: int | None) -> int:
    return -1 if number is None else number


def _encode(
    batch: Batch, places: Offsets, look_up: LookUp, threads: int, with_ends: bool
) -> Encoded:
    """Run ``look_up`` over parts of the batch; text i has room from ``places[i]`` on."""
    ids = np.empty(int(places[-1]), np.int32)
    ends = np.empty(int(places[-1]), np.int64)
    counts = np.zeros(len(places), np.int64)
    cuts = _parts(batch.starts)
    parts = list(itertools.pairwise(cuts))
    for_each(parts, lambda: lambda part: look_up(*part, ids, ends, counts[:-1]), threads)
    starts = np.zeros(len(places), np.int64)
    np.cumsum(counts[:-1], out=starts[1:])
    keep = [
        slice(int(places[first]), int(places[first] + starts[last] - starts[first]))
        for first, last in parts
    ]
    kept = np.concatenate([ids[:0], *(ids[part] for part in keep)])
    if len(kept) and kept.min() < 0:
        raise SeqtoolError(
            "the text has words that the tokenizer does not know, and it has no piece for them: "
            "train it with --special '<unk>'"
        )
    kept_ends = np.concatenate([ends[:0], *(ends[part] for part in keep)]) if with_ends else None
    return Encoded(kept, starts, kept_ends)


def _parts(starts: Offsets) -> list[int]:
    """Numbers of texts that cut a batch into parts of about the same number of bytes."""
    texts = len(starts) - 1
    wanted = np.arange(starts[0], starts[-1], _PART_BYTES)
    cuts = np.searchsorted(starts, wanted, side="left").tolist()
    return sorted({0, texts, *cuts} - {texts + 1})


def count_whole_words(counts: WordCounts) -> dict[bytes, int]:
    """How often each word occurs without the white space around it."""
    total: dict[bytes, int] = {}
    data = counts.data.tobytes()
    bounds = counts.starts.tolist()
    for begin, end, count in zip(bounds[:-1], bounds[1:], counts.counts.tolist(), strict=True):
        word = data[begin:end].decode("utf-8", "surrogateescape").strip(WHITE_SPACE)
        if word:
            key = word.encode("utf-8", "surrogateescape")
            total[key] = total.get(key, 0) + count
    return total


def count_single_characters(counts: WordCounts) -> dict[bytes, int]:
    """How often each character occurs."""
    totals = np.zeros(INVALID + 1, np.int64)
    count_characters(counts.data, counts.starts, counts.counts, totals)
    return {chr(code).encode(): int(totals[code]) for code in np.flatnonzero(totals[:INVALID])}


def most_frequent(
    total: Mapping[bytes, int], size: int, min_frequency: int, taken: Collection[bytes]
) -> list[bytes]:
    """At most ``size`` new pieces, the most frequent first, ties by their bytes."""
    ranked = sorted(
        (-count, piece)
        for piece, count in total.items()
        if count >= min_frequency and piece not in taken
    )
    return [piece for _, piece in ranked[: max(0, size)]]
