"""A hash table of words that knows its size, and the sorted runs it is written to when full."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from seqtool.words.table_kernels import (
    HEADER,
    MERGED,
    NEEDS_ROOM,
    add_words,
    count_text,
    first_bytes,
    merge_runs,
    move_slots,
    sort_words,
    write_run,
)

Integers = npt.NDArray[np.int64]

_FIRST_WORDS = 1 << 12
_FIRST_ARENA = 1 << 15
_WRITE_BYTES = 1 << 20
_LARGEST_WINDOW = 1 << 20
# Of a word, besides its bytes: start, count, two slots, three numbers while the table is sorted.
_WORD_BYTES = 56


class WordTable:
    """Words and their counts; ``words`` of them so far.

    The arrays ``arena``, ``starts``, ``counts``, ``slots`` and ``state`` are those of
    `seqtool.words.table_kernels`. ``budget`` is how many bytes they may take, at least while the
    table holds more than one word.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.tokens = 0
        self.clear()

    def clear(self) -> None:
        """Forget all words, and give back the memory."""
        words, arena = _FIRST_WORDS, _FIRST_ARENA
        while words > 16 and _WORD_BYTES * words + arena > self.budget:
            words, arena = words // 2, arena // 2
        self.arena = bytearray(arena)
        self.starts = np.zeros(words + 1, np.int64)
        self.counts = np.zeros(words, np.int64)
        self.slots = np.zeros(2 * words, np.int64)
        self.state = np.zeros(1, np.int64)

    @property
    def words(self) -> int:
        """How many different words the table holds."""
        return int(self.state[0])

    @property
    def mask(self) -> int:
        """What cuts a hash down to a slot."""
        return len(self.slots) - 1

    def size(self) -> int:
        """The memory that the table takes, that of sorting it included."""
        return _WORD_BYTES * len(self.counts) + len(self.arena)

    def count(self, text: bytes, spill: Callable[[WordTable], None]) -> None:
        """Count the words between ASCII white space of a text; ``spill`` as in `count_with`."""
        tokens = np.zeros(1, np.int64)

        def count_from(at: int) -> int:
            return count_text(
                text, at, self.arena, self.starts, self.counts, self.slots, self.mask, self.state,
                tokens,
            )  # fmt: skip

        self.count_with(count_from, len(text), spill)
        self.tokens += int(tokens[0])

    def count_with(
        self, count_from: Callable[[int], int], size: int, spill: Callable[[WordTable], None]
    ) -> None:
        """Have a kernel count the words of a text of ``size`` bytes.

        ``count_from(at)`` counts from ``at`` on with the arrays that the table has at that time;
        it returns ``size``, or where to go on when the table has room again. ``spill(table)``
        must write and clear a table that is full.
        """
        at = 0
        while (at := count_from(at)) != size:
            if not self._grow(size - at):
                spill(self)

    def absorb(self, other: WordTable) -> bool:
        """Add the words of another table; False if only some of them, for want of memory.

        The words that were added have the count 0 in ``other`` then.
        """
        at = 0
        while True:
            done = add_words(
                other.arena, other.starts, other.counts, at, other.words, self.arena, self.starts,
                self.counts, self.slots, self.mask, self.state,
            )  # fmt: skip
            other.counts[at:done] = 0
            at = done
            if at == other.words:
                return True
            if not self._grow(int(other.starts[at + 1] - other.starts[at])):
                return False

    def add(self, words: Iterable[bytes]) -> None:
        """Put words into the table, numbered in their order, whatever memory it takes."""
        self.budget = 1 << 62
        joined = bytearray()
        starts = [0]
        for word in words:
            joined += word
            starts.append(len(joined))
        other = WordTable(0)
        other.arena = joined
        other.starts = np.array(starts, np.int64)
        other.counts = np.ones(len(starts) - 1, np.int64)
        other.state[0] = len(starts) - 1
        self.absorb(other)

    def order(self, min_count: int = 1) -> Integers:
        """The numbers of the words that occur so often, sorted by the bytes of the words."""
        order = np.flatnonzero(self.counts[: self.words] >= min_count)
        keys = np.empty(len(order), np.int64)
        first_bytes(self.arena, self.starts, order, keys)
        order = order[np.argsort(keys)]  # leaves little to do for a sort that looks at all bytes
        sort_words(self.arena, self.starts, order, np.empty_like(order))
        return order

    def _grow(self, next_bytes: int) -> bool:
        """Make room for a next word of at most so many bytes; False if that is over the budget."""
        if self.words == len(self.counts):
            more = 2 * len(self.counts)
            if self.size() + _WORD_BYTES * len(self.counts) * 3 // 2 > self.budget and self.words:
                return False
            self.starts = np.concatenate([self.starts, np.zeros(more // 2, np.int64)])
            self.counts = np.concatenate([self.counts, np.zeros(more // 2, np.int64)])
            slots = np.zeros(2 * more, np.int64)
            move_slots(self.slots, slots, len(slots) - 1)
            self.slots = slots
            return True
        used = int(self.starts[self.words])
        more = min(next_bytes, len(self.arena))
        if used and self.size() + len(self.arena) + more > self.budget:
            return False
        arena = bytearray(max(2 * len(self.arena), used + more))
        arena[:used] = memoryview(self.arena)[:used]
        self.arena = arena
        return True


class Run:
    """A sorted table in a file. ``longest`` is the bytes of its longest record."""

    def __init__(self, path: str, table: WordTable) -> None:
        self.path = path
        self.longest = HEADER
        order = table.order()
        if table.words:
            lengths = np.diff(table.starts[: table.words + 1])
            self.longest += int(lengths.max())
        out = bytearray(max(self.longest, min(_WRITE_BYTES, table.size())))
        state = np.zeros(1, np.int64)
        with open(path, "wb") as file:
            while state[0] < len(order):
                size = write_run(table.arena, table.starts, table.counts, order, state, out)
                file.write(memoryview(out)[:size])
        self.bytes = os.path.getsize(path)


class _Windows:
    """The next records of every run, in memory."""

    def __init__(self, runs: list[Run], memory: int) -> None:
        longest = max(run.longest for run in runs)
        self.size = max(longest, min(_LARGEST_WINDOW, memory // len(runs)))
        self.data = bytearray(self.size * len(runs))
        self.positions = np.arange(len(runs), dtype=np.int64) * self.size
        self.limits = self.positions.copy()
        self._runs = runs
        self._read = [0] * len(runs)
        for number in range(len(runs)):
            self.refill(number)

    def refill(self, number: int) -> bool:
        """Read on in a run; False when it is at its end."""
        begin = number * self.size
        rest = bytes(self.data[int(self.positions[number]) : int(self.limits[number])])
        with open(self._runs[number].path, "rb") as file:
            file.seek(self._read[number])
            more = file.read(self.size - len(rest))
        self._read[number] += len(more)
        self.data[begin : begin + len(rest) + len(more)] = rest + more
        self.positions[number] = begin
        self.limits[number] = begin + len(rest) + len(more)
        return bool(rest or more)


class Merged:
    """Words in the order of their bytes, with counts: what sorted runs add up to.

    Only words that occur ``min_count`` times are kept.
    """

    def __init__(self, runs: list[Run], min_count: int, memory: int) -> None:
        windows = _Windows(runs, memory)
        heap = np.array([n for n, run in enumerate(runs) if run.bytes] or [0], np.int64)
        state = np.array([0, sum(run.bytes > 0 for run in runs), -1, 0], np.int64)
        self.arena = bytearray(_FIRST_ARENA)
        self.starts = np.zeros(_FIRST_WORDS + 1, np.int64)
        self.counts = np.zeros(_FIRST_WORDS, np.int64)
        while True:
            waits = merge_runs(
                windows.data, windows.positions, windows.limits, heap, min_count, self.arena,
                self.starts, self.counts, state,
            )  # fmt: skip
            if waits == MERGED:
                break
            if waits == NEEDS_ROOM:
                self._grow(windows.size)
            elif not windows.refill(waits):
                state[1] -= 1
                heap[0] = heap[state[1]]
        self.words = int(state[0])

    def order(self, min_count: int = 1) -> Integers:
        """As `WordTable.order`; the words are sorted already."""
        return np.flatnonzero(self.counts[: self.words] >= min_count)

    def _grow(self, longest: int) -> None:
        self.arena += bytes(len(self.arena) + longest)
        self.starts = np.concatenate([self.starts, np.zeros(len(self.counts), np.int64)])
        self.counts = np.concatenate([self.counts, np.zeros(len(self.counts), np.int64)])
