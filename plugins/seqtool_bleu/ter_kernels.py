"""The segment statistics of TER.

TER (Snover et al. 2006) counts a move of a word sequence as one edit. Finding the fewest edits
with moves is hard, so Tercom searches greedily, and its limits and preferences are part of the
metric; these are Tercom's as sacrebleu fixes them.
"""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, helper, kernel
from seqtool_bleu.text_kernels import is_space, segment_words

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
