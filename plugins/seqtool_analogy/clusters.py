"""Groups of similar vectors, to colour a picture by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 50
STARTS = 4


def cluster(unit: NDArray[np.float32], count: int, seed: int) -> NDArray[np.int64]:
    """Spherical k-means: the number of a cluster for each row of length 1.

    Starts are chosen as k-means++ does (Arthur and Vassilvitskii 2007); of several runs the best
    counts. Clusters are numbered by size, the largest first.
    """
    count = max(1, min(count, len(unit)))
    generator = np.random.default_rng(seed)
    runs = [_run(unit, _start(unit, count, generator)) for _ in range(STARTS)]
    labels = max(runs, key=lambda run: run[1])[0]
    sizes = np.bincount(labels, minlength=count)
    place = np.empty(count, np.int64)
    place[np.argsort(-sizes, kind="stable")] = np.arange(count)
    return place[labels]


def _start(
    unit: NDArray[np.float32], count: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Rows far from each other."""
    chosen = [int(generator.integers(len(unit)))]
    distance = 1 - unit @ unit[chosen[0]]
    while len(chosen) < count:
        weight = np.maximum(distance, 0).astype(np.float64) + 1e-12
        chosen.append(int(generator.choice(len(unit), p=weight / weight.sum())))
        distance = np.minimum(distance, 1 - unit @ unit[chosen[-1]])
    centres: NDArray[np.float32] = unit[chosen]
    return centres


def _run(
    unit: NDArray[np.float32], centres: NDArray[np.float32]
) -> tuple[NDArray[np.int64], float]:
    """Labels, and the sum of cosines to the centres (larger is better)."""
    labels = np.full(len(unit), -1, np.int64)
    for _ in range(ROUNDS):
        cosines = unit @ centres.T
        new = cosines.argmax(axis=1)
        if (new == labels).all():
            break
        labels = new
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, unit)
        length = np.sqrt((sums * sums).sum(axis=1, keepdims=True))
        centres = np.where(length > 0, sums / np.where(length > 0, length, 1), centres)
    return labels, float(cosines.max(axis=1).sum())
