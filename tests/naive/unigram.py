"""Unigram models by enumeration: every segmentation of a word, one by one (Kudo 2018)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

Pieces = Mapping[str, float]


def segmentations(word: str, scores: Pieces) -> Iterator[tuple[str, ...]]:
    """All ways to cut a word into pieces; a character that is no piece is one by itself."""
    if not word:
        yield ()
        return
    for end in range(1, len(word) + 1):
        if word[:end] in scores or end == 1:
            for rest in segmentations(word[end:], scores):
                yield (word[:end], *rest)


def score(cut: tuple[str, ...], scores: Pieces) -> float:
    """The log probability of a segmentation; unknown characters are 10 worse than all pieces."""
    unknown = min(scores.values(), default=0.0) - 10
    return sum(scores.get(piece, unknown) for piece in cut)


def best(word: str, scores: Pieces) -> list[tuple[str, ...]]:
    """All segmentations, the most probable first."""
    return sorted(segmentations(word, scores), key=lambda cut: -score(cut, scores))


def chances(word: str, scores: Pieces, power: float = 1.0) -> dict[tuple[str, ...], float]:
    """What share of all segmentations each has, their probabilities raised to a power."""
    weights = {cut: math.exp(power * score(cut, scores)) for cut in segmentations(word, scores)}
    total = sum(weights.values())
    return {cut: weight / total for cut, weight in weights.items()}


def expected_counts(words: Mapping[str, int], scores: Pieces) -> dict[str, float]:
    """How often each piece occurs in all segmentations of counted words, by their chances."""
    counts = dict.fromkeys(scores, 0.0)
    for word, count in words.items():
        for cut, chance in chances(word, scores).items():
            for piece in cut:
                if piece in counts:
                    counts[piece] += count * chance
    return counts


def best_counts(words: Mapping[str, int], scores: Pieces) -> dict[str, int]:
    """How often each piece occurs in the best segmentations of counted words."""
    counts = dict.fromkeys(scores, 0)
    for word, count in words.items():
        for piece in best(word, scores)[0]:
            counts[piece] += count
    return counts


def substring_counts(words: Mapping[str, int], longest: int) -> dict[str, int]:
    """How often each substring of two characters and more occurs."""
    counts: dict[str, int] = {}
    for word, count in words.items():
        for begin in range(len(word)):
            for end in range(begin + 2, min(len(word), begin + longest) + 1):
                counts[word[begin:end]] = counts.get(word[begin:end], 0) + count
    return counts


def is_branching(piece: str, words: Mapping[str, int], longest: int) -> bool:
    """Whether a substring is not always followed by the same character."""
    if len(piece) == longest:
        return True
    followers = {
        word[begin + len(piece) : begin + len(piece) + 1]
        for word in words
        for begin in range(len(word))
        if word.startswith(piece, begin)
    }
    return len(followers) > 1 or followers == {""}
