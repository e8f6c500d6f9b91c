"""Long sound in pieces, cut where it is quiet; memory does not grow with the length.

Loudness is that of 10 ms, by the deviation from their mean, so that an offset counts as silence.
A 10 ms is loud when it is above -66 dB of full scale (near digital silence) and less than 45 dB
below the loudest 0.2 s so far, which is forgotten by 1 dB a second. Hysteresis: after a quiet one,
loud begins 3 dB higher. What is loud, whatever it is, is left to the model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from seqtool.audio.types import Doubles, Floats

_SLOTS_A_SECOND = 100
_FULL_SILENCE = -66.0  # dB of full scale
_RANGE = 45.0  # dB below the loudest
_HYSTERESIS = 3.0  # dB
_FORGETTING = 1.0 / _SLOTS_A_SECOND  # dB a slot
_LOUDNESS_SLOTS = 20
_MARGIN = 25  # slots of silence that stay with speech, at either end
_LONG_PAUSE = 100  # slots: a longer one becomes a piece of its own
_SMOOTHING = 9  # slots over which the quietest place is looked for
_BLOCK_SLOTS = 100  # that are looked at together
_LEAST_POWER = 1e-20


class Piece(NamedTuple):
    """A part of a recording.

    Attributes:
        start_seconds: where it begins.
        samples: (samples,).
        silent: whether there is nothing in it but silence.
    """

    start_seconds: float
    samples: Floats
    silent: bool


def cut_at_pauses(blocks: Iterable[Floats], rate: int, longest_seconds: float) -> Iterator[Piece]:
    """Pieces of a stream of samples, which together are the stream, as soon as they are known.

    A pause of over a second is a silent piece of its own, less a quarter of a second that stays
    with the speech on either side. A piece that would be longer than ``longest_seconds`` (1 at
    least) is cut at the quietest place of its second half. How the stream comes in blocks makes
    no difference.
    """
    cutter = _Cutter(rate, longest_seconds)
    for block in blocks:
        yield from cutter.push(block)
    yield from cutter.finish()


class _Loudness:
    """Tells of each slot of 10 ms whether it is loud."""

    def __init__(self) -> None:
        self._loudest = -math.inf
        self._recent = [0.0] * _LOUDNESS_SLOTS
        self._place = 0
        self._loud = False

    def is_loud(self, power: float) -> bool:
        """Take the power of the next slot."""
        self._place = (self._place + 1) % _LOUDNESS_SLOTS
        self._recent[self._place] = power
        mean = _decibels(sum(self._recent) / _LOUDNESS_SLOTS)
        self._loudest = max(self._loudest - _FORGETTING, mean)
        threshold = max(_FULL_SILENCE, self._loudest - _RANGE)
        self._loud = _decibels(power) > threshold + (0.0 if self._loud else _HYSTERESIS)
        return self._loud


def _decibels(power: float) -> float:
    return 10 * math.log10(max(power, _LEAST_POWER))


class _Cutter:
    """Holds what has not become a piece yet: whole slots, then less than a slot."""

    def __init__(self, rate: int, longest_seconds: float) -> None:
        self._rate = rate
        self._slot = max(rate // _SLOTS_A_SECOND, 1)
        self._longest = max(int(longest_seconds * rate / self._slot), _SLOTS_A_SECOND)
        self._parts: list[Floats] = []
        self._rest = np.zeros(0, np.float32)
        self._done = 0  # samples that are in pieces
        self._powers: list[float] = []
        self._louds: list[bool] = []
        self._quiet = 0  # slots since the last loud one
        self._in_silence = False
        self._loudness = _Loudness()

    def push(self, block: Floats) -> Iterator[Piece]:
        """Take the next samples."""
        for start in range(0, len(block), self._slot * _BLOCK_SLOTS):
            part = block[start : start + self._slot * _BLOCK_SLOTS]
            samples = np.concatenate([self._rest, part])
            whole = len(samples) - len(samples) % self._slot
            self._rest = samples[whole:]
            slots = samples[:whole].reshape(-1, self._slot)
            for slot, power in zip(slots, _powers(slots), strict=True):
                self._parts.append(slot)
                yield from self._take(power)

    def finish(self) -> Iterator[Piece]:
        """What is left."""
        if len(self._rest):
            self._parts.append(self._rest)
            yield from self._take(_powers(self._rest[None])[0])
        if self._parts:
            yield self._piece(len(self._parts))

    def _take(self, power: float) -> Iterator[Piece]:
        loud = self._loudness.is_loud(power)
        self._powers.append(power)
        self._louds.append(loud)
        self._quiet = 0 if loud else self._quiet + 1
        if self._in_silence and loud:
            self._in_silence = False
            if len(self._parts) > _MARGIN + 1:
                yield self._piece(len(self._parts) - 1 - _MARGIN)
        elif not self._in_silence and self._quiet > _LONG_PAUSE:
            self._in_silence = True
            end = len(self._parts) - self._quiet + _MARGIN
            if any(self._louds):
                yield self._piece(end)
        if len(self._parts) >= self._longest:
            yield self._piece(len(self._parts) - _MARGIN if self._in_silence else self._quietest())

    def _quietest(self) -> int:
        """Before which slot of the second half to cut."""
        half = len(self._powers) // 2
        window = np.full(_SMOOTHING, 1 / _SMOOTHING)
        smooth = np.convolve(self._powers[half:], window, "valid")
        return half + _SMOOTHING // 2 + int(len(smooth) - 1 - np.argmin(smooth[::-1]))

    def _piece(self, slots: int) -> Piece:
        samples = np.concatenate(self._parts[:slots])
        piece = Piece(self._done / self._rate, samples, not any(self._louds[:slots]))
        self._done += len(samples)
        del self._parts[:slots], self._powers[:slots], self._louds[:slots]
        return piece


def _powers(slots: Floats) -> list[float]:
    """The mean square of what each row of (slots, samples) deviates from its mean."""
    wide: Doubles = slots.astype(np.float64)
    powers: list[float] = np.square(wide - wide.mean(axis=1, keepdims=True)).mean(axis=1).tolist()
    return powers
