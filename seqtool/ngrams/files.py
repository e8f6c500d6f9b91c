"""n-gram models as model files: exact, checked when they are read, and quick to load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.modelfile import ModelReader, open_model, write_model
from seqtool.ngrams.levels import SMALLEST, Trie
from seqtool.ngrams.model import END, START, UNKNOWN, NgramModel
from seqtool.ngrams.trie_kernels import check_trie

KIND = "ngram-model"
LARGEST = 1e9  # no logarithm of a probability is as far from 0


def save_ngrams(path: str, model: NgramModel, metadata: Mapping[str, Any] | None = None) -> None:
    """Write a model file; ``metadata`` is added to that of the model."""
    try:
        words = [word.encode("utf-8") for word in model.vocabulary]
    except UnicodeEncodeError as error:
        raise SeqtoolError(f"a word that is not valid Unicode cannot be written: {error}") from None
    trie = model.trie
    tensors: dict[str, NDArray[Any]] = {
        "vocabulary": np.frombuffer(b"".join(words), np.uint8),
        "vocabulary.ends": np.cumsum([len(word) for word in words], dtype=np.int64),
        "levels": trie.levels,
        "words": trie.words,
        "first_child": trie.first_child,
        "suffixes": trie.suffixes,
        "probs": trie.probs,
        "backoffs": trie.backoffs,
    }
    write_model(path, tensors, {**model.metadata, **(metadata or {}), "kind": KIND})


def load_ngrams(path: str) -> NgramModel:
    """Read what `save_ngrams` wrote. Raises SeqtoolError for a file that is damaged."""
    with open_model(path, KIND) as file:
        vocabulary = _vocabulary(file)
        trie = Trie(
            file.read("levels", "I64", 1),
            file.read("words", "I32", 1),
            file.read("first_child", "I32", 1),
            file.read("suffixes", "I32", 1),
            file.read("probs", "F32", 1),
            file.read("backoffs", "F32", 1),
        )
        _check(path, trie, len(vocabulary))
        for mark in (UNKNOWN, START, END):
            unigrams = trie.words[trie.levels[1] : trie.levels[2]]
            if mark not in vocabulary or vocabulary.index(mark) not in unigrams:
                raise SeqtoolError(f"{path}: damaged n-gram model: '{mark}' is missing")
        return NgramModel(vocabulary, trie, file.metadata)


def _vocabulary(file: ModelReader) -> list[str]:
    data = file.read("vocabulary", "U8", 1).tobytes()
    ends = file.read("vocabulary.ends", "I64", 1)
    starts = np.append(0, ends[:-1])
    if not len(ends) or ends[0] < 0 or (ends < starts).any() or ends[-1] != len(data):
        raise SeqtoolError(f"{file.path}: damaged n-gram model: where its words end")
    try:
        words = [
            data[start:end].decode("utf-8")
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]
    except UnicodeDecodeError as error:
        raise SeqtoolError(f"{file.path}: the words are not UTF-8: {error.reason}") from None
    if len(set(words)) < len(words):
        raise SeqtoolError(f"{file.path}: damaged n-gram model: a word is there twice")
    return words


def _check(path: str, trie: Trie, words: int) -> None:
    """Raise SeqtoolError unless walking the trie stays inside it and ends."""
    levels, nodes, inner = trie.levels, len(trie.words), len(trie.backoffs)
    good = (
        len(levels) >= 3
        and levels[0] == 0
        and levels[1] == 1
        and not (levels[1:] < levels[:-1]).any()
        and levels[-1] == nodes == len(trie.suffixes) == len(trie.probs)
        and levels[-2] == inner
        and len(trie.first_child) == inner + 1
        and check_trie(levels, trie.words, trie.first_child, trie.suffixes, words) < 0
    )
    if not good:
        raise SeqtoolError(f"{path}: damaged n-gram model: its n-grams do not fit together")
    for numbers, most in ((trie.probs, 0.0), (trie.backoffs, LARGEST)):
        sizes = np.abs(numbers)
        fine = (numbers <= most) & (sizes <= LARGEST) & ((sizes >= SMALLEST) | (sizes == 0))
        if not fine.all():
            raise SeqtoolError(f"{path}: damaged n-gram model: a number is no log10 probability")
