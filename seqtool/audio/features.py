"""Log-mel energies and MFCC, of whole sound and of streams, bit for bit the same.

Values are those of librosa (``power=2``, ``htk=False``, ``norm="slaney"``, ``center=False``, an
FFT of the next power of two) without its decibels: natural logarithms, at least ln(1e-10).
"""

from __future__ import annotations

import numpy as np

from seqtool.audio.deltas import DeltaStream
from seqtool.audio.feature_kernels import mel_energies, transformed_rows, windowed_frames
from seqtool.audio.filters import cosine_transform, hann_window, mel_filters
from seqtool.audio.settings import FeatureSettings, checked_settings, frame_count
from seqtool.audio.types import Floats

__all__ = ["FeatureSettings", "FeatureStream", "checked_settings", "features", "frame_count"]

FLOOR = 1e-10  # of a mel energy
_FRAMES_AT_ONCE = 64  # their spectra stay in the cache


def features(samples: Floats, settings: FeatureSettings) -> Floats:
    """The features of samples (samples,), shape (`frame_count`, settings.size).

    Fewer samples than a window holds are padded with zeros behind.
    """
    stream = FeatureStream(settings)
    return np.concatenate([stream.push(samples), stream.finish()])


class FeatureStream:
    """The frames of `features`, as the samples come; however these are cut, the bits are the same.

    A frame comes out when its last sample is there, with derivatives 2 frames a derivative later.
    Raises SeqtoolError for settings that cannot be.
    """

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = checked_settings(settings)
        self._window = hann_window(settings.window_samples)
        self._filters = mel_filters(settings)
        self._power = np.zeros(settings.fft_size // 2 + 1, np.float32)
        base = settings.size // (1 + settings.deltas)
        self._deltas = DeltaStream(base, settings.deltas)
        # The samples not yet done with, behind the one before them.
        self._held = np.zeros(0, np.float32)
        self._any_frame = False

    def push(self, samples: Floats) -> Floats:
        """Take the next samples (samples,); returns the frames that are complete."""
        samples = np.ascontiguousarray(samples, np.float32)
        if len(samples) == 0:
            return self._deltas.push(self._frames(0, 0))
        parts = [self._held, samples] if len(self._held) else [samples[:1], samples]
        self._held = np.concatenate(parts)
        window, hop = self.settings.window_samples, self.settings.hop_samples
        count = max(0, 1 + (len(self._held) - 1 - window) // hop)
        frames = self._frames(count, window)
        self._held = self._held[count * hop :].copy()
        self._any_frame |= count > 0
        return self._deltas.push(frames)

    def finish(self) -> Floats:
        """The frames that are left when there are no more samples."""
        width = len(self._held) - 1
        count = int(width > 0 and not self._any_frame)
        last = self._deltas.push(self._frames(count, width))
        return np.concatenate([last, self._deltas.finish()])

    def _frames(self, count: int, width: int) -> Floats:
        """The first ``count`` frames of what is held, each of ``width`` samples."""
        settings = self.settings
        mels = np.empty((count, settings.mels), np.float32)
        for start in range(0, count, _FRAMES_AT_ONCE):
            self._energies(start, width, mels[start : start + _FRAMES_AT_ONCE])
        np.log(mels, out=mels)
        if settings.kind == "log-mel":
            return mels
        matrix = cosine_transform(settings.coefficients, settings.mels)
        output = np.empty((count, settings.coefficients), np.float32)
        transformed_rows(
            mels.reshape(-1), settings.mels, matrix.reshape(-1), len(matrix), output.reshape(-1)
        )
        return output

    def _energies(self, start: int, width: int, output: Floats) -> None:
        settings, filters = self.settings, self._filters
        frames = np.empty((len(output), settings.fft_size), np.float32)
        first = start * settings.hop_samples
        emphasis, hop = settings.pre_emphasis, settings.hop_samples
        windowed_frames(
            self._held[first:], hop, width, self._window, emphasis, settings.fft_size,
            frames.reshape(-1),
        )  # fmt: skip
        # numpy 1 transforms in double precision.
        spectrum = np.fft.rfft(frames).astype(np.complex64, copy=False)
        mel_energies(
            spectrum.view(np.float32).reshape(-1), settings.fft_size // 2 + 1,
            filters.starts, filters.offsets, filters.weights, FLOOR,
            self._power, output.reshape(-1),
        )  # fmt: skip
