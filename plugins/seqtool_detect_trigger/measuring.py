"""What a model hears in clips: triggers one by one, and other sounds as one long stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.audio.augment import gain
from seqtool.nn.parameters import Floats
from seqtool.parallel import map_each
from seqtool_detect_trigger.clips import RATE, Clip, level
from seqtool_detect_trigger.listening import smoothed_of
from seqtool_detect_trigger.model_files import TriggerModel
from seqtool_detect_trigger.rule import Smoothed, events_of
from seqtool_detect_trigger.streams import background

BEFORE = 1.5  # seconds of background in front of a trigger
AFTER = 1.0  # seconds behind a trigger's end in which it counts as found
GAP = 0.3  # seconds of background between negative clips
_PART = 60.0  # seconds of a stream of negatives that one thread listens to


class TriggerTrace(NamedTuple):
    """What was heard of a trigger, from its begin to a second behind its end.

    Attributes:
        path: of its clip.
        smoothed: float64 (steps,), smoothed probabilities.
        late: float64 (steps,), how many seconds behind the end each step is.
        score: the highest of the probabilities.
    """

    path: str
    smoothed: Smoothed
    late: NDArray[np.float64]
    score: float

    def delay(self, threshold: float) -> float | None:
        """Seconds from the trigger's end to the step that reaches the threshold, or None."""
        if self.score < threshold:
            return None
        return float(self.late[int((self.smoothed >= threshold).argmax())])


class Measurement(NamedTuple):
    """What a model heard in clips, all with the same background.

    Attributes:
        snr: dB that the clips stand above the background; None where they are as they are.
        triggers: a trace for each trigger.
        others: smoothed probabilities of stretches of other sounds.
        seconds: length of the other sounds.
        refractory_steps: of the rule.
    """

    snr: float | None
    triggers: list[TriggerTrace]
    others: list[Smoothed]
    seconds: float
    refractory_steps: int

    @property
    def hours(self) -> float:
        """Of other sounds."""
        return self.seconds / 3600

    def misses(self, threshold: float) -> int:
        """Triggers that are not found."""
        return sum(trace.score < threshold for trace in self.triggers)

    def false_alarms(self, threshold: float) -> int:
        """Events in the other sounds."""
        steps = self.refractory_steps
        return sum(len(events_of(smoothed, threshold, steps)) for smoothed in self.others)

    def delays(self, threshold: float) -> list[float]:
        """Seconds from the end of each trigger that is found until it is."""
        found = (trace.delay(threshold) for trace in self.triggers)
        return [delay for delay in found if delay is not None]


def measure(
    model: TriggerModel,
    triggers: Sequence[Clip],
    negatives: Sequence[Clip],
    noises: Sequence[Clip],
    snr: float | None,
    seed: int,
    threads: int,
) -> Measurement:
    """Listen to triggers, each in a stream of its own, and to the negatives in long streams.

    The background, which goes on in front of, behind and between the clips, is drawn from
    ``noises`` by the seed; it stands ``snr`` dB below each clip. The result is the same for every
    number of threads.
    """
    parts = minutes(range(len(negatives)), negatives)

    def hear_trigger(number: int) -> TriggerTrace:
        random = np.random.default_rng((seed, number))
        return _hear_trigger(model, triggers[number], noises, snr, random)

    def hear_others(part: int) -> tuple[Smoothed, float]:
        random = np.random.default_rng((seed, len(triggers) + part))
        clips = [negatives[number] for number in parts[part]]
        return _hear_negatives(model, clips, noises, snr, random)

    traces = map_each(range(len(triggers)), hear_trigger, threads)
    others = map_each(range(len(parts)), hear_others, threads)
    return Measurement(
        snr,
        traces,
        [smoothed for smoothed, _ in others],
        sum(seconds for _, seconds in others),
        model.refractory_steps,
    )


def minutes(numbers: Sequence[int], clips: Sequence[Clip]) -> list[list[int]]:
    """Numbers of clips in groups of about a minute, each of which is a stream."""
    parts: list[list[int]] = []
    length = 0.0
    for number in numbers:
        if not parts or length >= _PART:
            parts.append([])
            length = 0.0
        parts[-1].append(number)
        length += len(clips[number].samples) / RATE + GAP
    return parts


def noisy(
    clip: Clip,
    before: float,
    after: float,
    noises: Sequence[Clip],
    snr: float | None,
    random: np.random.Generator,
) -> Floats:
    """A clip with seconds before and after it, and noise all over; without snr zeros."""
    first, last = round(before * RATE), round(after * RATE)
    samples = np.zeros(first + len(clip.samples) + last, np.float32)
    if snr is not None:
        noise = background(noises, len(samples), random)
        samples += gain(noise, clip.level - snr - level(noise))
    samples[first : first + len(clip.samples)] += clip.samples
    return samples


def _hear_trigger(
    model: TriggerModel,
    clip: Clip,
    noises: Sequence[Clip],
    snr: float | None,
    random: np.random.Generator,
) -> TriggerTrace:
    samples = noisy(clip, BEFORE, AFTER, noises, snr, random)
    smoothed = smoothed_of(model, samples)
    heard = np.array([model.heard(step) for step in range(len(smoothed))])
    end = BEFORE + clip.end / RATE
    inside = (heard >= BEFORE + clip.start / RATE) & (heard <= end + AFTER)
    smoothed = smoothed[inside]
    return TriggerTrace(clip.path, smoothed, heard[inside] - end, float(smoothed.max(initial=0.0)))


def joined(
    clips: Sequence[Clip],
    noises: Sequence[Clip],
    snr: float | None,
    random: np.random.Generator,
) -> tuple[Floats, NDArray[np.int64]]:
    """(samples of a stream of clips, where each clip begins in it, and the end of the stream).

    The clips become equally loud, so that one background goes on below all of them.
    """
    middle = float(np.median([clip.level for clip in clips]))
    gap = np.zeros(round(GAP * RATE), np.float32)
    pieces = [part for clip in clips for part in (gain(clip.samples, middle - clip.level), gap)]
    samples = np.concatenate(pieces)
    if snr is not None:
        noise = background(noises, len(samples), random)
        samples += gain(noise, middle - snr - level(noise))
    lengths = [len(clip.samples) + len(gap) for clip in clips]
    return samples, np.cumsum([0, *lengths])


def _hear_negatives(
    model: TriggerModel,
    clips: Sequence[Clip],
    noises: Sequence[Clip],
    snr: float | None,
    random: np.random.Generator,
) -> tuple[Smoothed, float]:
    """(smoothed probabilities, seconds) of a stream of clips."""
    samples, _ = joined(clips, noises, snr, random)
    return smoothed_of(model, samples), len(samples) / RATE
