"""Hard negatives: where a model takes other sounds for the trigger."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np

from seqtool.parallel import map_each
from seqtool_detect_trigger.clips import RATE, Clip
from seqtool_detect_trigger.listening import smoothed_of
from seqtool_detect_trigger.measuring import joined, minutes
from seqtool_detect_trigger.model_files import TriggerModel
from seqtool_detect_trigger.streams import Place

_LEAST = 0.02  # smoothed probability of what is worth another look


def hard_places(
    model: TriggerModel,
    negatives: Sequence[Clip],
    noises: Sequence[Clip],
    snr: tuple[float, float],
    seed: Sequence[int],
    threads: int,
) -> list[Place]:
    """The highest smoothed probability in each clip, as its weight, where there is any.

    The clips are heard in streams with noise between the two of ``snr`` dB below them. The result
    is the same for every number of threads.
    """
    parts = minutes(range(len(negatives)), negatives)

    def listen(part: int) -> list[Place]:
        found = []
        random = np.random.default_rng((*seed, part))
        clips = [negatives[number] for number in parts[part]]
        samples, bounds = joined(clips, noises, float(random.uniform(*snr)), random)
        smoothed = smoothed_of(model, samples)
        ends = np.array([round(model.heard(step) * RATE) for step in range(len(smoothed))])
        for place, number in enumerate(parts[part]):
            first, last = np.searchsorted(ends, bounds[place : place + 2])
            if last == first or smoothed[first:last].max() < _LEAST:
                continue
            best = int(first + smoothed[first:last].argmax())
            sample = min(int(ends[best] - bounds[place]), len(clips[place].samples))
            found.append(Place(number, max(sample, 1), float(smoothed[best])))
        return found

    return list(chain.from_iterable(map_each(range(len(parts)), listen, threads)))
