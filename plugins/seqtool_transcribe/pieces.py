"""Recordings in pieces that a recogniser hears at once, however long they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from seqtool.audio.pauses import Piece, cut_at_pauses
from seqtool.audio.raw import RawFormat
from seqtool.audio.reading import audio_blocks
from seqtool.errors import SeqtoolError
from seqtool.nn.parameters import Floats
from seqtool_transcribe.recogniser import Recogniser
from seqtool_transcribe.words import Segment, Word, is_sure

LONGEST = 20.0  # seconds of a piece
_BLOCK = 2.0  # seconds of a file that are read at once
_AT_ONCE = 8  # pieces a thread that are looked at together
_LIVE = 0.08  # seconds of a stream


class Spoken(NamedTuple):
    """What is said in a piece of a recording, or its end.

    Attributes:
        file: the recording.
        seconds: where the piece ends.
        segment: None at the recording's end.
    """

    file: str
    seconds: float
    segment: Segment | None


def transcribed(
    recogniser: Recogniser, paths: Sequence[str], raw: RawFormat | None
) -> Iterator[Spoken]:
    """What is said in recordings, piece by piece, in their order.

    Pieces of files are heard several at once, in threads; those of stdin as they come. Silent
    pieces are not looked at, and what is not sure (`is_sure`) is nothing.
    """
    waiting: list[tuple[str, float, Piece | None]] = []
    for path in paths:
        live = path == "-"
        seconds = 0.0
        try:
            for piece in read_pieces(path, recogniser.loaded.rate, raw):
                seconds = piece.start_seconds + len(piece.samples) / recogniser.loaded.rate
                waiting.append((path, seconds, piece))
                if live or len(waiting) >= _AT_ONCE * recogniser.threads:
                    yield from _heard(recogniser, waiting)
                    waiting.clear()
        except SeqtoolError:  # what was read before is not lost
            yield from _heard(recogniser, waiting)
            raise
        waiting.append((path, seconds, None))
    yield from _heard(recogniser, waiting)


def read_pieces(path: str, rate: int, raw: RawFormat | None) -> Iterator[Piece]:
    """A recording, cut at its pauses."""
    blocks = audio_blocks(path, rate, raw, _LIVE if path == "-" else _BLOCK)
    return cut(blocks, rate)


def cut(blocks: Iterable[Floats], rate: int) -> Iterator[Piece]:
    """Samples, cut at pauses into pieces of at most `LONGEST` seconds."""
    return cut_at_pauses(blocks, rate, LONGEST)


def words_in(recogniser: Recogniser, piece: Piece) -> list[Word]:
    """What is said in a piece: nothing in a silent one, nor what is not sure."""
    if piece.silent:
        return []
    words = recogniser.words(piece.samples, piece.start_seconds)
    return words if is_sure(words) else []


def _heard(
    recogniser: Recogniser, waiting: Sequence[tuple[str, float, Piece | None]]
) -> Iterator[Spoken]:
    def hear(item: tuple[str, float, Piece | None]) -> Spoken:
        file, end, piece = item
        if piece is None:
            return Spoken(file, end, None)
        words = words_in(recogniser, piece)
        return Spoken(file, end, Segment(file, piece.start_seconds, end, words))

    yield from recogniser.for_all(waiting, hear)
