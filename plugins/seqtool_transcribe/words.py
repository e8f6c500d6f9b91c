"""Symbols as words, with times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seqtool.ctc.types import CtcHypothesis
from seqtool.ctc.words import words_of as symbols_as_words
from seqtool_transcribe.alphabet import Alphabet, whole_characters

SURE = 0.35  # confidence that some word of a piece must have


class Word(NamedTuple):
    """A word, or a character.

    Attributes:
        text: without spaces.
        start, end: seconds from the beginning of the recording.
        confidence: from 0 to 1, the mean probability of its symbols.
    """

    text: str
    start: float
    end: float
    confidence: float


class Segment(NamedTuple):
    """What is said in a piece of a recording.

    Attributes: the ``file``, where the piece starts and ends in seconds, and its ``words``.
    """

    file: str
    start: float
    end: float
    words: Sequence[Word]

    @property
    def text(self) -> str:
        """All words in a line."""
        return " ".join(word.text for word in self.words)


def words_of(
    found: CtcHypothesis, alphabet: Alphabet, step_seconds: float, start: float, end: float
) -> list[Word]:
    """The words of symbols that were found in a piece from ``start`` to ``end`` (seconds)."""
    words = symbols_as_words(
        found.ids, found.frames, found.ends, found.confidences, alphabet.marked_texts
    )
    return [
        Word(
            whole_characters(word.text),
            min(start + word.start * step_seconds, end),
            min(start + word.end * step_seconds, end),
            min(1.0, word.confidence),
        )
        for word in words
    ]


def is_sure(words: Sequence[Word]) -> bool:
    """Whether a piece is believed: some word of it has a confidence of at least `SURE`.

    What is neither speech nor silence mostly gives a symbol or two of low confidence.
    """
    return any(word.confidence >= SURE for word in words)
