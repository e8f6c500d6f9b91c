"""Changing recordings at random, so that a model hears more than was recorded.

Every function returns new float32 samples (or frames) and draws from the generator it is given:
the same generator state gives the same bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from seqtool.audio.types import Floats

_REVERBERATION = (0.15, 0.6)  # seconds in which an echo falls by 60 dB
_DIRECT_TO_ECHO = (0.0, 12.0)  # decibels
_FIRST_ECHO = 0.002  # seconds behind the direct sound
_COLOUR = 2.0  # decibels, deviation of each of four waves over the frequencies
_LARGEST_SHARE = 0.2  # of the frames that one mask in time may hide


def power(samples: Floats) -> float:
    """The mean square of samples, 0 if there are none."""
    if len(samples) == 0:
        return 0.0
    return float(np.square(samples, dtype=np.float64).mean())


def _floats(values: Any) -> Floats:
    result: Floats = np.asarray(values, np.float32)
    return result


def gain(samples: Floats, decibels: float) -> Floats:
    """Samples made louder by so many decibels; nothing is clipped."""
    return _floats(samples * np.float32(10 ** (decibels / 20)))


def shift(samples: Floats, count: int) -> Floats:
    """Samples moved ``count`` places later (earlier if negative), with zeros where none come."""
    moved: Floats = np.zeros_like(samples)
    kept = max(len(samples) - abs(count), 0)
    if kept:
        start, source = max(count, 0), max(-count, 0)
        moved[start : start + kept] = samples[source : source + kept]
    return moved


def change_speed(samples: Floats, factor: float) -> Floats:
    """Samples played ``factor`` times as fast, pitch and all: length / factor of them (by soxr)."""
    if factor == 1.0 or len(samples) == 0:
        return _floats(samples.copy())
    import soxr

    return _floats(soxr.resample(np.ascontiguousarray(samples, np.float32), factor, 1.0, "HQ"))


def fitted(samples: Floats, length: int) -> Floats:
    """Samples cut off at ``length``, or filled up to it with zeros."""
    if len(samples) >= length:
        return samples[:length]
    return np.concatenate([samples, np.zeros(length - len(samples), np.float32)])


def add_noise(samples: Floats, noise: Floats, snr_db: float, random: np.random.Generator) -> Floats:
    """Samples with a random stretch of ``noise`` over them, repeated if it is too short.

    The noise is scaled so that power of the samples / power of the stretch, each over all of the
    samples, is ``snr_db`` decibels. Silence as speech or as noise leaves the samples as they are.
    """
    if len(noise) == 0 or len(samples) == 0:
        return _floats(samples.copy())
    spare = len(noise) - len(samples)
    if spare >= 0:
        start = int(random.integers(spare + 1))
        stretch = noise[start : start + len(samples)]
    else:
        start = int(random.integers(len(noise)))
        places = np.arange(start, start + len(samples)) % len(noise)
        stretch = noise[places]
    speech, noisy = power(samples), power(stretch)
    if speech == 0 or noisy == 0:
        return _floats(samples.copy())
    scale = math.sqrt(speech / noisy / 10 ** (snr_db / 10))
    return _floats(samples + stretch * np.float32(scale))


def coloured_noise(count: int, random: np.random.Generator, exponent: float = 1.0) -> Floats:
    """Noise (count,) of power 1 whose spectrum falls as 1 / frequency^exponent.

    0 is white, 1 pink, 2 brown. Made in the frequency domain (Timmer and Koenig 1995, On
    generating power law noise).
    """
    if count < 2:
        return np.ones(count, np.float32)
    size = 1 << (count - 1).bit_length()
    bins = size // 2 + 1
    spectrum = random.standard_normal(2 * bins, np.float32).view(np.complex64)
    spectrum[0] = 0
    if exponent:
        spectrum[1:] *= np.arange(1, bins, dtype=np.float32) ** np.float32(-exponent / 2)
    noise = np.fft.irfft(spectrum, size)[:count].astype(np.float32, copy=False)
    return _floats(noise / np.float32(math.sqrt(power(noise))))


def room_echo(samples: Floats, rate: int, random: np.random.Generator) -> Floats:
    """Samples as heard in a room: of the same length, power and place.

    The room's answer is the direct sound and, behind it, noise that decays by 60 dB within a
    random time of 0.15 to 0.6 s (Polack 1988), 0 to 12 dB fainter in all.
    """
    before = power(samples)
    if before == 0:
        return _floats(samples.copy())
    seconds = random.uniform(*_REVERBERATION)
    places = np.arange(1, round(seconds * rate))
    tail = random.standard_normal(len(places)) * 10 ** (-3 * places / (seconds * rate))
    tail[: round(_FIRST_ECHO * rate)] = 0
    tail *= math.sqrt(10 ** (-random.uniform(*_DIRECT_TO_ECHO) / 10) / np.square(tail).sum())
    answer = np.concatenate([[1.0], tail]).astype(np.float32)
    heard = _convolved(samples, answer)
    return _floats(heard * np.float32(math.sqrt(before / power(heard))))


def microphone(samples: Floats, random: np.random.Generator) -> Floats:
    """Samples as by another microphone: of the same length and power, in another colour.

    Frequencies become louder and softer along a random smooth curve.
    """
    before = power(samples)
    if before == 0:
        return _floats(samples.copy())
    size = 1 << (len(samples) - 1).bit_length()
    places = np.linspace(0, 1, size // 2 + 1) ** 0.5  # the lower frequencies say more
    waves = np.cos(np.pi * np.outer(np.arange(1, 5), places))
    decibels = random.normal(size=4) * _COLOUR @ waves
    curve = (10 ** (decibels / 20)).astype(np.float32)
    heard = _floats(np.fft.irfft(np.fft.rfft(samples, size) * curve, size)[: len(samples)])
    return _floats(heard * np.float32(math.sqrt(before / power(heard))))


def _convolved(samples: Floats, answer: Floats) -> Floats:
    """The first ``len(samples)`` samples of the convolution, by overlapping blocks."""
    size = max(1 << (4 * len(answer) - 1).bit_length(), 1 << 12)
    step = size - len(answer) + 1
    spectrum = np.fft.rfft(answer, size)
    result: Floats = np.zeros(len(samples) + size, np.float32)
    for start in range(0, len(samples), step):
        block = np.fft.rfft(samples[start : start + step], size)
        block *= spectrum
        result[start : start + size] += np.fft.irfft(block, size).astype(np.float32, copy=False)
    return result[: len(samples)]


def spec_augment(
    features: Floats,
    random: np.random.Generator,
    time_masks: int = 2,
    frequency_masks: int = 2,
    longest: int = 15,
    widest: float = 0.25,
) -> Floats:
    """Features (frames, size) with stretches of time and bands of columns hidden.

    A stretch has 0 to ``longest`` frames, a fifth of them all at most; a band 0 to ``widest`` of
    the columns. What is hidden becomes its column's mean (Park et al. 2019, SpecAugment, section
    2, without warping).
    """
    hidden = _floats(features.copy())
    frames, size = features.shape
    if frames == 0:
        return hidden
    mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    longest = min(longest, int(_LARGEST_SHARE * frames))
    for _ in range(time_masks):
        length = int(random.integers(longest + 1))
        start = int(random.integers(frames - length + 1))
        hidden[start : start + length] = mean
    for _ in range(frequency_masks):
        width = int(random.integers(int(widest * size) + 1))
        start = int(random.integers(size - width + 1))
        hidden[:, start : start + width] = mean[start : start + width]
    return hidden
