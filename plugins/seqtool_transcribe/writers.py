"""What is said, as text, subtitles, tables and JSON."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from seqtool.columns import cell
from seqtool.records import Records
from seqtool.text import display_name
from seqtool_transcribe.words import Segment, Word

ONE_FILE = ("srt", "vtt")  # formats in which times are those of one recording

_LINE = 42  # characters of a line of subtitles; there are two
_LONGEST_CUE = 6.0  # seconds
_SHORTEST_CUE = 1.0  # seconds, where nothing follows sooner
_GAP = 1.0  # seconds without words between two subtitles


class Writer:
    """Writes text: a line a recording, as its pieces come."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self._begun = False

    def write(self, segment: Segment) -> None:
        """Write what is said in a piece, if anything is."""
        if segment.words:
            self.out.write(f"{' ' if self._begun else ''}{segment.text}")
            self._begun = True

    def end_file(self, file: str, seconds: float) -> None:
        """A recording of so many seconds is over."""
        self.out.write("\n")
        self._begun = False

    def close(self) -> None:
        """Write what ends the result."""


class _PieceWriter(Writer):
    """A row a piece with words; one without any for a recording in which nothing is said."""

    def write(self, segment: Segment) -> None:
        if segment.words:
            self._begun = True
            self.row(segment)

    def end_file(self, file: str, seconds: float) -> None:
        if not self._begun:
            self.row(Segment(file, 0.0, seconds, ()))
        self._begun = False

    def row(self, segment: Segment) -> None:
        """Write a piece."""
        raise NotImplementedError


class TsvWriter(_PieceWriter):
    """A row a piece, with a header."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(out)
        out.write("file\tstart\tend\ttext\n")

    def row(self, segment: Segment) -> None:
        cells = [cell(display_name(segment.file)), f"{segment.start:.3f}", f"{segment.end:.3f}"]
        self.out.write("\t".join([*cells, cell(segment.text)]) + "\n")


class JsonWriter(_PieceWriter):
    """An object a piece: a line each, or all in a list."""

    def __init__(self, out: TextIO, lines: bool) -> None:
        super().__init__(out)
        self._records = Records(out, lines)

    def row(self, segment: Segment) -> None:
        self._records.write(
            {
                "file": display_name(segment.file),
                "start": round(segment.start, 3),
                "end": round(segment.end, 3),
                "text": segment.text,
                "words": [record_of(word) for word in segment.words],
            }
        )

    def close(self) -> None:
        self._records.close()


class CtmWriter(Writer):
    """NIST's time-marked conversations: a line a word."""

    def write(self, segment: Segment) -> None:
        self.out.writelines(ctm_lines(segment.file, segment.words))

    def end_file(self, file: str, seconds: float) -> None:
        pass


class SubtitleWriter(Writer):
    """SubRip or WebVTT: a cue for a few words."""

    def __init__(self, out: TextIO, format: str) -> None:
        super().__init__(out)
        self._comma = "," if format == "srt" else "."
        self._numbered = format == "srt"
        self._cues = 0
        if format == "vtt":
            out.write("WEBVTT\n\n")

    def write(self, segment: Segment) -> None:
        groups = list(cues(segment.words))
        limits = [*(group[0].start for group in groups[1:]), segment.end]
        for words, limit in zip(groups, limits, strict=False):  # a piece may have no words
            self._cues += 1
            if self._numbered:
                self.out.write(f"{self._cues}\n")
            begin = words[0].start
            last = max(words[-1].end, min(begin + _SHORTEST_CUE, limit))
            start, end = self._clock(begin), self._clock(last)
            text = _two_lines(words)
            if not self._numbered:
                text = text.replace("&", "&amp;").replace("<", "&lt;")
            self.out.write(f"{start} --> {end}\n{text}\n\n")

    def _clock(self, seconds: float) -> str:
        milliseconds = round(1000 * seconds)
        minutes, rest = divmod(milliseconds, 60_000)
        hours, minutes = divmod(minutes, 60)
        seconds, rest = divmod(rest, 1000)
        return f"{hours:02}:{minutes:02}:{seconds:02}{self._comma}{rest:03}"

    def end_file(self, file: str, seconds: float) -> None:
        pass


def cues(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Words in groups that can be read at once: two lines, 6 seconds, without a long pause.

    Words without times of their own have those of their piece, and stay together.
    """
    group: list[Word] = []
    for word in words:
        size = sum(len(each.text) + 1 for each in group) + len(word.text)
        if group and (
            size > 2 * _LINE
            or (word.end - group[0].start > _LONGEST_CUE and word.start > group[0].start)
            or word.start - group[-1].end > _GAP
        ):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _two_lines(words: Sequence[Word]) -> str:
    """The text of a cue, broken near its middle if it is long; "-->" would end a cue's times."""
    text = " ".join(word.text for word in words).replace("-->", "->")
    spaces = [place for place, sign in enumerate(text) if sign == " "]
    if len(text) <= _LINE or not spaces:
        return text
    middle = min(spaces, key=lambda place: abs(place - len(text) / 2))
    return f"{text[:middle]}\n{text[middle + 1 :]}"


def record_of(word: Word, name: str = "word") -> dict[str, Any]:
    """A word as fields fit for JSON; ``name`` is that of its text."""
    return {
        name: word.text,
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "confidence": round(word.confidence, 4),
    }


def ctm_lines(file: str, words: Iterable[Word]) -> Iterator[str]:
    """Lines of recording, channel, start, duration, word, confidence."""
    stem = os.path.splitext(os.path.basename(display_name(file)))[0]
    stem = "_".join(stem.split()) or "recording"
    for word in words:
        times = f"{word.start:.3f} {max(0.0, word.end - word.start):.3f}"
        yield f"{stem} 1 {times} {word.text} {word.confidence:.4f}\n"


def make_writer(out: TextIO, format: str) -> Writer:
    """The writer of --format."""
    if format in ("json", "jsonl"):
        return JsonWriter(out, lines=format == "jsonl")
    if format in ("srt", "vtt"):
        return SubtitleWriter(out, format)
    return {"tsv": TsvWriter, "ctm": CtmWriter, "text": Writer}[format](out)
