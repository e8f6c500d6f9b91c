"""What an n-gram model and hotwords add to the scores of a search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.ctc.fusion_kernels import (
    BONUS,
    EMPTY_WORD,
    FUSION,
    HOT_WEIGHT,
    UNKNOWN_OFFSET,
    WEIGHT,
    walk,
)
from seqtool.errors import SeqtoolError
from seqtool.ngrams.model import LN10, NgramModel
from seqtool.tokenizers.trie_kernels import NODE_MASK, build_trie

SPACE = " "
WORD_MARK = "▁"
UNKNOWN_LOG10 = -10.0  # what an unknown word costs on top of the model's own probability of <unk>

Array = NDArray[Any]


def breaks_of(alphabet: Sequence[str]) -> NDArray[np.uint8]:
    """Which symbols begin a new word, uint8 (symbols,).

    Where one is a space, it alone does; where some begin with "▁", those do; where there is
    neither, every symbol is a word. The blank, symbol 0, is none.
    """
    if SPACE in alphabet:
        found = [text == SPACE for text in alphabet]
    elif any(text.startswith(WORD_MARK) for text in alphabet):
        found = [text.startswith(WORD_MARK) for text in alphabet]
    else:
        found = [True] * len(alphabet)
    return np.array([False, *found[1:]], np.uint8)


class Spelling(NamedTuple):
    """How symbols are written.

    Attributes:
        letters: the bytes of all symbols, int32; or numbers, where texts are not known.
        starts: where those of each begin, int64 (symbols + 1,).
        sizes: the characters of each, int32 (symbols,).
        breaks: whether it begins a new word, uint8 (symbols,).
    """

    letters: Array
    starts: Array
    sizes: Array
    breaks: Array


class FusionArrays(NamedTuple):
    """What the kernel is told of words: see `seqtool.ctc.fusion_kernels.Language`."""

    fusion: Array
    word_edges: Array
    word_of: Array
    hot_edges: Array
    hot_lengths: Array
    nodes_of_words: Array
    words: Array
    first_child: Array
    suffixes: Array
    probs: Array
    backoffs: Array


def spelling_of(alphabet: Sequence[str]) -> Spelling:
    """The symbols of an alphabet, without what only says that a word begins."""
    breaks = breaks_of(alphabet)
    texts = [
        text.removeprefix(WORD_MARK).strip(SPACE) if mark else text
        for text, mark in zip(alphabet, breaks.tolist(), strict=True)
    ]
    data = [text.encode("utf-8", "surrogatepass") for text in texts]
    return Spelling(
        np.frombuffer(b"".join(data), np.uint8).astype(np.int32),
        np.cumsum([0, *map(len, data)], dtype=np.int64),
        np.array([len(text) for text in texts], np.int32),
        breaks,
    )


class _WordTrie:
    """A trie of the bytes of words: ``edges``, and ``word_of`` its nodes."""

    def __init__(self, words: Iterable[str], listed: Array) -> None:
        data = [word.encode("utf-8", "surrogatepass") for word in words]
        joined = np.frombuffer(b"".join(data), np.uint8)
        if len(joined) >= NODE_MASK:
            raise SeqtoolError(
                f"{len(joined):,} bytes of words in a language model: a search takes at most "
                f"{NODE_MASK:,}; prune the model's vocabulary"
            )
        starts = np.cumsum([0, *map(len, data)], dtype=np.int64)
        self.edges = np.zeros(1 << (2 * len(joined)).bit_length(), np.int64)
        word_of = np.full(len(joined) + 1, -1, np.int32)
        nodes = build_trie(joined, starts, listed, self.edges, len(self.edges) - 1, word_of)
        self.word_of = word_of[:nodes].copy()


class LanguageFusion:
    """An n-gram model of words and words to listen for, joined to a search over symbols.

    A complete word adds ``weight`` times its natural log-probability (in which one that the model
    does not know loses 10 more log10 units) and ``word_bonus``; the end of the text adds that of
    ``</s>``. The beginning of a word costs 10 where no word of the model begins so, and more
    beyond six letters. A hotword adds ``hotword_weight``, a part of it as soon as it begins; a
    hotword of several words counts as each of them. Without ``ngrams`` only hotwords count.

    Args:
        alphabet: the text of each symbol, "" for the blank, symbol 0; `breaks_of` says where words
            begin.
        ngrams: the language model.
        weight, word_bonus, hotwords, hotword_weight: see above.
        empty_word: score a text that ends in a space as if an empty word, which is unknown,
            followed it. pyctcdecode does so, and to all ways to a text if it does to the least
            probable one; it makes texts end wrongly, and is here to compare with it.

    Raises SeqtoolError for a model with more words than a search can take.
    """

    def __init__(
        self,
        alphabet: Sequence[str],
        ngrams: NgramModel | None,
        weight: float = 0.5,
        word_bonus: float = 1.5,
        hotwords: Sequence[str] = (),
        hotword_weight: float = 10.0,
        empty_word: bool = False,
    ) -> None:
        self.symbols = len(alphabet)
        self.spelling = spelling_of(alphabet)
        fusion = np.empty(FUSION)
        fusion[WEIGHT] = weight * LN10
        fusion[BONUS] = word_bonus
        fusion[UNKNOWN_OFFSET] = UNKNOWN_LOG10
        fusion[HOT_WEIGHT] = hotword_weight
        fusion[EMPTY_WORD] = empty_word
        hot = sorted({word for phrase in hotwords for word in phrase.split()}, key=_length)
        trie = _WordTrie(hot, np.ones(len(hot), np.uint8))
        lengths = _shortest(hot, trie)
        self.arrays = _arrays(fusion, ngrams, trie.edges, lengths)
        self.start = ngrams.start_state() if ngrams else 0
        self.unknown = ngrams.unknown if ngrams else 0
        self.end_unigram = int(ngrams.nodes_of_words[ngrams.end]) if ngrams else 0


def _length(word: str) -> tuple[int, str]:
    return len(word), word


def _shortest(hot: Sequence[str], trie: _WordTrie) -> Array:
    """For each node of the hotwords' trie, the characters of the shortest word below it."""
    lengths = np.zeros(len(trie.word_of), np.int32)
    for word in hot:
        data = np.frombuffer(word.encode("utf-8", "surrogatepass"), np.uint8).astype(np.int32)
        node = 0
        for i in range(len(data)):
            node = walk(trie.edges, node, data, i, i + 1)
            lengths[node] = lengths[node] or len(word)
    return lengths


def _arrays(
    fusion: Array, ngrams: NgramModel | None, hot_edges: Array, hot_lengths: Array
) -> FusionArrays:
    ids, floats = np.zeros(0, np.int32), np.zeros(0, np.float32)
    if ngrams is None:
        return FusionArrays(
            fusion, np.zeros(1, np.int64), ids, hot_edges, hot_lengths, ids, ids, ids, ids, floats,
            floats,
        )  # fmt: skip
    listed = ngrams.known.astype(np.uint8)
    listed[[ngrams.unknown, ngrams.start, ngrams.end]] = 0
    known = _WordTrie(ngrams.vocabulary, listed)
    trie, nodes = ngrams.trie, ngrams.nodes_of_words
    return FusionArrays(
        fusion, known.edges, known.word_of, hot_edges, hot_lengths, nodes, trie.words,
        trie.first_child, trie.suffixes, trie.probs, trie.backoffs,
    )  # fmt: skip
