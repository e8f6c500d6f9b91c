"""The threshold of a model, and what it costs: misses against false alarms an hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqtool_detect_trigger.measuring import Measurement

_SPARE = 0.02  # share of triggers

# Evenly spaced in log-odds, from 0.018 to 0.99995.
THRESHOLDS = tuple(float(x) for x in 1 / (1 + np.exp(-np.arange(-4.0, 10.01, 0.1))))


class Chosen(NamedTuple):
    """A threshold and what was measured at it, over several measurements together."""

    threshold: float
    misses: int
    triggers: int
    false_alarms: int
    hours: float
    delay: float


def choose(measured: Sequence[Measurement], most: float) -> Chosen:
    """A threshold with at most ``most`` false alarms an hour; the highest if none has.

    Sounds that were held back are few, and others will come a little higher: the threshold stands
    in the middle, in log-odds, between the lowest that will do and the highest that misses no more
    than `_SPARE` of the triggers beyond what that one does.
    """
    hours = sum(part.hours for part in measured)
    triggers = sum(len(part.triggers) for part in measured)
    lowest = len(THRESHOLDS) - 1
    for place in range(len(THRESHOLDS) - 1, -1, -1):
        if sum(part.false_alarms(THRESHOLDS[place]) for part in measured) > most * hours:
            break
        lowest = place
    allowed = sum(part.misses(THRESHOLDS[lowest]) for part in measured) + _SPARE * triggers
    highest = lowest
    for place in range(lowest + 1, len(THRESHOLDS)):
        if sum(part.misses(THRESHOLDS[place]) for part in measured) > allowed:
            break
        highest = place
    return at(measured, THRESHOLDS[(lowest + highest) // 2])


def at(measured: Sequence[Measurement], threshold: float) -> Chosen:
    """What a threshold costs; ``delay`` is the median over the triggers that are found."""
    delays = [delay for part in measured for delay in part.delays(threshold)]
    return Chosen(
        threshold,
        sum(part.misses(threshold) for part in measured),
        sum(len(part.triggers) for part in measured),
        sum(part.false_alarms(threshold) for part in measured),
        sum(part.hours for part in measured),
        float(np.median(delays)) if delays else 0.0,
    )
