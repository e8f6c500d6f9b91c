"""Joining pairs of words that occur together more often than by chance: new_york.

Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their
Compositionality", section 4. A pair scores (count(ab) - discount) / (count(a) count(b)) times the
number of words in the corpus, as in word2phrase; unlike there, words that are not in the
vocabulary do not keep their neighbours apart.
"""

from __future__ import annotations

import os
import tempfile
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqtool_train_embeddings.cooccurrence import Cooccurrences, count_cooccurrences
from seqtool_train_embeddings.corpus import Ids, open_corpus, replaced_file
from seqtool_train_embeddings.phrase_kernels import LEFT_OUT, join_pairs, renumber
from seqtool_train_embeddings.vocabulary import Vocabulary

Integers = npt.NDArray[np.int64]

SEPARATOR = "_"
_PIECE = 1 << 20  # ids, or rows of pairs, taken at once


class Phrases(NamedTuple):
    """Pairs of words: those that begin with w are ``seconds[starts[w]:starts[w + 1]]``, sorted."""

    starts: Integers
    seconds: Ids


def join_phrases(
    stream: str,
    vocabulary: Vocabulary,
    output: str,
    *,
    passes: int = 1,
    threshold: float = 100.0,
    discount: float = 5.0,
    min_count: int = 1,
    memory: int = 1 << 30,
    threads: int = 1,
    folder: str | None = None,
) -> Vocabulary:
    """Join frequent pairs in a stream of `seqtool_train_embeddings.corpus.encode_corpus`.

    Args:
        stream: the file of word numbers.
        vocabulary: its words.
        output: where the new stream goes; it is complete or not there.
        passes: how often to join; two passes make phrases of up to four words.
        threshold: the score over which a pair is joined.
        discount: taken off the count of a pair, so that rare ones are not joined.
        min_count: words and phrases that are left less often are left out of the new stream.
        memory: bytes for counting pairs.
        threads: how many threads count; the result does not depend on it.
        folder: where temporary files go.

    Returns the new vocabulary, in which a phrase is its words with "_" between them.
    """
    with tempfile.TemporaryDirectory(prefix="seqtool-phrases-", dir=folder) as work:
        joined = os.path.join(work, "joined")
        for number in range(passes):
            last = number == passes - 1
            target = output if last else os.path.join(work, f"pass{number}")
            ids = open_corpus(stream)
            pairs = count_cooccurrences(
                ids, len(vocabulary), 1, folder=work, memory=memory, threads=threads,
                symmetric=False, distance_weighting=False,
            )  # fmt: skip
            phrases = find_phrases(pairs, vocabulary.counts, threshold, discount)
            counts = _join(ids, phrases, joined)
            least = min_count if last else 1
            vocabulary, numbers = _new_vocabulary(vocabulary, phrases, counts, least)
            _renumber(open_corpus(joined), numbers, target)
            stream = target
    return vocabulary


def find_phrases(
    pairs: Cooccurrences, counts: Integers, threshold: float, discount: float
) -> Phrases:
    """The pairs that score over the threshold. Row b of ``pairs`` has the words to its left."""
    total = int(counts.sum())
    frequency = counts.astype(np.float64)
    firsts, seconds = [np.empty(0, np.int32)], [np.empty(0, np.int32)]
    for begin in range(0, pairs.cells, _PIECE):
        end = min(begin + _PIECE, pairs.cells)
        first = pairs.columns[begin:end]
        second = np.searchsorted(pairs.offsets, np.arange(begin, end), "right") - 1
        score = (pairs.values[begin:end].astype(np.float64) - discount) / (
            frequency[first] * frequency[second]
        )
        good = score * total > threshold
        firsts.append(np.asarray(first[good]))
        seconds.append(second[good].astype(np.int32))
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    order = np.lexsort((second, first))
    starts = np.searchsorted(first[order], np.arange(len(counts) + 1))
    return Phrases(starts.astype(np.int64), second[order].astype(np.int32))


def _join(ids: Ids, phrases: Phrases, output: str) -> Integers:
    """Write the stream with phrases joined; returns the counts of words and phrases."""
    counts = np.zeros(len(phrases.starts) - 1 + len(phrases.seconds), np.int64)
    state = np.zeros(1, np.int64)
    joined = np.empty(_PIECE, np.int32)
    with open(output, "wb") as file:
        while (begin := int(state[0])) < len(ids):
            end = min(begin + _PIECE, len(ids))
            size = join_pairs(ids, begin, end, *phrases, joined, counts, state)
            joined[:size].tofile(file)
    return counts


def _new_vocabulary(
    vocabulary: Vocabulary, phrases: Phrases, counts: Integers, min_count: int
) -> tuple[Vocabulary, Ids]:
    """Words and phrases in order, and the new number of each old one.

    Phrases that look like a word, or like each other, become one word.
    """
    words = vocabulary.words
    firsts = np.repeat(np.arange(len(words)), np.diff(phrases.starts)).tolist()
    names = words + [
        words[a] + SEPARATOR + words[b] for a, b in zip(firsts, phrases.seconds, strict=True)
    ]
    totals: dict[str, int] = {}
    for name, count in zip(names, counts.tolist(), strict=True):
        totals[name] = totals.get(name, 0) + count
    kept = sorted(
        (name for name, count in totals.items() if count >= min_count),
        key=lambda name: (-totals[name], name.encode()),
    )
    index = {name: number for number, name in enumerate(kept)}
    numbers = np.array([index.get(name, LEFT_OUT) for name in names], np.int32)
    new_counts = np.array([totals[name] for name in kept], np.int64)
    return Vocabulary(kept, new_counts, vocabulary.tokens_seen, vocabulary.sha256), numbers


def _renumber(ids: Ids, numbers: Ids, output: str) -> None:
    state = np.zeros(1, np.int64)
    renumbered = np.empty(_PIECE, np.int32)
    with replaced_file(output) as file:
        for begin in range(0, len(ids), _PIECE):
            end = min(begin + _PIECE, len(ids))
            size = renumber(ids, begin, end, numbers, renumbered, state)
            renumbered[:size].tofile(file)
