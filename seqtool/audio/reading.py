"""Reading sound: files of any format that libsndfile knows, WAV and raw PCM also from a pipe.

Everything becomes mono at the rate asked for. A whole file is read by the same code as a stream,
so both are bit for bit the same. Compressed files (``.gz`` and so on) are unpacked on the way.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

import numpy as np

from seqtool.audio.mono import MonoStream
from seqtool.audio.pcm import pcm_blocks, read_exactly, read_some
from seqtool.audio.raw import HIGHEST_RATE, LOWEST_RATE, MOST_CHANNELS, RawFormat
from seqtool.audio.types import Floats
from seqtool.audio.wav import is_wav, read_wav_header
from seqtool.errors import SeqtoolError
from seqtool.text import display_name, open_bytes

LONGEST_HOURS = 24  # of sound held in memory at once
_WHOLE_BLOCK = 4.0  # seconds
_SPOOLED_BYTES = 2 << 30  # of a pipe that has to become a file first
_COPY_BYTES = 1 << 20
_NOT_COUNTED = ("MP3", "MPEG", "OGG")  # formats whose number of samples is a guess
_UNKNOWN_FRAMES = 1 << 62  # libsndfile says about twice that of FLAC that came through a pipe


class _Source(NamedTuple):
    """An opened input, and its samples (frames, channels) as they are read."""

    rate: int
    blocks: Iterator[Floats]


def read_audio(path: str, rate: int, raw: RawFormat | None = None) -> Floats:
    """A whole file (``-`` is stdin) as mono samples (samples,) at ``rate`` Hz.

    Raises SeqtoolError for what is no sound, ends too early, holds samples that are no numbers,
    or is longer than 24 hours. A file without samples is an empty array.
    """
    parts = [np.zeros(0, np.float32)]
    count = 0
    for block in audio_blocks(path, rate, raw, _WHOLE_BLOCK):
        parts.append(block)
        count += len(block)
        if count > LONGEST_HOURS * 3600 * rate:
            raise SeqtoolError(
                f"{display_name(path)}: longer than {LONGEST_HOURS} hours: cut it into pieces"
            )
    return np.concatenate(parts)


def audio_blocks(
    path: str, rate: int, raw: RawFormat | None = None, seconds: float = 0.08
) -> Iterator[Floats]:
    """The same samples in blocks of about ``seconds``, or what comes at once if that is less.

    Memory does not grow with the input. Raises SeqtoolError as `read_audio` does.
    """
    name = display_name(path)
    with _opened(path, raw, seconds) as source:
        mono = MonoStream(source.rate, rate, name)
        for block in source.blocks:
            samples = mono.push(block)
            if len(samples):
                yield samples
    samples = mono.finish()
    if len(samples):
        yield samples


@contextmanager
def _opened(path: str, raw: RawFormat | None, seconds: float) -> Iterator[_Source]:
    name = display_name(path)
    stream = open_bytes(path)
    try:
        if raw is not None:
            yield _pcm_source(stream, raw, name, seconds, size=None)
            return
        start = read_exactly(stream, 12, name)
        if not start:
            raise SeqtoolError(f"{name}: empty: no sound, not even a header")
        header = read_wav_header(stream, start, name) if is_wav(start) else None
        if header is not None and header.format is not None:
            yield _pcm_source(stream, header.format, name, seconds, header.size)
            return
        read = start if header is None else header.read
        with _seekable(stream, read, name) as file, _libsndfile(file, name) as sound:
            yield _sound_source(sound, name, seconds)
    finally:
        if path != "-":
            stream.close()


def _pcm_source(
    stream: IO[bytes], format: RawFormat, name: str, seconds: float, size: int | None
) -> _Source:
    _check_header(format.rate, format.channels, name)
    if size is not None:
        size -= size % format.frame_bytes
    at_once = max(1, round(format.rate * seconds))
    blocks = pcm_blocks(stream, format, at_once, name, size)
    return _Source(format.rate, blocks)


def _check_header(rate: int, channels: int, name: str) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise SeqtoolError(
            f"{name}: a sample rate of {rate} Hz: {LOWEST_RATE} to {HIGHEST_RATE} work"
        )
    if not 1 <= channels <= MOST_CHANNELS:
        raise SeqtoolError(f"{name}: {channels} channels: 1 to {MOST_CHANNELS} work")


@contextmanager
def _seekable(stream: IO[bytes], read: bytes, name: str) -> Iterator[IO[bytes]]:
    """The stream itself, rewound, if it is a plain file; else a temporary file of its bytes."""
    if _is_plain_file(stream):
        stream.seek(0)
        yield stream
        return
    with TemporaryFile() as file:
        file.write(read)
        size = len(read)
        while data := read_some(stream, _COPY_BYTES, name):
            size += len(data)
            if size > _SPOOLED_BYTES:
                raise SeqtoolError(
                    f"{name}: over 2 GiB from a pipe: name a file, or send WAV or raw samples"
                )
            file.write(data)
        file.seek(0)
        yield file


def _is_plain_file(stream: Any) -> bool:
    if type(stream).__name__ != "BufferedReader":  # one that unpacks has a file number, too
        return False
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:
        return False


class _Guarded:
    """What libsndfile reads from. An exception cannot cross the library: it waits here."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._error: BaseException | None = None

    def tell(self) -> int:
        return self._do(self._file.tell)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._do(lambda: self._sought(offset, whence))

    def readinto(self, buffer: Any) -> int:
        return self._do(lambda: self._file.readinto(buffer))  # type: ignore[attr-defined]

    def _sought(self, offset: int, whence: int) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError):  # damaged headers lead to places before the begin
            return self._file.tell()

    def _do(self, action: Callable[[], int]) -> int:
        try:
            return action() if self._error is None else 0
        except BaseException as error:  # Ctrl-C, too
            self._error = error
            return 0

    def check(self) -> None:
        """Raise what happened meanwhile."""
        if self._error is not None:
            raise self._error


