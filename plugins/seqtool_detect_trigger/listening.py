"""A trigger model that listens to a stream, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from seqtool.audio.features import FeatureStream
from seqtool.nn.detector import DetectorStream
from seqtool.nn.parameters import Floats
from seqtool_detect_trigger.clips import RATE
from seqtool_detect_trigger.model_files import TriggerModel
from seqtool_detect_trigger.rule import Smoothed, Smoother, Trigger

TAIL = 0.4  # seconds of silence behind a stream, for a trigger that ends with it
_AT_ONCE = 60 * RATE  # samples


class Event(NamedTuple):
    """A trigger was heard.

    Attributes:
        time: its end, in seconds of the stream, as far as it can be told.
        score: the smoothed probability that came to the threshold.
        name: of the trigger.
        heard: seconds of the stream that were known then.
    """

    time: float
    score: float
    name: str
    heard: float


class Heard(NamedTuple):
    """What came of a piece of a stream.

    Attributes:
        first: number of the first step.
        probabilities: float32 (steps,) of the network.
        smoothed: float64 (steps,).
        events: that began.
    """

    first: int
    probabilities: Floats
    smoothed: Smoothed
    events: list[Event]


class Listener:
    """Listens with one model; what it hears does not depend on how a stream is cut."""

    def __init__(self, model: TriggerModel) -> None:
        self.model = model
        self._frames = FeatureStream(model.features)
        self._network = DetectorStream(model.network)
        self._smoother = Smoother(self.model.rule.smoothing)
        self._trigger = Trigger(self.model.rule.threshold, self.model.refractory_steps)
        self._step = 0

    def push(self, samples: Floats) -> Heard:
        """Hear samples, float32 (samples,) at 16 kHz."""
        frames = self._frames.push(samples)
        probabilities = self._network.push((frames - self.model.mean) * self.model.scale)
        smoothed = self._smoother.push(probabilities)
        first = self._step
        self._step += len(smoothed)
        return Heard(first, probabilities, smoothed, list(self._events(first, smoothed)))

    def finish(self) -> Heard:
        """The stream is over: hear a little silence."""
        return self.push(np.zeros(round(TAIL * RATE), np.float32))

    def _events(self, first: int, smoothed: Smoothed) -> Iterator[Event]:
        for step in self._trigger.push(smoothed):
            heard = self.model.heard(step)
            time = max(0.0, heard - self.model.rule.delay)
            yield Event(time, float(smoothed[step - first]), self.model.name, heard)


def smoothed_of(model: TriggerModel, samples: Floats) -> Smoothed:
    """The smoothed probabilities (steps,) of a whole stream of samples.

    It is heard a minute at a time: what the network has in memory does not grow with its length.
    """
    listener = Listener(model)
    starts = range(0, len(samples), _AT_ONCE)
    parts = [listener.push(samples[start : start + _AT_ONCE]).smoothed for start in starts]
    return np.concatenate([np.zeros(0), *parts])
