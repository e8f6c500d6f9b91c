"""Results as text, JSON, JSON lines or a table.

`write_results` prints scores of whole corpora, `SentenceWriter` scores of single segments as
they come. Text shows rounded scores; every other format keeps all digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.table import Table

SIGNIFICANT = 0.05
TSV_COLUMNS = ("system", "metric", "score", "mean", "ci", "p_value", "segments", "signature")


class Result:
    """The score of one system by one metric, and how it was made.

    Attributes:
        system: name of the system.
        metric: what results call the metric, e.g. ``BLEU``.
        score: the corpus score.
        signature: the choices that reproduce the score.
        segments: how many segments were scored.
        details: named numbers behind the score.
        description: what text output says behind the score; may be empty.
        mean: mean of resampled scores, None without resampling.
        ci: half the width of their central 95 %, None without resampling.
        p_value: of the paired test against the first system, None without one.
        higher_is_better: false for error rates.
    """

    __slots__ = (
        "ci",
        "description",
        "details",
        "higher_is_better",
        "mean",
        "metric",
        "p_value",
        "score",
        "segments",
        "signature",
        "system",
    )

    def __init__(
        self,
        system: str,
        metric: str,
        score: float,
        signature: str,
        segments: int,
        details: Mapping[str, object] | None = None,
        description: str = "",
        mean: float | None = None,
        ci: float | None = None,
        p_value: float | None = None,
        higher_is_better: bool = True,
    ) -> None:
        self.system = system
        self.metric = metric
        self.score = score
        self.signature = signature
        self.segments = segments
        self.details = {} if details is None else details
        self.description = description
        self.mean = mean
        self.ci = ci
        self.p_value = p_value
        self.higher_is_better = higher_is_better

    def fields(self) -> dict[str, object]:
        """The result with stable names, for JSON. What was not computed is None."""
        fields = {
            "system": self.system,
            "metric": self.metric,
            "score": self.score,
            "signature": self.signature,
            "segments": self.segments,
            **self.details,
            "mean": self.mean,
            "ci": self.ci,
            "p_value": self.p_value,
        }
        return {name: json_value(value) for name, value in fields.items()}


def write_results(
    results: Sequence[Result],
    stream: TextIO,
    output_format: str = "text",
    width: int = 2,
    score_only: bool = False,
) -> None:
    """Write corpus scores: lines for one system, a table for several.

    Args:
        results: in the order to write them; the baseline before the other systems.
        stream: where to; a table is coloured only if this is a terminal.
        output_format: ``text``, ``json`` (one object, or a list of several), ``jsonl``, ``tsv``.
        width: decimals of scores in text.
        score_only: text without names, signatures and details: one score a line.
    """
    if output_format == "json":
        fields = [result.fields() for result in results]
        write_json(fields[0] if len(fields) == 1 else fields, stream)
    elif output_format == "jsonl":
        import json

        for result in results:
            stream.write(json.dumps(result.fields(), ensure_ascii=False) + "\n")
    elif output_format == "tsv":
        _write_tsv(results, stream)
    elif score_only:
        stream.writelines(_score(result, width) + "\n" for result in results)
    elif len(_by_metric(results)) < len(results):
        _write_table(results, stream, width)
    else:
        _write_lines(results, stream, width)


def write_json(value: object, stream: TextIO) -> None:
    """Write one JSON document that a person can read too."""
    import json

    json.dump(value, stream, ensure_ascii=False, indent=2, allow_nan=False)
    stream.write("\n")


def json_value(value: object) -> object:
    """The same value with None for every number that JSON does not have.

    Bytes of file names that are not UTF-8 become U+FFFD.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): json_value(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(member) for member in value]
    return value


