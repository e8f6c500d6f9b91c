"""Edit distances: the segment statistics of TER, WER and CER.

TER (Snover et al. 2006) counts a move of a word sequence as one edit. Finding the fewest edits
with moves is hard, so Tercom searches greedily, and its limits and preferences are part of the
metric; these are Tercom's as sacrebleu fixes them.
"""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, helper, kernel
from seqtool_bleu.text_kernels import is_space, segment_words, stripped_end

BEAM = 25  # cells on either side of the diagonal of the distance matrix
LONGEST_SHIFT = 10
FARTHEST_SHIFT = 50
MOST_CANDIDATES = 1000  # shifts tried for one pair of lines
INFINITE = 1 << 28


@kernel("i8(u4[::1], i8[::1], i8)")
def most_words(text: Ints, starts: Ints, lines: int) -> int:
    """The largest number of white-space separated words in a line."""
    most = 0
    for line in range(lines):
        words = 0
        inside = False
        for i in range(starts[line], starts[line + 1]):
            space = is_space(text[i])
            if inside and space:
                words += 1
            inside = not space
        if words > most:
            most = words
    return most


@helper
def beam_width(hyp_length: int, ref_length: int) -> int:
    """Cells searched on either side of the diagonal; more when the lengths differ wildly."""
    half = ref_length / hyp_length / 2
    if half <= BEAM:
        return BEAM
    width = int(half + BEAM)
    return width if width == half + BEAM else width + 1


@helper
def fill_row(
    symbols: Ints,
    ref: int,
    ref_length: int,
    word: int,
    low: int,
    high: int,
    costs: Ints,
    above: int,
    row: int,
) -> int:
    """One row of the distance matrix, for the hypothesis word ``word``; returns its least cost.

    Only columns ``low`` to ``high`` are searched, the others are infinite.
    """
    least = INFINITE
    for j in range(ref_length + 1):
        if j < low or j >= high:
            costs[row + j] = INFINITE
            continue
        cost = costs[above + j] + 1
        if j > 0:
            diagonal = costs[above + j - 1] + (0 if symbols[ref + j - 1] == word else 1)
            cost = diagonal if diagonal < cost else cost
            left = costs[row + j - 1] + 1
            cost = left if left < cost else cost
        costs[row + j] = cost
        least = cost if cost < least else least
    return least


@helper
def fill_matrix(
    symbols: Ints, ref: int, ref_length: int, hyp: Ints, length: int, costs: Ints
) -> int:
    """The beam-limited edit distance matrix of hypothesis and reference; returns the distance.

    Row i, column j of ``costs`` is the distance of i hypothesis words to j reference words.
    """
    width = ref_length + 1
    for j in range(width):
        costs[j] = j
    if length == 0:
        return ref_length
    ratio = ref_length / length
    beam = beam_width(length, ref_length)
    for i in range(1, length + 1):
        diagonal = int(i * ratio)
        high = width if i == length else min(width, diagonal + beam)
        fill_row(
            symbols, ref, ref_length, hyp[i - 1], diagonal - beam, high, costs,
            (i - 1) * width, i * width,
        )  # fmt: skip
    return int(costs[length * width + ref_length])


@helper
def align(
    symbols: Ints,
    ref: int,
    ref_length: int,
    hyp: Ints,
    length: int,
    costs: Ints,
    aligned: Ints,
    ref_errors: Ints,
    hyp_errors: Ints,
) -> None:
    """Follow the cheapest edits back through the matrix.

    ``aligned[j]`` becomes the hypothesis position of reference word j, or that of the last
    hypothesis word before it; the error flags are 1 for words that are edited. Of edits that
    cost the same, substitution comes first, then leaving out a hypothesis word.
    """
    width = ref_length + 1
    i = length
    j = ref_length
    while i > 0 or j > 0:
        cost = costs[i * width + j]
        if i > 0 and j > 0:
            differ = 0 if hyp[i - 1] == symbols[ref + j - 1] else 1
            if costs[(i - 1) * width + j - 1] + differ == cost:
                i -= 1
                j -= 1
                aligned[j] = i
                ref_errors[j] = differ
                hyp_errors[i] = differ
                continue
        if i > 0 and (j == 0 or costs[(i - 1) * width + j] + 1 == cost):
            i -= 1
            hyp_errors[i] = 1
        else:
            j -= 1
            aligned[j] = i - 1
            ref_errors[j] = 1


