"""How sound becomes features: window, hop, filters."""

from __future__ import annotations

from typing import NamedTuple

from seqtool.audio.raw import HIGHEST_RATE, LOWEST_RATE
from seqtool.errors import SeqtoolError

_KINDS = ("log-mel", "mfcc")
_LARGEST = 1e6  # of any setting
_LONGEST_WINDOW = 1.0  # seconds
_SHORTEST_HOP = 0.001  # seconds
_MOST_MELS = 1024


class FeatureSettings(NamedTuple):
    """What `features` computes.

    Attributes:
        rate: of the samples, Hz.
        window, hop: length of a frame and distance of two frames, seconds.
        mels: number of mel filters, which reach from ``lowest`` to ``highest`` Hz (half the rate
            when None).
        pre_emphasis: y[t] = x[t] - pre_emphasis * x[t - 1]; 0 is none.
        kind: ``"log-mel"`` or ``"mfcc"``.
        coefficients: how many of the cepstrum are kept, for ``"mfcc"``.
        deltas: how many times derivatives over time are appended: 0, 1 or 2.
    """

    rate: int = 16000
    window: float = 0.025
    hop: float = 0.010
    mels: int = 40
    lowest: float = 20.0
    highest: float | None = None
    pre_emphasis: float = 0.97
    kind: str = "log-mel"
    coefficients: int = 13
    deltas: int = 0

    @property
    def size(self) -> int:
        """Numbers a frame."""
        base = self.mels if self.kind == "log-mel" else self.coefficients
        return base * (1 + self.deltas)

    @property
    def window_samples(self) -> int:
        """Length of a frame in samples."""
        return round(self.window * self.rate)

    @property
    def hop_samples(self) -> int:
        """Distance of two frames in samples."""
        return round(self.hop * self.rate)

    @property
    def fft_size(self) -> int:
        """Length of the Fourier transform: the power of two that holds a window."""
        return 1 << max(self.window_samples - 1, 1).bit_length()

    @property
    def top(self) -> float:
        """Upper end of the highest filter, Hz."""
        return self.rate / 2 if self.highest is None else self.highest


def checked_settings(settings: FeatureSettings) -> FeatureSettings:
    """The settings, if features can be computed by them; for those that come from a file.

    Raises SeqtoolError that names the setting.
    """
    if not LOWEST_RATE <= settings.rate <= HIGHEST_RATE:
        raise SeqtoolError(
            f"features: a rate of {settings.rate} Hz: {LOWEST_RATE} to {HIGHEST_RATE} work"
        )
    numbers = (settings.window, settings.hop, settings.lowest, settings.top, settings.pre_emphasis)
    if not all(abs(number) <= _LARGEST for number in numbers):
        raise SeqtoolError("features: a setting is no number, or far too large")
    if not 2 <= settings.window_samples <= _LONGEST_WINDOW * settings.rate:
        raise SeqtoolError(f"features: a window of {settings.window} s: at most 1 s works")
    if not (settings.hop >= _SHORTEST_HOP and settings.hop_samples <= settings.window_samples):
        raise SeqtoolError(
            f"features: a hop of {settings.hop} s: {_SHORTEST_HOP} s to the window's length work"
        )
    if not 0 <= settings.lowest < settings.top <= settings.rate / 2:
        raise SeqtoolError(
            f"features: filters from {settings.lowest} to {settings.top} Hz at a rate of "
            f"{settings.rate} Hz: they rise, and end at half the rate"
        )
    if not 1 <= settings.mels <= min(_MOST_MELS, settings.fft_size // 2):
        raise SeqtoolError(f"features: {settings.mels} mel filters of {settings.fft_size} points")
    if settings.kind not in _KINDS:
        raise SeqtoolError(f"features: kind {settings.kind!r}: there are {' and '.join(_KINDS)}")
    if not 1 <= settings.coefficients <= settings.mels and settings.kind == "mfcc":
        raise SeqtoolError(
            f"features: {settings.coefficients} coefficients of {settings.mels} mel filters"
        )
    if not 0 <= settings.deltas <= 2 or not 0 <= settings.pre_emphasis <= 1:
        raise SeqtoolError("features: deltas are 0 to 2, pre-emphasis is 0 to 1")
    return settings


def frame_count(samples: int, settings: FeatureSettings) -> int:
    """The number of frames of so many samples: 1 + (samples - window) // hop.

    One if there are fewer samples than a window holds, none if there is no sample.
    """
    if samples < settings.window_samples:
        return int(samples > 0)
    return 1 + (samples - settings.window_samples) // settings.hop_samples
