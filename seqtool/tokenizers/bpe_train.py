"""Learning byte-pair encoding from word counts (Sennrich et al. 2016, byte level as in GPT-2).

Merges and ids are those of Hugging Face's BpeTrainer for the same words: the most frequent pair
first, of equally frequent ones that with the smaller ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.progress import Progress
from seqtool.tokenizers.bpe import BpeModel
from seqtool.tokenizers.bpe_train_kernels import (
    BORDER,
    CHANGE,
    ENTRY,
    INFO,
    LISTS,
    MERGES,
    NEEDS_BYTES,
    NEEDS_PAIRS,
    NEEDS_PLACES,
    NO_PAIR_LEFT,
    PAIRS,
    PLACES,
    STATE,
    TOKENS,
    count_pairs,
    fill_queue,
    lay_out,
    learn_merges,
    list_places,
)
from seqtool.tokenizers.pair_kernels import FREE, move_pairs
from seqtool.tokenizers.piece_kernels import index_pieces
from seqtool.tokenizers.types import Batch, Ids, Offsets, WordCounts, Words
from seqtool.tokenizers.visible import bytes_to_visible, visible_to_bytes

_T = TypeVar("_T", bound=np.generic)

_MERGES_AT_ONCE = 256
_FIRST_PAIRS = 1 << 12
_MOST_SYMBOLS = (1 << 31) - 1


def train_bpe(
    counts: WordCounts,
    vocab_size: int,
    *,
    specials: Sequence[str] = (),
    min_frequency: int = 0,
    progress: Progress | None = None,
) -> BpeModel:
    """A byte-level model of ``vocab_size`` pieces, or of as many as the words give.

    The ids are those of the special tokens, of the 256 bytes, then of the merges in their order.
    A pair is merged while it occurs ``min_frequency`` times. ``progress`` counts pieces. Raises
    SeqtoolError when ``vocab_size`` has no room for the special tokens and bytes.
    """
    alphabet = sorted((bytes([byte]) for byte in range(256)), key=bytes_to_visible)
    pieces = [special.encode() for special in specials] + alphabet
    if vocab_size < len(pieces):
        raise SeqtoolError(
            f"a vocabulary of {vocab_size} has no room for {len(specials)} special tokens and 256 "
            f"bytes: ask for {len(pieces)} or more"
        )
    # What a merge may give that is there already: for a special token, the bytes that are shown
    # as it is.
    keys = [visible_to_bytes(special) or b"" for special in specials] + alphabet
    _check_specials(specials, keys)
    ids = np.empty(256, np.int32)
    ids[np.frombuffer(b"".join(alphabet), np.uint8)] = np.arange(len(specials), len(pieces))
    learner = _Learner(ids[counts.data], counts.starts, counts.counts, keys, vocab_size)
    learner.learn(min_frequency, progress)
    pieces += learner.new_pieces()
    return BpeModel(pieces, learner.merges(), hidden=range(len(specials)))


def extend_bpe(
    model: BpeModel,
    counts: WordCounts,
    vocab_size: int,
    *,
    min_frequency: int = 0,
    progress: Progress | None = None,
) -> BpeModel:
    """A model with further merges, learned from words as the old model cuts them.

    No id, and no rank of a merge, changes.
    """
    words = len(counts.counts)
    batch = Batch(counts.data, np.array([0, len(counts.data)], np.int64))
    cut = model.encode(
        batch, Words(counts.starts[1:], np.array([0, words], np.int64)), with_ends=True
    )
    assert cut.ends is not None
    starts = np.searchsorted(cut.ends, counts.starts, "right").astype(np.int64)
    ids = np.where(model.mergeable()[cut.ids], cut.ids, BORDER).astype(np.int32)
    learner = _Learner(ids, starts, counts.counts, model.pieces, vocab_size)
    learner.learn(min_frequency, progress)
    return model.extended(learner.new_pieces(), learner.merges())


def _check_specials(specials: Sequence[str], keys: Sequence[bytes]) -> None:
    for special, key in zip(specials, keys, strict=False):
        if len(key) == 1:
            raise SeqtoolError(f"special token {special!r}: a single byte cannot be one")
    if len(set(specials)) < len(specials):
        raise SeqtoolError("a special token is given twice")


class _Learner:
    """The arrays of `bpe_train_kernels`, which grow as they are filled.

    ``ids[starts[w]:starts[w + 1]]`` are the symbols of word w at the beginning, ``pieces`` the
    bytes of each token that there is. A symbol that is BORDER stays alone.
    """

    def __init__(
        self,
        ids: Ids,
        starts: Offsets,
        counts: Offsets,
        pieces: Sequence[bytes],
        vocab_size: int,
    ) -> None:
        words = len(counts)
        row = int(starts[-1]) + words + 1
        if row > _MOST_SYMBOLS:
            raise SeqtoolError(
                f"{row} symbols of different words are too many to learn from: leave out rare words"
            )
        self._first = len(pieces)
        self._vocab_size = vocab_size
        self._starts, self._counts = starts, counts
        self._symbols, self._widths = np.empty(row, np.int32), np.empty(row, np.int32)
        lay_out(np.ascontiguousarray(ids), starts, self._symbols, self._widths)
        self._state = np.zeros(STATE, np.int64)
        self._index(pieces)
        self._merges = np.empty((_MERGES_AT_ONCE, 3), np.int32)
        self._changes = np.zeros(2 * CHANGE * (vocab_size + 1), np.int64)
        self._touched = np.empty(2 * (vocab_size + 1), np.int64)
        self._found = np.empty(1 << 12, np.int64)
        self._count_pairs()

    def _index(self, pieces: Sequence[bytes]) -> None:
        data = np.frombuffer(b"".join(pieces), np.uint8)
        starts = np.zeros(len(pieces) + 1, np.int64)
        np.cumsum([len(piece) for piece in pieces], out=starts[1:])
        self._slots = np.zeros(_power_of_two(2 * self._vocab_size), np.int32)
        index_pieces(data, starts, self._slots, len(self._slots) - 1)
        self._data = np.concatenate([data, np.empty(16 * self._vocab_size, np.uint8)])
        self._data_starts = np.zeros(self._vocab_size + 2, np.int64)
        self._data_starts[: len(starts)] = starts
        self._state[TOKENS] = len(pieces)

    def _count_pairs(self) -> None:
        """Count the first pairs, list their places and queue them."""
        self._pairs = np.full(4 * _FIRST_PAIRS, FREE, np.int64)
        self._info = np.empty(INFO * _FIRST_PAIRS, np.int64)
        self._lists = np.empty(0, np.int64)
        self._queue = np.empty(0, np.int64)
        longest = int(np.diff(self._starts).max(initial=0))
        word = 0
        while True:
            word = count_pairs(
                self._symbols, self._starts, self._counts, word, self._pairs,
                len(self._pairs) // 2 - 1, self._info, self._state,
            )  # fmt: skip
            self._grow_pairs(longest)
            if word == len(self._counts):
                break
        pairs = int(self._state[PAIRS])
        sizes = self._info[: INFO * pairs].reshape(pairs, INFO)[:, 1]
        ends = np.cumsum(sizes) - sizes
        self._lists[: 2 * pairs : 2] = ends
        self._lists[1 : 2 * pairs : 2] = sizes
        total = int(sizes.sum())
        self._places = np.empty(total + total // 2, np.int64)
        list_places(
            self._symbols, self._starts, self._pairs, len(self._pairs) // 2 - 1, ends, self._places
        )
        fill_queue(self._pairs, self._info, self._queue, self._state)
        self._state[LISTS], self._state[PLACES] = pairs, total

    def _grow_pairs(self, more: int) -> None:
        """Make room for so many more pairs and lists."""
        needed = int(self._state[PAIRS]) + more
        if INFO * needed > len(self._info):
            room = _power_of_two(needed + needed // 2)
            self._info = _longer(self._info, INFO * room)
            pairs = np.full(4 * room, FREE, np.int64)
            move_pairs(self._pairs, pairs, len(pairs) // 2 - 1)
            self._pairs = pairs
        needed = max(int(self._state[LISTS]), int(self._state[PAIRS])) + more
        if 2 * needed > len(self._lists):
            self._lists = _longer(self._lists, 3 * needed)
            self._queue = _longer(self._queue, 2 * ENTRY * needed)

    def _grow_places(self) -> None:
        """Make room for the places that the next merge may find."""
        most = int(self._info[1 : INFO * int(self._state[PAIRS]) : INFO].max())
        needed = int(self._state[PLACES]) + 2 * most
        if needed > len(self._places):
            self._places = _longer(self._places, needed + needed // 2)
        if 4 * most > len(self._found):
            self._found = np.empty(4 * most, np.int64)

    def learn(self, min_frequency: int, progress: Progress | None) -> None:
        """Learn merges until the vocabulary is full or no pair is left."""
        while True:
            before = int(self._state[TOKENS])
            merges = self._merges.reshape(-1)[: 3 * (int(self._state[MERGES]) + _MERGES_AT_ONCE)]
            why = learn_merges(
                self._vocab_size, min_frequency, self._symbols, self._widths, self._counts,
                self._pairs, len(self._pairs) // 2 - 1, self._info, self._queue,
                self._lists, self._places, self._changes, self._touched, self._found, self._data,
                self._data_starts, self._slots, len(self._slots) - 1, merges, self._state,
            )  # fmt: skip
            if progress is not None:
                progress.advance(int(self._state[TOKENS]) - before)
            if why == NO_PAIR_LEFT or self._state[TOKENS] >= self._vocab_size:
                return
            if why == NEEDS_PLACES:
                self._grow_places()
            elif why == NEEDS_PAIRS:
                self._grow_pairs(2 * self._vocab_size)
            elif why == NEEDS_BYTES:
                self._data = _longer(self._data, 3 * len(self._data))
            room = int(self._state[MERGES]) + _MERGES_AT_ONCE
            if room > len(self._merges):
                self._merges = np.resize(self._merges, (2 * room, 3))

    def merges(self) -> npt.NDArray[np.int32]:
        """What was learned (merges, 3): left, right and the token that they make."""
        return self._merges[: int(self._state[MERGES])]

    def new_pieces(self) -> list[bytes]:
        """The bytes of the tokens that were added."""
        starts = self._data_starts[self._first : int(self._state[TOKENS]) + 1].tolist()
        data = self._data.tobytes()
        return [data[begin:end] for begin, end in pairwise(starts)]


def _power_of_two(least: int) -> int:
    return 1 << max(least - 1, 1).bit_length()


def _longer(array: npt.NDArray[_T], size: int) -> npt.NDArray[_T]:
    """The array with more room behind what it holds."""
    longer = np.empty(size, array.dtype)
    longer[: len(array)] = array
    return longer
