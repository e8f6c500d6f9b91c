"""A world of two words, "low" and "high", that are tones; and a recogniser that learns it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 8000
TONES = {"low": 350.0, "high": 1400.0}  # Hz
WORD, PAUSE = 0.2, 0.12  # seconds

Floats = NDArray[np.float32]


def speak(words: Sequence[str], seed: int = 1, pause: float = PAUSE) -> Floats:
    """Words with pauses around them, and a faint hiss; float32 (samples,)."""
    random = np.random.default_rng(seed)
    silence = np.zeros(int(pause * RATE))
    parts = [silence]
    for word in words:
        times = np.arange(int(WORD * random.uniform(0.9, 1.1) * RATE)) / RATE
        tone = np.sin(2 * np.pi * TONES[word] * random.uniform(0.95, 1.05) * times)
        parts += [0.3 * np.hanning(len(times)) * tone, silence]
    samples = np.concatenate(parts)
    return (samples + 1e-3 * random.standard_normal(len(samples))).astype(np.float32)


def texts(count: int, seed: int) -> list[list[str]]:
    """Random strings of one to five words."""
    random = np.random.default_rng(seed)
    return [random.choice(list(TONES), random.integers(1, 6)).tolist() for _ in range(count)]


def write_corpus(folder: Path, count: int, seed: int) -> Path:
    """Recordings and a manifest of them, ``list.tsv``; two speakers."""
    folder.mkdir(exist_ok=True)
    lines = []
    for number, words in enumerate(texts(count, seed)):
        name = f"{number}.wav"
        soundfile.write(folder / name, speak(words, seed * 1000 + number), RATE)
        lines.append(f"{name}\t{' '.join(words)}\t{'anna' if number % 2 else 'bert'}\n")
    manifest = folder / "list.tsv"
    manifest.write_text("".join(lines), encoding="utf-8", newline="\n")
    return manifest


TRAINING: tuple[Any, ...] = (
    "--rate", RATE, "--mels", 16, "--hidden", 16, "--layers", 1, "--channels", 16,
    "--level", "word", "--batch-size", 8, "--learning-rate", 0.01, "--dropout", 0,
)  # fmt: skip
