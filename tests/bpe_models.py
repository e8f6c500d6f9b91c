"""Words and models that the tests of byte-pair encoding share."""

from __future__ import annotations

import numpy as np
import regex

from seqtool.tokenizers.batches import batch_of_texts
from seqtool.tokenizers.bpe import BpeModel
from seqtool.tokenizers.types import Batch, WordCounts, Words

GPT2 = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")


def gpt2_words(text: str) -> list[str]:
    """What GPT-2's expression cuts a text into."""
    words: list[str] = GPT2.findall(text)
    return words


def word_counts(words: list[bytes]) -> WordCounts:
    """Distinct words, the most frequent first."""
    distinct, numbers = np.unique(np.array(words, object), return_counts=True)
    order = np.argsort(-numbers, kind="stable")
    batch = batch_of_texts([distinct[i] for i in order])
    return WordCounts(batch.data, batch.starts, numbers[order].astype(np.int64), "")


def as_words(texts: list[list[bytes]]) -> tuple[Batch, Words]:
    """Texts that are cut into words."""
    batch = batch_of_texts([b"".join(words) for words in texts])
    lengths = [len(word) for words in texts for word in words]
    starts = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    return batch, Words(np.cumsum(lengths, dtype=np.int64), starts)


def whole(texts: list[bytes]) -> tuple[Batch, Words]:
    """Texts that are one word each, empty ones none."""
    return as_words([[text] if text else [] for text in texts])


def decoded(model: BpeModel, ids: list[int]) -> bytes:
    """The bytes of ids."""
    return b"".join(model.pieces[number] for number in ids)
