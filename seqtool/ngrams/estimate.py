"""Estimating n-gram models: interpolated modified Kneser-Ney smoothing.

The method is that of Chen & Goodman 1998 in the form that Heafield et al. 2013 ("Scalable modified
Kneser-Ney language model estimation") give it, and their program lmplz follows: n-grams below the
highest order that do not begin with ``<s>`` count the different words they come behind; each order
has discounts for the counts 1, 2 and 3 or more; unigrams are interpolated with the uniform
distribution, which is where ``<unk>`` has its probability from.

n-grams of n + 1 words are found from those of n: the places of the corpus, sorted by word once,
are put into groups by the n-gram in front of them. That is two passes over the corpus for each
order, and no hash table and no sorting by comparison.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.kernels import announce
from seqtool.ngrams.count_kernels import (
    count_children,
    count_counts,
    count_left_words,
    count_words,
    forget_starts,
    gather,
    lay_out,
    number_children,
    smooth,
    sort_places,
)
from seqtool.ngrams.levels import (
    MOST_NODES,
    Ids,
    Level,
    Offsets,
    Trie,
    drop_pruned,
    join_levels,
    log10_probs,
)
from seqtool.ngrams.model import END, START, UNKNOWN, NgramModel, check_texts

Numbers = NDArray[np.float64]

FALLBACK = (0.0, 0.5, 1.0, 1.5)  # discounts where counts of counts give none, as lmplz has them
MOST_ORDER = 64
_PLACE_BYTES = 20  # of a word of the corpus while n-grams are counted
_NODE_BYTES = 24  # of an n-gram: four numbers, its probability and its backoff
_SMOOTH_BYTES = 16  # more of those of two orders, while their probabilities are worked out


def estimate(
    ids: Ids,
    starts: Offsets,
    vocabulary: Sequence[str],
    order: int = 5,
    *,
    prune: Sequence[int] = (),
    memory: int = 8 << 30,
) -> NgramModel:
    """Estimate a model from texts.

    Args:
        ids: int32, (words,): the texts one after the other, as places in ``vocabulary``.
        starts: int64, (texts + 1,): text t is ``ids[starts[t]:starts[t + 1]]``.
        vocabulary: different words; ``<unk>``, ``<s>`` and ``</s>`` are added where they are not
            in it. Words that do not occur in the texts are not in the model.
        order: words in the longest n-grams.
        prune: n-grams that occur no more often than this are left out, by order from 1; the last
            number counts for all longer ones, too.
        memory: bytes that may be taken.

    Raises SeqtoolError when there is no text, when a text holds ``<s>`` or ``</s>``, and when
    more memory is needed.
    """
    thresholds = prune_thresholds(prune, order)
    check_texts(ids, starts)
    vocabulary = list(vocabulary)
    vocabulary += [word for word in (UNKNOWN, START, END) if word not in vocabulary]
    if len(starts) == 1:
        raise SeqtoolError("there is no text to count n-grams in")
    counter = _Counter(ids, starts, vocabulary, order, thresholds, memory)
    counts = counter.run()
    discounts, fallback = _discounts(counts, order)
    trie = _assemble(counter, discounts)
    metadata = {
        "order": order,
        "prune": thresholds,
        "discounts": [[float(d) for d in row[1:]] for row in discounts],
        "fallback_discounts": fallback,
    }
    return NgramModel(vocabulary, trie, metadata)


def prune_thresholds(prune: Sequence[int], order: int) -> list[int]:
    """A threshold for every order. Raises SeqtoolError where they make no sense."""
    if not 1 <= order <= MOST_ORDER:
        raise SeqtoolError(f"the order of an n-gram model is 1 to {MOST_ORDER}, not {order}")
    if len(prune) > order:
        raise SeqtoolError(f"{len(prune)} pruning thresholds for a model of order {order}")
    thresholds = [*prune, *[prune[-1] if prune else 0] * (order - len(prune))]
    if thresholds != sorted(thresholds) or thresholds[0] < 0:
        raise SeqtoolError(
            "pruning thresholds must not fall: an n-gram cannot stay without its parts"
        )
    return thresholds


class _Counter:
    """Finds the n-grams of all orders; ``levels[n]`` has those of n + 1 words."""

    def __init__(
        self,
        ids: Ids,
        starts: Offsets,
        vocabulary: list[str],
        order: int,
        thresholds: list[int],
        memory: int,
    ) -> None:
        self.order = order
        self.thresholds = thresholds
        self._memory = memory
        self.levels: list[Level] = []
        self._texts = len(starts) - 1
        self._starts = starts + 2 * np.arange(len(starts))  # of texts with their marks
        places = int(self._starts[-1])
        if places > MOST_NODES:
            raise SeqtoolError(f"{places:,} words are more than n-grams can be counted in")
        self._check_memory(places, 0, 1)
        self.ids_of_ranks = self._rank(ids, vocabulary)
        ranks = np.zeros(len(vocabulary), np.int32)
        ranks[self.ids_of_ranks] = np.arange(len(self.ids_of_ranks))
        self.unknown, self.begin, self.end = (
            int(ranks[vocabulary.index(word)]) for word in (UNKNOWN, START, END)
        )
        self._padded = np.empty(places, np.int32)
        lay_out(
            np.ascontiguousarray(ids, np.int32), starts, ranks, self.begin, self.end, self._padded
        )

    def _rank(self, ids: Ids, vocabulary: list[str]) -> Ids:
        """The words that occur, and the three that always do, in the order of their ids."""
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(vocabulary):
            raise ValueError("a word is not one of the vocabulary")
        counts = np.zeros(len(vocabulary), np.int64)
        count_words(np.ascontiguousarray(ids, np.int32), counts)
        for mark in (START, END):
            if counts[vocabulary.index(mark)]:
                raise SeqtoolError(f"a text holds '{mark}', which only stands around texts")
        for word in (UNKNOWN, START, END):
            counts[vocabulary.index(word)] += 1
        return np.flatnonzero(counts).astype(np.int32)

    def run(self) -> list[NDArray[np.int64]]:
        """Count; returns for each order how many n-grams have the (adjusted) counts 0 to 4."""
        word_counts = np.zeros(len(self.ids_of_ranks), np.int64)
        count_words(self._padded, word_counts)
        unigrams = np.arange(len(word_counts), dtype=np.int32)
        zeros = np.zeros(len(word_counts), np.int32)
        self.levels = [Level(unigrams, word_counts.astype(np.int32), zeros)]
        word_counts[self.begin] = 0
        word_ends = np.cumsum(word_counts)
        places = np.empty(int(word_ends[-1]), np.int32)
        sort_places(self._padded, self.begin, word_ends - word_counts, places)
        nodes, self._padded = self._padded, np.empty(0, np.int32)
        occurrences = np.empty(len(places) if self.order > 1 else 0, np.int64)
        for length in range(1, self.order):
            self._extend(length, word_ends, places, nodes, occurrences)
        self._adjust()
        counts_of_counts = []
        for level in self.levels:
            found = np.zeros(5, np.int64)
            count_counts(level.counts, found)
            counts_of_counts.append(found)
        return counts_of_counts

    def _extend(
        self, length: int, word_ends: Offsets, places: Ids, nodes: Ids, occurrences: Offsets
    ) -> None:
        """Find the n-grams of ``length + 1`` words. ``nodes`` changes to theirs."""
        level = self.levels[-1]
        follow = np.where(level.words == self.end, 0, level.counts)
        slots = (np.cumsum(follow) - follow).astype(np.int32)
        del follow
        gather(word_ends, places, nodes, slots, occurrences)
        forget_starts(self._starts, length, nodes)
        found = count_children(slots, occurrences)
        self._check_memory(len(nodes), found, length + 1)
        words, counts, suffixes = (np.empty(found, np.int32) for _ in range(3))
        level.first_child = np.empty(len(level) + 1, np.int32)
        number_children(slots, occurrences, nodes, level.first_child, words, counts, suffixes)
        self.levels.append(Level(words, counts, suffixes))

    def _adjust(self) -> None:
        """Mark what is pruned; make adjusted counts of counts, below the highest order."""
        first, last = self.begin, self.begin + 1
        for length, level in enumerate(self.levels, start=1):
            if self.thresholds[length - 1]:
                level.pruned = (level.counts <= self.thresholds[length - 1]).astype(np.uint8)
            if length < self.order:
                count_left_words(self.levels[length].suffixes, first, last, level.counts)
                first, last = int(level.first_child[first]), int(level.first_child[last])
        unigrams = self.levels[0]
        unigrams.counts[self.begin] = 0
        if len(unigrams.pruned):
            unigrams.pruned[[self.unknown, self.begin, self.end]] = 0

    def _check_memory(self, places: int, found: int, length: int) -> None:
        """Raise SeqtoolError if n-grams of ``length`` words do not fit beside what there is."""
        levels = [len(level) for level in self.levels] + [found]
        nodes = sum(levels)
        needed = max(
            _PLACE_BYTES * places + _NODE_BYTES * nodes,
            _NODE_BYTES * nodes + _SMOOTH_BYTES * sum(levels[-2:]),
        )
        if nodes > MOST_NODES:
            raise SeqtoolError(f"{nodes:,} n-grams are more than a model holds: lower the order")
        if needed > self._memory:
            raise SeqtoolError(
                f"counting n-grams of {length} words takes {-(-needed >> 20):,} MiB, and "
                f"{self._memory >> 20:,} MiB are allowed: lower the order, or allow more memory"
            )


def _discounts(
    counts_of_counts: list[NDArray[np.int64]], order: int
) -> tuple[list[Numbers], list[int]]:
    """Discounts D(0) to D(3+) of each order, and the orders that have those of ``FALLBACK``."""
    discounts: list[Numbers] = []
    fallback = []
    for length, found in enumerate(counts_of_counts, start=1):
        row = closed_form_discounts(found)
        if row is None:
            fallback.append(length)
            row = np.array(FALLBACK)
        discounts.append(row)
    if fallback:
        orders = ", ".join(str(length) for length in fallback)
        announce(
            f"too few n-grams of order {orders} occur once, twice or three times to estimate their "
            "discounts: 0.5, 1 and 1.5 are used (usual for characters and for small texts)"
        )
    return discounts, fallback


def closed_form_discounts(counts_of_counts: NDArray[np.int64]) -> Numbers | None:
    """D(0) to D(3+), float64 (4,), by equation 26 of Chen & Goodman 1998 (5 of Heafield et al.).

    ``counts_of_counts[c]`` n-grams have the (adjusted) count c, for c up to 4. None where a
    divisor is 0 or a discount is not above 0 and at most its count. lmplz takes a discount of just
    0, with which contexts can leave no probability to words they were not seen with.
    """
    found = [float(count) for count in counts_of_counts]
    if min(found[1:4]) == 0.0:
        return None
    weight = found[1] / (found[1] + 2.0 * found[2])
    row = [0.0, *(c - (c + 1) * weight * found[c + 1] / found[c] for c in (1, 2, 3))]
    return np.array(row) if all(0.0 < row[c] <= c for c in (1, 2, 3)) else None


def _assemble(counter: _Counter, discounts: list[Numbers]) -> Trie:
    """Work out all probabilities, drop what is pruned, and join the levels."""
    levels = counter.levels
    lower = _unigram_probs(counter, discounts[0])
    levels[0].probs = log10_probs(lower)
    for length in range(2, counter.order + 1):
        context, level = levels[length - 2], levels[length - 1]
        probs = np.empty(len(level), np.float64)
        backoffs = np.empty(len(context), np.float64)
        smooth(
            context.first_child, level.counts, level.pruned, level.suffixes,
            discounts[length - 1], lower, probs, backoffs,
        )  # fmt: skip
        level.counts = np.empty(0, np.int32)
        context.backoffs = log10_probs(backoffs)
        level.probs = log10_probs(probs)
        lower = probs
    del lower
    if any(len(level.pruned) for level in levels):
        drop_pruned(levels)
    return join_levels(levels, counter.ids_of_ranks)


def _unigram_probs(counter: _Counter, discounts: Numbers) -> Numbers:
    """Unigrams interpolated with the uniform distribution over all words but ``<s>``."""
    level = counter.levels[0]
    counts = level.counts.astype(np.float64)
    taken = discounts[np.minimum(level.counts, 3)]
    if len(level.pruned):
        taken = np.where(level.pruned, counts, taken)
    words = len(level) - 1 - int(level.pruned.sum())
    probs: Numbers = (counts - taken + taken.sum() / words) / counts.sum()
    probs[counter.begin] = 1.0  # never asked for: what lmplz writes
    return probs