@helper
def shift_words(hyp: Ints, length: int, start: int, size: int, target: int, shifted: Ints) -> None:
    """Copy the hypothesis with ``size`` words from ``start`` moved before word ``target``.

    A target inside the moved words counts from their end.
    """
    if target < start:
        low, middle, high = target, start, start + size
    elif target > start + size:
        low, middle, high = start, start + size, target
    else:
        low, middle, high = start, start + size, size + target
    at = low
    for i in range(low):
        shifted[i] = hyp[i]
    for i in range(middle, min(high, length)):
        shifted[at] = hyp[i]
        at += 1
    for i in range(low, middle):
        shifted[at] = hyp[i]
        at += 1
    for i in range(at, length):
        shifted[i] = hyp[i]


@helper
def distance_below(
    symbols: Ints,
    ref: int,
    ref_length: int,
    shifted: Ints,
    length: int,
    low: int,
    high: int,
    limit: int,
    costs: Ints,
) -> int:
    """The distance of a shifted hypothesis, or something over ``limit`` if it is over that.

    Rows up to ``low`` are those of the unshifted hypothesis in ``costs``. From row ``high`` on
    the words are the same again, so once a row comes out equal, so does the distance. The two
    rows behind the matrix are scratch.
    """
    width = ref_length + 1
    ratio = ref_length / length
    beam = beam_width(length, ref_length)
    above = low * width
    spare = (length + 1) * width
    for i in range(low + 1, length + 1):
        row = spare + (i % 2) * width
        diagonal = int(i * ratio)
        right = width if i == length else min(width, diagonal + beam)
        least = fill_row(
            symbols, ref, ref_length, shifted[i - 1], diagonal - beam, right, costs, above, row
        )
        if least > limit:
            return least
        above = row
        if i >= high:
            same = True
            for j in range(width):
                if costs[row + j] != costs[i * width + j]:
                    same = False
                    break
            if same:
                return int(costs[length * width + ref_length])
    return int(costs[above + ref_length])


@helper
def has_error(errors: Ints, begin: int, end: int) -> bool:
    """Whether any word of a range is edited."""
    for i in range(begin, end):
        if errors[i] == 1:
            return True
    return False


@helper
def best_shift(
    symbols: Ints,
    ref: int,
    ref_length: int,
    hyp: Ints,
    length: int,
    distance: int,
    costs: Ints,
    aligned: Ints,
    ref_errors: Ints,
    hyp_errors: Ints,
    shifted: Ints,
    candidates: int,
    best: Ints,
) -> int:
    """Search the shift that lowers the distance most; returns how many were tried in all.

    ``best`` becomes gain (0: no shift helps), size, start and target of the shift. Among equal
    gains the longest, then the earliest, then the one with the earliest target is taken.
    """
    best[0] = 0
    for start in range(length):
        for start_ref in range(ref_length):
            if abs(start_ref - start) > FARTHEST_SHIFT:
                continue
            size = 0
            while (
                size < LONGEST_SHIFT
                and start + size < length
                and start_ref + size < ref_length
                and hyp[start + size] == symbols[ref + start_ref + size]
            ):
                size += 1
                if not has_error(hyp_errors, start, start + size):
                    continue
                if not has_error(ref_errors, start_ref, start_ref + size):
                    continue
                if start <= aligned[start_ref] < start + size:
                    continue
                previous = -1
                for offset in range(-1, size):
                    place = start_ref + offset
                    target = 0 if place == -1 else aligned[place] + 1
                    if target == previous:
                        continue
                    previous = target
                    candidates += 1
                    try_shift(
                        symbols, ref, ref_length, hyp, length, start, size, target, distance,
                        costs, shifted, best,
                    )  # fmt: skip
                if candidates >= MOST_CANDIDATES:
                    return candidates
    return candidates


