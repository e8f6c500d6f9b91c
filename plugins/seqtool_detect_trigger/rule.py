"""From probabilities of steps to events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.nn.parameters import Floats

Smoothed = NDArray[np.float64]


class Rule(NamedTuple):
    """When probabilities are an event.

    Attributes:
        threshold: an event begins where the smoothed probability comes to it, or above.
        smoothing: steps that it is the mean of.
        refractory: seconds after an event in which there is no other.
        delay: seconds by which the threshold is usually reached after a trigger's end.
    """

    threshold: float
    smoothing: int = 2
    refractory: float = 1.0
    delay: float = 0.0


class Smoother:
    """Means of the last probabilities; before a stream there are zeros.

    The sums do not depend on how a stream is cut, bit for bit.
    """

    def __init__(self, steps: int) -> None:
        self._before = np.zeros(steps - 1)

    def push(self, probabilities: Floats) -> Smoothed:
        """The means that end in each of the probabilities, float64 (steps,)."""
        joined = np.concatenate([self._before, probabilities])
        steps = len(self._before) + 1
        self._before = joined[len(joined) - steps + 1 :]
        total = np.zeros(len(probabilities))
        for shift in range(steps):
            total += joined[shift : shift + len(probabilities)]
        return total / steps


class Trigger:
    """Finds the steps at which events begin, piece by piece.

    Behind an event there is no other until the refractory time is over and the smoothed
    probability was below the threshold.
    """

    def __init__(self, threshold: float, refractory_steps: int) -> None:
        self._threshold, self._refractory = threshold, refractory_steps
        self._step = 0
        self._free = 0  # the first step at which there may be an event again
        self._above = False  # the last step

    def push(self, smoothed: Smoothed) -> Iterator[int]:
        """The numbers, from the begin of the stream, of the steps with an event."""
        first = self._step
        self._step += len(smoothed)
        if not len(smoothed):
            return
        above = smoothed >= self._threshold
        before = np.concatenate([[self._above], above[:-1]])
        self._above = bool(above[-1])
        for place in np.flatnonzero(above & ~before).tolist():
            if first + place >= self._free:
                self._free = first + place + self._refractory
                yield first + place


def events_of(smoothed: Smoothed, threshold: float, refractory_steps: int) -> list[int]:
    """The steps at which events begin in a whole stream."""
    return list(Trigger(threshold, refractory_steps).push(smoothed))
