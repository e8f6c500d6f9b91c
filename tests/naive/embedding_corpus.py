"""What word vectors are trained on: counted words, numbered sentences, co-occurrences, phrases."""

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

_WHITE_SPACE = re.compile("[ \t\n\r\v\f]+")


def split_words(line: str) -> list[str]:
    """The words of a line: what ASCII white space leaves."""
    return [word for word in _WHITE_SPACE.split(line) if word]


def count_words(
    texts: Sequence[str], min_count: int = 1, max_vocab: int | None = None
) -> list[tuple[str, int]]:
    """Words and counts, the most frequent first, equally frequent ones by their bytes."""
    counts = Counter(word for text in texts for word in split_words(text))
    kept = [(word, count) for word, count in counts.items() if count >= min_count]
    kept.sort(key=lambda pair: (-pair[1], pair[0].encode()))
    return kept[:max_vocab]


def sentences(
    texts: Sequence[str], words: Sequence[str], longest: int | None, documents: bool
) -> list[list[int]]:
    """Sentences as word numbers: lines, or all lines up to a blank one; unknown words left out."""
    number = {word: n for n, word in enumerate(words)}
    found: list[list[int]] = []
    for text in texts:
        current: list[int] = []
        for line in text.split("\n"):
            if not documents or not split_words(line):
                found.append(current)
                current = []
            current += [number[word] for word in split_words(line) if word in number]
        found.append(current)
    cut = []
    for sentence in found:
        step = longest or len(sentence) or 1
        cut += [sentence[i : i + step] for i in range(0, len(sentence), step)]
    return cut


def id_stream(found: Sequence[Sequence[int]]) -> list[int]:
    """Sentences one after another, -1 behind each."""
    return [number for sentence in found for number in [*sentence, -1]]


def cooccurrences(
    found: Sequence[Sequence[int]], window: int, symmetric: bool = True, weighting: bool = True
) -> dict[tuple[int, int], Fraction]:
    """How often word i has word j near it (Pennington et al. 2014, section 4.2).

    A pair d words apart counts 1/d, or 1 without ``weighting``. Without ``symmetric`` only words
    to the left of word i count.
    """
    counts: dict[tuple[int, int], Fraction] = {}
    for sentence in found:
        for place, word in enumerate(sentence):
            for distance in range(1, min(window, place) + 1):
                other = sentence[place - distance]
                weight = Fraction(1, distance if weighting else 1)
                counts[word, other] = counts.get((word, other), Fraction(0)) + weight
                if symmetric:
                    counts[other, word] = counts.get((other, word), Fraction(0)) + weight
    return counts


def phrases(
    found: Sequence[Sequence[int]], words: int, discount: float, threshold: float
) -> tuple[dict[tuple[int, int], int], list[list[int]]]:
    """One pass of joining pairs (Mikolov et al. 2013b, section 4).

    A pair scores (count(ab) - discount) / (count(a) count(b)) times the number of words in the
    corpus, as in word2phrase. Returns the pairs over the threshold with the new numbers of the
    words that they become (from ``words`` on, in the order of the pairs), and the sentences with
    pairs joined from left to right.
    """
    single = Counter(word for sentence in found for word in sentence)
    pairs = Counter(pair for sentence in found for pair in pairwise(sentence))
    total = sum(single.values())
    good = sorted(
        (a, b)
        for (a, b), count in pairs.items()
        if (count - discount) / (single[a] * single[b]) * total > threshold
    )
    numbers = {pair: words + n for n, pair in enumerate(good)}
    joined = []
    for sentence in found:
        out = []
        place = 0
        while place < len(sentence):
            pair = tuple(sentence[place : place + 2])
            if pair in numbers:
                out.append(numbers[pair])  # type: ignore[index]
                place += 2
            else:
                out.append(sentence[place])
                place += 1
        joined.append(out)
    return numbers, joined
