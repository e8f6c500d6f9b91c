"""The tables of the features: window, mel filters, cosine transform."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from seqtool.audio.settings import FeatureSettings
from seqtool.audio.types import Floats, Indices

# Slaney's mel scale (Auditory Toolbox, 1998): even steps up to 1000 Hz, then even ratios.
_HERTZ_A_MEL = 200 / 3
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _HERTZ_A_MEL
_LOG_STEP = math.log(6.4) / 27


class MelFilters(NamedTuple):
    """Triangular filters, each kept where it is above zero.

    Attributes:
        starts: the first bin of each filter.
        offsets: where the weights of each filter begin in ``weights``; one more at the end.
        weights: of all filters, one after the other.
    """

    starts: Indices
    offsets: Indices
    weights: Floats


def hertz_to_mel(hertz: float) -> float:
    """Slaney's mel scale."""
    if hertz < _BREAK_HERTZ:
        return hertz / _HERTZ_A_MEL
    return _BREAK_MEL + math.log(hertz / _BREAK_HERTZ) / _LOG_STEP


def mel_to_hertz(mel: float) -> float:
    """The inverse of `hertz_to_mel`."""
    if mel < _BREAK_MEL:
        return mel * _HERTZ_A_MEL
    return _BREAK_HERTZ * math.exp((mel - _BREAK_MEL) * _LOG_STEP)


@lru_cache(maxsize=8)
def mel_filters(settings: FeatureSettings) -> MelFilters:
    """Triangles evenly spaced on the mel scale, each of area 1 in Hz (Slaney's norm)."""
    bins = settings.fft_size // 2 + 1
    frequencies = np.arange(bins) * (settings.rate / settings.fft_size)
    low, high = hertz_to_mel(settings.lowest), hertz_to_mel(settings.top)
    step = (high - low) / (settings.mels + 1)
    edges = [mel_to_hertz(low + step * k) for k in range(settings.mels + 2)]
    starts, offsets, parts = [], [0], []
    for left, middle, right in zip(edges, edges[1:], edges[2:], strict=False):
        rising = (frequencies - left) / (middle - left)
        falling = (right - frequencies) / (right - middle)
        weights = np.maximum(np.minimum(rising, falling), 0) * (2 / (right - left))
        (used,) = np.nonzero(weights)
        first, end = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 0)
        starts.append(first)
        offsets.append(offsets[-1] + end - first)
        parts.append(weights[first:end])
    return MelFilters(
        np.array(starts, np.int64),
        np.array(offsets, np.int64),
        np.concatenate(parts).astype(np.float32),
    )


@lru_cache(maxsize=8)
def hann_window(length: int) -> Floats:
    """The periodic Hann window, shape (length,)."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


@lru_cache(maxsize=8)
def cosine_transform(coefficients: int, size: int) -> Floats:
    """The first rows of the orthonormal DCT-II, shape (coefficients, size)."""
    k = np.arange(coefficients)[:, None]
    rows = np.cos(np.pi / size * (np.arange(size) + 0.5) * k) * math.sqrt(2 / size)
    rows[0] /= math.sqrt(2)
    matrix: Floats = rows.astype(np.float32)
    return matrix
