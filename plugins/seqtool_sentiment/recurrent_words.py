"""What texts are to the recurrent model: sequences of words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqtool.parallel import for_each
from seqtool.words.table import WordTable
from seqtool_sentiment.feature_kernels import SCRATCH_SIZE
from seqtool_sentiment.features import TEXTS_AT_ONCE, Places, Rows, classes, prepared
from seqtool_sentiment.recurrent_kernels import encode_words

LONGEST = 2000  # words of a text that count; the film reviews of IMDB end at 2,500


class WordEncoder:
    """Finds the words of texts, which are those of `seqtool_sentiment.features`.

    ``words`` is the vocabulary. Word i of it is the number i + 1; all other words are 0.
    """

    def __init__(self, words: Sequence[bytes]) -> None:
        self.words = list(words)
        self._table = WordTable(0)
        self._table.add(self.words)

    @property
    def vocab(self) -> int:
        """How many numbers there are."""
        return len(self.words) + 1

    def encode(self, texts: Sequence[str], threads: int = 1) -> tuple[Rows, Places]:
        """The numbers of all words, and where those of each text start (texts + 1).

        Every text has at least one, at most LONGEST.
        """
        begins = range(0, len(texts), TEXTS_AT_ONCE)
        found: list[Rows] = [np.empty(0, np.int32)] * len(begins)
        starts = np.zeros(len(texts) + 1, np.int64)

        def work(number: int) -> None:
            first = begins[number]
            data = prepared(texts[first : first + TEXTS_AT_ONCE])
            ids = np.empty(len(data), np.int32)
            ends = np.empty(data.count(b"\n"), np.int64)
            table = self._table
            size = encode_words(
                data, classes(), table.arena, table.starts, table.slots, table.mask,
                np.zeros(SCRATCH_SIZE, np.int64), LONGEST, ids, ends,
            )  # fmt: skip
            found[number] = ids[:size].copy()
            starts[first + 1 : first + 1 + len(ends)] = np.diff(ends, prepend=0)

        for_each(range(len(begins)), lambda: work, max(1, min(threads, len(begins))))
        np.cumsum(starts, out=starts)
        return np.concatenate([np.empty(0, np.int32), *found]), starts
