"""Small corpora and the models made of them."""

import numpy as np
from numpy.typing import NDArray

from seqtool.ngrams.estimate import estimate
from seqtool.ngrams.model import NgramModel

Texts = list[list[str]]


def numbered(texts: Texts, vocabulary: list[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Texts as ids and starts; words that are new are added to the vocabulary."""
    index = {word: place for place, word in enumerate(vocabulary)}
    for text in texts:
        for word in text:
            if word not in index:
                index[word] = len(index)
                vocabulary.append(word)
    ids = [index[word] for text in texts for word in text]
    lengths = [len(text) for text in texts]
    return np.array(ids, np.int32), np.cumsum([0, *lengths]).astype(np.int64)


def model_of(texts: Texts, order: int, prune: tuple[int, ...] = ()) -> NgramModel:
    """The model that seqtool estimates."""
    vocabulary: list[str] = []
    ids, starts = numbered(texts, vocabulary)
    return estimate(ids, starts, vocabulary, order, prune=prune)


def ids_of(model: NgramModel, words: list[str]) -> list[int]:
    """Ids of words, that of <unk> for those that are not in the vocabulary."""
    return [model.index.get(word, model.unknown) for word in words]


def letters(lines: str) -> Texts:
    """A text a line, a word a character."""
    return [list(line) for line in lines.split("\n")]
