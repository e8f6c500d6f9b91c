"""The best strings, summed over the ways to say them, with or without a language model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from seqtool.ctc.fusion import LanguageFusion, Spelling
from seqtool.ctc.fusion_kernels import (
    ADDED,
    END,
    HOT,
    HYPOTHESIS,
    LOG_PROB,
    NODE,
    PLACE,
    SCORES,
    STATE,
)
from seqtool.ctc.search_kernels import FIRST, NODE_SIZE, PARENT, PARENT_END, SYMBOL, search_frames
from seqtool.ctc.types import CtcHypothesis, Ids, LogProbs

_NO_MODEL = LanguageFusion(("",), None)


class CtcBeamOptions(NamedTuple):
    """How wide the search is.

    Attributes:
        width: hypotheses that are kept after a frame; those that end in a blank and in a symbol
            count apart.
        prune_log_prob: how far a hypothesis may be below the best one, at most 0.
        token_min_log_prob: symbols that are less probable are not looked at, unless they are the
            most probable ones of a frame.
        n_best: how many strings are wanted, at most ``width``.
    """

    width: int = 100
    prune_log_prob: float = -10.0
    token_min_log_prob: float = -5.0
    n_best: int = 1


def prefix_beam_search(
    log_probs: LogProbs,
    options: CtcBeamOptions = CtcBeamOptions(),  # noqa: B008
    language: LanguageFusion | None = None,
) -> list[CtcHypothesis]:
    """The ``n_best`` strings, the best first; at least one.

    Prefix beam search (Hannun et al. 2014, "First-pass large vocabulary continuous speech
    recognition using bi-directional recurrent DNNs"). With a language model strings are texts:
    however they are cut into symbols they are one, and spaces between words count once.

    ``log_probs`` is float32 (time, symbols), natural logarithms; symbol 0 is the blank. Raises
    ValueError for NaN or a frame in which nothing is possible, and for options out of range.
    """
    symbols = log_probs.shape[1]
    if not 1 <= options.n_best <= options.width:
        raise ValueError(f"the best {options.n_best} of a beam of {options.width}")
    if options.prune_log_prob > 0:
        raise ValueError(f"hypotheses at most {options.prune_log_prob} below the best: above it")
    most = log_probs.max(axis=1, initial=-np.inf)
    if not (np.isfinite(most).all() and not np.isnan(log_probs).any()):
        raise ValueError("log-probabilities are not numbers, or nothing is possible in a frame")
    if language is not None and language.symbols != symbols:
        raise ValueError(f"{symbols} symbols, but an alphabet of {language.symbols}")
    search = _Search(symbols, language)
    return search.run(np.ascontiguousarray(log_probs, np.float32), options)


class _Search:
    """One utterance."""

    def __init__(self, symbols: int, language: LanguageFusion | None) -> None:
        self.symbols = symbols
        self.language = language or _NO_MODEL
        self.spelling = self.language.spelling if language else _numbers(symbols)
        self.first_place = 0 if language else -1

    def run(self, log_probs: LogProbs, options: CtcBeamOptions) -> list[CtcHypothesis]:
        """The search and what it found."""
        time, width = len(log_probs), options.width
        active = (log_probs >= options.token_min_log_prob).sum(axis=1).max(initial=0)
        room = width * min(int(active) + 1, self.symbols)
        beam = np.zeros((width, HYPOTHESIS), np.int64)
        beam[0, [NODE, ADDED]] = -1
        beam[0, [PLACE, HOT]] = self.first_place
        beam[0, STATE] = self.language.start
        beam_scores = np.zeros((width, SCORES))
        nodes = np.empty((time * width, NODE_SIZE), np.int32)
        final = np.empty(width)
        count = search_frames(
            log_probs.reshape(-1), self.symbols, width, options.n_best, options.prune_log_prob,
            options.token_min_log_prob, *self.spelling, *self.language.arrays,
            self.language.unknown, self.language.end_unigram, beam.reshape(-1),
            beam_scores.reshape(-1), np.empty(room * HYPOTHESIS, np.int64),
            np.empty(room * SCORES), np.zeros(1 << (2 * room).bit_length(), np.int64),
            np.empty(room, np.int64), np.empty(room), np.empty(room), nodes.reshape(-1), final,
        )  # fmt: skip
        return [
            _hypothesis(
                log_probs, nodes, int(beam[rank, NODE]), int(beam[rank, END]),
                float(beam_scores[rank, LOG_PROB]), float(final[rank]),
            )
            for rank in range(count)
        ]  # fmt: skip


def _numbers(symbols: int) -> Spelling:
    """Symbols that are known by their numbers alone."""
    numbers = np.arange(symbols, dtype=np.int32)
    return Spelling(
        numbers,
        np.arange(symbols + 1, dtype=np.int64),
        np.ones(symbols, np.int32),
        np.zeros(symbols, np.uint8),
    )


def _hypothesis(
    log_probs: LogProbs, nodes: Ids, node: int, end: int, log_prob: float, score: float
) -> CtcHypothesis:
    """Read a hypothesis from its last symbol back."""
    found = []
    while node >= 0:
        entry = nodes[node].tolist()
        found.append((entry[SYMBOL], entry[FIRST], end))
        node, end = entry[PARENT], entry[PARENT_END]
    ids, frames, ends = np.array(found[::-1], np.int64).reshape(-1, 3).T
    confidences = [
        np.exp(log_probs[a:b, symbol], dtype=np.float64).mean()
        for symbol, a, b in zip(ids, frames, ends, strict=True)
    ]
    return CtcHypothesis(
        ids.astype(np.int32),
        frames.copy(),
        ends.copy(),
        log_prob,
        score,
        np.array(confidences, np.float32),
    )
