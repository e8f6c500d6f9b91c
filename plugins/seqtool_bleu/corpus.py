"""Files in, statistics out: reading line by line side by side and counting batch by batch."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from seqtool.errors import SeqtoolError
from seqtool.kernels import expect
from seqtool.text import aligned_blocks, display_name
from seqtool_bleu.batch import Batch
from seqtool_bleu.metric import Metric
from seqtool_bleu.text_kernels import add_to_totals


class SystemStats:
    """What one metric counted for one system.

    ``total`` holds the sums of the columns; ``stats`` the rows of all segments one after
    another, if they were to be kept.
    """

    def __init__(self, name: str, columns: int) -> None:
        self.name = name
        self.columns = columns
        self.segments = 0
        self.total = [0.0] * columns
        self.stats = array("d")

    def add(self, rows: array[float], keep: bool) -> None:
        """Count the rows of further segments."""
        total = array("d", self.total)
        add_to_totals(rows, self.columns, total)
        self.total = total.tolist()
        self.segments += len(rows) // self.columns
        if keep:
            self.stats.extend(rows)


class Corpus:
    """References and systems, read once.

    After `count`, ``counted[m][s]`` is what metric m counted for system s, and ``texts`` holds
    the lines of every file, references first, if they were to be kept.
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        references: Sequence[str],
        systems: Sequence[str],
        errors: str = "strict",
        skip_empty_refs: bool = False,
    ) -> None:
        self.metrics = metrics
        self.reference_files = references
        self.system_files = systems
        self.segments = 0
        self.texts: list[list[str]] = [[] for _ in (*references, *systems)]
        self.counted = [
            [SystemStats(display_name(name), metric.columns) for name in systems]
            for metric in metrics
        ]
        self._errors = errors
        self._skip_empty = skip_empty_refs
        self._steps = 0
        self._reference_counts: set[int] = set()

    def count(
        self,
        threads: int,
        keep_rows: bool = False,
        keep_texts: bool = False,
        on_rows: Callable[[int, list[array[float]]], None] | None = None,
    ) -> None:
        """Read all files and count. ``on_rows(segments, rows by metric)`` sees every batch of
        the first system. Raises SeqtoolError for bad input.
        """
        for texts in aligned_blocks((*self.reference_files, *self.system_files), self._errors):
            batch = Batch(texts, len(self.reference_files), self.segments, self._skip_empty)
            try:
                self._count_batch(batch, threads, keep_rows, on_rows)
            except UnicodeDecodeError:
                batch.explain_bad_bytes((*self.reference_files, *self.system_files))
                raise
            if keep_texts:
                for lines, text in zip(self.texts, texts, strict=True):
                    lines.extend(text.decode().split("\n")[:-1])
        if self.segments == 0:
            raise SeqtoolError(f"{display_name(self.reference_files[0])} has no lines")

    @property
    def references(self) -> str:
        """The number of references a segment has, as signatures say it; ``var`` if it varies."""
        counts = self._reference_counts
        return str(next(iter(counts))) if len(counts) == 1 else "var"

    def _count_batch(
        self,
        batch: Batch,
        threads: int,
        keep_rows: bool,
        on_rows: Callable[[int, list[array[float]]], None] | None,
    ) -> None:
        of_first: list[array[float]] = []
        for metric, counted in zip(self.metrics, self.counted, strict=True):
            self._steps += metric.steps(sum(map(len, batch.texts)), batch.segments)
            expect(self._steps)
            batch.encode(metric.prepare_references, metric.prepare)
            for number, stats in enumerate(counted):
                rows = metric.count(batch, number, threads)
                stats.add(rows, keep_rows)
                if number == 0:
                    of_first.append(rows)
        self.segments += batch.segments
        self._reference_counts |= batch.reference_counts()
        if on_rows:
            on_rows(batch.segments, of_first)
