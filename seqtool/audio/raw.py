"""Raw PCM: samples without a header, whose format the user names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

# Bytes of a sample. Little-endian: what sound cards, WAV files and pipes between programs carry.
SAMPLE_BYTES = {"u8": 1, "s16le": 2, "s24le": 3, "s32le": 4, "f32le": 4, "f64le": 8}
LOWEST_RATE, HIGHEST_RATE = 1000, 768_000  # Hz
MOST_CHANNELS = 128


class RawFormat(NamedTuple):
    """What the bytes of raw PCM mean.

    Attributes:
        encoding: of a sample, a key of `SAMPLE_BYTES`.
        rate: samples a second.
        channels: how many samples, one after the other, make a moment.
    """

    encoding: str
    rate: int
    channels: int = 1

    @property
    def frame_bytes(self) -> int:
        """Bytes of a moment."""
        return SAMPLE_BYTES[self.encoding] * self.channels


def parse_raw(text: str) -> RawFormat:
    """``s16le:16000`` or ``s16le:16000:2``: encoding, Hz, channels. Raises ValueError."""
    encoding, *numbers = text.strip().lower().split(":")
    if encoding not in SAMPLE_BYTES:
        raise ValueError(f"{encoding!r} is no encoding: there are {', '.join(SAMPLE_BYTES)}")
    if not 1 <= len(numbers) <= 2 or not all(n.isascii() and n.isdigit() for n in numbers):
        raise ValueError(f"{text!r}: write encoding:rate or encoding:rate:channels")
    rate, channels = int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else 1
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise ValueError(f"a rate of {rate} Hz: {LOWEST_RATE} to {HIGHEST_RATE} work")
    if not 1 <= channels <= MOST_CHANNELS:
        raise ValueError(f"{channels} channels: 1 to {MOST_CHANNELS} work")
    return RawFormat(encoding, rate, channels)


def raw_option(function: Function) -> Function:
    """Add --raw ENCODING:RATE[:CHANNELS]: passes ``raw``, a `RawFormat` or None."""
    return click.option(
        "--raw",
        metavar="ENCODING:RATE[:CHANNELS]",
        callback=_parsed,
        envvar="SEQTOOL_RAW",
        help=f"Input is PCM without a header, e.g. s16le:16000; also {', '.join(_others())}.",
    )(function)


def _others() -> list[str]:
    return [encoding for encoding in SAMPLE_BYTES if encoding != "s16le"]


def _parsed(ctx: click.Context, param: click.Parameter, value: str | None) -> RawFormat | None:
    try:
        return None if value is None else parse_raw(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
