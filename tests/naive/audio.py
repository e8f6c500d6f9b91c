"""Features of sound one frame at a time, in double precision.

Slaney 1998, "Auditory Toolbox" (mel scale and filters); Davis & Mermelstein 1980 (cepstral
coefficients); Young et al. 2006, "The HTK Book" 3.4, equation 5.16 (derivatives); Finch 2009,
"Incremental calculation of weighted mean and variance" (running moments).
"""

import cmath
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def frames_of(
    samples: Sequence[float], window: int, hop: int, emphasis: float
) -> list[list[float]]:
    """Emphasised frames; the sample before the first is taken to be like it."""
    emphasised = [
        float(now) - emphasis * float(before)
        for before, now in zip([samples[0], *samples[:-1]], samples, strict=True)
    ]
    if len(samples) < window:
        return [emphasised + [0.0] * (window - len(samples))]
    count = 1 + (len(samples) - window) // hop
    return [emphasised[k * hop : k * hop + window] for k in range(count)]


def power_spectrum(frame: Sequence[float], size: int) -> list[float]:
    """|DFT|^2 of a frame under a periodic Hann window, padded to ``size``."""
    length = len(frame)
    faded = [x * math.sin(math.pi * k / length) ** 2 for k, x in enumerate(frame)]
    return [
        abs(sum(x * cmath.exp(-2j * math.pi * k * b / size) for k, x in enumerate(faded))) ** 2
        for b in range(size // 2 + 1)
    ]


def mel(hertz: float) -> float:
    """Slaney's scale: 3 mels are 200 Hz up to 1000 Hz, then 27 mels are a factor of 6.4."""
    return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000, 6.4)


def hertz(mels: float) -> float:
    """The inverse of `mel`."""
    return 200 * mels / 3 if mels < 15 else 1000 * 6.4 ** ((mels - 15) / 27)


def mel_energies(
    power: Sequence[float], rate: int, size: int, mels: int, lowest: float, highest: float
) -> list[float]:
    """Triangles of area 1 Hz, evenly spaced in mels, over the power spectrum."""
    low, high = mel(lowest), mel(highest)
    edges = [hertz(low + (high - low) * k / (mels + 1)) for k in range(mels + 2)]
    energies = []
    for left, middle, right in zip(edges, edges[1:], edges[2:], strict=False):
        total = 0.0
        for b, value in enumerate(power):
            f = b * rate / size
            if left < f <= middle:
                total += value * (f - left) / (middle - left)
            elif middle < f < right:
                total += value * (right - f) / (right - middle)
        energies.append(total * 2 / (right - left))
    return energies


def cepstrum(log_mel: Sequence[float], coefficients: int) -> list[float]:
    """The orthonormal DCT-II."""
    size = len(log_mel)
    return [
        math.sqrt((1 if k == 0 else 2) / size)
        * sum(x * math.cos(math.pi * k * (j + 0.5) / size) for j, x in enumerate(log_mel))
        for k in range(coefficients)
    ]


def deltas(frames: Array) -> Array:
    """Equation 5.16 with a reach of 2; the ends are repeated."""
    last = len(frames) - 1
    result = np.zeros_like(frames)
    for t in range(len(frames)):
        for n in (1, 2):
            result[t] += n * (frames[min(t + n, last)] - frames[max(t - n, 0)]) / 10
    return result


def running_normalised(column: Sequence[float], horizon: int, least: float) -> list[float]:
    """Each number less the weighted mean of those up to it, over their weighted deviation."""
    weights: list[float] = []
    normalised = []
    for t, x in enumerate(column):
        share = max(1 / (t + 1), 1 / horizon)
        weights = [weight * (1 - share) for weight in weights] + [share]
        mean = sum(w * y for w, y in zip(weights, column, strict=False))
        variance = sum(w * (y - mean) ** 2 for w, y in zip(weights, column, strict=False))
        normalised.append((x - mean) / max(math.sqrt(variance), least))
    return normalised
