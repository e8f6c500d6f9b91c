"""PCM as bytes come: decoding, for raw streams and for WAV."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import IO, cast

import numpy as np

from seqtool.audio.raw import RawFormat
from seqtool.audio.types import Floats
from seqtool.errors import SeqtoolError

_INTEGERS = {"s16le": "<i2", "s32le": "<i4"}
_FLOATS = {"f32le": "<f4", "f64le": "<f8"}


def decode(data: bytes, format: RawFormat) -> Floats:
    """Whole frames as samples in -1..1, shape (frames, channels); as libsndfile scales them."""
    encoding = format.encoding
    if encoding in _FLOATS:
        with np.errstate(over="ignore"):  # becomes infinite, which is refused later
            samples = np.frombuffer(data, _FLOATS[encoding]).astype(np.float32)
    elif encoding == "u8":
        samples = (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / np.float32(128)
    elif encoding == "s24le":
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        samples = wide.reshape(-1).view("<i4").astype(np.float32) / np.float32(2**31)
    else:
        whole = np.frombuffer(data, _INTEGERS[encoding])
        samples = whole.astype(np.float32) / np.float32(2 ** (8 * whole.itemsize - 1))
    return samples.reshape(-1, format.channels)


def read_some(stream: IO[bytes], size: int, name: str) -> bytes:
    """At most ``size`` bytes, as soon as there are any; none at the end.

    Raises SeqtoolError when they cannot be read.
    """
    read = getattr(stream, "read1", None) or stream.read
    try:
        return cast(bytes, read(size))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise SeqtoolError(f"{name}: cannot be read: {error}") from error


def read_exactly(stream: IO[bytes], size: int, name: str) -> bytes:
    """``size`` bytes, fewer only at the end."""
    data = bytearray()
    while len(data) < size:
        more = read_some(stream, size - len(data), name)
        if not more:
            break
        data += more
    return bytes(data)


def pcm_blocks(
    stream: IO[bytes], format: RawFormat, frames: int, name: str, size: int | None = None
) -> Iterator[Floats]:
    """Decode ``size`` bytes (None: all there are) as they come, at most ``frames`` a block.

    Raises SeqtoolError if it ends earlier, or within a frame.
    """
    step = format.frame_bytes
    left = size
    rest = b""
    while left is None or left > 0:
        wanted = frames * step - len(rest)
        data = read_some(stream, wanted if left is None else min(wanted, left), name)
        if not data:
            break
        left = None if left is None else left - len(data)
        data = rest + data
        end = len(data) - len(data) % step
        rest = data[end:]
        if end:
            yield decode(data[:end], format)
    if left:
        promised = (size or 0) // step
        raise SeqtoolError(
            f"{name}: truncated: its header promises {promised:,} samples, "
            f"{((size or 0) - left) // step:,} are there"
        )
    if rest:
        raise SeqtoolError(
            f"{name}: ends within a sample: are the samples {format.encoding}, "
            f"{format.channels} of them at a time?"
        )
