"""Sentences of a stream of word ids, and the windows of a group of neighbouring words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqtool.kernels import helper
from seqtool_train_embeddings.tile_kernels import Floats, Ints
from seqtool_train_embeddings.update_kernels import next_random, random_below

Ids = npt.NDArray[np.int32]

END_OF_SENTENCE = -1
EXCHANGE = 512  # words after which threads exchange hot rows
LONGEST_SENTENCE = 1000  # words; longer ones are cut, as word2vec.c does


@helper
def read_sentence(ids: Ids, at: int, keep: Ints, state: Ints, sentence: Ints, length: Ints) -> int:
    """Copy a sentence from ``ids[at:]`` without the words that subsampling drops.

    ``keep`` is the chance of each word to stay, in units of 2**-32. ``length[0]`` becomes the
    number of words; returns the place behind the sentence.
    """
    n = 0
    while at < len(ids) and ids[at] != END_OF_SENTENCE and n < LONGEST_SENTENCE:
        word = int(ids[at])
        at += 1
        if next_random(state) < keep[word]:
            sentence[n] = word
            n += 1
    if at < len(ids) and ids[at] == END_OF_SENTENCE:
        at += 1
    length[0] = n
    return at


@helper
def collect_members(
    word: int, subword_starts: Ints, subword_rows: Ints, n: int, members: Ints
) -> int:
    """Append the input rows of a word to ``n`` others: its own, those of its character n-grams."""
    members[n] = word
    n += 1
    if len(subword_starts) > 0:
        for k in range(subword_starts[word], subword_starts[word + 1]):
            members[n] = subword_rows[k]
            n += 1
    return n


@helper
def choose_windows(
    begin: int, end: int, n: int, window: int, state: Ints, firsts: Ints, lasts: Ints
) -> tuple[int, int]:
    """Draw windows of a random 1 to ``window`` words on either side, in a sentence of ``n``.

    The window of the word at ``begin + c`` goes from place ``firsts[c]`` to before ``lasts[c]``.
    Returns from where to before where all windows together go.
    """
    low, high = begin, end
    for place in range(begin, end):
        reach = 1 + random_below(state, window)
        first = place - reach if place > reach else 0
        last = place + reach + 1 if place + reach + 1 < n else n
        firsts[place - begin] = first
        lasts[place - begin] = last
        low = first if first < low else low
        high = last if last > high else high
    return low, high


@helper
def mark_windows(
    begin: int, size: int, low: int, rows: int, firsts: Ints, lasts: Ints, inside: Floats
) -> int:
    """Fill ``inside``, (words of the group, places from ``low``): 1 for a place in a word's window.

    Returns how many there are; a word is not in its own window.
    """
    pairs = 0
    for c in range(size):
        for r in range(rows):
            inside[c * rows + r] = 0
        for place in range(firsts[c], lasts[c]):
            inside[c * rows + place - low] = 1
        inside[c * rows + begin + c - low] = 0
        pairs += lasts[c] - firsts[c] - 1
    return pairs
