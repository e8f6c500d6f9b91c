"""Connectionist temporal classification as the papers define it: every path, one by one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[Any]
Text = tuple[int, ...]
BLANK = 0


def collapse(path: Sequence[int]) -> Text:
    """Join repeated symbols, then take blanks out (Graves et al. 2006, section 3.1)."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK)


def paths(log_probs: Matrix) -> Iterator[tuple[Text, float]]:
    """Every path, with its log-probability."""
    time, symbols = log_probs.shape
    for path in itertools.product(range(symbols), repeat=time):
        yield path, math.fsum(float(log_probs[t, symbol]) for t, symbol in enumerate(path))


def texts(log_probs: Matrix) -> list[tuple[Text, float]]:
    """Every text with its log-probability, the most probable first."""
    totals: dict[Text, float] = {}
    for path, log_prob in paths(log_probs):
        text = collapse(path)
        totals[text] = float(np.logaddexp(totals.get(text, -math.inf), log_prob))
    return sorted(totals.items(), key=lambda item: -item[1])


def log_softmax(logits: Matrix) -> Matrix:
    """Over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def loss(logits: Matrix, labels: Sequence[int]) -> tuple[float, Matrix]:
    """(loss, gradient to the logits) of one row (time, symbols); 0 where there is no path."""
    log_probs = log_softmax(logits)
    total = 0.0
    shares = np.zeros_like(log_probs)
    for path, log_prob in paths(log_probs):
        if collapse(path) == tuple(labels):
            probability = math.exp(log_prob)
            total += probability
            shares[np.arange(len(path)), path] += probability
    if total == 0:
        return 0.0, np.zeros_like(log_probs)
    return -math.log(total), np.exp(log_probs) - shares / total


def lattice_loss(logits: Matrix, labels: Sequence[int]) -> float:
    """The loss of one row by sums over prefixes (Graves et al. 2006, equations 6 to 8)."""
    log_probs = log_softmax(logits.astype(np.float64))
    states = [BLANK]
    for label in labels:
        states += [label, BLANK]
    sums = [-math.inf] * len(states)
    for state in range(min(2, len(states))):
        sums[state] = float(log_probs[0, states[state]])
    for frame in log_probs[1:]:
        before = list(sums)
        for state, symbol in enumerate(states):
            near = [before[state]]
            if state > 0:
                near.append(before[state - 1])
            if state > 1 and symbol not in (BLANK, states[state - 2]):
                near.append(before[state - 2])
            sums[state] = float(np.logaddexp.reduce(near)) + float(frame[symbol])
    return -float(np.logaddexp.reduce(sums[-2:]))


def best_alignment(log_probs: Matrix, labels: Sequence[int]) -> tuple[float, list[Text]]:
    """The log-probability of the most probable paths that say the labels, and these paths."""
    found = [(p, path) for path, p in paths(log_probs) if collapse(path) == tuple(labels)]
    best = max((p for p, _ in found), default=-math.inf)
    return best, [path for p, path in found if p > best - 1e-6]


def prefix_beam_search(
    log_probs: Matrix,
    alphabet: Sequence[str],
    width: int,
    prune: float,
    least: float,
    word_score: Callable[[tuple[str, ...], str], float],
    end_score: Callable[[tuple[str, ...]], float],
    begin_score: Callable[[str], float],
) -> list[tuple[str, float]]:
    """Texts and scores, the best first; words are what stands between spaces.

    ``word_score(words before, word)`` is what a complete word adds, ``end_score(words)`` what the
    end of the text adds, ``begin_score(letters)`` what an incomplete word adds for now.
    """
    beam: dict[tuple[tuple[str, ...], str, int], float] = {((), "", BLANK): 0.0}

    def language(words: tuple[str, ...]) -> float:
        return math.fsum(word_score(words[:i], word) for i, word in enumerate(words))

    def kept(candidates: dict[Any, float], score: Callable[[Any], float]) -> list[Any]:
        scored = {key: value + score(key) for key, value in candidates.items()}
        near = [key for key in scored if scored[key] >= max(scored.values()) + prune]
        return sorted(near, key=lambda key: -scored[key])[:width]

    for frame in log_probs:
        candidates: dict[tuple[tuple[str, ...], str, int], float] = {}
        for symbol, log_prob in enumerate(frame.tolist()):
            if log_prob < least and symbol != frame.argmax():
                continue
            for (words, letters, last), before in beam.items():
                if symbol in (BLANK, last):
                    key = words, letters, symbol
                elif alphabet[symbol] == " ":
                    key = (*words, letters) if letters else words, "", symbol
                else:
                    key = words, letters + alphabet[symbol], symbol
                total = np.logaddexp(candidates.get(key, -math.inf), before + log_prob)
                candidates[key] = float(total)
        best = kept(
            candidates, lambda key: language(key[0]) + (begin_score(key[1]) if key[1] else 0.0)
        )
        beam = {key: candidates[key] for key in best}
    final: dict[tuple[str, ...], float] = {}
    for (words, letters, _), log_prob in beam.items():
        whole = (*words, letters) if letters else words
        final[whole] = float(np.logaddexp(final.get(whole, -math.inf), log_prob))
    scores = {words: final[words] + language(words) + end_score(words) for words in final}
    best = kept(final, lambda words: language(words) + end_score(words))
    return [(" ".join(words), scores[words]) for words in best]
