"""Resampling of a test set: bootstrap (Koehn 2004), approximate randomisation (Noreen 1989).

Both choose segments and add up their columns; scores are then made from the sums.
"""

import struct
from collections.abc import Sequence


def _to_float32(number: float) -> float:
    """The nearest number of 32 bits."""
    rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    return rounded


def bootstrap_sums(
    stats: Sequence[Sequence[float]], indices: Sequence[Sequence[int]]
) -> list[list[float]]:
    """Column sums of the segments that each row of `indices` names, in 32 bits.

    Every number and every partial sum is rounded to float32, from the first index to the
    last. (The sum of two float32 rounded from float64 is what float32 addition gives.)
    """
    sums = []
    for row in indices:
        totals = [0.0] * len(stats[0])
        for index in row:
            for column, number in enumerate(stats[index]):
                totals[column] = _to_float32(totals[column] + _to_float32(number))
        sums.append(totals)
    return sums


def randomization_sums(
    baseline: Sequence[Sequence[float]],
    system: Sequence[Sequence[float]],
    picks: Sequence[Sequence[bool]],
) -> tuple[list[list[float]], list[list[float]]]:
    """Column sums of two shuffled systems for each row of `picks`.

    Where a pick is true the first shuffled system takes the baseline's segment and the second
    the system's; where it is false the other way round (Riezler and Maxwell 2005).
    """
    first, second = [], []
    for row in picks:
        pairs = list(zip(row, baseline, system, strict=True))
        first.append(_column_sums([b if pick else s for pick, b, s in pairs]))
        second.append(_column_sums([s if pick else b for pick, b, s in pairs]))
    return first, second


def _column_sums(rows: Sequence[Sequence[float]]) -> list[float]:
    return [sum(row[column] for row in rows) for column in range(len(rows[0]))]


def p_value(sampled_differences: Sequence[float], difference: float) -> float:
    """Share of samples that differ by more than the real systems do, each count plus one."""
    exceeding = sum(1 for sampled in sampled_differences if sampled > difference)
    return (exceeding + 1) / (len(sampled_differences) + 1)


def confidence_interval(scores: Sequence[float]) -> tuple[float, float]:
    """Mean, and half the width of what is left when 1/40 of the scores is cut at either end."""
    ordered = sorted(map(float, scores))
    cut = len(ordered) // 40
    return sum(ordered) / len(ordered), 0.5 * (ordered[-1 - cut] - ordered[cut])
