"""Events as lines."""

from __future__ import annotations

import json
from typing import TextIO

from seqtool.columns import cell
from seqtool_detect_trigger.listening import Event


class EventWriter:
    """Writes events, each flushed at once.

    ``format`` is "text" (time, score and name with tabs between, the file if ``named``), "tsv"
    (always with the file, below a line that names the columns) or "jsonl".
    """

    def __init__(self, out: TextIO, format: str, named: bool) -> None:
        self._out, self._format = out, format
        self._named = named or format == "tsv"
        if format == "tsv":
            out.write("time\tscore\tname\tfile\n")

    def event(self, file: str, event: Event) -> None:
        """Write an event."""
        if self._format == "jsonl":
            self._line(
                file=file, time=round(event.time, 3), score=round(event.score, 4), name=event.name
            )
        else:
            fields = [f"{event.time:.2f}", f"{event.score:.3f}", event.name]
            self._out.write("\t".join([*fields, cell(file)] if self._named else fields) + "\n")
        self.flush()

    def flush(self) -> None:
        """Let readers see what is written."""
        self._out.flush()

    def probability(self, file: str, name: str, time: float, probability: float) -> None:
        """Write the probability of a step; ``time`` is how much of the stream it has heard."""
        self._line(file=file, time=round(time, 3), probability=round(probability, 4), name=name)

    def _line(self, **fields: object) -> None:
        self._out.write(json.dumps(fields, ensure_ascii=False, allow_nan=False) + "\n")
