"""Slow twins of the kernels of `seqtool sentiment`: words, features, scores and training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from naive.word_breaks import segments

Floats = npt.NDArray[np.float64]
Plan = tuple[int, int, int, int]  # n-grams of words, buckets, fewest and most letters


def words(text: str) -> list[str]:
    """The words of a text in lower case: segments of UAX 29 that are no white space.

    Apostrophes divide and vanish; n't at the end of a segment is a word.
    """
    found = []
    for segment in segments(text):
        if segment.isspace():
            continue
        ending = ["n't"] if segment.endswith("n't") else []
        rest = segment.removesuffix("n't") if ending else segment
        found += [part for part in rest.split("'") if part] + ending
    return found


def hash_bytes(data: bytes) -> int:
    """FNV-1a, 32 bits."""
    hashed = 0x811C9DC5
    for byte in data:
        hashed = (hashed ^ byte) * 0x01000193 % 2**32
    return hashed


def bucket(hashed: int, buckets: int) -> int:
    """Where a hash belongs."""
    return (hashed ^ (hashed >> 15)) % buckets


def features(text: str, vocabulary: Sequence[str], plan: Plan) -> list[int]:
    """Rows of a text: for each word its own, n-grams that end with it, n-grams of its letters."""
    longest, buckets, fewest, most = plan
    rows = []
    found = words(text)
    hashes = [hash_bytes(word.encode()) for word in found]
    for at, word in enumerate(found):
        if word in vocabulary:
            rows.append(vocabulary.index(word))
        hashed = hashes[at]
        for before in range(1, min(longest, at + 1)):
            hashed = (hashed * 0x5BD1E995 + hashes[at - before]) % 2**32
            rows.append(len(vocabulary) + bucket(hashed, buckets))
        marked = f"<{word}>"
        for begin in range(len(marked) if most else 0):
            for size in range(fewest, most + 1):
                part = marked[begin : begin + size]
                is_mark = size == 1 and begin in (0, len(marked) - 1)
                if len(part) == size and part != marked and not is_mark:
                    rows.append(len(vocabulary) + bucket(hash_bytes(part.encode()), buckets))
    return rows


def score(rows: Sequence[int], table: Floats, weights: Floats) -> Floats:
    """Mean of rows (features, width) times weights (labels, width + 1), plus the last column."""
    width = table.shape[1]
    mean = table[list(rows)].mean(axis=0) if len(rows) else np.zeros(width)
    result: Floats = weights[:, :width] @ mean + weights[:, width]
    return result


def train_step(
    rows: Sequence[int],
    label: int,
    table: Floats,
    weights: Floats,
    rate: float,
    first_row: int = 0,
) -> float:
    """A step down the gradient of -log softmax(scores)[label]; returns that loss."""
    width = table.shape[1]
    mean = table[list(rows)].mean(axis=0) if len(rows) else np.zeros(width)
    scores = score(rows, table, weights)
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    loss = -math.log(chances[label])
    gradient = chances.copy()
    gradient[label] -= 1
    back = gradient @ weights[:, :width]
    weights[:, :width] -= rate * np.outer(gradient, mean)
    weights[:, width] -= rate * gradient
    for row in rows:
        if row >= first_row:
            table[row] -= rate * back / len(rows)
    return loss


def log_count_ratios(
    texts: Sequence[Sequence[int]], wanted: Sequence[int], rows: int, labels: int, added: float
) -> Floats:
    """log P(label | row) / P(label), less the mean over labels, (rows, labels)."""
    counts = np.zeros((rows, labels))
    for text, label in zip(texts, wanted, strict=True):
        for row in text:
            counts[row, label] += 1
    share = [(counts[:, label].sum() + 1) / (counts.sum() + labels) for label in range(labels)]
    result = np.zeros((rows, labels))
    for row in range(rows):
        if counts[row].any():
            logs = [math.log(counts[row, k] / share[k] + added * labels) for k in range(labels)]
            result[row] = [log - sum(logs) / labels for log in logs]
    return result
