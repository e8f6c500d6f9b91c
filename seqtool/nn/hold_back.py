"""A share of the examples, kept from training to validate on."""

from __future__ import annotations

import numpy as np

from seqtool.errors import SeqtoolError


def hold_back(
    count: int, share: float, seed: int, examples: str, instead: str
) -> tuple[list[int], list[int]]:
    """(numbers of the examples to train on, of a random share to validate on), each in order.

    Raises SeqtoolError if either would be nothing; ``examples`` is what they are called there, and
    ``instead`` what to give for a share.
    """
    cut = count - int(count * share)
    if not 1 <= cut < count:
        raise SeqtoolError(
            f"{count:,} {examples} are too few to hold {share} of them back for validation: "
            f"use --validation 0, or {instead}"
        )
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[:cut]).tolist(), np.sort(order[cut:]).tolist()
