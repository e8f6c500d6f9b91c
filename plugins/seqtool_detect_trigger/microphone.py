"""The microphone as a stream of samples, by sounddevice, which is an extra."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

from seqtool.errors import SeqtoolError
from seqtool.nn.parameters import Floats
from seqtool_detect_trigger.clips import RATE

_BLOCK = 320  # samples, 20 ms


def import_sounddevice() -> Any:
    """The library. Raises SeqtoolError, which says how to get it."""
    try:
        return importlib.import_module("sounddevice")
    except ImportError as error:
        raise SeqtoolError(
            "--mic needs sounddevice, which is not installed: pip install 'seqtool[mic]'"
        ) from error
    except OSError as error:  # the library it stands on
        raise SeqtoolError(f"--mic: {error}: install PortAudio (libportaudio2)") from error


def microphone_blocks(warn: Callable[[str], None]) -> Iterator[Floats]:
    """Samples as they come, float32 at 16 kHz; without an end.

    ``warn`` gets one line when samples are lost for the first time. Raises SeqtoolError.
    """
    sound = import_sounddevice()
    try:
        with sound.InputStream(
            samplerate=RATE, channels=1, dtype="float32", blocksize=_BLOCK
        ) as stream:
            told = False
            while True:
                block, lost = stream.read(_BLOCK)
                if lost and not told:
                    warn("--mic: sound came faster than it was heard: some of it is lost")
                    told = True
                yield block[:, 0].copy()
    except sound.PortAudioError as error:
        raise SeqtoolError(f"the microphone cannot be read: {error}") from error
