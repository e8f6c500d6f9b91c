"""One pass over a corpus: tables of words that threads fill, and the runs written when full."""

from __future__ import annotations

import os
import threading

from seqtool.words.table import Merged, Run, WordTable


class Counter:
    """The tables of the threads and the runs.

    ``folder`` is where runs go; ``memory`` is in bytes, for all threads together.
    """

    def __init__(self, folder: str, memory: int, threads: int) -> None:
        self.tables: list[WordTable] = []
        self.runs: list[Run] = []
        self._folder = folder
        self._budget = memory // threads
        self._lock = threading.Lock()
        self._spilled = 0

    def new_table(self) -> WordTable:
        """An empty table for a thread."""
        table = WordTable(self._budget)
        with self._lock:
            self.tables.append(table)
        return table

    def spill(self, table: WordTable) -> None:
        """Write a table to a run and clear it."""
        with self._lock:
            self._spilled += 1
            path = os.path.join(self._folder, f"run{self._spilled}")
        run = Run(path, table)
        table.clear()
        with self._lock:
            self.runs.append(run)

    def finish(self, min_count: int, memory: int) -> WordTable | Merged:
        """All words, those that are too rare left out or not."""
        first, *others = self.tables
        if not self.runs:
            first.budget = memory - sum(table.size() for table in others)
            if all(first.absorb(table) for table in others):
                return first
        for table in self.tables:
            if table.words:
                self.spill(table)
        return Merged(self.runs, min_count, memory)
