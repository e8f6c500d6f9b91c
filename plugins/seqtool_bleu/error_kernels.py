"""The segment statistics of WER and CER: edits of words or characters, by kind."""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, helper, kernel
from seqtool_bleu.text_kernels import is_space, segment_words, stripped_end

INFINITE = 1 << 28


@helper
def spaced_characters(text: Ints, begin: int, end: int, symbols: Ints, at: int) -> int:
    """Write the code points of a line with every run of white space as one space."""
    end = stripped_end(text, begin, end)
    while begin < end and is_space(text[begin]):
        begin += 1
    for i in range(begin, end):
        if not is_space(text[i]):
            symbols[at] = text[i]
            at += 1
        elif not is_space(text[i - 1]):
            symbols[at] = 32
            at += 1
    return at


@helper
def edit_counts(
    symbols: Ints, ref: int, ref_length: int, hyp: int, hyp_length: int, table: Ints
) -> int:
    """Count the edits of a cheapest alignment; returns their number.

    ``table`` holds two rows of (cost, substitutions, deletions, insertions) a reference
    position; the counts end up in its first four places. Of alignments that cost the same it
    is the one that jiwer counts: what both begin and end with is left alone, and in between,
    read from the end, a deletion (a reference word that is missing) comes before an insertion,
    that before a substitution.
    """
    while ref_length > 0 and hyp_length > 0 and symbols[ref] == symbols[hyp]:
        ref += 1
        hyp += 1
        ref_length -= 1
        hyp_length -= 1
    while (
        ref_length > 0
        and hyp_length > 0
        and symbols[ref + ref_length - 1] == symbols[hyp + hyp_length - 1]
    ):
        ref_length -= 1
        hyp_length -= 1
    width = 4 * (ref_length + 1)
    for j in range(ref_length + 1):
        put_counts(table, 4 * j, j, 0, j, 0)
    for i in range(1, hyp_length + 1):
        above = ((i - 1) % 2) * width
        row = (i % 2) * width
        put_counts(table, row, i, 0, 0, i)
        for j in range(1, ref_length + 1):
            differ = 0 if symbols[ref + j - 1] == symbols[hyp + i - 1] else 1
            cell = row + 4 * j
            left = cell - 4
            up = above + 4 * j
            diagonal = up - 4
            cost = min(table[diagonal] + differ, table[left] + 1, table[up] + 1)
            if cost == table[left] + 1:
                source, kind = left, 2
            elif i > 1 and table[up] == table[diagonal] - 1:
                source, kind = up, 3
            else:
                source, kind = diagonal, 1
            put_counts(table, cell, cost, table[source + 1], table[source + 2], table[source + 3])
            table[cell + kind] += differ if kind == 1 else 1
    final = (hyp_length % 2) * width + 4 * ref_length
    put_counts(table, 0, table[final], table[final + 1], table[final + 2], table[final + 3])
    return int(table[0])


@helper
def put_counts(
    table: Ints, at: int, cost: int, substitutions: int, deletions: int, insertions: int
) -> None:
    """Write one cell of `edit_counts`."""
    table[at] = cost
    table[at + 1] = substitutions
    table[at + 2] = deletions
    table[at + 3] = insertions


@kernel(
    "void(u4[::1], i8[::1], i8, i8, i8, u1[::1], i8, i8, i8, u4[::1], u4[::1], i8[::1],"
    " i8[::1], i8[::1], i8[::1], f8[::1])"
)
def error_columns(
    text: Ints,
    starts: Ints,
    segments: int,
    references: int,
    system: int,
    present: Ints,
    first: int,
    last: int,
    characters: int,
    arena: Ints,
    scratch: Ints,
    words: Ints,
    symbols: Ints,
    bounds: Ints,
    table: Ints,
    rows: Floats,
) -> None:
    """WER's or, with ``characters`` 1, CER's statistics, a row of ``rows`` a segment.

    A row is substitutions, deletions, insertions, hits and the length of the reference, for
    the reference with the fewest edits.
    """
    for segment in range(first, last):
        if characters == 1:
            at = 0
            for r in range(references + 1):
                bounds[r] = at
                line = (r if r < references else system) * segments + segment
                at = spaced_characters(text, starts[line], starts[line + 1] - 1, symbols, at)
            bounds[references + 1] = at
        else:
            segment_words(
                text, starts, segments, segment, references, system, present, 0, present,
                arena, scratch, words, symbols, bounds,
            )  # fmt: skip
        begin = bounds[references]
        length = bounds[references + 1] - begin
        fewest = INFINITE
        row = 5 * segment
        for r in range(references):
            if present[r * segments + segment] == 0:
                continue
            ref_length = bounds[r + 1] - bounds[r]
            edits = edit_counts(symbols, bounds[r], ref_length, begin, length, table)
            if edits < fewest:
                fewest = edits
                rows[row] = table[1]
                rows[row + 1] = table[2]
                rows[row + 2] = table[3]
                rows[row + 3] = ref_length - table[1] - table[2]
                rows[row + 4] = ref_length
