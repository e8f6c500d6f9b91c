"""The cells of a table of co-occurrences in the order in which GloVe is trained on them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from seqtool.parallel import for_each
from seqtool_train_embeddings.cooccurrence import Cooccurrences
from seqtool_train_embeddings.corpus import replaced_file
from seqtool_train_embeddings.glove_kernels import (
    MEMBER_BITS,
    count_blocks,
    fill_blocks,
    shuffle_cells,
)

Floats = npt.NDArray[np.float32]
Pairs = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int64]
Task = tuple[int, int, int]

_MEMBERS = 2048  # words in a group: their parameters fit into a processor's cache
_FEWEST_GROUPS = 8
_MOST_GROUPS = 256
_CELL_BYTES = 8
_TASKS_A_THREAD = 2


def groups_for(words: int) -> int:
    """Into how many groups so many words are dealt out. It does not depend on the machine."""
    wanted = min(max(-(-words // _MEMBERS), _FEWEST_GROUPS), _MOST_GROUPS)
    return max(1, min(words, max(wanted, -(-words >> MEMBER_BITS))))


class Cells:
    """Cells by blocks, shuffled within each, mapped from files.

    ``pairs`` and ``amounts`` are those of `seqtool_train_embeddings.glove_kernels`; those of
    block (a, b) begin at ``begins[a * groups + b]`` and end where the next block's begin.
    """

    def __init__(self, folder: str, words: int) -> None:
        self.words = words
        self.groups = groups_for(words)
        self.members = -(-words // self.groups)
        self.begins: Integers = np.fromfile(os.path.join(folder, "blocks"), np.int64)
        self._pairs = os.path.join(folder, "pairs")
        self._amounts = os.path.join(folder, "amounts")

    @property
    def count(self) -> int:
        """How many cells there are."""
        return int(self.begins[-1])

    def block(self, number: int) -> tuple[Pairs, Floats]:
        """The cells of one block."""
        begin, end = int(self.begins[number]), int(self.begins[number + 1])
        return (
            np.fromfile(self._pairs, np.uint32, end - begin, offset=4 * begin),
            np.fromfile(self._amounts, np.float32, end - begin, offset=4 * begin),
        )


def arrange_cells(
    table: Cooccurrences, folder: str, *, seed: int = 1, memory: int = 1 << 30, threads: int = 1
) -> Cells:
    """Sort the cells of a table into blocks, and shuffle every block.

    Args:
        table: the co-occurrences.
        folder: an existing folder for the result.
        seed: of the shuffling.
        memory: bytes for the cells that are held at a time; one block always is.
        threads: how many threads; the result does not depend on it, nor on ``memory``.
    """
    groups = groups_for(table.words)
    counts = np.zeros((groups, groups), np.int64)

    def count(group: int) -> None:
        count_blocks(
            table.offsets, table.columns, table.words, groups, group, row := counts[group].copy()
        )
        counts[group] = row

    for_each(range(groups), lambda: count, threads)
    begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    budget = memory // (_CELL_BYTES * threads * _TASKS_A_THREAD)
    with (
        replaced_file(os.path.join(folder, "blocks")) as blocks,
        replaced_file(os.path.join(folder, "pairs")) as pairs,
        replaced_file(os.path.join(folder, "amounts")) as amounts,
    ):
        for some_pairs, some_amounts in _filled(
            table, groups, counts, list(_tasks(counts, budget)), seed, threads
        ):
            some_pairs.tofile(pairs)
            some_amounts.tofile(amounts)
        begins.tofile(blocks)
    return Cells(folder, table.words)


def _tasks(counts: Integers, budget: int) -> Iterator[Task]:
    """Ranges of blocks of a row group, (group, first, last), with at most ``budget`` cells."""
    for group, row in enumerate(counts.tolist()):
        first = cells = 0
        for block, size in enumerate(row):
            if block > first and cells + size > budget:
                yield group, first, block
                first, cells = block, 0
            cells += size
        yield group, first, len(row)


def _filled(
    table: Cooccurrences, groups: int, counts: Integers, tasks: list[Task], seed: int, threads: int
) -> Iterator[tuple[Pairs, Floats]]:
    """The cells of every task, in order."""

    def fill(task: Task) -> tuple[Pairs, Floats]:
        group, first, last = task
        ends = np.cumsum(counts[group, first:last])
        begins = ends - counts[group, first:last]
        pairs, amounts = np.empty(ends[-1], np.uint32), np.empty(ends[-1], np.float32)
        fill_blocks(
            table.offsets, table.columns, table.values, table.words, groups, group, first, last,
            begins.copy(), pairs, amounts,
        )  # fmt: skip
        for block, begin, end in zip(range(first, last), begins, ends, strict=True):
            own_seed = zlib.crc32(f"{seed} {group} {block}".encode()) or 1
            shuffle_cells(pairs, amounts, int(begin), int(end), own_seed)
        return pairs, amounts

    size = threads * _TASKS_A_THREAD
    for start in range(0, len(tasks), size):
        batch = tasks[start : start + size]
        done: list[tuple[Pairs, Floats] | None] = [None] * len(batch)

        def make(
            done: list[tuple[Pairs, Floats] | None] = done,
        ) -> Callable[[tuple[int, Task]], None]:
            return lambda item: done.__setitem__(item[0], fill(item[1]))

        for_each(enumerate(batch), make, threads)
        for filled in done:
            assert filled is not None
            yield filled