def one_line(text: str) -> str:
    """Text without control characters, which would break a line or command a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c >= " " and not "\x7f" <= c <= "\x9f" else " " for c in text)


def _score(result: Result, width: int) -> str:
    """A score with its interval: ``27.31 (μ = 27.30 ± 0.52)``."""
    text = f"{result.score:.{width}f}"
    if result.mean is not None:
        text += f" (μ = {_interval(result, width)})"
    return text


def _interval(result: Result, width: int) -> str:
    if result.mean is None or result.ci is None:
        return ""
    return f"{result.mean:.{width}f} ± {result.ci:.{width}f}"


def _write_lines(results: Sequence[Result], stream: TextIO, width: int) -> None:
    """One line a metric, the equals signs below each other."""
    names = [f"{result.metric}|{result.signature}" for result in results]
    margin = max(map(len, names))
    for name, result in zip(names, results, strict=True):
        line = f"{name:>{margin}} = {_score(result, width)}"
        if result.description:
            line += f" {result.description}"
        stream.write(line + "\n")


def _write_tsv(results: Sequence[Result], stream: TextIO) -> None:
    stream.write("\t".join(TSV_COLUMNS) + "\n")
    for result in results:
        fields = result.fields()
        cells = ("" if fields[name] is None else str(fields[name]) for name in TSV_COLUMNS)
        stream.write("\t".join(map(one_line, cells)) + "\n")


class _Cell:
    """Text of a table with the style it has on a terminal."""

    __slots__ = ("style", "text")

    def __init__(self, text: str, style: str = "") -> None:
        self.text = text
        self.style = style


def _write_table(results: Sequence[Result], stream: TextIO, width: int) -> None:
    """One row a system, the baseline first; below it, what made the scores."""
    tables = _by_metric(results)
    rows = _table_rows(tables, width)
    signatures = dict.fromkeys(f"{result.metric}|{result.signature}" for result in results)
    notes = list(signatures)
    if any(result.p_value is not None for result in results):
        baseline = one_line(results[0].system)
        notes.append(f"p: chance of such a difference from {baseline}; * below {SIGNIFICANT}")
    widths = [max(len(row[column].text) for row in rows) for column in range(len(rows[0]))]
    if stream.isatty():
        apart = [_table_rows([table], width) for table in tables]
        _print_rich([rows], apart, sum(widths) + 3 * len(widths), notes, stream)
        return
    for row in rows:
        cells = [row[0].text.ljust(widths[0])]
        cells += [cell.text.rjust(size) for cell, size in zip(row[1:], widths[1:], strict=True)]
        stream.write("  ".join(cells).rstrip() + "\n")
    stream.write("\n" + "\n".join(notes) + "\n")


def _by_metric(results: Sequence[Result]) -> list[list[Result]]:
    """The results of each metric, a system each. Two systems may have the same name."""
    metrics: dict[str, list[Result]] = {}
    for result in results:
        metrics.setdefault(result.metric, []).append(result)
    return list(metrics.values())


def _table_rows(tables: Sequence[Sequence[Result]], width: int) -> list[list[_Cell]]:
    """The header and the rows. A column of intervals or p-values is there if any has one."""
    tested = any(result.p_value is not None for results in tables for result in results)
    header = [_Cell("System")]
    rows: list[list[_Cell]] = []
    for result in tables[0]:
        name = one_line(result.system)
        rows.append([_Cell(f"{name} (baseline)" if tested and not rows else name)])
    for column in tables:
        metric = column[0].metric
        header.append(_Cell(metric if column[0].higher_is_better else f"{metric} ↓"))
        best = (max if column[0].higher_is_better else min)(r.score for r in column)
        for row, result in zip(rows, column, strict=True):
            style = "bold" if result.score == best else ""
            row.append(_Cell(f"{result.score:.{width}f}", style))
        if any(result.mean is not None for result in column):
            header.append(_Cell("μ ± 95% CI"))
            for row, result in zip(rows, column, strict=True):
                row.append(_Cell(_interval(result, width), "dim"))
        if any(result.p_value is not None for result in column):
            header.append(_Cell("p "))
            for row, result in zip(rows, column, strict=True):
                row.append(_p_value(result))
    return [header, *rows]


def _p_value(result: Result) -> _Cell:
    if result.p_value is None:
        return _Cell("")
    if result.p_value < SIGNIFICANT:
        return _Cell(f"{result.p_value:.4f}*", "green")
    return _Cell(f"{result.p_value:.4f} ")


def _print_rich(
    together: list[list[list[_Cell]]],
    apart: list[list[list[_Cell]]],
    columns: int,
    notes: list[str],
    stream: TextIO,
) -> None:
    """Print all metrics side by side if the terminal has so many columns, else one by one."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    for rows in together if columns <= console.width else apart:
        console.print(_rich_table(rows))
    for note in notes:
        console.print(Text(note, style="dim"), soft_wrap=True)


def _rich_table(rows: list[list[_Cell]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for number, cell in enumerate(rows[0]):
        table.add_column(Text(cell.text), justify="right" if number else "left", overflow="fold")
    for row in rows[1:]:
        table.add_row(*(Text(cell.text, style=cell.style) for cell in row))
    return table


class SentenceWriter:
    """Scores of segments, one row each, written as they come.

    Args:
        stream: where to.
        columns: what the scores of a segment are called. A single one is called ``score``.
        output_format: ``text`` (scores, separated by tabs), ``tsv`` (with a header and the
            number of the segment), ``json`` (a list) or ``jsonl``.
        width: decimals in text.
    """

    def __init__(
        self, stream: TextIO, columns: Sequence[str], output_format: str = "text", width: int = 2
    ) -> None:
        self._stream = stream
        self._columns = ["score"] if len(columns) == 1 else [one_line(name) for name in columns]
        self._format = output_format
        self._row = "\t".join([f"%.{width}f"] * len(columns)) + "\n"
        self._segment = 0
        if output_format == "tsv":
            stream.write("\t".join(["segment", *self._columns]) + "\n")

    def write(self, rows: Sequence[Sequence[float]]) -> None:
        """Write some segments: (segments, columns) scores."""
        if self._format == "text":
            self._stream.writelines([self._row % tuple(row) for row in rows])
            return
        for row in rows:
            self._segment += 1
            if self._format == "tsv":
                cells = [str(self._segment), *(repr(float(score)) for score in row)]
                self._stream.write("\t".join(cells) + "\n")
            else:
                self._write_object(row)

    def _write_object(self, row: Sequence[float]) -> None:
        import json

        scores = zip(self._columns, map(json_value, map(float, row)), strict=True)
        text = json.dumps({"segment": self._segment, **dict(scores)}, ensure_ascii=False)
        if self._format == "jsonl":
            self._stream.write(text + "\n")
        else:
            self._stream.write(("[\n" if self._segment == 1 else ",\n") + text)

    def close(self) -> None:
        """End the output. Call it when all segments are written."""
        if self._format == "json":
            self._stream.write("\n]\n" if self._segment else "[]\n")
