"""The unigram language model: a word is cut into the pieces whose probabilities multiply to most.

Source: Kudo, "Subword Regularization" (ACL 2018). The segmentations that it gives for a model of
sentencepiece are those of sentencepiece.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.parallel import for_each
from seqtool.tokenizers.trie_kernels import NODE_BITS, build_trie
from seqtool.tokenizers.types import Batch, Bytes, Encoded, Ids, Offsets, Words
from seqtool.tokenizers.unigram_kernels import KEYS, SLOTS, UNKNOWN, encode_texts
from seqtool.tokenizers.unigram_sample_kernels import pieces_in_word, sample_texts

UNKNOWN_PENALTY = 10.0  # an unknown character is this much worse than the worst piece

_PART_BYTES = 1 << 18  # of text that a thread takes at once
_CACHED_WORDS = 1 << 18  # a power of two

Floats = npt.NDArray[np.float64]
_Write = Callable[[int, int, Ids, Offsets, Offsets], None]


class _Cache(NamedTuple):
    """Segmentations that one thread remembers from word to word and from call to call."""

    keys: npt.NDArray[np.uint64]
    ids: Ids
    scores: Floats


class UnigramModel:
    """Pieces with log probabilities.

    ``scores`` (float64) belong to ``pieces``; those of ``hidden`` ids (special tokens) do not
    matter, such pieces are never found in text. ``unknown`` is the id of characters that no piece
    covers; several in a row give one. ``bytes_ids`` maps bytes to the ids of pieces that stand
    for them: an unknown character is cut into its bytes if they all have one. Pieces in
    ``user_defined`` are preferred to all others.

    With ``fuses_words`` sums of scores and runs of unknown characters go on from word to word,
    the sums in single precision, as in sentencepiece, so that near ties are broken as it does.
    """

    kind = "unigram"

    def __init__(
        self,
        pieces: Sequence[bytes],
        scores: npt.ArrayLike,
        unknown: int | None,
        hidden: Collection[int] = (),
        bytes_ids: Mapping[int, int] | None = None,
        user_defined: Collection[int] = (),
        *,
        fuses_words: bool = False,
    ) -> None:
        self.pieces = pieces
        self.scores: Floats = np.array(scores, np.float64)
        self.unknown = unknown
        self.hidden = frozenset(hidden)
        self.bytes_ids = dict(bytes_ids or {})
        self.user_defined = frozenset(user_defined)
        self.fuses_words = fuses_words
        if len(self.scores) != len(pieces) or not np.isfinite(self.scores).all():
            raise SeqtoolError("a unigram model needs one finite score for each piece")
        self._build_trie()
        self._set_scores()
        self._lengths = np.array([len(piece) for piece in pieces], np.int32)
        self._byte_ids = np.full(256, -1, np.int32)
        for byte, number in self.bytes_ids.items():
            self._byte_ids[byte] = number
        self._caches: list[_Cache] = []

    def _build_trie(self) -> None:
        data = np.frombuffer(b"".join(self.pieces) or b"\0", np.uint8)
        if len(data) >= 1 << NODE_BITS:
            raise SeqtoolError(
                f"the pieces have {len(data):,} bytes, a unigram model may have {1 << NODE_BITS:,}"
            )
        starts = np.zeros(len(self.pieces) + 1, np.int64)
        np.cumsum([len(piece) for piece in self.pieces], out=starts[1:])
        self._listed = np.ones(len(self.pieces), np.uint8)
        self._listed[list(self.hidden | set(self.bytes_ids.values()))] = 0
        self._listed[np.diff(starts) == 0] = 0
        self._edges = np.zeros(1 << (2 * len(data)).bit_length(), np.int64)
        piece_of = np.full(len(data) + 1, -1, np.int32)
        args = data, starts, self._listed, self._edges, len(self._edges) - 1, piece_of
        self._piece_of = piece_of[: build_trie(*args)].copy()

    def _set_scores(self) -> None:
        normal = self._listed.astype(bool)
        normal[list(self.user_defined)] = False
        known = self.scores[normal]
        lowest = float(known.min()) if len(known) else 0.0
        # As sentencepiece does, which begins with the smallest positive number.
        highest = np.float32(max(float(known.max(initial=0.0)), np.finfo(np.float32).tiny))
        self._unknown_score = lowest - UNKNOWN_PENALTY
        self._used_scores = self.scores.copy()
        for number in self.user_defined:
            length = np.float32(len(self.pieces[number]))
            self._used_scores[number] = float(length * highest) - 0.1

    @property
    def _trie(self) -> tuple[Offsets, int, Ids]:
        return self._edges, len(self._edges) - 1, self._piece_of

    def encode(
        self, batch: Batch, words: Words, threads: int = 1, *, with_ends: bool = False
    ) -> Encoded:
        """The best segmentation of every word (Viterbi).

        Raises SeqtoolError for an unknown character that has no id.
        """
        settings = self._settings(with_ends)
        longest = _longest(words)
        blocks = _blocks(batch.data)
        spare = [self._caches.pop() for _ in range(min(threads, len(self._caches)))]
        used: list[_Cache] = []

        def make_writer() -> _Write:
            cache = spare.pop() if spare else _new_cache()
            used.append(cache)
            keys = np.zeros(KEYS, np.uint64)
            best, second = np.empty(longest + 1), np.empty(longest + 1)
            path, state = np.empty(2 * longest + 2, np.int32), np.zeros(2, np.int64)

            def write(first: int, last: int, ids: Ids, ends: Offsets, counts: Offsets) -> None:
                encode_texts(
                    batch.data, blocks, words.ends, words.starts, first, last, *self._trie,
                    self._used_scores, self._unknown_score, self._lengths, self._byte_ids,
                    settings, *cache, keys, best, second, path, state, ids, ends, counts,
                )  # fmt: skip

            return write

        try:
            return _encode(batch, words, make_writer, threads, with_ends)
        finally:  # a cache belongs to one thread as long as it runs
            self._caches.extend(used + spare)

    def sample(
        self, batch: Batch, words: Words, amount: float, random: Any, *, with_ends: bool = False
    ) -> Encoded:
        """Segmentations drawn with chance P(x) ** ``amount``; ``random``: numpy Generator.

        Raises SeqtoolError for an unknown character that has no id.
        """
        settings = self._settings(with_ends)
        longest = _longest(words)
        uniforms = random.random(len(batch.data))

        def make_writer() -> _Write:
            sums, path = np.empty(longest + 1), np.empty(2 * longest + 2, np.int32)
            state = np.zeros(2, np.int64)

            def write(first: int, last: int, ids: Ids, ends: Offsets, counts: Offsets) -> None:
                sample_texts(
                    batch.data, words.ends, words.starts, first, last, *self._trie,
                    self._used_scores, self._unknown_score, amount, uniforms, self._byte_ids,
                    settings, sums, path, state, ids, ends, counts,
                )  # fmt: skip

            return write

        return _encode(batch, words, make_writer, 1, with_ends)

    def nbest(self, batch: Batch, words: Words, count: int) -> list[tuple[Ids, float]]:
        """The ``count`` best segmentations of the one text of a batch, and their log probabilities.

        Exact: A* with the best score of the rest. Fewer are returned where there are fewer. Raises
        SeqtoolError as `encode` does.
        """
        text = batch.data.tobytes()
        following: list[list[tuple[int, int, float]]] = [[] for _ in range(len(text) + 1)]
        begin = 0
        for end in words.ends.tolist():
            for start, stop, piece in self._pieces_in(batch.data, begin, end):
                score = self._unknown_score if piece == UNKNOWN else self._used_scores[piece]
                following[start].append((stop, piece, float(score)))
            begin = end
        paths = _best_paths(following, _best_endings(following), count)
        return [(self._ids_of(text, path), score) for score, path in paths]

    def _pieces_in(self, data: Bytes, begin: int, end: int) -> list[list[int]]:
        """Where each piece of a word begins, where it ends, and its id."""
        room = 16 * (end - begin)
        while True:
            found = np.empty(3 * room, np.int64)
            count = pieces_in_word(data, begin, end, *self._trie, found)
            if count <= room:
                triples: list[list[int]] = found[: 3 * count].reshape(-1, 3).tolist()
                return triples
            room = count

    def _ids_of(self, text: bytes, path: list[tuple[int, int, int]]) -> Ids:
        ids: list[int] = []
        fuses = False
        for start, end, piece in path:
            spelled = [self._byte_ids[byte] for byte in text[start:end]]
            if piece != UNKNOWN:
                ids.append(piece)
            elif min(spelled) >= 0:
                ids.extend(spelled)
            elif not fuses:
                ids.append(-1 if self.unknown is None else self.unknown)
            fuses = piece == UNKNOWN and min(spelled) < 0
        return _checked(np.array(ids, np.int32))

    def _settings(self, with_ends: bool) -> Offsets:
        unknown = -1 if self.unknown is None else self.unknown
        return np.array([unknown, self.fuses_words, with_ends], np.int64)


def _new_cache() -> _Cache:
    return _Cache(
        np.zeros(KEYS * _CACHED_WORDS, np.uint64),
        np.zeros(SLOTS * _CACHED_WORDS, np.int32),
        np.zeros(2 * _CACHED_WORDS),
    )


def _blocks(data: Bytes) -> npt.NDArray[np.uint64]:
    """All bytes but the last few in numbers of 8."""
    whole = data[: len(data) // 8 * 8]
    if whole.ctypes.data % 8 != 0:
        whole = whole.copy()
    return whole.view("<u8").astype(np.uint64, copy=False)


def _longest(words: Words) -> int:
    """Bytes of the longest word."""
    return int(np.diff(words.ends, prepend=0).max(initial=0))


def _encode(
    batch: Batch, words: Words, make_writer: Callable[[], _Write], threads: int, with_ends: bool
) -> Encoded:
    """Have the texts of a batch written part by part, and put the parts together."""
    texts = len(words.starts) - 1
    wanted = np.arange(0, len(batch.data), _PART_BYTES)
    bounds = sorted({0, texts, *np.searchsorted(batch.starts, wanted).tolist()})
    bounds = [bound for bound in bounds if bound <= texts]
    counts = np.zeros(texts, np.int64)
    kept: list[tuple[Ids, Offsets]] = [(np.empty(0, np.int32), np.empty(0, np.int64))] * len(bounds)

    def make_worker() -> Callable[[int], None]:
        write = make_writer()

        def work(part: int) -> None:
            first, last = bounds[part], bounds[part + 1]
            room = int(batch.starts[last] - batch.starts[first])
            ids = np.empty(room, np.int32)
            ends = np.empty(room if with_ends else 0, np.int64)
            write(first, last, ids, ends, counts)
            size = int(counts[first:last].sum())
            kept[part] = ids[:size].copy(), ends[:size].copy()

        return work

    for_each(range(len(bounds) - 1), make_worker, threads)
    starts = np.zeros(texts + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    ids = _checked(np.concatenate([part[0] for part in kept]))
    return Encoded(ids, starts, np.concatenate([part[1] for part in kept]) if with_ends else None)


def _checked(ids: Ids) -> Ids:
    if len(ids) and ids.min() < 0:
        raise SeqtoolError(
            "the text has characters that the tokenizer does not know, and it has no piece for "
            "them: train it with --special '<unk>' or with byte fallback"
        )
    return ids


def _best_endings(following: list[list[tuple[int, int, float]]]) -> list[float]:
    """The best score of what comes after each place; minus infinity where nothing does."""
    rest = [float("-inf")] * len(following)
    rest[-1] = 0.0
    for start in range(len(following) - 2, -1, -1):
        for end, _, score in following[start]:
            rest[start] = max(rest[start], score + rest[end])
    return rest


def _best_paths(
    following: list[list[tuple[int, int, float]]], rest: list[float], count: int
) -> list[tuple[float, list[tuple[int, int, int]]]]:
    """The ``count`` best ways through the pieces: score and (start, end, piece) of each."""
    goal = len(following) - 1
    found: list[tuple[float, list[tuple[int, int, int]]]] = []
    order = 0  # of two ways that are as good the one that was lengthened last goes first
    agenda: list[tuple[float, int, int, float, Any]] = [(-rest[0], order, 0, 0.0, None)]
    while agenda and len(found) < count:
        _, _, at, score, way = heapq.heappop(agenda)
        if at == goal:
            path = []
            while way is not None:
                step, way = way
                path.append(step)
            found.append((score, path[::-1]))
            continue
        for end, piece, more in following[at]:
            if rest[end] > float("-inf"):
                order -= 1
                total = score + more
                step = (at, end, piece)
                heapq.heappush(agenda, (-(total + rest[end]), order, end, total, (step, way)))
    return found
