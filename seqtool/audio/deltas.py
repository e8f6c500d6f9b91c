"""Derivatives over time, of a stream."""

from __future__ import annotations

import numpy as np

from seqtool.audio.types import Floats

REACH = 2  # frames to each side


class DeltaStream:
    """Appends to each frame its derivative over time, ``orders`` times.

    d[t] = sum over n of n (c[t + n] - c[t - n]) / (2 sum over n of n^2), n from 1 to 2 (The HTK
    Book 3.4, equation 5.16); the first and the last frame stand for those beyond the ends. The
    second derivative is the first one's. A frame comes out ``2 * orders`` frames late.
    """

    def __init__(self, size: int, orders: int) -> None:
        self._first = _Delta(size) if orders else None
        self._rest = DeltaStream(size, orders - 1) if orders > 1 else None
        self._held = np.zeros((0, size), np.float32)

    def push(self, frames: Floats) -> Floats:
        """The frames (frames, size) that have their derivatives, (frames', size * (1 + orders))."""
        if self._first is None:
            return frames
        derived = self._first.push(frames)
        return self._joined(frames, derived if self._rest is None else self._rest.push(derived))

    def finish(self) -> Floats:
        """What is left at the end."""
        if self._first is None:
            return self._held
        derived = self._first.finish()
        if self._rest is not None:
            derived = np.concatenate([self._rest.push(derived), self._rest.finish()])
        return self._joined(self._held[:0], derived)

    def _joined(self, frames: Floats, derived: Floats) -> Floats:
        held = np.concatenate([self._held, frames])
        self._held = held[len(derived) :]
        return np.concatenate([held[: len(derived)], derived], axis=1)


class _Delta:
    """The first derivative of a stream of frames."""

    def __init__(self, size: int) -> None:
        self._held = np.zeros((0, size), np.float32)

    def push(self, frames: Floats) -> Floats:
        if len(frames) == 0:
            return frames
        if len(self._held) == 0:
            frames = np.concatenate([np.repeat(frames[:1], REACH, axis=0), frames])
        held = np.concatenate([self._held, frames])
        self._held = held[-2 * REACH :]
        return _derivative(held)

    def finish(self) -> Floats:
        held = np.concatenate([self._held, np.repeat(self._held[-1:], REACH, axis=0)])
        return _derivative(held)


def _derivative(held: Floats) -> Floats:
    """Of every frame that has both its neighbours on both sides."""
    count = max(len(held) - 2 * REACH, 0)
    near = held[3 : 3 + count] - held[1 : 1 + count]
    far = held[4 : 4 + count] - held[:count]
    result: Floats = (near + 2 * far) * np.float32(0.1)
    return result
