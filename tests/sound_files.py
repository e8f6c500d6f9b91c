"""Sounds of all kinds, odd and damaged ones too, and a small model that listens to them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from seqtool.audio.features import FeatureSettings
from seqtool.audio.types import Floats
from seqtool.nn.acoustic import AcousticSettings
from seqtool.nn.speech import SpeechModel, SpeechSettings
from seqtool.nn.stack import StackSettings
from seqtool_transcribe.alphabet import make_alphabet
from seqtool_transcribe.front_end import FrontEnd
from seqtool_transcribe.model_files import Loaded, save

RATE = 16_000
Writer = Callable[[Path], None]
_FEATURES = FeatureSettings(mels=8)
_TEXT_SETTINGS = {"tokenizer": None, "level": "char", "vocab_size": None, "threads": 1}


def tone(frequency: float, seconds: float = 0.5, rate: int = RATE, level: float = 0.5) -> Floats:
    """A sine."""
    times = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


def noise(seconds: float = 0.5, level: float = 0.3) -> Floats:
    """White noise, clipped at 1."""
    random = np.random.default_rng(1)
    drawn = random.normal(0, level, round(seconds * RATE))
    return np.clip(drawn, -1, 1).astype(np.float32)


def _kept(samples: NDArray[Any], rate: int = RATE, kind: str | None = None) -> Writer:
    def write(path: Path) -> None:
        soundfile.write(str(path), samples, rate, subtype=kind)

    return write


def _cut(name: str, share: float) -> Writer:
    """The sound ``name``, of which the end is missing."""

    def write(path: Path) -> None:
        SOUNDS[name](path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return write


def _bytes(data: bytes) -> Writer:
    def write(path: Path) -> None:
        path.write_bytes(data)

    return write


def _header(channels: int = 1, rate: int = RATE, bits: int = 16, size: int = 0) -> bytes:
    """A WAV header and one second of zeros."""
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * width & 0xFFFF_FFFF, width, bits)
    body = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size or 32_000)
    return b"RIFF" + struct.pack("<I", 36 + 32_000) + b"WAVE" + body + bytes(32_000)


def _five_channels() -> Floats:
    return np.stack([tone(200 * number) for number in range(1, 6)], axis=1)


def _with(value: float) -> Floats:
    samples = tone(300)
    samples[1234] = value
    return samples


# Files that are sound: every command reads them.
SOUNDS: dict[str, Writer] = {
    "silence.wav": _kept(np.zeros(RATE, np.float32)),
    "low.wav": _kept(tone(50)),
    "tone.wav": _kept(tone(1000)),
    "high.wav": _kept(tone(7990)),
    "square.wav": _kept(np.sign(tone(440)), kind="FLOAT"),
    "noise.wav": _kept(noise()),
    "loud-noise.wav": _kept(noise(level=30.0)),
    "one-sample.wav": _kept(np.ones(1, np.float32)),
    "two-samples.wav": _kept(np.ones(2, np.float32), 96_000),
    "no-samples.wav": _kept(np.zeros(0, np.float32)),
    "constant.wav": _kept(np.full(RATE // 2, 0.9, np.float32)),
    "beyond-one.wav": _kept(tone(300, level=1000.0), kind="FLOAT"),
    "denormal.wav": _kept(tone(300, level=1e-42), kind="FLOAT"),
    "8-bit.wav": _kept(tone(300), kind="PCM_U8"),
    "24-bit.wav": _kept(tone(300), kind="PCM_24"),
    "24-bit.flac": _kept(tone(300), kind="PCM_24"),
    "32-bit.wav": _kept(tone(300), kind="PCM_32"),
    "double.wav": _kept(tone(300), kind="DOUBLE"),
    "ulaw.wav": _kept(tone(300), kind="ULAW"),
    "adpcm.wav": _kept(tone(300), kind="IMA_ADPCM"),
    "8-khz.wav": _kept(tone(300, rate=8000), 8000),
    "96-khz.wav": _kept(tone(300, rate=96_000), 96_000),
    "odd-rate.wav": _kept(tone(300, rate=12_345), 12_345),
    "5-channels.wav": _kept(_five_channels()),
    "tone.aiff": _kept(tone(300)),
    "tone.au": _kept(tone(300)),
    "tone.ogg": _kept(tone(300)),
    "tone.mp3": _kept(tone(300)),
    "tone.w64": _kept(tone(300)),
    "Füße und\ttab.wav": _kept(tone(300)),
}

# Files that are not, or are damaged: one line of message each.
NO_SOUNDS: dict[str, Writer] = {
    "nan.wav": _kept(_with(np.nan), kind="FLOAT"),
    "infinite.wav": _kept(_with(-np.inf), kind="FLOAT"),
    "enormous.wav": _kept(_with(1e30), kind="FLOAT"),
    "enormous-double.wav": _kept(_with(1e30).astype(np.float64) * 1e200, kind="DOUBLE"),
    "truncated.wav": _cut("tone.wav", 0.6),
    "truncated.flac": _cut("24-bit.flac", 0.6),
    "header-only.wav": _bytes(_header()[:44]),
    "half-a-header.wav": _bytes(_header()[:30]),
    "12-bytes.wav": _bytes(_header()[:12]),
    "11-bytes.wav": _bytes(_header()[:11]),
    "no-channels.wav": _bytes(_header(channels=0)),
    "30000-channels.wav": _bytes(_header(channels=30_000)),
    "no-rate.wav": _bytes(_header(rate=0)),
    "4-ghz.wav": _bytes(_header(rate=4_000_000_000)),
    "no-bits.wav": _bytes(_header(bits=0)),
    "size-lies.wav": _bytes(_header(size=1_000_000_000)),
    "text.wav": _bytes(b"This is no sound.\n" * 50),
    "zeros.wav": _bytes(bytes(5000)),
    "empty.wav": _bytes(b""),
    "half-a.flac": _bytes(b"fLaC\x00\x00\x00\x22" + bytes(20)),
    "not.wav.gz": _bytes(b"\x1f\x8b\x08 and then nothing that is gzip"),
    "folder.wav": lambda path: path.mkdir(),
    "missing.wav": lambda path: None,
}


def speech_model(path: Path) -> Path:
    """A small recogniser of random weights, which writes nonsense of the letters a to f."""
    alphabet = make_alphabet(["abc def", "fade bed cab"], _TEXT_SETTINGS)
    stack = StackSettings(cell="gru", hidden=6, layers=1, bidirectional=True)
    shape = AcousticSettings(
        _FEATURES.size, alphabet.symbols, stack, channels=5, kernel=4, stride=2
    )
    model = SpeechModel(SpeechSettings(shape))
    model.initialise(1)
    for name, weight in model.parameters.items():
        if not name.endswith("bias"):
            weight *= 4  # so that what is heard matters
    model.parameters["acoustic.output.bias"][0] = -2.0  # a blank is rare
    loaded = Loaded("", model, alphabet, FrontEnd(_FEATURES), {})
    save(str(path), loaded, "float32", {})
    return path


def endless_wav(samples: Floats) -> bytes:
    """The begin of a WAV stream whose header does not know how long it gets."""
    header = bytearray(_header()[:44])
    header[4:8] = header[40:44] = b"\xff\xff\xff\xff"
    return bytes(header) + (samples * 32767).astype("<i2").tobytes()