@contextmanager
def _libsndfile(file: IO[bytes], name: str) -> Iterator[Any]:
    import soundfile

    guarded = _Guarded(file)

    class Forward(soundfile.SoundFile):  # type: ignore[misc]
        """After each read the library seeks to where it is: frames of MP3 lose what they need."""

        def seekable(self) -> bool:
            return False

        def read(self, *arguments: Any, **more: Any) -> Any:
            try:
                return super().read(*arguments, **more)
            finally:
                guarded.check()

    try:
        sound = Forward(guarded)
    except (soundfile.LibsndfileError, TypeError) as error:
        guarded.check()
        raise SeqtoolError(f"{name}: no sound that can be read ({_reason(error)})") from error
    with sound:
        _check_header(sound.samplerate, sound.channels, name)
        yield sound


def _reason(error: Exception) -> str:
    reason = str(getattr(error, "error_string", error)).rstrip(".").lower()
    return "a damaged header" if "regular file" in reason else reason.removeprefix("error : ")


def _sound_source(sound: Any, name: str, seconds: float) -> _Source:
    counted = sound.format not in _NOT_COUNTED and sound.frames < _UNKNOWN_FRAMES
    frames = sound.frames if counted else None
    blocks = _sound_blocks(sound, name, max(1, round(sound.samplerate * seconds)), frames)
    return _Source(sound.samplerate, blocks)


def _sound_blocks(sound: Any, name: str, at_once: int, frames: int | None) -> Iterator[Floats]:
    """Raises SeqtoolError where fewer than ``frames`` come."""
    import soundfile

    count = 0
    while True:
        try:
            block: Floats = sound.read(at_once, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            seconds = count / sound.samplerate
            raise SeqtoolError(
                f"{name}: truncated or damaged after {seconds:.3f} s ({_reason(error)})"
            ) from error
        if len(block) == 0:
            break
        count += len(block)
        yield block
    if frames is not None and count < frames:
        raise SeqtoolError(
            f"{name}: truncated: its header promises {frames:,} samples, {count:,} are there"
        )
