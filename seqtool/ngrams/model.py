"""An n-gram model in memory: a trie with suffix links, and what can be asked of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.ngrams.levels import Ids, Offsets, Trie
from seqtool.ngrams.trie_kernels import score_texts, spread, step_states, walk_words
from seqtool.parallel import for_each

UNKNOWN = "<unk>"
START = "<s>"
END = "</s>"

LN10 = math.log(10.0)
BLOCK_EVENTS = 1 << 16  # words scored at once by a thread


class Scores(NamedTuple):
    """log10 probabilities, float64: of every word, and of the end of every text."""

    words: NDArray[np.float64]
    ends: NDArray[np.float64]

    @property
    def perplexity(self) -> float:
        """Per word, the ends of texts counted as words."""
        count = len(self.words) + len(self.ends)
        total = float(self.words.sum() + self.ends.sum())
        return 10.0 ** (-total / count) if count else math.nan


class NgramModel:
    """A backoff language model over the words of a vocabulary.

    Words are ids: places in ``vocabulary``, which holds ``<unk>``, ``<s>`` and ``</s>`` at
    ``unknown``, ``start`` and ``end``. ``known`` (bool) tells which words the model has; the
    others are scored as ``<unk>``. ``nodes_of_words`` (int32) has the node of the unigram that a
    word is scored as. A state is an int: the longest known context of at most ``order - 1`` words.
    ``metadata`` says how the model was made.
    """

    def __init__(
        self, vocabulary: Sequence[str], trie: Trie, metadata: Mapping[str, Any] | None = None
    ) -> None:
        self.vocabulary = list(vocabulary)
        self.trie = trie
        self.metadata = dict(metadata or {})
        self.index = {word: place for place, word in enumerate(self.vocabulary)}
        self.unknown = self.index[UNKNOWN]
        self.start = self.index[START]
        self.end = self.index[END]
        first, last = int(trie.levels[1]), int(trie.levels[2])
        unigrams = np.arange(first, last, dtype=np.int32)
        nodes = np.full(len(self.vocabulary), -1, np.int32)
        nodes[trie.words[first:last]] = unigrams
        self.known: NDArray[np.bool_] = nodes >= 0
        self.nodes_of_words = np.where(self.known, nodes, nodes[self.unknown]).astype(np.int32)

    @property
    def order(self) -> int:
        """Words in the longest n-grams."""
        return self.trie.order

    @property
    def counts(self) -> list[int]:
        """How many n-grams there are of each order, from 1."""
        return [int(count) for count in np.diff(self.trie.levels[1:])]

    def start_state(self) -> int:
        """The state at the beginning of a text."""
        return self.advance(self.empty_state(), self.start)

    def empty_state(self) -> int:
        """The state in which nothing is known about what came before."""
        return 0

    def advance(self, state: int, word: int) -> int:
        """The state behind a word."""
        return self.walk(state, [word])[1]

    def walk(self, state: int, words: Sequence[int] | Ids) -> tuple[NDArray[np.float64], int]:
        """(log10 probability of each of some words in a row, the state behind the last)."""
        trie = self.trie
        ids = np.array(words, np.int32)
        self._check_words(ids)
        self._check_state(state, state)
        out = np.empty(len(ids), np.float64)
        after = walk_words(
            state, ids, self.nodes_of_words, trie.words, trie.first_child, trie.probs,
            trie.backoffs, trie.suffixes, out,
        )  # fmt: skip
        return out, after

    def step(self, states: Ids, words: Ids) -> tuple[NDArray[np.float64], Ids]:
        """(log10 probability of each word in the state beside it, states behind them)."""
        trie = self.trie
        self._check_words(words)
        if len(states) != len(words):
            raise ValueError(f"{len(states)} states, but {len(words)} words")
        if len(states):
            self._check_state(int(states.min()), int(states.max()))
        out = np.empty(len(states), np.float64)
        after = np.empty(len(states), np.int32)
        step_states(
            np.ascontiguousarray(states, np.int32), np.ascontiguousarray(words, np.int32),
            self.nodes_of_words, trie.words, trie.first_child, trie.probs, trie.backoffs,
            trie.suffixes, out, after,
        )  # fmt: skip
        return out, after

    def log_prob(self, context: Sequence[int], word: int) -> float:
        """log10 probability of a word behind others; a context may begin with ``start``."""
        near = context[max(0, len(context) - self.order + 1) :]
        return float(self.walk(self.empty_state(), [*near, word])[0][-1])

    def next_log_probs(self, state: int) -> NDArray[np.float64]:
        """Natural log of the probability of every word of the vocabulary, float64 (vocabulary,).

        It is minus infinity for ``<s>`` and for words that the model does not have: the others
        sum to one, ``<unk>`` (any other word) and ``</s>`` among them.
        """
        trie = self.trie
        self._check_state(state, state)
        chain = []
        while state != 0:
            chain.append(state)
            state = int(trie.suffixes[state])
        out = np.full(len(self.vocabulary), -np.inf)
        spread(
            np.array(chain, np.int32), trie.first_child, trie.words, trie.probs, trie.backoffs,
            LN10, out,
        )  # fmt: skip
        out[self.start] = -np.inf
        return out

    def score(self, ids: Ids, starts: Offsets, threads: int = 1) -> Scores:
        """Score texts: text t is ``ids[starts[t]:starts[t + 1]]``, without ``<s>`` and ``</s>``.

        Args:
            ids: int32, (words,).
            starts: int64, (texts + 1,), from 0 to ``len(ids)``.
            threads: the result does not depend on it.
        """
        check_texts(ids, starts)
        self._check_words(ids)
        scores = Scores(np.empty(len(ids), np.float64), np.empty(len(starts) - 1, np.float64))
        trie = self.trie
        start = self.start_state()
        end = int(self.nodes_of_words[self.end])
        ids = np.ascontiguousarray(ids, np.int32)

        def score_block(block: tuple[int, int, int]) -> None:
            score_texts(
                ids, starts, *block, self.order, start, self.nodes_of_words, trie.words,
                trie.first_child, trie.suffixes, trie.probs, trie.backoffs, end, *scores,
            )  # fmt: skip

        for_each(_blocks(starts), lambda: score_block, threads)
        return scores

    def _check_state(self, lowest: int, highest: int) -> None:
        if not 0 <= lowest <= highest < len(self.trie.backoffs):
            raise ValueError("a state is not one of this model")

    def _check_words(self, ids: Ids) -> None:
        if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(self.vocabulary):
            raise ValueError("a word is not one of this model's vocabulary")


def check_texts(ids: Ids, starts: Offsets) -> None:
    """Raise ValueError if ``starts`` does not cut ``ids`` into texts."""
    whole = len(starts) > 0 and starts[0] == 0 and starts[-1] == len(ids)
    if starts.dtype != np.int64 or not whole or (np.diff(starts) < 0).any():
        raise ValueError("starts must be int64, and rise from 0 to the number of words")


def _blocks(starts: Offsets) -> Iterator[tuple[int, int, int]]:
    """(text, first event, end) of pieces of work; words and ends of texts are events."""
    texts = len(starts) - 1
    event_starts = starts + np.arange(texts + 1)
    total = int(event_starts[-1])
    for first in range(0, total, BLOCK_EVENTS):
        text = int(np.searchsorted(event_starts, first, side="right")) - 1
        yield text, first, min(first + BLOCK_EVENTS, total)
