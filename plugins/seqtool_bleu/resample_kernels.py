"""Kernels that sum the statistics of resampled corpora.

A corpus score is a function of summed columns, so a resampled corpus is never built: only
its sums are. Tables of statistics are flat and row-major, one row of ``columns`` numbers a
segment.
"""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, kernel

# Segments are taken sixteen at a time: four groups of four. A group has 16 possible choices,
# whose sums are looked up in a table.
GROUP = 4
CHOICES = 16
STEP = 4 * GROUP
# Steps whose tables are in use together: few enough for the processor's cache.
BLOCK_STEPS = 32
TABLE_ROWS = BLOCK_STEPS * 4 * CHOICES


@kernel("void(f4[::1], i8, i8[::1], i8, i8, f4[::1])")
def sum_picks(
    rows: Floats, columns: int, picks: Ints, segments: int, samples: int, sums: Floats
) -> None:
    """Sum the picked rows of every bootstrap sample, in the order of the picks.

    Args:
        rows: (segments x columns) statistics.
        columns: numbers a segment.
        picks: (samples x segments) segment numbers.
        segments: how many segments a sample has.
        samples: how many samples.
        sums: (samples x columns) result, written over.
    """
    for sample in range(samples):
        base = sample * columns
        for column in range(columns):
            sums[base + column] = 0.0
        for position in range(segments):
            row = picks[sample * segments + position] * columns
            for column in range(columns):
                sums[base + column] += rows[row + column]


@kernel("void(f8[::1], i8, i8, i8, i8, f8[::1])")
def fill_table(
    differences: Floats, columns: int, segments: int, start: int, steps: int, table: Floats
) -> None:
    """Sums of every choice among four neighbouring segments.

    Args:
        differences: (segments x columns) what a swap of the segment changes.
        columns: numbers a segment.
        segments: how many; choices beyond the last one add nothing.
        start: the first segment of the table.
        steps: how many times STEP segments the table covers; at most BLOCK_STEPS.
        table: (steps x 4 x CHOICES x columns) result, written over.
    """
    for group in range(steps * 4):
        for choice in range(CHOICES):
            entry = (group * CHOICES + choice) * columns
            for column in range(columns):
                total = 0.0
                for member in range(GROUP):
                    segment = start + group * GROUP + member
                    if (choice >> member) & 1 and segment < segments:
                        total += differences[segment * columns + column]
                table[entry + column] = total


@kernel("void(f8[::1], i8, i8[::1], i8, i8, i8, i8, f8[::1])")
def add_choices(
    table: Floats,
    columns: int,
    bits: Ints,
    segments: int,
    start: int,
    steps: int,
    trials: int,
    sums: Floats,
) -> None:
    """Add to every trial's sums what it chose among the segments of a table.

    Args:
        table: of `fill_table`, for the same ``start`` and ``steps``.
        columns: numbers a segment.
        bits: 64 choices a word, lowest bit first; trial after trial without gaps, and one
            word more than needed.
        segments: choices a trial.
        start: the first segment of the table.
        steps: how many times STEP segments the table covers.
        trials: how many trials.
        sums: (trials x columns), added to.
    """
    width = CHOICES * columns
    for trial in range(trials):
        base = trial * columns
        for step in range(steps):
            # The last step of a trial reads bits of the next one; they choose among zeros.
            place = trial * segments + start + step * STEP
            shift = place & 63
            choices = bits[place >> 6] >> shift
            if shift > 64 - STEP:
                choices &= (1 << (64 - shift)) - 1
                choices |= (bits[(place >> 6) + 1] & 0xFFFF) << (64 - shift)
            first = step * 4 * width
            a = first + (choices & 15) * columns
            b = first + width + ((choices >> 4) & 15) * columns
            c = first + 2 * width + ((choices >> 8) & 15) * columns
            d = first + 3 * width + ((choices >> 12) & 15) * columns
            for column in range(columns):
                sums[base + column] += (table[a + column] + table[b + column]) + (
                    table[c + column] + table[d + column]
                )
