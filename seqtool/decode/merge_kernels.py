"""Kernels that choose which extensions of hypotheses get a place in the beam."""

from __future__ import annotations

import numpy as np

from seqtool.decode.candidate_kernels import FORBIDDEN
from seqtool.decode.constraint_kernels import COMPLETE, PLACE, begun_ids, follow, met_ids
from seqtool.decode.hypothesis_kernels import (
    AT,
    INPUT,
    MET,
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


@helper
def merge_rows(
    scores: Floats, log_probs: Floats, first: int, last: int, slots: int, places: int,
    heads: Ints, chosen: Ints,
) -> int:  # fmt: skip
    """The best extensions of the rows from ``first`` to ``last``, at most ``places``.

    The candidates of a row are sorted. Writes where they are in ``log_probs``, the best first,
    of equal ones that of the lower row first; returns how many.
    """
    for row in range(first, last):
        heads[row] = 0
    for count in range(places):
        best = -np.inf
        best_row = -1
        for row in range(first, last):
            if heads[row] == slots:
                continue
            score = scores[row] + log_probs[row * slots + heads[row]]
            if score > best:
                best = score
                best_row = row
        if best_row < 0:
            return count
        chosen[count] = best_row * slots + heads[best_row]
        heads[best_row] += 1
    return places


@helper
def put_in_banks(
    rows: Ints, first: int, last: int, slots: int, tokens: Ints, trie: Ints, phrases: Ints,
    banks: Ints,
) -> None:  # fmt: skip
    """Find the bank of each candidate; ``phrases`` are the lengths of the input's phrases."""
    for slot in range(first * slots, last * slots):
        row = slot // slots
        banks[slot] = -1
        if tokens[slot] >= 0:
            at = follow(trie, int(rows[row * ROW + AT]), int(tokens[slot]))
            met = rows[row * ROW + MET] | trie[at * PLACE + COMPLETE]
            banks[slot] = met_ids(phrases, met) + begun_ids(trie, at, met)


@helper
def deal_places(sizes: Ints, places: int) -> None:
    """Deal the places of a beam to banks, one each in turn, those that have most ids first.

    ``sizes``, how many candidates each bank has, becomes how many places it gets.
    """
    banks = len(sizes) // 2
    dealt = sizes[banks:]
    for bank in range(banks):
        dealt[bank] = 0
    more = True
    while more and places > 0:
        more = False
        for bank in range(banks - 1, -1, -1):
            if dealt[bank] < sizes[bank] and places > 0:
                dealt[bank] += 1
                places -= 1
                more = True


@helper
def merge_banks(
    scores: Floats, log_probs: Floats, first: int, last: int, slots: int, places: int,
    banks: Ints, sizes: Ints, chosen: Ints,
) -> int:  # fmt: skip
    """As `merge_rows`, but the places are shared by banks (Post and Vilar 2018, section 3.2).

    The bank of a candidate, in ``banks``, is how many ids of its phrases it has; -1 for none.
    """
    half = len(sizes) // 2
    for bank in range(half):
        sizes[bank] = 0
    for slot in range(first * slots, last * slots):
        if banks[slot] >= 0:
            sizes[banks[slot]] += 1
    deal_places(sizes, places)
    for count in range(places):
        best = -np.inf
        best_slot = -1
        for slot in range(first * slots, last * slots):
            if banks[slot] < 0 or sizes[half + banks[slot]] == 0:
                continue
            score = scores[slot // slots] + log_probs[slot]
            if score > best:
                best = score
                best_slot = slot
        if best_slot < 0:
            return count
        chosen[count] = best_slot
        sizes[half + banks[best_slot]] -= 1
        banks[best_slot] = -1
    return places


@helper
def give_up(rows: Ints, first: int, last: int, slots: int, tokens: Ints, phrases: Ints) -> int:
    """The row to end with where no id may follow any; -1 if the model gives nothing."""
    best = -1
    most = -1
    for row in range(first, last):
        met = met_ids(phrases, rows[row * ROW + MET])
        if tokens[row * slots] == FORBIDDEN and rows[row * ROW + NODE] >= 0 and met > most:
            best = row
            most = met
    return best


@kernel(
    "i8(i8, i8, i8[::1], i8[::1], f8[::1], i8[::1], i8[::1], i4[::1], f8[::1], i8[::1], i8[::1],"
    " i8[::1])"
)
def merge_candidates(
    width: int, slots: int, inputs: Ints, rows: Ints, scores: Floats, trie: Ints,
    phrase_lengths: Ints, tokens: Ints, log_probs: Floats, banks: Ints, sizes: Ints, chosen: Ints,
) -> int:  # fmt: skip
    """The best extensions of the hypotheses of each input, as many as its beam has places.

    Args:
        width: how many hypotheses an input has, open and complete ones together.
        slots: how many candidates each row has.
        inputs, rows: see `hypothesis_kernels`. Where no id can come next and nothing is complete
            STUCK becomes the number of a row from 1, or -1: see `give_up`.
        scores: float64 (rows,), log-probabilities of the hypotheses.
        trie, phrase_lengths: see `seqtool.decode.constraints.ConstraintTries`.
        tokens, log_probs: (rows x slots), from `find_candidates`.
        banks: int64 (rows x slots), sizes: int64 (2 * (most ids of the phrases of an input + 1),);
            scratch.
        chosen: int64 (inputs x width,), places in ``tokens``: those of an input side by side,
            the best first.

    Returns how many extensions there are.
    """
    found = 0
    last = 0
    while last < len(scores):
        first = last
        owner = int(rows[first * ROW + OWNER])
        while last < len(scores) and rows[last * ROW + OWNER] == owner:
            last += 1
        numbers = inputs[owner * INPUT : (owner + 1) * INPUT]
        phrases = phrase_lengths[numbers[PHRASES] : numbers[PHRASES_END]]
        places = width - int(numbers[TAKEN])
        some = chosen[found : found + places]
        if len(phrases) > 0:
            put_in_banks(rows, first, last, slots, tokens, trie, phrases, banks)
            count = merge_banks(scores, log_probs, first, last, slots, places, banks, sizes, some)
        else:
            count = merge_rows(scores, log_probs, first, last, slots, places, banks, some)
        if count == 0 and numbers[TAKEN] == 0:
            row = give_up(rows, first, last, slots, tokens, phrases)
            numbers[STUCK] = row + 1 if row >= 0 else -1
        found += count
    return found
