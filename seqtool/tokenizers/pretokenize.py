r"""Cutting texts into words, which a model then cuts into pieces.

Words cover a text without gaps. The ways to cut, as regular expressions:

* ``gpt2``: ``'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+``
  (Radford et al. 2019, the code of GPT-2);
* ``gpt4``: ``'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*``
  ``|\s+\z|\s*[\r\n]|\s+(?!\S)|\s``, tiktoken's ``cl100k_base``;
* ``gpt4-lines``: the same without ``\s+\z``, so that white space at the end of a text ends behind
  its last newline; this is how Hugging Face files of GPT-4 and of Llama 3 have it;
* ``whitespace``: ``\s*\S+|\s+``, a word with the white space before it;
* ``none``: a text is a word.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.parallel import for_each
from seqtool.tokenizers import pretokenize_kernels as kernels
from seqtool.tokenizers.types import Batch, Offsets, Words
from seqtool.word_classes import pattern_table

KINDS = {
    "gpt2": kernels.GPT2,
    "gpt4": kernels.GPT4,
    "gpt4-lines": kernels.GPT4_LINES,
    "whitespace": kernels.WHITESPACE,
    "none": kernels.NONE,
}

_PART_BYTES = 1 << 18  # of texts that a thread takes at once

# Splits the texts first to last - 1: (first, last, ends, counts) -> number of words.
SplitTexts = Callable[[int, int, Offsets, Offsets], int]


class Pretokenizer:
    """A way to cut texts into words.

    ``name`` is one of KINDS; ``kind`` and ``classes`` are what kernels pass to `next_word`.
    Raises SeqtoolError for another name.
    """

    def __init__(self, name: str) -> None:
        if name not in KINDS:
            raise SeqtoolError(f"no pre-tokenizer {name!r}: choose one of {', '.join(KINDS)}")
        self.name = name
        self.kind = KINDS[name]
        self.classes = pattern_table()

    def split(self, batch: Batch, threads: int = 1) -> Words:
        """Where the words of every text of a batch end."""

        def split(first: int, last: int, ends: Offsets, counts: Offsets) -> int:
            return kernels.split_texts(
                batch.data, batch.starts, first, last, self.kind, self.classes, ends, counts
            )

        return split_in_parts(batch, split, threads)


def split_in_parts(batch: Batch, split: SplitTexts, threads: int) -> Words:
    """Have threads split parts of a batch, and put the words of the parts together."""
    texts = len(batch.starts) - 1
    cuts = np.searchsorted(batch.starts, np.arange(0, len(batch.data), _PART_BYTES)[1:])
    bounds = np.unique(np.concatenate(([0], cuts, [texts]))).tolist()
    parts = list(pairwise(bounds))
    found: list[Offsets] = [np.empty(0, np.int64)] * len(parts)
    starts = np.zeros(texts + 1, np.int64)

    def work(number: int) -> None:
        first, last = parts[number]
        ends = np.empty(int(batch.starts[last] - batch.starts[first]), np.int64)
        found[number] = ends[: split(first, last, ends, starts[first + 1 : last + 1])].copy()

    for_each(range(len(parts)), lambda: work, threads)
    np.cumsum(starts, out=starts)
    return Words(np.concatenate(found) if found else np.empty(0, np.int64), starts)
