"""What texts are to the averaged model: rows of a table, found in one pass over the bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqtool.parallel import for_each
from seqtool.word_classes import SPACE, pattern_table, word_break_table
from seqtool.words.table import WordTable
from seqtool_sentiment import feature_kernels as kernels

Rows = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]
Singles = npt.NDArray[np.float32]

TEXTS_AT_ONCE = 1024  # that a thread takes


class Plan(NamedTuple):
    """Which features there are besides words.

    n-grams of up to ``ngrams`` words and of ``min_letters`` to ``max_letters`` letters (0: none),
    hashed into ``buckets`` rows, a power of two.
    """

    ngrams: int
    buckets: int
    min_letters: int
    max_letters: int


@cache
def classes() -> npt.NDArray[np.uint8]:
    """The table of `seqtool.word_classes.word_break_table` with a bit for white space."""
    space = (np.frombuffer(pattern_table(), np.uint8) & SPACE) != 0
    bit = space.astype(np.uint8) * np.uint8(kernels.SPACE)
    table: npt.NDArray[np.uint8] = np.frombuffer(word_break_table(), np.uint8) | bit
    return table


def prepared(texts: Sequence[str]) -> bytes:
    """Texts as lines of lower-case UTF-8 with straight apostrophes, a line a text."""
    joined = "\n".join([*texts, ""])
    if joined.count("\n") != len(texts):
        texts = [text.replace("\n", " ") for text in texts]
        joined = "\n".join([*texts, ""])
    if not joined.isascii():
        # Lower case takes long beyond ASCII, and few texts go there.
        joined = "\n".join([*(text if text.isascii() else _lower(text) for text in texts), ""])
    return joined.encode("utf-8", "replace").lower()


def _lower(text: str) -> str:
    return text.replace("Σ", "σ").replace("\u2019", "'").lower()


class Encoder:
    """Finds the features of texts. ``words`` is the vocabulary, in the order of its rows."""

    def __init__(self, words: Sequence[bytes], plan: Plan) -> None:
        self.words = list(words)
        self.plan = plan
        self._table = WordTable(0)
        self._table.add(self.words)
        self._numbers = np.array([*plan, len(self.words)], np.int64)

    @property
    def rows(self) -> int:
        """Features in all: words, and buckets of n-grams."""
        return len(self.words) + self.plan.buckets

    def encode(self, texts: Sequence[str], threads: int) -> tuple[Rows, Places]:
        """The features of all texts, and where those of each start (texts + 1)."""
        begins = range(0, len(texts), TEXTS_AT_ONCE)
        found: list[Rows] = [np.empty(0, np.int32)] * len(begins)
        starts = np.zeros(len(texts) + 1, np.int64)

        def work(number: int) -> None:
            first = begins[number]
            data = prepared(texts[first : first + TEXTS_AT_ONCE])
            ids = np.empty(self._room(len(data)), np.int32)
            ends = np.empty(data.count(b"\n"), np.int64)
            table = self._table
            size = kernels.encode_texts(
                data, classes(), table.arena, table.starts, table.slots, table.mask,
                self._numbers, np.zeros(kernels.SCRATCH_SIZE, np.int64), ids, ends,
            )  # fmt: skip
            found[number] = ids[:size].copy()
            starts[first + 1 : first + 1 + len(ends)] = np.diff(ends, prepend=0)

        for_each(range(len(begins)), lambda: work, threads)
        np.cumsum(starts, out=starts)
        return np.concatenate([np.empty(0, np.int32), *found]), starts

    def score(self, texts: Sequence[str], table: Singles, weights: Singles) -> Singles:
        """The scores of all labels, (texts, labels); table and weights as in `score_texts`."""
        data = prepared(texts)
        labels, width = len(weights), table.shape[1]
        longest = max(map(len, data.split(b"\n")))
        scores = np.empty((len(texts), labels), np.float32)
        words = self._table
        kernels.score_texts(
            data, classes(), words.arena, words.starts, words.slots, words.mask, self._numbers,
            np.zeros(kernels.SCRATCH_SIZE, np.int64), np.empty(self._room(longest), np.int32),
            table.reshape(-1), weights.reshape(-1), width, labels, np.empty(width, np.float32),
            scores.reshape(-1),
        )  # fmt: skip
        return scores

    def _room(self, size: int) -> int:
        """How many features texts of so many bytes have at most."""
        lengths = self.plan.max_letters - self.plan.min_letters + 1 if self.plan.max_letters else 0
        # Each byte may be a word, which two marks make longer.
        return size * (self.plan.ngrams + 3 * lengths)


def count_vocabulary(texts: Sequence[str], min_count: int, threads: int = 1) -> list[bytes]:
    """The words that occur so often, the most frequent first, ties by their bytes."""
    tables: list[WordTable] = []

    def make_worker() -> Callable[[int], None]:
        table = WordTable(1 << 62)
        tables.append(table)

        def work(first: int) -> None:
            data = prepared(texts[first : first + TEXTS_AT_ONCE])

            def count_from(at: int) -> int:
                return kernels.count_words(
                    data, at, classes(), table.arena, table.starts, table.counts, table.slots,
                    table.mask, table.state, np.zeros(kernels.SCRATCH_SIZE, np.int64),
                )  # fmt: skip

            table.count_with(count_from, len(data), lambda full: None)

        return work

    for_each(range(0, len(texts), TEXTS_AT_ONCE), make_worker, threads)
    table = tables[0]
    for other in tables[1:]:
        table.absorb(other)
    order = table.order(min_count)
    order = order[np.argsort(-table.counts[order], kind="stable")]
    bounds = zip(table.starts[order].tolist(), table.starts[order + 1].tolist(), strict=True)
    return [bytes(table.arena[begin:end]) for begin, end in bounds]