@helper
def try_shift(
    symbols: Ints,
    ref: int,
    ref_length: int,
    hyp: Ints,
    length: int,
    start: int,
    size: int,
    target: int,
    distance: int,
    costs: Ints,
    shifted: Ints,
    best: Ints,
) -> None:
    """Make this shift the best so far if it is better."""
    wanted = best[0] if best[0] > 1 else 1
    shift_words(hyp, length, start, size, target, shifted)
    low = min(start, target)
    high = max(start + size, target if target > start + size or target < start else target + size)
    gain = distance - distance_below(
        symbols, ref, ref_length, shifted, length, low, min(high, length), distance - wanted, costs
    )
    if gain < wanted:
        return
    if gain == best[0]:
        if size < best[1]:
            return
        if size == best[1]:
            if start > best[2]:
                return
            if start == best[2] and target >= best[3]:
                return
    best[0] = gain
    best[1] = size
    best[2] = start
    best[3] = target


@helper
def ter_edits(
    symbols: Ints,
    ref: int,
    ref_length: int,
    begin: int,
    length: int,
    hyp: Ints,
    shifted: Ints,
    costs: Ints,
    aligned: Ints,
    ref_errors: Ints,
    hyp_errors: Ints,
    best: Ints,
) -> int:
    """Edits and shifts that turn ``symbols[begin:begin + length]`` into a reference."""
    if ref_length == 0:
        return length
    for i in range(length):
        hyp[i] = symbols[begin + i]
    shifts = 0
    candidates = 0
    while True:
        distance = fill_matrix(symbols, ref, ref_length, hyp, length, costs)
        align(symbols, ref, ref_length, hyp, length, costs, aligned, ref_errors, hyp_errors)
        candidates = best_shift(
            symbols, ref, ref_length, hyp, length, distance, costs, aligned, ref_errors,
            hyp_errors, shifted, candidates, best,
        )  # fmt: skip
        if candidates >= MOST_CANDIDATES or best[0] <= 0:
            return shifts + distance
        shifts += 1
        shift_words(hyp, length, best[2], best[1], best[3], shifted)
        for i in range(length):
            hyp[i] = shifted[i]


@kernel(
    "void(u4[::1], i8[::1], i8, i8, i8, u1[::1], i8, i8, u4[::1], u4[::1], i8[::1], i8[::1],"
    " i8[::1], i8[::1], i8[::1], i4[::1], i8[::1], i8[::1], i8[::1], i8[::1], f8[::1])"
)
def ter_columns(
    text: Ints,
    starts: Ints,
    segments: int,
    references: int,
    system: int,
    present: Ints,
    first: int,
    last: int,
    arena: Ints,
    scratch: Ints,
    words: Ints,
    symbols: Ints,
    bounds: Ints,
    hyp: Ints,
    shifted: Ints,
    costs: Ints,
    aligned: Ints,
    ref_errors: Ints,
    hyp_errors: Ints,
    best: Ints,
    rows: Floats,
) -> None:
    """TER's statistics of segments ``first`` to ``last``, a row of ``rows`` each.

    A row is the fewest edits to any reference and the mean length of the references. The text
    is tokenized at white space. ``costs`` has room for the distance matrix and two more rows.
    """
    for segment in range(first, last):
        segment_words(
            text, starts, segments, segment, references, system, present, 0, present,
            arena, scratch, words, symbols, bounds,
        )  # fmt: skip
        begin = bounds[references]
        length = bounds[references + 1] - begin
        fewest = INFINITE
        total = 0
        existing = 0
        for r in range(references):
            if present[r * segments + segment] == 0:
                continue
            ref_length = bounds[r + 1] - bounds[r]
            edits = ter_edits(
                symbols, bounds[r], ref_length, begin, length, hyp, shifted, costs, aligned,
                ref_errors, hyp_errors, best,
            )  # fmt: skip
            fewest = edits if edits < fewest else fewest
            total += ref_length
            existing += 1
        rows[2 * segment] = fewest
        rows[2 * segment + 1] = total / existing


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
