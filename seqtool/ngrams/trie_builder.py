"""A trie from n-grams in any order, as files have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seqtool.ngrams.arpa_kernels import find_contexts, link_suffixes
from seqtool.ngrams.levels import MOST_NODES, Ids, Trie

Numbers = NDArray[np.float32]


class BadRowError(Exception):
    """An n-gram that cannot be in a trie; ``row`` is its place among those of its order."""

    def __init__(self, row: int, what: str) -> None:
        super().__init__(what)
        self.row = row
        self.what = what


class TrieBuilder:
    """Adds order after order; the words of the 1-grams are their numbers."""

    def __init__(self, probs: Numbers, backoffs: Numbers) -> None:
        count = len(probs)
        self._levels = [0, 1, 1 + count]
        self._words: Ids = np.concatenate([[0], np.arange(count)]).astype(np.int32)
        self._first_child: Ids = np.array([1, 1 + count], np.int32)
        self._suffixes: Ids = np.zeros(1 + count, np.int32)
        self._probs = [np.zeros(1, np.float32), probs]
        self._backoffs = [np.zeros(1, np.float32), backoffs]

    def add(self, ids: Ids, probs: Numbers, backoffs: Numbers) -> None:
        """Add the n-grams of the next order: ``ids`` is int32 (n-grams, order).

        Raises BadRowError for one that is there twice, or whose first words are no n-gram.
        """
        rows, order = ids.shape
        first, total = self._levels[-2:]
        if total + rows > MOST_NODES:
            raise BadRowError(rows - 1, "there are more n-grams than a model holds")
        contexts = np.empty(rows, np.int32)
        found = find_contexts(
            ids.reshape(-1), rows, order, self._first_child, self._words, contexts
        )
        if found < rows:
            raise BadRowError(found, f"its first words are not among the {order - 1}-grams")
        keys = (contexts.astype(np.int64) << 32) | ids[:, -1]
        places = np.argsort(keys, kind="stable")
        keys = keys[places]
        twice = np.flatnonzero(keys[1:] == keys[:-1])
        if len(twice):
            raise BadRowError(int(places[twice[0] + 1]), "it is there twice")
        contexts = (keys >> 32).astype(np.int32)
        children = np.bincount(contexts - first, minlength=total - first)
        ends = (total + np.cumsum(children)).astype(np.int32)
        self._first_child = np.concatenate([self._first_child, ends])
        self._words = np.concatenate([self._words, keys.astype(np.int32)])
        self._suffixes = np.concatenate([self._suffixes, np.zeros(rows, np.int32)])
        link_suffixes(total, contexts, self._words, self._first_child, self._suffixes)
        self._probs.append(probs[places])
        self._backoffs.append(backoffs[places])
        self._levels.append(total + rows)

    def finish(self) -> Trie:
        """The trie of all that was added."""
        return Trie(
            np.array(self._levels, np.int64),
            self._words,
            self._first_child,
            self._suffixes,
            np.concatenate(self._probs),
            np.concatenate(self._backoffs[:-1]),
        )
