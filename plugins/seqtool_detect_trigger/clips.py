"""Clips of sound: found in folders, read once, and where in them something is said."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqtool.audio.reading import read_audio
from seqtool.errors import SeqtoolError
from seqtool.nn.parameters import Floats
from seqtool.parallel import map_each

RATE = 16_000  # samples a second of all that is trained on and listened to
_HOP = RATE // 100  # samples between two measurements of energy
_WINDOW = 2 * _HOP
_SILENCE = -90.0  # dB of full scale; what is softer is no recording but padding
_SOFTEST = 0.1  # quantile of the energies that is taken for the background
_BELOW_PEAK = 27.0  # dB; what is softer is no speech
_LEAST_BELOW = 10.0  # dB; what is louder is speech, for a clip may hold nothing else
_ABOVE_FLOOR = 0.4  # of the way, in dB, from the softest to the loudest of a clip
_RAISED = 1.0  # dB that more is asked for at a time
_UNUSUAL = 1.5  # times the median length of a word
_PAUSE = 25  # measurements of a pause that ends a stretch


class Clip(NamedTuple):
    """A recording; ``start`` and ``end`` are the samples between which something is said.

    ``samples`` is float32 (samples,) at 16 kHz, ``level`` the mean power in dB of full scale
    between start and end.
    """

    path: str
    samples: Floats
    start: int
    end: int
    level: float


def find_clips(folders: Sequence[str]) -> list[str]:
    """The files in folders and the folders in them, sorted; a name that is a file is taken.

    Hidden files and those that are no sound by their ending are left out. Raises SeqtoolError for
    what is not there, and for a folder without sound.
    """
    found: set[str] = set()
    for folder in folders:
        if os.path.isfile(folder):
            found.add(folder)
            continue
        if not os.path.isdir(folder):
            raise SeqtoolError(f"{folder}: no such folder")
        some = [
            os.path.join(where, name)
            for where, _, names in os.walk(folder)
            for name in names
            if os.path.splitext(name)[1].lower()[1:] in _endings() and not name.startswith(".")
        ]
        if not some:
            raise SeqtoolError(f"{folder}: no sound in it (files such as .wav, .flac, .ogg, .mp3)")
        found.update(some)
    return sorted(found)


def _endings() -> set[str]:
    import soundfile

    return {ending.lower() for ending in soundfile.available_formats()} | {"oga", "opus", "aif"}


def split_paths(paths: Sequence[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """(the rest, a random ``share``) of paths, each sorted by name; the same for the same names.

    What decides is the name of a file without its folder, so that a copy is split alike.
    """
    order = sorted(paths, key=lambda path: (os.path.basename(path), path))
    chosen = np.random.default_rng(seed).permutation(len(order))
    count = round(len(order) * share)
    if share > 0 and len(order) > 1:
        count = min(max(count, 1), len(order) - 1)
    held = {order[number] for number in chosen[:count]}
    return [path for path in order if path not in held], [path for path in order if path in held]


def read_clips(paths: Sequence[str], threads: int) -> list[Clip]:
    """Read clips at 16 kHz; silent ones are left out. Raises SeqtoolError for what is no sound."""
    found = map_each(paths, lambda path: make_clip(path, read_audio(path, RATE)), threads)
    return [clip for clip in found if clip is not None]


def make_clip(path: str, samples: Floats) -> Clip | None:
    """A clip of samples at 16 kHz; None where nothing is to be heard."""
    stretch = active_stretch(samples)
    if stretch is None:
        return None
    start, end = stretch
    return Clip(path, samples, start, end, level(samples[start:end]))


def level(samples: Floats) -> float:
    """The mean power in dB of full scale; at least -120."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10 * float(np.log10(max(power, 1e-12)))


def active_stretch(samples: Floats, longest: int | None = None) -> tuple[int, int] | None:
    """(start, end) of what is louder than the background, in samples; None for silence.

    Louder is what is within 27 dB of the loudest and two fifths of the way, in dB, from the softest
    to the loudest, or within 10 dB; more is asked for until the stretch has no more than
    ``longest`` samples. Of stretches with a longer pause between them it is the loudest one: a
    click or a breath apart from a word is not a part of it.
    """
    count = len(samples) // _HOP
    if count < 2:
        return None
    squares = np.square(samples[: count * _HOP], dtype=np.float64).reshape(count, _HOP).mean(axis=1)
    energy = 10 * np.log10(np.maximum((squares[1:] + squares[:-1]) / 2, 1e-12))
    sounding = energy[energy > _SILENCE]
    if not len(sounding):
        return None
    loudest, softest = float(sounding.max()), float(np.quantile(sounding, _SOFTEST))
    above = min(softest + _ABOVE_FLOOR * (loudest - softest), loudest - _LEAST_BELOW)
    least = max(loudest - _BELOW_PEAK, above)
    while True:
        places = np.flatnonzero(energy >= least)
        groups = np.split(places, np.flatnonzero(np.diff(places) > _PAUSE) + 1)
        best = max(groups, key=lambda group: float((energy[group] - least).sum()))
        start, end = int(best[0]) * _HOP, int(best[-1]) * _HOP + _WINDOW
        if longest is None or end - start <= longest or least >= loudest - _RAISED:
            return start, end
        least += _RAISED


def aligned(clips: Sequence[Clip]) -> list[Clip]:
    """Clips of one word: where one seems much longer than usual, its ends are looked for again.

    What is too long is mostly noise around the word; it then has to stand out more.
    """
    if not clips:
        return []
    longest = round(_UNUSUAL * float(np.median([clip.end - clip.start for clip in clips])))
    better = []
    for clip in clips:
        if clip.end - clip.start > longest:
            start, end = active_stretch(clip.samples, longest) or (clip.start, clip.end)
            clip = Clip(clip.path, clip.samples, start, end, level(clip.samples[start:end]))
        better.append(clip)
    return better


def digest(clips: Sequence[Clip]) -> str:
    """The sha256 of the samples of clips, in their order."""
    hashed = hashlib.sha256()
    for clip in clips:
        hashed.update(np.int64(len(clip.samples)).tobytes())
        hashed.update(clip.samples.astype("<f4").tobytes())
    return hashed.hexdigest()
