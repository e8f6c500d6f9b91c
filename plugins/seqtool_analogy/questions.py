"""From what a person typed to rows of the vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.vectors import WordVectors

# Near spellings are looked for among so many words: with millions it would take minutes.
SPELLING_WORDS = 100_000


class NotAQuestionError(ValueError):
    """What was typed is no question; the message says what was expected."""


def read_analogy(text: str) -> tuple[str, ...]:
    """The words of ``man woman king`` (with spaces or tabs) or ``man:woman::king:?``.

    Raises NotAQuestionError.
    """
    if "::" in text:
        left, _, right = text.partition("::")
        pair = [word.strip() for word in left.split(":")]
        rest = [word.strip() for word in right.split(":")]
        if len(rest) == 2 and rest[1] in ("", "?"):
            rest.pop()
        words = pair + rest
        if len(pair) == 2 and len(rest) == 1 and all(words):
            return tuple(words)
        raise NotAQuestionError(f"'{text.strip()}' is not like man:woman::king:?")
    words = text.split()
    if len(words) == 4 and words[3] == "?":
        words.pop()
    if len(words) == 3:
        return tuple(words)
    raise NotAQuestionError(
        f"{len(words)} word{'' if len(words) == 1 else 's'}, but a question has three"
        " (man woman king)"
    )


def read_word(text: str) -> tuple[str, ...]:
    """The one word of a line. Raises NotAQuestionError."""
    words = text.split()
    if len(words) == 1:
        return (words[0],)
    raise NotAQuestionError(f"{len(words)} words, but one a line was expected")


class Lexicon:
    """Finds the rows of words; words that only subwords know get rows of ``extra``."""

    def __init__(self, vectors: WordVectors, lowercase: bool = False) -> None:
        self.vectors = vectors
        self.lowercase = lowercase
        self._extra: dict[str, int] = {}
        self._made: list[NDArray[np.float32]] = []

    @property
    def extra(self) -> NDArray[np.float32]:
        """Vectors of words without a row, in the order of their numbers."""
        return np.array(self._made, np.float32).reshape(-1, self.vectors.dimensions)

    def rows(self, words: Sequence[str]) -> list[int]:
        """The rows of words. Raises SeqtoolError that names all words that have none."""
        found = [self._row(word) for word in words]
        unknown = [word for word, row in zip(words, found, strict=True) if row is None]
        if unknown:
            raise unknown_words(self.vectors, list(dict.fromkeys(unknown)))
        return [row for row in found if row is not None]

    def knows(self, word: str) -> bool:
        """Whether the word has a vector."""
        return self._row(word) is not None

    def _row(self, word: str) -> int | None:
        word = word.lower() if self.lowercase else word
        row = self.vectors.index.get(word)
        if row is None and self.vectors.subwords is not None:
            row = self._extra.get(word)
            if row is None:
                try:
                    vector = self.vectors.vector(word)
                except KeyError:  # too short to have an n-gram
                    return None
                row = self._extra[word] = len(self.vectors) + len(self._made)
                self._made.append(vector)
        return row


def unknown_words(vectors: WordVectors, words: Sequence[str]) -> SeqtoolError:
    """The error for words without a vector, with words that are spelled nearly so."""
    described = []
    for word in words:
        near = near_spellings(vectors, word)
        described.append(f"'{word}'" + (f" (near: {', '.join(near)})" if near else ""))
    return SeqtoolError(f"no vector among {len(vectors):,} words for {', '.join(described)}")


def near_spellings(vectors: WordVectors, word: str) -> list[str]:
    """Up to three words of the vectors that look like ``word``, the same in other case first."""
    import difflib  # only now that it is needed

    variants = dict.fromkeys((word.lower(), word.capitalize(), word.upper()))
    near = [variant for variant in variants if variant in vectors.index]
    folded = word.lower()
    candidates = [
        other
        for other in vectors.words[:SPELLING_WORDS]
        if abs(len(other) - len(word)) <= 2
        and (other[:1].lower() == folded[:1] or other[-1:].lower() == folded[-1:])
    ]
    near += difflib.get_close_matches(word, candidates, n=3, cutoff=0.7)
    return list(dict.fromkeys(near))[:3]
