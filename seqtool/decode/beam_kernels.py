"""Kernels that put complete hypotheses aside and keep those that can still win."""

from __future__ import annotations

import math

from seqtool.decode.constraint_kernels import COMPLETE, PLACE, follow, met_ids
from seqtool.decode.hypothesis_kernels import (
    AT,
    DONE,
    INPUT,
    LAST,
    LENGTH,
    MAX_LENGTH,
    MET,
    MET_IDS,
    NODE,
    OWNER,
    PHRASES,
    PHRASES_END,
    ROW,
    STUCK,
    TAKEN,
)
from seqtool.decode.types import Floats, Ints
from seqtool.kernels import helper, kernel

# How hypotheses are weighed, float64 (WEIGHING,): see `BeamOptions`.
SHIFT = 0
EXPONENT = 1
COVERAGE = 2
WEIGHING = 3

_SMALLEST = 1.1754943508222875e-38  # of normal numbers of 32 bits


@helper
def divisor(length: int, shift: float, exponent: float) -> float:
    """What the log-probability of a hypothesis is divided by; see `BeamOptions`."""
    return float(math.pow((shift + length) / (shift + 1.0), exponent))


@helper
def coverage_bonus(covered: Floats, penalty: float) -> float:
    """The coverage penalty of Wu et al. (2016), equation 14, at most 0.

    ``covered`` is how much attention each place of the source has had. None counts as the
    smallest normal number of 32 bits, so that the result is finite.
    """
    bonus = 0.0
    for i in range(len(covered)):
        share = float(covered[i])
        if share < 1.0:
            bonus += math.log(share if share > _SMALLEST else _SMALLEST)
    return penalty * bonus


@helper
def final_score(
    log_prob: float, length: int, covered: Floats, sources: int, row: int, weighing: Floats
) -> float:
    """What a complete hypothesis is ranked by."""
    score = log_prob / divisor(length, weighing[SHIFT], weighing[EXPONENT])
    if weighing[COVERAGE] > 0.0:
        attention = covered[row * sources : (row + 1) * sources]
        score += coverage_bonus(attention, weighing[COVERAGE])
    return score


@helper
def put_aside(
    inputs: Ints, owner: int, width: int, node: int, length: int, met: int, score: float,
    done: Ints, done_scores: Floats,
) -> None:  # fmt: skip
    """Add a complete hypothesis to those of an input, which are sorted, the best first."""
    place = owner * width + int(inputs[owner * INPUT + TAKEN])
    while place > owner * width:
        before = done[(place - 1) * DONE + MET_IDS]
        if before > met or (before == met and done_scores[place - 1] >= score):
            break
        for i in range(DONE):
            done[place * DONE + i] = done[(place - 1) * DONE + i]
        done_scores[place] = done_scores[place - 1]
        place -= 1
    done[place * DONE + LAST] = node
    done[place * DONE + LENGTH] = length
    done[place * DONE + MET_IDS] = met
    done_scores[place] = score
    inputs[owner * INPUT + TAKEN] += 1


@helper
def open_row(
    rows: Ints, row: int, trie: Ints, token: int, node: int, new_rows: Ints, place: int
) -> None:
    """Write the row of a hypothesis that is one id longer."""
    at = follow(trie, int(rows[row * ROW + AT]), token)
    new_rows[place * ROW + OWNER] = rows[row * ROW + OWNER]
    new_rows[place * ROW + NODE] = node
    new_rows[place * ROW + AT] = at
    new_rows[place * ROW + MET] = rows[row * ROW + MET] | trie[at * PLACE + COMPLETE]


@helper
def keep_winnable(
    rows: Ints, scores: Floats, parents: Ints, tokens: Ints, begin: int, end: int, worst: float,
    longest: float,
) -> int:  # fmt: skip
    """Keep the new rows that may still score above ``worst``; returns where they end.

    Log-probabilities only fall, and none is divided by more than ``longest``.
    """
    kept = begin
    for row in range(begin, end):
        if scores[row] / longest > worst:
            for i in range(ROW):
                rows[kept * ROW + i] = rows[row * ROW + i]
            scores[kept] = scores[row]
            parents[kept] = parents[row]
            tokens[kept] = tokens[row]
            kept += 1
    return kept


