"""From samples to the frames that a recogniser hears."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from seqtool.audio.features import FeatureSettings, features, frame_count
from seqtool.nn.parameters import Floats

NORMALISE = ("level", "utterance")  # the ways there are, the default first
RANGE = 16.0  # nats below the loudest that still count: 70 dB of power
LEAST_DEVIATION = 1.0  # nats; speech has 2 to 3, steady noise half a nat
STEADY = (
    0.4  # nats; closely cut words have 0.7 at least, white noise 0.75, a pure tone 0.25 at most
)

_LOUDEST = 10  # frames whose mean is the level of a recording
_SPREAD = 4.0  # nats that become 1
_DIGITS = 4  # of means and deviations


class FrontEnd(NamedTuple):
    """How sound becomes frames.

    Attributes:
        features: of the log-mel frames.
        normalise: what is done with a recording's frames, see `normalised`.
        means, deviations: of each band over many recordings, which are then taken away; none
            where frames stay as `normalised` gives them.
    """

    features: FeatureSettings = FeatureSettings()
    normalise: str = NORMALISE[0]
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()


def hear(samples: Floats, front_end: FrontEnd) -> Floats:
    """Frames float32 (frames, size) of samples float32 (samples,) in -1..1."""
    frames = normalised(features(samples, front_end.features), front_end.normalise)
    if front_end.means:
        frames -= np.array(front_end.means, np.float32)
        frames /= np.array(front_end.deviations, np.float32)
    return frames


def is_steady(frames: Floats, front_end: FrontEnd) -> bool:
    """Whether frames that `hear` gave hardly change over time, as those of a tone: no speech is so.

    Their deviation, in half of the bands, is below `STEADY`.
    """
    deviations = frames.std(axis=0, dtype=np.float64)
    if front_end.normalise == "level":
        deviations *= _SPREAD * np.array(front_end.deviations or 1.0)
    return bool(np.median(deviations) < STEADY)


def measured(front_end: FrontEnd, examples: Iterable[Floats]) -> FrontEnd:
    """The front end with means and deviations of the bands in frames (frames, size)."""
    joined = np.concatenate([*examples]).astype(np.float64)
    deviations = np.maximum(joined.std(axis=0), LEAST_DEVIATION / _SPREAD)
    return front_end._replace(
        means=tuple(round(mean, _DIGITS) for mean in joined.mean(axis=0).tolist()),
        deviations=tuple(round(deviation, _DIGITS) for deviation in deviations.tolist()),
    )


def frames_of(samples: int, front_end: FrontEnd) -> int:
    """How many frames `hear` gives."""
    return int(frame_count(samples, front_end.features))


def normalised(frames: Floats, kind: str) -> Floats:
    """Log-mel frames without what differs from recording to recording; float32 (frames, size).

    "level" takes the loudness away, and nothing else: how much of a recording is speech, or
    whether it is a single word, makes no difference. The level is the mean of the ten loudest
    frames. "utterance" gives each band the mean 0 and the standard deviation 1 over the recording,
    which takes away what a microphone adds, too, but needs recordings that are much alike; where
    the deviation is below `LEAST_DEVIATION`, bands are divided by that, so that silence and steady
    noise are not blown up to the size of speech.

    Either way what lies more than `RANGE` below the loudest is brought up to it, so that digital
    silence and a faint hiss are alike.
    """
    if not frames.size:
        return frames
    return _level(frames) if kind == "level" else _utterance(frames)


def _level(frames: Floats) -> Floats:
    level = np.sort(frames.mean(axis=1, dtype=np.float64))[-_LOUDEST:].mean()
    centred: Floats = np.maximum(frames - np.float32(level), np.float32(-RANGE))
    centred += np.float32(RANGE / 2)
    centred /= np.float32(_SPREAD)
    return centred


def _utterance(frames: Floats) -> Floats:
    raised: Floats = np.maximum(frames, frames.max() - np.float32(RANGE))
    raised -= raised.mean(axis=0, dtype=np.float64).astype(np.float32)
    deviation = np.sqrt(np.square(raised, dtype=np.float64).mean(axis=0))
    raised /= np.maximum(deviation, LEAST_DEVIATION).astype(np.float32)
    return raised
