"""Words, their times and confidences, from the symbols that were found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.ctc.fusion import SPACE, WORD_MARK, breaks_of
from seqtool.ctc.types import Frames, Ids


class Word(NamedTuple):
    """A word: its first frame, the frame behind its last one, the mean of its symbols'
    confidences."""

    text: str
    start: int
    end: int
    confidence: float


def words_of(
    ids: Ids,
    frames: Frames,
    ends: Frames,
    confidences: NDArray[np.float32],
    alphabet: Sequence[str],
) -> list[Word]:
    """Join symbols to words where `seqtool.ctc.fusion.breaks_of` says that words begin.

    Args:
        ids: symbols, int32 (symbols,).
        frames, ends: the first frame of each, and the one behind its last, int64 (symbols,).
        confidences: of each, float32 (symbols,).
        alphabet: the text of each symbol, "" for the blank.
    """
    breaks = breaks_of(alphabet)
    words: list[Word] = []
    open_word: list[int] = []

    def close() -> None:
        if open_word:
            text = "".join(_text(alphabet[ids[i]]) for i in open_word)
            confidence = float(np.mean(confidences[open_word], dtype=np.float64))
            words.append(
                Word(text, int(frames[open_word[0]]), int(ends[open_word[-1]]), confidence)
            )
            open_word.clear()

    for place, symbol in enumerate(ids.tolist()):
        if breaks[symbol]:
            close()
        if _text(alphabet[symbol]):
            open_word.append(place)
    close()
    return words


def _text(symbol: str) -> str:
    return symbol.removeprefix(WORD_MARK).strip(SPACE)