@kernel(
    "i8(i8, i8, i8, i8, i8, f8[::1], f4[::1], i8, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1],"
    " i4[::1], f8[::1], i8[::1], f8[::1], i8[::1])"
)
def advance(
    length: int, width: int, n_best: int, end: int, node: int, weighing: Floats, covered: Floats,
    sources: int, inputs: Ints, rows: Ints, trie: Ints, phrase_lengths: Ints, parents: Ints,
    tokens: Ints, scores: Floats, done: Ints, done_scores: Floats, new_rows: Ints,
) -> int:  # fmt: skip
    """Put complete hypotheses aside and keep the others that can still win.

    Args:
        length: how many ids a hypothesis has after this step.
        width, n_best: of the search.
        end: the id that ends a sequence, -1 if there is none.
        node: the number of the first extension's node; those of the others follow.
        weighing: float64 (WEIGHING,).
        covered: float32 (rows x sources), attention so far; empty without a coverage penalty.
        inputs, rows, done, done_scores: see `hypothesis_kernels`.
        trie, phrase_lengths: see `seqtool.decode.constraints.ConstraintTries`.
        parents, tokens, scores: int64, int32, float64 (extensions,), those of an input side by
            side: the row each comes from, its last id and its log-probability. Those that stay
            open move to the front.
        new_rows: int64 (extensions x ROW,), the rows of those that stay open.

    Returns how many stay open.
    """
    opened = 0
    i = 0
    while i < len(parents):
        owner = int(rows[parents[i] * ROW + OWNER])
        begin = opened
        numbers = inputs[owner * INPUT : (owner + 1) * INPUT]
        phrases = phrase_lengths[numbers[PHRASES] : numbers[PHRASES_END]]
        while i < len(parents) and rows[parents[i] * ROW + OWNER] == owner:
            row = int(parents[i])
            open_row(rows, row, trie, int(tokens[i]), node + i, new_rows, opened)
            if tokens[i] == end or length >= numbers[MAX_LENGTH]:
                met = met_ids(phrases, new_rows[opened * ROW + MET])
                score = final_score(scores[i], length, covered, sources, row, weighing)
                put_aside(
                    inputs, owner, width, node + i, length, met, score, done, done_scores
                )  # fmt: skip
            else:
                parents[opened] = row
                tokens[opened] = tokens[i]
                scores[opened] = scores[i]
                opened += 1
            i += 1
        if numbers[TAKEN] >= n_best:
            worst = done_scores[owner * width + n_best - 1]
            longest = divisor(int(numbers[MAX_LENGTH]), weighing[SHIFT], weighing[EXPONENT])
            opened = keep_winnable(
                new_rows, scores, parents, tokens, begin, opened, worst, longest
            )  # fmt: skip
    return opened


@kernel("void(i8, i8, f8[::1], f4[::1], i8, i8[::1], i8[::1], f8[::1], i8[::1], i8[::1], f8[::1])")
def end_stuck(
    length: int, width: int, weighing: Floats, covered: Floats, sources: int, inputs: Ints,
    rows: Ints, row_scores: Floats, phrase_lengths: Ints, done: Ints, done_scores: Floats,
) -> None:  # fmt: skip
    """Complete a hypothesis of every input where all ids that could come next are forbidden.

    ``length`` is how many ids the rows have; for the others see `advance`.
    """
    for owner in range(len(inputs) // INPUT):
        row = int(inputs[owner * INPUT + STUCK]) - 1
        if row >= 0:
            numbers = inputs[owner * INPUT : (owner + 1) * INPUT]
            phrases = phrase_lengths[numbers[PHRASES] : numbers[PHRASES_END]]
            met = met_ids(phrases, rows[row * ROW + MET])
            score = final_score(row_scores[row], length, covered, sources, row, weighing)
            put_aside(
                inputs, owner, width, int(rows[row * ROW + NODE]), length, met, score, done,
                done_scores,
            )  # fmt: skip
            numbers[STUCK] = 0
