"""Kernels that count which words occur near each other.

A row is what occurs near one word. All rows are counted one after another: the places of the
word are looked up, and what stands around them is added up in a dense array, ``sums``, with one
number a word, 0 between two rows. Rows are kept as cells, ``columns`` and ``values``: the other
word, and the sum of its weights, which are whole numbers, so that no order of adding matters.
Cells of a row stand in the order in which the other words were met.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel


@kernel("void(i4[::1], i8, i8, i8[::1], i8[::1], i4[::1])")
def index_places(ids: Ints, begin: int, end: int, counts: Ints, starts: Ints, places: Ints) -> None:
    """List the places of every word in ``ids[begin:end]``, relative to ``begin``.

    Those of word w become ``places[starts[w]:starts[w + 1]]``; ``counts`` is scratch with one
    zero a word.
    """
    words = len(counts)
    for i in range(begin, end):
        if ids[i] >= 0:
            counts[ids[i]] += 1
    starts[0] = 0
    for word in range(words):
        starts[word + 1] = starts[word] + counts[word]
        counts[word] = starts[word]
    for i in range(begin, end):
        word = ids[i]
        if word >= 0:
            places[counts[word]] = i - begin
            counts[word] += 1


@helper
def close_row(sums: Ints, columns: Ints, values: Ints, first: int, last: int) -> None:
    """Take the sums of a row's columns and clear them."""
    for k in range(first, last):
        values[k] = sums[columns[k]]
        sums[columns[k]] = 0


@kernel(
    "void(i4[::1], i8, i4[::1], i8[::1], i8, i8, i8, i8, i8[::1], i8[::1], i4[::1], i8[::1],"
    " i8[::1])"
)
def count_rows(
    ids: Ints,
    begin: int,
    places: Ints,
    starts: Ints,
    first: int,
    last: int,
    window: int,
    symmetric: int,
    weights: Ints,
    sums: Ints,
    columns: Ints,
    values: Ints,
    ends: Ints,
) -> None:
    """Count the rows of the words ``first`` to ``last``.

    Args:
        ids: word numbers of the corpus, -1 between sentences, which a window does not cross.
        begin, places, starts: see `index_places`.
        first, last: rows to count.
        window: how many words on a side are near.
        symmetric: 0 looks to the left only.
        weights: what a pair adds, by its distance (from 1 to ``window``).
        sums: scratch, a zero for each word.
        columns, values: the cells, row after row.
        ends: where each of the rows ends in them.
    """
    out = 0
    total = len(ids)
    for word in range(first, last):
        row = out
        for p in range(starts[word], starts[word + 1]):
            place = begin + places[p]
            for distance in range(1, window + 1):
                near = place - distance
                if near < 0 or ids[near] < 0:
                    break
                other = ids[near]
                if sums[other] == 0:
                    columns[out] = other
                    out += 1
                sums[other] += weights[distance]
            if symmetric == 0:
                continue
            for distance in range(1, window + 1):
                near = place + distance
                if near >= total or ids[near] < 0:
                    break
                other = ids[near]
                if sums[other] == 0:
                    columns[out] = other
                    out += 1
                sums[other] += weights[distance]
        close_row(sums, columns, values, row, out)
        ends[word - first] = out


@kernel("void(i4[::1], i8[::1], i8[::1], i8, i8, i8[::1], i4[::1], i8[::1], i8[::1])")
def merge_runs(
    run_columns: Ints,
    run_values: Ints,
    run_starts: Ints,
    runs: int,
    rows: int,
    sums: Ints,
    columns: Ints,
    values: Ints,
    ends: Ints,
) -> None:
    """Add up the same ``rows`` of several runs.

    The cells of row r in run n begin at ``run_starts[n * (rows + 1) + r]`` and end where the
    next one's begin. The other arguments are as for `count_rows`.
    """
    out = 0
    for row in range(rows):
        first = out
        for run in range(runs):
            at = run * (rows + 1) + row
            for k in range(run_starts[at], run_starts[at + 1]):
                other = run_columns[k]
                if sums[other] == 0:
                    columns[out] = other
                    out += 1
                sums[other] += run_values[k]
        close_row(sums, columns, values, first, out)
        ends[row] = out
