"""The layout of an explanation for people."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from seqtool_bleu.report import one_line

if TYPE_CHECKING:
    from seqtool_bleu.explain import Explanation, LengthBucket, Segment

# Lines longer than this are hard to read, however wide the terminal is.
WIDEST, NARROWEST = 110, 50
MARGIN = 8
BAR, PAIR_BAR = 16, 12
EIGHTHS = " ▏▎▍▌▋▊▉"
BOLD, DIM, RED = "1", "2", "31"


def write_text(
    explanation: Explanation, stream: TextIO, width: int = 2, columns: int | None = None
) -> None:
    """Write an explanation for people; coloured if ``stream`` is a terminal.

    Args:
        explanation: of `seqtool_bleu.explain.explain`.
        stream: where to.
        width: decimals of scores.
        columns: width to wrap to; None takes the terminal's.
    """
    if columns is None:
        columns = shutil.get_terminal_size().columns
    colour = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    page = _Page(explanation, width, min(max(columns, NARROWEST), WIDEST), colour)
    stream.writelines(line + "\n" for line in page.lines())


class _Page:
    def __init__(self, explanation: Explanation, width: int, columns: int, colour: bool) -> None:
        self.found = explanation
        self.width = width
        self.columns = columns
        self.colour = colour
        # Columns of tables call two systems A and B; their names may be long.
        self.letters = ["hyp"] if len(explanation.systems) == 1 else ["A", "B"]

    def lines(self) -> Iterator[str]:
        """All lines of the page."""
        yield from self._title()
        if len(self.found.systems) == 1:
            explained = self._points("a perfect translation of the segment would", "gain")
            yield from self._segments("Segments that cost most", explained, self.found.segments)
            yield from self._lengths_of_one()
            return
        by = "B's translation of the segment would"
        better, worse = self.found.second_better, self.found.first_better
        gain, lose = self._points(by, "gain"), self._points(by, "lose")
        yield from self._segments("Segments where B is better", f"{gain} for A", better)
        yield from self._segments("Segments where A is better", f"{lose} for A", worse)
        yield from self._lengths_of_two()
        yield from self._frequencies()

    def _points(self, cause: str, effect: str) -> str:
        """What the points of segments are; an error rate gains by falling."""
        metric = self.found.metric
        if self.found.higher_is_better:
            return f"{metric} points that {cause} {effect}"
        return f"{metric} points that {cause} {'take away' if effect == 'gain' else 'add'}"

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text

    def _number(self, value: float) -> str:
        return f"{value:.{self.width}f}"

    def _title(self) -> Iterator[str]:
        scores = [f"{self.found.metric} {self._number(score)}" for score in self.found.scores]
        size = max(map(len, scores))
        for place, (name, score) in enumerate(zip(self.found.systems, scores, strict=True)):
            letter = f"{self.letters[place]}   " if len(scores) > 1 else ""
            yield self._paint(f"{letter}{score:{size}}   {one_line(name)}", BOLD)

    def _heading(self, title: str, explained: str) -> Iterator[str]:
        yield ""
        yield self._paint(title, BOLD)
        for line in wrap(explained, self.columns):
            yield self._paint(line, DIM)

    def _segments(self, title: str, explained: str, segments: Sequence[Segment]) -> Iterator[str]:
        yield from self._heading(title, explained)
        if not segments:
            yield ""
            yield "  none"
            return
        largest = abs(segments[0].points)
        decimals = _decimals(largest, self.width)
        digits = len(f"{largest:.{decimals}f}")
        for segment in segments:
            names = ["ref", *self.letters]
            lengths = ", ".join(
                f"{n} {size}" for n, size in zip(names, segment.lengths, strict=True)
            )
            yield ""
            head = f"{abs(segment.points):>{digits}.{decimals}f}   line {segment.number}"
            yield f"  {self._paint(head, BOLD)}   {self._paint(f'words: {lengths}', DIM)}"
            texts = [segment.reference, *segment.hypotheses]
            known = set(segment.reference.split())
            for name, text in zip(names, texts, strict=True):
                for number, line in enumerate(wrap(one_line(text), self.columns - MARGIN)):
                    label = name if number == 0 else ""
                    if self.colour and name != "ref":
                        line = self._mark(line, known)
                    yield f"  {self._paint(f'{label:<{MARGIN - 2}}', DIM)}{line}".rstrip()

    def _mark(self, line: str, known: set[str]) -> str:
        """Red for the words that the reference does not have."""
        return " ".join(w if w in known else self._paint(w, RED) for w in line.split(" "))

    def _lengths_of_one(self) -> Iterator[str]:
        buckets = self.found.by_length
        orders = len(buckets[0].precisions[0]) if buckets else 0
        explained = "words in the reference"
        if orders:
            explained += "; n-gram precisions in per cent"
        yield from self._heading("By length", explained)
        yield ""
        head = [
            "words",
            "segments",
            self.found.metric,
            "",
            *(f"{n + 1}-gram" for n in range(orders)),
        ]
        rows = []
        top = max((bucket.scores[0] for bucket in buckets), default=0.0)
        for bucket in buckets:
            score = bucket.scores[0]
            precisions = [f"{p:.1f}" for p in bucket.precisions[0]]
            rows.append(
                [*self._bucket(bucket), self._number(score), bar(score, top, BAR), *precisions]
            )
        yield from self._table(head, rows, bars={3})

    def _lengths_of_two(self) -> Iterator[str]:
        buckets = self.found.by_length
        yield from self._heading("By length", f"{self.found.metric} by words in the reference")
        yield ""
        rows = []
        top = max((score for bucket in buckets for score in bucket.scores), default=0.0)
        for bucket in buckets:
            first, second = bucket.scores
            rows.append(
                [
                    *self._bucket(bucket),
                    *(self._number(first), bar(first, top, PAIR_BAR)),
                    *(self._number(second), bar(second, top, PAIR_BAR)),
                    f"{second - first:+.{self.width}f}",
                ]
            )
        yield from self._table(["words", "segments", "A", "", "B", "", "B - A"], rows, bars={3, 5})

    def _frequencies(self) -> Iterator[str]:
        yield from self._heading(
            "Rare and frequent words",
            "by how often the reference has a word; recall and F1 of such words in per cent",
        )
        yield ""
        rows = []
        for bucket in self.found.by_frequency:
            cells = [f"{value:.1f}" for value in (*bucket.recall, *bucket.f1)]
            rows.append([_range(bucket.first, bucket.last), str(bucket.words), *cells])
        yield from self._table(["times", "words", "recall A", "recall B", "F1 A", "F1 B"], rows)

    @staticmethod
    def _bucket(bucket: LengthBucket) -> list[str]:
        return [_range(bucket.first, bucket.last), str(bucket.segments)]

    def _table(
        self, head: Sequence[str], rows: Sequence[Sequence[str]], bars: set[int] | None = None
    ) -> Iterator[str]:
        """Columns to the right, bars to the left; bars go when the terminal is too narrow."""
        shown = list(range(len(head)))
        sizes = [max(len(row[column]) for row in [head, *rows]) for column in shown]
        if bars and 2 + sum(sizes) + 2 * (len(sizes) - 1) > self.columns:
            shown = [column for column in shown if column not in bars]
        for number, row in enumerate([head, *rows]):
            cells = []
            for column in shown:
                is_bar = bars is not None and column in bars
                cells.append(
                    row[column].ljust(sizes[column]) if is_bar else row[column].rjust(sizes[column])
                )
            line = "  " + "  ".join(cells).rstrip()
            yield self._paint(line, DIM) if number == 0 else line


def wrap(text: str, columns: int) -> list[str]:
    """Cut a text into lines of at most ``columns`` terminal cells, at spaces where possible.

    East Asian characters take two cells; text without spaces is cut anywhere.
    """
    from rich.cells import cell_len, chop_cells

    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and cell_len(line) + 1 + cell_len(word) <= columns:
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, columns)
        lines += full
    return [*lines, line]


def bar(value: float, top: float, cells: int) -> str:
    """A bar of eighths of a cell, full at ``top``."""
    if top <= 0:
        return ""
    eighths = round(max(0.0, min(value / top, 1.0)) * cells * 8)
    return ("█" * (eighths // 8) + EIGHTHS[eighths % 8]).rstrip()


def _range(first: int, last: int | None) -> str:
    if last is None:
        return f"{first}+"
    return str(first) if first == last else f"{first}-{last}"


def _decimals(largest: float, width: int) -> int:
    """Decimals that leave two digits of the largest value: one segment of many moves little."""
    if largest <= 0:
        return width
    return min(12, max(width, 1 - math.floor(math.log10(largest))))
