"""Manifests of the speech in SEQTOOL_DATA, and strings of digits made of single ones.

A manifest has lines of path, tab, text, tab, speaker, as `seqtool transcribe` reads them. Nothing
is left to the machine: the same seed draws the same strings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from seqtool.audio.augment import add_noise, coloured_noise
from seqtool.audio.reading import read_audio

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RATE = 8000  # of the digits
_SOUNDS = (".flac", ".ogg", ".wav", ".mp3")
_PAUSE = (0.05, 0.4)  # seconds between two digits of a string
_EDGE = (0.1, 0.4)  # seconds before the first and behind the last


class Clip(NamedTuple):
    """A recording, what is said in it, and by whom."""

    path: Path
    text: str
    speaker: str


def write_manifest(path: Path, clips: Iterable[Clip]) -> Path:
    """Write the lines; returns the path."""
    lines = (f"{clip.path}\t{clip.text}\t{clip.speaker}\n" for clip in clips)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def digits(data: Path) -> tuple[list[Clip], list[Clip], list[Clip]]:
    """Single spoken digits to train on, to validate on, and to test on.

    The test set is the official one (indices 0 to 4); indices 5 and 6 are for validation.
    """
    parts: tuple[list[Clip], list[Clip], list[Clip]] = ([], [], [])
    for path in sorted((data / "speech/digits").glob("*.flac")):
        digit, speaker, index = path.stem.split("_")
        part = 2 if int(index) < 5 else 1 if int(index) < 7 else 0
        parts[part].append(Clip(path, WORDS[int(digit)], speaker))
    return parts


def yes_and_no(data: Path) -> tuple[list[Clip], list[Clip]]:
    """30 recordings of eight words to train on, and 30 to test on: every other one."""
    clips = []
    for path in sorted((data / "speech/yesno").glob("*.flac")):
        text = " ".join("yes" if digit == "1" else "no" for digit in path.stem.split("_"))
        clips.append(Clip(path, text, "one"))
    return clips[::2], clips[1::2]


def sentences(data: Path) -> tuple[list[Clip], list[Clip], list[Clip]]:
    """Read sentences to train on (423), to validate on (30) and to test on (50).

    Texts are in lower case, without punctuation but apostrophes. Every tenth is for the test.
    """
    folder = data / "speech/vctk-p239"
    clips = []
    for line in (folder / "transcripts.tsv").read_text("utf-8").splitlines():
        name, text = line.split("\t")
        letters = "".join(c if c.isalpha() or c == "'" else " " for c in text.lower())
        clips.append(Clip(folder / name, " ".join(letters.split()), "p239"))
    test = clips[::10][:50]
    rest = [clip for clip in clips if clip not in test]
    held = rest[::15][:30]
    return [clip for clip in rest if clip not in held], held, test


def write_strings(
    folder: Path, clips: Sequence[Clip], count: int, seed: int, snr: float = 20.0
) -> Path:
    """Write strings of 3 to 7 clips of one speaker, with pauses and noise; returns the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    sounds = {clip.path: read_audio(str(clip.path), RATE) for clip in clips}
    speakers = sorted({clip.speaker for clip in clips})
    strings = []
    for number in range(count):
        speaker = speakers[number % len(speakers)]
        own = [clip for clip in clips if clip.speaker == speaker]
        chosen = [own[int(random.integers(len(own)))] for _ in range(int(random.integers(3, 8)))]
        parts = [_silence(_EDGE, random)]
        for clip in chosen:
            parts += [sounds[clip.path], _silence(_PAUSE, random)]
        parts[-1] = _silence(_EDGE, random)
        samples = np.concatenate(parts)
        samples = add_noise(samples, coloured_noise(len(samples), random), snr, random)
        path = folder / f"{number:04}.flac"
        soundfile.write(path, np.clip(samples, -1, 1), RATE, subtype="PCM_16")
        strings.append(Clip(path, " ".join(clip.text for clip in chosen), speaker))
    return write_manifest(folder / "strings.tsv", strings)


def _silence(seconds: tuple[float, float], random: np.random.Generator) -> np.ndarray:
    return np.zeros(int(random.uniform(*seconds) * RATE), np.float32)


class WakeWord(NamedTuple):
    """Folders of clips for a wake word: positive, negative, noise."""

    positive: Path
    negative: Path
    noise: Path


def wake_word(data: Path, word: str, folder: Path) -> tuple[WakeWord, WakeWord]:
    """Folders of links to the clips to train on (70 %) and to test on (30 %).

    Negative are the other wake word, spoken orders, short speech, read sentences and digits. Of
    each kind, every clip whose place in the order of names ends in 0, 3 or 6 is for the test.
    """
    trigger = data / "trigger"
    other = "computer" if word == "alexa" else "alexa"
    negative = [trigger / other, trigger / "other-speech", trigger / "not-wake-words"]
    negative += [data / "speech/vctk-p239", data / "speech/digits"]
    sets = []
    for part in ("train", "test"):
        names = WakeWord(*(folder / word / part / name for name in WakeWord._fields))
        _link([trigger / word], names.positive, part)
        _link(negative, names.negative, part)
        _link([trigger / "noise"], names.noise, part)
        sets.append(names)
    return sets[0], sets[1]


def _link(sources: Sequence[Path], target: Path, part: str) -> None:
    """Link the clips of one part of some folders into one folder for each."""
    for source in sources:
        own = target / source.name
        own.mkdir(parents=True, exist_ok=True)
        clips = [path for path in sorted(source.rglob("*")) if path.suffix in _SOUNDS]
        for number, path in enumerate(clips):
            if (number % 10 in (0, 3, 6)) == (part == "test"):
                (own / f"{number:05}{path.suffix}").symlink_to(path)
