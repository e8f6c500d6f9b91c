"""Small tables of results: aligned text, tsv, json, jsonl."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

Row = Mapping[str, Any]


def write_text(stream: TextIO, rows: Sequence[Row], decimals: int = 2) -> None:
    """Columns side by side under their names, numbers to the right, floats rounded."""
    names = list(rows[0])
    cells = [[_cell(row[name], decimals) for name in names] for row in rows]
    titles = [name.replace("_", " ") for name in names]
    widths = [max(len(line[i]) for line in [titles, *cells]) for i in range(len(names))]
    left = [all(isinstance(row[name], str) for row in rows) for name in names]
    for line in [titles, *cells]:
        padded = [
            text.ljust(width) if to_left else text.rjust(width)
            for text, width, to_left in zip(line, widths, left, strict=True)
        ]
        stream.write("  ".join(padded).rstrip() + "\n")


def _cell(value: Any, decimals: int) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.{decimals}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def write_tsv(stream: TextIO, rows: Sequence[Row]) -> None:
    """A header and a line a row; nothing where there is no value."""
    stream.write("\t".join(rows[0]) + "\n")
    for row in rows:
        stream.write("\t".join("" if v is None else str(v) for v in row.values()) + "\n")


def write_json(stream: TextIO, value: object) -> None:
    """One line of json."""
    stream.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
