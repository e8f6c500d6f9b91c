"""Sounds and models that tests of `seqtool detect-trigger` share; a word is two chirps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from seqtool.audio.features import FeatureSettings
from seqtool.nn.acoustic import AcousticSettings
from seqtool.nn.detector import FrameDetector
from seqtool.nn.stack import StackSettings
from seqtool_detect_trigger.clips import RATE, Clip, make_clip
from seqtool_detect_trigger.model_files import TriggerModel, save
from seqtool_detect_trigger.rule import Rule

Samples = NDArray[np.float32]
# Options of a training that takes seconds, and learns the word of two chirps.
SMALL = (
    "--streams", 40, "--seconds", 4, "--mels", 20, "--channels", 24, "--hidden", 24,
    "--layers", 1, "--dropout", 0, "--batch-size", 8, "--learning-rate", 0.01, "--snr", "10,30",
    "--validation", 0.2, "--threads", 2,
)  # fmt: skip


def chirp(start: float, end: float, seconds: float) -> Samples:
    """A tone that goes from ``start`` to ``end`` Hz."""
    times = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * (start * times + (end - start) * times**2 / (2 * seconds))
    return (0.3 * np.sin(phase)).astype(np.float32)


def word(random: np.random.Generator) -> Samples:
    """Up, and down: 0.3 s."""
    pitch = random.uniform(0.9, 1.1)
    up, down = chirp(500 * pitch, 2000 * pitch, 0.15), chirp(2000 * pitch, 700 * pitch, 0.15)
    return np.concatenate([up, down])


def other(random: np.random.Generator) -> Samples:
    """What is not the word: up twice, down twice, or one tone."""
    pitch = random.uniform(0.9, 1.1)
    up, down = chirp(500 * pitch, 2000 * pitch, 0.15), chirp(2000 * pitch, 700 * pitch, 0.15)
    tone = chirp(900 * pitch, 900 * pitch, 0.3)
    chosen = [np.concatenate([up, up]), np.concatenate([down, down]), tone]
    return chosen[int(random.integers(3))]


def recording(sound: Samples, random: np.random.Generator, before: float = 0.3) -> Samples:
    """A sound with faint noise before and behind it."""
    first, last = round(before * RATE), round(random.uniform(0.2, 0.4) * RATE)
    samples = random.standard_normal(first + len(sound) + last) * 0.0005
    samples[first : first + len(sound)] += sound
    return samples.astype(np.float32)


def clip_of(sound: Samples, path: str = "clip") -> Clip:
    """A clip in memory."""
    clip = make_clip(path, sound)
    assert clip is not None
    return clip


def write_folder(
    folder: Path, count: int, make: Callable[[np.random.Generator], Samples], seed: int
) -> Path:
    """A folder of recordings of sounds."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for number in range(count):
        soundfile.write(folder / f"{number:03}.wav", recording(make(random), random), RATE)
    return folder


def make_model(path: Path, seed: int = 1, name: str = "word", **rule: Any) -> TriggerModel:
    """Write a model of random weights, which hears something now and then."""
    heard = FeatureSettings(mels=12)
    shape = AcousticSettings(
        features=heard.size, symbols=1, stack=StackSettings(cell="gru", hidden=8), channels=8,
        kernel=6, stride=4, convolutions=1, causal=True,
    )  # fmt: skip
    network = FrameDetector(shape)
    network.initialise(seed)
    for name_of, weight in network.parameters.items():
        if not name_of.endswith("bias"):
            weight *= 3
    mean, scale = np.full(12, -8, np.float32), np.full(12, 0.4, np.float32)
    model = TriggerModel(
        str(path), name, network, heard, mean, scale, Rule(**{"threshold": 0.6, **rule}), {}
    )
    save(str(path), model, "float32", {"seed": seed})
    return model
