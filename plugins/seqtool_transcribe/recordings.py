"""Recordings in memory, for training."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.audio.reading import read_audio
from seqtool.errors import SeqtoolError
from seqtool.nn.parameters import Floats
from seqtool.nn.types import Ids
from seqtool.parallel import map_each
from seqtool.progress import Progress
from seqtool_transcribe.manifest import SOUNDS, Clip

Sound = NDArray[np.int16]

_FULL = 32768.0


class Recordings(NamedTuple):
    """Recordings that a model trains on, or is validated with.

    Attributes:
        clips: where they come from.
        sounds: int16 (samples,) each, all of one rate.
        labels: int32 (labels,) each.
    """

    clips: Sequence[Clip]
    sounds: Sequence[Sound]
    labels: Sequence[Ids]

    @property
    def samples(self) -> int:
        """In all of them."""
        return sum(len(sound) for sound in self.sounds)

    def take(self, numbers: Sequence[int]) -> Recordings:
        """Some of them."""
        return Recordings(
            [self.clips[number] for number in numbers],
            [self.sounds[number] for number in numbers],
            [self.labels[number] for number in numbers],
        )


def read_sounds(paths: Sequence[str], rate: int, threads: int, quiet: bool) -> list[Sound]:
    """Whole files at a rate, in 16 bits a sample. Raises SeqtoolError."""
    with Progress("reading", "recordings", len(paths), quiet=quiet) as progress:

        def read(path: str) -> Sound:
            sound = as_sound(read_audio(path, rate))
            progress.advance()
            return sound

        return map_each(paths, read, threads)


def as_sound(samples: Floats) -> Sound:
    """Samples in -1..1 as 16-bit numbers."""
    sound: Sound = np.clip(np.rint(samples * _FULL), -_FULL, _FULL - 1).astype(np.int16)
    return sound


def as_samples(sound: Sound) -> Floats:
    """16-bit numbers as samples in -1..1."""
    result: Floats = sound.astype(np.float32) / np.float32(_FULL)
    return result


def noise_files(folder: str) -> list[str]:
    """The recordings in a folder, and in folders in it, sorted; other files are left out.

    Raises SeqtoolError if there is no such folder, or no recording in it.
    """
    if not os.path.isdir(folder):
        raise SeqtoolError(f"--noise {folder}: no such folder")
    found = [
        os.path.join(place, name)
        for place, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(SOUNDS) and not name.startswith(".")
    ]
    if not found:
        raise SeqtoolError(f"--noise {folder}: holds no recordings ({', '.join(SOUNDS)})")
    return sorted(found)
