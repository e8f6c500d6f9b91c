"""What the parts of a tokenizer hand to each other: arrays of bytes, ids and offsets.

A *batch* is some texts (lines without their newline) side by side in one array of UTF-8 bytes;
text i is ``data[starts[i]:starts[i + 1]]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ids = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]


class Batch(NamedTuple):
    """Texts side by side: ``data`` uint8, ``starts`` int64 (texts + 1)."""

    data: Bytes
    starts: Offsets


class Words(NamedTuple):
    """Where the words of a batch end.

    Word w is ``data[ends[w - 1]:ends[w]]`` (from 0 for the first): words cover the batch without
    gaps. Text i has the words ``starts[i]`` to ``starts[i + 1] - 1``. Both int64.
    """

    ends: Offsets
    starts: Offsets


class Encoded(NamedTuple):
    """Token ids of a batch.

    ``ids`` int32; text i has ``ids[starts[i]:starts[i + 1]]``, ``starts`` int64 (texts + 1).
    ``ends`` int64: where each token ends in the batch's data (it begins where the token before it
    in the same text ends); None unless asked for.
    """

    ids: Ids
    starts: Offsets
    ends: Offsets | None = None


class WordCounts(NamedTuple):
    """Distinct words and how often each occurs, the most frequent first, ties by their bytes.

    Word w is ``data[starts[w]:starts[w + 1]]``; ``counts`` int64. ``sha256`` of the corpus.
    """

    data: Bytes
    starts: Offsets
    counts: Offsets
    sha256: str


class Model(Protocol):
    """What cuts words into pieces. Ids of pieces are their places in ``pieces``."""

    kind: str  # "bpe", "unigram", "word" or "char"
    pieces: Sequence[bytes]  # the bytes that each id stands for

    def encode(
        self, batch: Batch, words: Words, threads: int = 1, *, with_ends: bool = False
    ) -> Encoded:
        """The best segmentation of every word."""
