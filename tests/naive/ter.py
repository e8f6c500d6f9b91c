"""Translation edit rate (Snover et al. 2006) with the shifts and limits of Tercom.

The order of the loops matters: it decides which of several equally good alignments and shifts
is taken, and where the limit on candidates falls.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

BEAM_WIDTH = 25
MAX_SHIFT_SIZE = 10
MAX_SHIFT_DISTANCE = 50
MAX_CANDIDATES = 1000

MATCH, SUBSTITUTE, DELETE, INSERT = "match", "substitute", "delete", "insert"


class Alignment(NamedTuple):
    """How a hypothesis becomes a reference."""

    edits: int
    # for each reference word, the hypothesis word that it stands at (-1: before the first)
    hyp_position: list[int]
    # for each word, whether an edit touches it
    hyp_wrong: list[bool]
    ref_wrong: list[bool]


def _beam_table(hyp: Sequence[str], ref: Sequence[str]) -> list[list[tuple[float, str]]]:
    """(edits, last operation) for each prefix of hyp (rows) and ref (columns).

    Only cells within a beam around the diagonal of the rectangle are filled, except that the
    last row is filled to its end. Of equal ways match or substitute wins over delete (drop the
    hypothesis word), delete over insert (take the reference word).
    """
    slope = len(ref) / len(hyp) if hyp else 1.0
    beam = BEAM_WIDTH
    if beam < slope / 2:  # neighbouring rows would not overlap
        beam = math.ceil(slope / 2 + beam)
    table = [[(float(j), INSERT) for j in range(len(ref) + 1)]]
    for i in range(1, len(hyp) + 1):
        above = table[-1]
        row = [(math.inf, "")] * (len(ref) + 1)
        centre = math.floor(i * slope)  # in floating point: the rounding is part of the rule
        stop = len(ref) + 1 if i == len(hyp) else min(len(ref) + 1, centre + beam)
        for j in range(max(0, centre - beam), stop):
            ways = []
            if j > 0:
                if hyp[i - 1] == ref[j - 1]:
                    ways.append((above[j - 1][0], MATCH))
                else:
                    ways.append((above[j - 1][0] + 1, SUBSTITUTE))
            ways.append((above[j][0] + 1, DELETE))
            if j > 0:
                ways.append((row[j - 1][0] + 1, INSERT))
            row[j] = min(ways, key=lambda way: way[0])  # the first of the least
        table.append(row)
    return table


def beam_alignment(hyp: Sequence[str], ref: Sequence[str]) -> Alignment:
    """Align a hypothesis with a reference by the edits found within the beam."""
    table = _beam_table(hyp, ref)
    i, j = len(hyp), len(ref)
    hyp_position = [0] * len(ref)
    hyp_wrong = [True] * len(hyp)
    ref_wrong = [True] * len(ref)
    while i > 0 or j > 0:
        operation = table[i][j][1]
        if operation in (MATCH, SUBSTITUTE):
            hyp_wrong[i - 1] = ref_wrong[j - 1] = operation == SUBSTITUTE
            hyp_position[j - 1] = i - 1
            i, j = i - 1, j - 1
        elif operation == INSERT:
            hyp_position[j - 1] = i - 1
            j -= 1
        else:
            i -= 1
    return Alignment(int(table[-1][-1][0]), hyp_position, hyp_wrong, ref_wrong)


def _common_runs(hyp: Sequence[str], ref: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """(start in hyp, start in ref, length) of every common run that may be shifted."""
    for hyp_start in range(len(hyp)):
        for ref_start in range(len(ref)):
            if abs(hyp_start - ref_start) > MAX_SHIFT_DISTANCE:
                continue
            longest = min(MAX_SHIFT_SIZE, len(hyp) - hyp_start, len(ref) - ref_start)
            for length in range(1, longest + 1):
                if hyp[hyp_start + length - 1] != ref[ref_start + length - 1]:
                    break
                yield hyp_start, ref_start, length


def _move(words: list[str], start: int, length: int, target: int) -> list[str]:
    """Take out `length` words at `start` and put them in before position `target`.

    A target inside the run itself moves the run by that many words to the right.
    """
    run = words[start : start + length]
    rest = words[:start] + words[start + length :]
    if target > start + length:
        target -= length
    return rest[:target] + run + rest[target:]


def _targets(alignment: Alignment, ref_start: int, length: int) -> list[int]:
    """Where in the hypothesis a run may go: after what its reference words stand at."""
    targets: list[int] = []
    for position in range(ref_start - 1, ref_start + length):
        target = alignment.hyp_position[position] + 1 if position >= 0 else 0
        if not targets or targets[-1] != target:
            targets.append(target)
    return targets


def _best_shift(
    words: list[str], ref: Sequence[str], candidates: int
) -> tuple[int, list[str], int]:
    """(edits saved, words after it, candidates looked at so far) of the best single shift.

    Best is what saves most, then the longest run, then the first run, then the first target.
    """
    alignment = beam_alignment(words, ref)
    best_rank = None
    best_words = words
    for start, ref_start, length in _common_runs(words, ref):
        if not any(alignment.hyp_wrong[start : start + length]):
            continue
        if not any(alignment.ref_wrong[ref_start : ref_start + length]):
            continue
        if start <= alignment.hyp_position[ref_start] < start + length:
            continue
        for target in _targets(alignment, ref_start, length):
            moved = _move(words, start, length, target)
            saved = alignment.edits - beam_alignment(moved, ref).edits
            candidates += 1
            rank = (saved, length, -start, -target)
            if best_rank is None or rank > best_rank:
                best_rank, best_words = rank, moved
        if candidates >= MAX_CANDIDATES:
            break
    return (best_rank[0] if best_rank else 0), best_words, candidates


def ter_edits(hyp: Sequence[str], ref: Sequence[str]) -> int:
    """Shifts and word edits that turn the hypothesis into one reference.

    Shifts are taken greedily while they save edits. The candidates of all rounds are counted
    together; the round in which the count reaches its limit is the last and its shift is not
    made.
    """
    if not ref:
        return len(hyp)
    words = list(hyp)
    shifts = 0
    candidates = 0
    while True:
        saved, moved, candidates = _best_shift(words, ref, candidates)
        if candidates >= MAX_CANDIDATES or saved <= 0:
            break
        words = moved
        shifts += 1
    return shifts + beam_alignment(words, ref).edits


def ter_columns(
    hyp_tokens: Sequence[str], list_of_ref_tokens: Sequence[Sequence[str]]
) -> list[float]:
    """What a segment adds to TER: [edits to the nearest reference, average reference length]."""
    edits = min(ter_edits(hyp_tokens, ref) for ref in list_of_ref_tokens)
    return [edits, sum(map(len, list_of_ref_tokens)) / len(list_of_ref_tokens)]


def ter_score(columns: Sequence[float]) -> float:
    """TER of summed columns, in percent; 100 if only the references are empty."""
    edits, ref_length = columns
    if ref_length > 0:
        return 100 * (edits / ref_length)
    return 100.0 if edits > 0 else 0.0
