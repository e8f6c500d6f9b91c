"""The header of WAV (RIFF, RF64), read from a stream that cannot be sought.

Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0; Microsoft's
WAVE_FORMAT_EXTENSIBLE; EBU Tech 3306 (RF64).
"""

from __future__ import annotations

import struct
from typing import IO, NamedTuple

from seqtool.audio.pcm import read_exactly
from seqtool.audio.raw import RawFormat
from seqtool.errors import SeqtoolError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENCODINGS = {
    (_PCM, 8): "u8", (_PCM, 16): "s16le", (_PCM, 24): "s24le", (_PCM, 32): "s32le",
    (_FLOAT, 32): "f32le", (_FLOAT, 64): "f64le",
}  # fmt: skip
# Programs that write to a pipe cannot go back to fill in the size: they leave 0, or about 2 or
# 4 GiB.
_UNKNOWN_SIZE = 0x7FFF_0000
_LARGEST_CHUNK = 64 << 20  # bytes, of what stands before the samples


class WavHeader(NamedTuple):
    """Where the samples begin: right behind what `read_wav_header` read.

    Attributes:
        format: of the samples; None where they are compressed.
        size: in bytes; None where the header does not know.
        read: the bytes of the header.
    """

    format: RawFormat | None
    size: int | None
    read: bytes


class _Chunks:
    """Reads a header and keeps what it read."""

    def __init__(self, stream: IO[bytes], start: bytes, name: str) -> None:
        self._stream, self._name = stream, name
        self.data = bytearray(start)

    def take(self, size: int) -> bytes:
        data = read_exactly(self._stream, size, self._name)
        self.data += data
        if len(data) < size or len(self.data) > _LARGEST_CHUNK:
            raise SeqtoolError(f"{self._name}: a damaged WAV header: no samples behind it")
        return data


def is_wav(start: bytes) -> bool:
    """Whether a file that starts with these 12 bytes is WAV."""
    return start[:4] in (b"RIFF", b"RF64") and start[8:12] == b"WAVE"


def read_wav_header(stream: IO[bytes], start: bytes, name: str) -> WavHeader:
    """Read up to the first sample; ``start`` is the first 12 bytes. Raises SeqtoolError."""
    chunks = _Chunks(stream, start, name)
    whole = struct.unpack("<I", start[4:8])[0]
    format: RawFormat | None = None
    seen_format = False
    wide_size: int | None = None
    while True:
        kind, size = struct.unpack("<4sI", chunks.take(8))
        if kind == b"data":
            break
        if size > _LARGEST_CHUNK:
            raise SeqtoolError(f"{name}: a damaged WAV header: a part of {size:,} bytes")
        body = chunks.take(size + size % 2)[:size]
        if kind == b"fmt ":
            format, seen_format = _format(body, name), True
        elif kind == b"ds64" and size >= 24:
            wide_size = struct.unpack("<Q", body[8:16])[0]
    if not seen_format:
        raise SeqtoolError(f"{name}: a damaged WAV header: it does not say what the samples are")
    return WavHeader(format, _data_size(size, whole, wide_size), bytes(chunks.data))


def _format(body: bytes, name: str) -> RawFormat | None:
    if len(body) < 16:
        raise SeqtoolError(f"{name}: a damaged WAV header: its format has {len(body)} bytes")
    tag, channels, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack("<H", body[24:26])[0]
    encoding = _ENCODINGS.get((tag, bits))
    if encoding is None:
        return None
    format = RawFormat(encoding, rate, channels)
    if channels and frame_bytes != format.frame_bytes:
        raise SeqtoolError(
            f"{name}: a damaged WAV header: {channels} samples of {bits} bits take no "
            f"{frame_bytes} bytes"
        )
    return format


def _data_size(size: int, whole: int, wide_size: int | None) -> int | None:
    if size == 0xFFFF_FFFF and wide_size:
        return wide_size
    unknown = size >= _UNKNOWN_SIZE or (size == 0 and whole == 0)
    return None if unknown else size
