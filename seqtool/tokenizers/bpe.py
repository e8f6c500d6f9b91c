"""Byte-pair encoding (Sennrich et al. 2016): words are cut by joining the best pair of neighbours.

Byte-level models (GPT-2) begin with bytes, others (sentencepiece) with characters. Which pair is
best is said by a list of merges, or, in the files of tiktoken and sentencepiece, by the rank of
the piece that a pair makes; here either is a table of pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.parallel import for_each
from seqtool.tokenizers.bpe_kernels import (
    BY_CHARACTERS,
    CACHE_ENTRY,
    FUSE_UNKNOWN,
    OPTIONS,
    UNKNOWN,
    WHOLE_WORDS,
    encode_words,
)
from seqtool.tokenizers.pair_kernels import FREE, add_pairs
from seqtool.tokenizers.piece_kernels import index_pieces, split_pieces
from seqtool.tokenizers.types import Batch, Encoded, Ids, Offsets, Words

_PART_BYTES = 1 << 18  # of text that a thread takes at once
_CACHED_WORDS = 1 << 16

Merges = npt.NDArray[np.int32]


class BpeModel:
    """Pieces, and which pairs of them make which.

    ``pieces`` are the bytes of each id. ``merges`` (merges, 3) int32 holds left id, right id and
    the id of what they make; of the same pair twice the last counts. ``ranks`` int32 is which
    merge goes first, in the order of ``merges`` if it is None.

    Symbols are bytes, each a piece of its own, or with ``by_characters`` characters; ``bytes_ids``
    then maps bytes to the pieces that stand for them in characters without a piece. What cannot be
    spelled is ``unknown``, once for neighbours with ``fuse_unknown``; None makes it an error. With
    ``whole_words`` a word that is a piece is that piece, whatever the merges. Pieces with an id in
    ``hidden`` (special tokens) are never found in text.
    """

    kind = "bpe"

    def __init__(
        self,
        pieces: Sequence[bytes],
        merges: Merges,
        ranks: Ids | None = None,
        *,
        by_characters: bool = False,
        bytes_ids: Mapping[int, int] | None = None,
        unknown: int | None = None,
        fuse_unknown: bool = False,
        whole_words: bool = False,
        hidden: Collection[int] = (),
    ) -> None:
        self.pieces = pieces
        self.merges = np.ascontiguousarray(merges, np.int32).reshape(-1, 3)
        self.ranks = np.arange(len(self.merges), dtype=np.int32) if ranks is None else ranks
        self.by_characters = by_characters
        self.bytes_ids = dict(bytes_ids or {}) if by_characters else _single_bytes(pieces, hidden)
        self.unknown = unknown
        self.fuse_unknown = fuse_unknown
        self.whole_words = whole_words
        self.hidden = frozenset(hidden)
        self._byte_ids = np.full(256, -1, np.int32)
        self._byte_ids[list(self.bytes_ids)] = list(self.bytes_ids.values())
        self._lengths = np.array([len(piece) for piece in pieces], np.int32)
        left_out = self.hidden | set(self.bytes_ids.values()) if by_characters else self.hidden
        self._index = _PieceIndex(pieces, left_out)
        self._pairs = np.full(4 << len(self.merges).bit_length(), FREE, np.int64)
        left, right, made = (np.ascontiguousarray(self.merges[:, i]) for i in range(3))
        values = self.ranks.astype(np.int64) << 32 | made
        add_pairs(left, right, values, self._pairs, len(self._pairs) // 2 - 1)
        self._options = np.zeros(OPTIONS, np.int64)
        self._options[BY_CHARACTERS] = by_characters
        self._options[WHOLE_WORDS] = whole_words
        self._options[UNKNOWN] = -1 if unknown is None else unknown
        self._options[FUSE_UNKNOWN] = fuse_unknown
        self._idle: list[_Scratch] = []

    def encode(
        self, batch: Batch, words: Words, threads: int = 1, *, with_ends: bool = False
    ) -> Encoded:
        """The pieces of every word. Raises SeqtoolError for text that no piece stands for."""
        seeds = np.zeros(len(batch.starts) - 1, np.int64)
        return self._encode(batch, words, threads, with_ends, 0, seeds)

    def sample(
        self,
        batch: Batch,
        words: Words,
        amount: float,
        random: np.random.Generator,
        *,
        with_ends: bool = False,
    ) -> Encoded:
        """Pieces with each merge left out with chance ``amount`` at each step (BPE-dropout).

        Provilkov et al. 2020, section 3. Raises SeqtoolError as `encode` does.
        """
        seeds = random.integers(1, 1 << 32, len(batch.starts) - 1, dtype=np.int64)
        return self._encode(batch, words, 1, with_ends, round(amount * (1 << 32)), seeds)

    def _encode(
        self,
        batch: Batch,
        words: Words,
        threads: int,
        with_ends: bool,
        chance: int,
        seeds: Offsets,
    ) -> Encoded:
        parts = _parts(batch.starts)
        found: list[tuple[Ids, Offsets]] = [(np.empty(0, np.int32), np.empty(0, np.int64))]
        found *= len(parts)
        starts = np.zeros(len(batch.starts), np.int64)

        def make_worker() -> Callable[[int], None]:
            def work(number: int) -> None:
                first, last = parts[number]
                scratch = self._scratch()
                scratch.prepare(words, batch.starts, first, last, with_ends)
                count = self._run(
                    scratch, batch, words, first, last, chance, seeds, with_ends, starts[1:]
                )
                found[number] = (scratch.ids[:count].copy(), scratch.ends[:count].copy())
                self._idle.append(scratch)

            return work

        for_each(range(len(parts)), make_worker, threads)
        np.cumsum(starts, out=starts)
        ids = np.empty(int(starts[-1]), np.int32)
        ends = np.empty(len(ids) if with_ends else 0, np.int64)

        def gather(number: int) -> None:
            first, last = parts[number]
            place = slice(int(starts[first]), int(starts[last]))
            ids[place] = found[number][0]
            if with_ends:
                ends[place] = found[number][1]

        for_each(range(len(parts)), lambda: gather, threads)
        if self.unknown is None and len(self.bytes_ids) < 256 and ids.min(initial=0) < 0:
            raise SeqtoolError(
                "the text has characters that the tokenizer does not know, and it has no piece "
                "for them: use a tokenizer that has single bytes or an unknown token"
            )
        return Encoded(ids, starts, ends if with_ends else None)

    def _scratch(self) -> _Scratch:
        """Memory that no other thread uses, with what it has in its cache."""
        try:
            return self._idle.pop()
        except IndexError:
            return _Scratch()

    def _run(
        self,
        scratch: _Scratch,
        batch: Batch,
        words: Words,
        first: int,
        last: int,
        chance: int,
        seeds: Offsets,
        with_ends: bool,
        counts: Offsets,
    ) -> int:
        index = self._index
        base = int(batch.starts[first])
        size = int(batch.starts[last]) - base
        scratch.data[:size] = batch.data[base : base + size]
        return encode_words(
            scratch.data, scratch.block, base, words.ends, words.starts, first, last, chance,
            seeds, self._byte_ids, index.data, index.starts, index.slots, len(index.slots) - 1,
            self._lengths, self._options, self._pairs, len(self._pairs) // 2 - 1, scratch.cache,
            len(scratch.cache) // CACHE_ENTRY - 1, scratch.symbols, scratch.widths, scratch.nexts,
            scratch.befores, scratch.heap, scratch.skipped, int(with_ends), scratch.ids,
            scratch.ends, counts,
        )  # fmt: skip

    def mergeable(self) -> npt.NDArray[np.bool_]:
        """Which ids may be part of a merge: not those that stand for what has no piece."""
        fine = np.ones(len(self.pieces), bool)
        if self.unknown is not None:
            fine[self.unknown] = False
        if self.by_characters:
            fine[list(self.bytes_ids.values())] = False
        return fine

    def extended(self, pieces: Sequence[bytes], merges: Merges) -> BpeModel:
        """A model with more pieces, and merges that go behind all others."""
        known = {(left, right) for left, right, _ in self.merges.tolist()}
        new = [merge for merge in merges.tolist() if (merge[0], merge[1]) not in known]
        last = int(self.ranks.max(initial=-1))
        return BpeModel(
            [*self.pieces, *pieces],
            np.concatenate([self.merges, np.array(new, np.int32).reshape(-1, 3)]),
            np.concatenate([self.ranks, np.arange(last + 1, last + 1 + len(new), dtype=np.int32)]),
            by_characters=self.by_characters,
            bytes_ids=self.bytes_ids,
            unknown=self.unknown,
            fuse_unknown=self.fuse_unknown,
            whole_words=self.whole_words,
            hidden=self.hidden,
        )


def merges_of_pairs(pieces: Sequence[bytes], pairs: Iterable[tuple[int, int]]) -> Merges:
    """Merges (merges, 3) from pairs of ids. Raises KeyError where the two make no piece."""
    ids = {piece: number for number, piece in reversed(list(enumerate(pieces)))}
    rows = [(left, right, ids[pieces[left] + pieces[right]]) for left, right in pairs]
    return np.array(rows, np.int32).reshape(-1, 3)


def merges_of_ranks(pieces: Sequence[bytes], left_out: Collection[int] = ()) -> Merges:
    """All pairs of pieces that make a piece (merges, 3), in the order of the ids they make.

    Pieces with an id in ``left_out`` are in no pair.
    """
    index = _PieceIndex(pieces, left_out)
    merges = np.empty((max(len(index.data), 1), 3), np.int32)
    count = split_pieces(
        index.data, index.starts, index.slots, len(index.slots) - 1, merges.reshape(-1)
    )
    found: Merges = merges[:count].copy()
    return found


class _PieceIndex:
    """The arrays of `piece_kernels`: pieces that are ``left_out`` are not found."""

    def __init__(self, pieces: Sequence[bytes], left_out: Collection[int]) -> None:
        listed = [b"" if number in left_out else piece for number, piece in enumerate(pieces)]
        self.data = np.frombuffer(b"".join(listed), np.uint8)
        self.starts = np.zeros(len(pieces) + 1, np.int64)
        np.cumsum([len(piece) for piece in listed], out=self.starts[1:])
        self.slots = np.zeros(2 << len(pieces).bit_length(), np.int32)
        index_pieces(self.data, self.starts, self.slots, len(self.slots) - 1)


class _Scratch:
    """What a thread needs besides the model: a cache of words, and room for one part."""

    def __init__(self) -> None:
        self.cache = np.zeros(CACHE_ENTRY * _CACHED_WORDS, np.int64)
        self._longest = -1
        self.block = np.empty(2, np.uint64)
        self.data = self.block.view(np.uint8)
        self.ids = np.empty(0, np.int32)
        self.ends = np.empty(0, np.int64)

    def prepare(
        self, words: Words, starts: Offsets, first: int, last: int, with_ends: bool
    ) -> None:
        """Make room for some texts."""
        ends = words.ends[words.starts[first] : words.starts[last]]
        size = int(starts[last] - starts[first])
        if size > len(self.ids):
            self.ids = np.empty(size, np.int32)
            self.block = np.empty(size // 8 + 2, np.uint64)
            self.data = self.block.view(np.uint8)
        if with_ends and size > len(self.ends):
            self.ends = np.empty(size, np.int64)
        longest = int(np.diff(ends, prepend=starts[first]).max(initial=0))
        if longest > self._longest:
            self._longest = longest
            self.symbols = np.empty(longest, np.int32)
            self.widths = np.empty(longest, np.int32)
            self.nexts = np.empty(longest, np.int32)
            self.befores = np.empty(longest, np.int32)
            self.heap = np.empty(2 * longest, np.int64)
            self.skipped = np.empty(2 * longest, np.int64)


def _single_bytes(pieces: Sequence[bytes], hidden: Collection[int]) -> dict[int, int]:
    """The ids of pieces of one byte."""
    return {
        piece[0]: number
        for number, piece in enumerate(pieces)
        if len(piece) == 1 and number not in hidden
    }


def _parts(starts: Offsets) -> list[tuple[int, int]]:
    """Runs of texts, first and behind the last, of about the same number of bytes."""
    cuts = np.searchsorted(starts, np.arange(0, starts[-1], _PART_BYTES)[1:])
    bounds = np.unique(np.concatenate(([0], cuts, [len(starts) - 1]))).tolist()
    return list(pairwise(bounds))
