"""Which words occur near each other, and how often: the table that GloVe is trained on.

The corpus is cut into pieces whose index of places fits into the memory allowed. Every piece
gives a run, a file of rows; runs are added up row by row. Weights 1/d are counted as whole
multiples of one over the least common multiple of all d (of 2**-32 for windows over 22 words),
so sums are exact, and the same for any memory and any number of threads.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seqtool.parallel import for_each
from seqtool_train_embeddings.cooccurrence_kernels import count_rows, index_places, merge_runs
from seqtool_train_embeddings.corpus import Ids, replaced_file

if TYPE_CHECKING:
    from seqtool.progress import Progress

Integers = npt.NDArray[np.int64]
Rows = tuple[Ids, Integers, Integers]  # columns, sums, and where each row ends in them

_LARGEST_SCALE = 1 << 32
_PLACE_BYTES = 8  # of a word of the corpus: itself and its place
_CELL_BYTES = 12
_MOST_PLACES = 1 << 31
_TASK_CELLS = 1 << 21
_TASKS_A_THREAD = 4  # of one round, whose results are held until all are done


class Cooccurrences:
    """A table of co-occurrences in a folder.

    The cells of word w are ``offsets[w]`` to ``offsets[w + 1]``: the other words in ``columns``
    (int32), how often they occur near it in ``values`` (float32). All three are arrays; columns
    and values are mapped from files.
    """

    def __init__(self, folder: str) -> None:
        self.offsets: Integers = np.fromfile(os.path.join(folder, "offsets"), np.int64)
        self.columns: Ids = _mapped(os.path.join(folder, "columns"), np.int32)
        self.values: npt.NDArray[np.float32] = _mapped(os.path.join(folder, "values"), np.float32)

    @property
    def words(self) -> int:
        """How many rows there are."""
        return len(self.offsets) - 1

    @property
    def cells(self) -> int:
        """How many cells are not zero."""
        return int(self.offsets[-1])


def _mapped(path: str, dtype: Any) -> npt.NDArray[Any]:
    return np.memmap(path, dtype, mode="r") if os.path.getsize(path) else np.empty(0, dtype)


def count_cooccurrences(
    ids: Ids,
    words: int,
    window: int,
    *,
    folder: str,
    memory: int = 1 << 30,
    threads: int = 1,
    symmetric: bool = True,
    distance_weighting: bool = True,
    progress: Progress | None = None,
) -> Cooccurrences:
    """Count, for every word, the words near it.

    Args:
        ids: the corpus as `seqtool_train_embeddings.corpus.encode_corpus` writes it.
        words: the size of the vocabulary.
        window: how far words may be apart, in words of the vocabulary within a sentence.
        folder: an existing folder for the table; temporary files go there, too.
        memory: bytes for counting; the table itself goes to files.
        threads: how many threads count; the result does not depend on it.
        symmetric: count words on both sides, or only those to the left.
        distance_weighting: a pair d words apart counts 1/d, or 1.
        progress: advanced by the words of the corpus.
    """
    counter = _Counter(ids, words, window, symmetric, distance_weighting, memory, threads, progress)
    pieces = counter.pieces()
    if len(pieces) == 1:
        _write_table(folder, counter.rows_of_piece(*pieces[0]), words, counter.scale)
        return Cooccurrences(folder)
    runs: list[_Run] = []
    try:
        for number, piece in enumerate(pieces):
            run = _Run(os.path.join(folder, f"run{number}"))
            runs.append(run)
            run.write(counter.rows_of_piece(*piece))
        _write_table(folder, counter.rows_of_runs(runs), words, counter.scale)
    finally:
        for run in runs:
            run.remove()
    return Cooccurrences(folder)


class _Run:
    """Rows that one piece of the corpus adds, in two files."""

    def __init__(self, path: str) -> None:
        self.columns = path + ".columns"
        self.sums = path + ".sums"
        self.offsets: Integers = np.zeros(1, np.int64)

    def write(self, rows: Iterator[Rows]) -> None:
        """Write all rows."""
        with open(self.columns, "wb") as columns, open(self.sums, "wb") as sums:
            self.offsets = _write_rows(rows, columns, sums, lambda x: x)

    def read(self, first: int, last: int) -> Rows:
        """Some rows: their cells, and where they begin and end among these."""
        begin, end = int(self.offsets[first]), int(self.offsets[last])
        columns = np.fromfile(self.columns, np.int32, end - begin, offset=4 * begin)
        sums = np.fromfile(self.sums, np.int64, end - begin, offset=8 * begin)
        return columns, sums, self.offsets[first : last + 1] - begin

    def remove(self) -> None:
        """Delete the files."""
        for path in (self.columns, self.sums):
            with suppress(OSError):
                os.unlink(path)


def _write_rows(
    rows: Iterator[Rows],
    columns: IO[bytes],
    values: IO[bytes],
    convert: Callable[[Integers], npt.NDArray[Any]],
) -> Integers:
    """Write cells; returns where each row begins, and the number of cells."""
    offsets: list[Integers] = [np.zeros(1, np.int64)]
    for some_columns, sums, ends in rows:
        some_columns.tofile(columns)
        convert(sums).tofile(values)
        offsets.append(ends + offsets[-1][-1])
    return np.concatenate(offsets)


def _write_table(folder: str, rows: Iterator[Rows], words: int, scale: int) -> None:
    with ExitStack() as stack:
        # The table is there when its last file is: files are renamed in the opposite order.
        names = ("offsets", "values", "columns")
        files = [stack.enter_context(replaced_file(os.path.join(folder, n))) for n in names]
        offsets = _write_rows(rows, files[2], files[1], lambda x: (x / scale).astype(np.float32))
        assert len(offsets) == words + 1
        offsets.tofile(files[0])


class _Counter:
    """What stays the same while the rows of one corpus are counted."""

    def __init__(
        self,
        ids: Ids,
        words: int,
        window: int,
        symmetric: bool,
        weighting: bool,
        memory: int,
        threads: int,
        progress: Progress | None,
    ) -> None:
        self.ids = ids
        self.words = words
        self.window = window
        self.symmetric = symmetric
        self.memory = memory
        self.threads = threads
        self.progress = progress
        scale = math.lcm(*range(1, window + 1)) if weighting else 1
        self.scale = scale if scale <= _LARGEST_SCALE else _LARGEST_SCALE
        weights = [0] + [round(self.scale / (d if weighting else 1)) for d in range(1, window + 1)]
        self.weights = np.array(weights, np.int64)
        share = memory // (4 * _CELL_BYTES * threads * _TASKS_A_THREAD)
        self._task_cells = max(1, min(_TASK_CELLS, share))

    def pieces(self) -> list[tuple[int, int]]:
        """Ranges of the corpus to index, one at a time. They take half of the memory."""
        size = max(1, min(self.memory // (2 * _PLACE_BYTES), _MOST_PLACES))
        total = len(self.ids)
        return [(i, min(i + size, total)) for i in range(0, total, size)] or [(0, 0)]

    def rows_of_piece(self, begin: int, end: int) -> Iterator[Rows]:
        """What the words of one range of the corpus have near them, in order."""
        starts = np.empty(self.words + 1, np.int64)
        places = np.empty(end - begin, np.int32)
        index_places(self.ids, begin, end, np.zeros(self.words, np.int64), starts, places)

        def work(first: int, last: int, cells: int, sums: Integers) -> Rows:
            columns, values = np.empty(cells, np.int32), np.empty(cells, np.int64)
            ends = np.empty(last - first, np.int64)
            count_rows(
                self.ids, begin, places, starts, first, last, self.window, int(self.symmetric),
                self.weights, sums, columns, values, ends,
            )  # fmt: skip
            return _cut(columns, values, ends)

        most = np.diff(starts) * (self.window * (1 + self.symmetric))
        for rows, first, last in self._rows(most, work):
            yield rows
            if self.progress:
                self.progress.advance(int(starts[last] - starts[first]))

    def rows_of_runs(self, runs: Sequence[_Run]) -> Iterator[Rows]:
        """The sums of all runs, in order."""

        def work(first: int, last: int, cells: int, sums: Integers) -> Rows:
            parts = [run.read(first, last) for run in runs]
            begins = np.cumsum([0] + [len(part[0]) for part in parts])
            run_starts = np.concatenate(
                [part[2] + b for part, b in zip(parts, begins[:-1], strict=True)]
            )
            columns, values = np.empty(cells, np.int32), np.empty(cells, np.int64)
            ends = np.empty(last - first, np.int64)
            merge_runs(
                np.concatenate([part[0] for part in parts]),
                np.concatenate([part[1] for part in parts]),
                run_starts, len(runs), last - first, sums, columns, values, ends,
            )  # fmt: skip
            return _cut(columns, values, ends)

        most = sum(np.diff(run.offsets) for run in runs)
        for rows, _, _ in self._rows(np.asarray(most), work):
            yield rows

    def _rows(
        self, most: Integers, work: Callable[[int, int, int, Integers], Rows]
    ) -> Iterator[tuple[Rows, int, int]]:
        """Call ``work(first, last, cells, sums)`` for ranges of rows, in threads; yield in order.

        ``most[w]`` is how many cells row w can have; ``cells`` how many a range can.
        """
        most = np.minimum(most, self.words)
        tasks = self._tasks(np.concatenate([np.zeros(1, np.int64), np.cumsum(most)]))
        size = self.threads * _TASKS_A_THREAD
        for begin in range(0, len(tasks), size):
            batch = tasks[begin : begin + size]
            done: list[Rows | None] = [None] * len(batch)

            def make(done: list[Rows | None] = done) -> Callable[[tuple[int, Any]], None]:
                sums = np.zeros(self.words, np.int64)

                def run(item: tuple[int, tuple[int, int, int]]) -> None:
                    done[item[0]] = work(*item[1], sums)

                return run

            for_each(enumerate(batch), make, self.threads)
            for rows, (first, last, _) in zip(done, batch, strict=True):
                assert rows is not None
                yield rows, first, last

    def _tasks(self, bounds: Integers) -> list[tuple[int, int, int]]:
        """Cut the rows into ranges of few cells, or of one row: (first, last, cells at most)."""
        tasks = []
        first = 0
        while first < self.words:
            target = bounds[first] + self._task_cells
            last = max(first + 1, int(np.searchsorted(bounds, target, "right")) - 1)
            tasks.append((first, last, int(bounds[last] - bounds[first])))
            first = last
        return tasks


def _cut(columns: Ids, values: Integers, ends: Integers) -> Rows:
    """Copy the cells that are used, so that the rest of the memory is free again."""
    size = int(ends[-1])
    return columns[:size].copy(), values[:size].copy(), ends
