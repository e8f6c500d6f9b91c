"""Analogies word by word and number by number."""

import math
from collections.abc import Sequence

Vector = Sequence[float]


def dot(x: Vector, y: Vector) -> float:
    """The inner product."""
    return sum(a * b for a, b in zip(x, y, strict=True))


def cosine(x: Vector, y: Vector) -> float:
    """The cosine of two vectors; 0 where one is zero."""
    lengths = math.sqrt(dot(x, x) * dot(y, y))
    return dot(x, y) / lengths if lengths else 0.0


def scaled(x: Vector) -> list[float]:
    """The vector with length 1."""
    length = math.sqrt(dot(x, x))
    return [number / length if length else 0.0 for number in x]


def score(metric: str, word: Vector, a: Vector, b: Vector, c: Vector) -> float:
    """What `seqtool analogy` shows for one word: Levy and Goldberg 2014, equations 2 and 4."""
    if metric == "mul":
        cos_a, cos_b, cos_c = ((1 + cosine(word, term)) / 2 for term in (a, b, c))
        return cos_b * cos_c / (cos_a + 0.001)
    if metric == "cosine":
        a, b, c = scaled(a), scaled(b), scaled(c)
        return cosine(word, [y - x + z for x, y, z in zip(a, b, c, strict=True)])
    target = [y - x + z for x, y, z in zip(a, b, c, strict=True)]
    return math.dist(word, target)


def answers(
    metric: str,
    matrix: Sequence[Vector],
    groups: Sequence[int],
    question: tuple[int, int, int],
    top: int,
) -> list[tuple[int, float]]:
    """The best words for rows (a, b, c), and their scores; -1 is the zero vector."""
    zero = [0.0] * len(matrix[0])
    a, b, c = (matrix[row] if row >= 0 else zero for row in question)
    own = {groups[row] for row in question if row >= 0}
    found = [
        (row, score(metric, word, a, b, c))
        for row, word in enumerate(matrix)
        if groups[row] not in own
    ]
    better = 1 if metric == "euclidean" else -1
    return sorted(found, key=lambda entry: (better * entry[1], entry[0]))[:top]


def best_words(
    how: int,
    table: Sequence[Vector],
    offsets: Vector,
    epsilon: float,
    groups: Sequence[int],
    rows: tuple[int, int, int],
    excluded: tuple[int, int, int],
    top: int,
) -> list[tuple[int, float]]:
    """The kernel's twin for one question and the whole vocabulary in one block."""
    found = []
    for word, group in enumerate(groups):
        a, b, c = (table[row][word] for row in rows)
        value = b - a + c - offsets[word] if how == 0 else b * c / (a + epsilon)
        if group not in excluded:
            found.append((word, value))
    return sorted(found, key=lambda entry: (-entry[1], entry[0]))[:top]
