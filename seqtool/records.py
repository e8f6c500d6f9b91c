"""Results that have fields, as they come: JSON lines, or one JSON list."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TextIO


class Records:
    """Writes records to a stream: with ``lines`` one a line, else as a list that `close` ends."""

    def __init__(self, stream: TextIO, lines: bool) -> None:
        self._stream = stream
        self._lines = lines
        self._first = True

    def write(self, record: Mapping[str, Any]) -> None:
        """Write a record, whose numbers are finite."""
        text = json.dumps(record, ensure_ascii=False, allow_nan=False)
        if self._lines:
            self._stream.write(f"{text}\n")
        else:
            self._stream.write(("[\n" if self._first else ",\n") + text)
        self._first = False

    def close(self) -> None:
        """Write what ends the result."""
        if not self._lines:
            self._stream.write("[]\n" if self._first else "\n]\n")
