"""The threshold of a model, and what it costs: misses against false alarms an hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqtool_detect_trigger.measuring import Measurement

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
    """The lowest threshold with at most ``most`` false alarms an hour; the highest if none has."""
    hours = sum(part.hours for part in measured)
    threshold = THRESHOLDS[-1]
    for candidate in reversed(THRESHOLDS):
        alarms = sum(part.false_alarms(candidate) for part in measured)
        if alarms > most * hours:
            break
        threshold = candidate
    return at(measured, threshold)


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
