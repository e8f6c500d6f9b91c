"""Words as Unicode's text segmentation finds them (UAX 29)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqtool.tokenizers.pretokenize import split_in_parts
from seqtool.tokenizers.types import Batch, Offsets, Words
from seqtool.tokenizers.uax29_kernels import mark_words, split_segments
from seqtool.word_classes import word_break_table


def uax29_words(batch: Batch, threads: int = 1) -> Words:
    """The segments between word boundaries: words, and what is between words."""
    classes = word_break_table()

    def split(first: int, last: int, ends: Offsets, counts: Offsets) -> int:
        return split_segments(batch.data, batch.starts, first, last, classes, ends, counts)

    return split_in_parts(batch, split, threads)


def holds_letter_or_number(batch: Batch, words: Words) -> npt.NDArray[np.bool_]:
    """Which segments a reader would call words: those that hold a letter or a number."""
    is_word = np.empty(len(words.ends), np.uint8)
    mark_words(batch.data, words.ends, word_break_table(), is_word)
    return is_word.view(np.bool_)
