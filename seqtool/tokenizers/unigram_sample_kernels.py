"""Kernels of the unigram model that look at more than the best segmentation of a word.

The arguments are those of `unigram_kernels`.
"""

from __future__ import annotations

import math

from seqtool.kernels import Floats, Ints, helper, kernel
from seqtool.tokenizers.trie_kernels import NODE_MASK, character_length, edge_slot
from seqtool.tokenizers.unigram_kernels import FUSES_WORDS, UNKNOWN, emit

_LOWEST = -1e300


@helper
def log_add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    if a < b:
        return b + math.log1p(math.exp(a - b))
    return a + math.log1p(math.exp(b - a))


@helper
def sum_endings(
    data: Ints,
    begin: int,
    length: int,
    edges: Ints,
    mask: int,
    piece_of: Ints,
    scores: Floats,
    unknown_score: float,
    power: float,
    sums: Floats,
    path: Ints,
) -> None:
    """For every place in a word, the log of the sum over all segmentations of the rest.

    ``path`` is scratch memory: where each character begins.
    """
    characters = 0
    start = 0
    while start < length:
        path[characters] = start
        characters += 1
        start += character_length(data[begin + start])
    for at in range(length):
        sums[at] = _LOWEST
    sums[length] = 0.0
    for number in range(characters - 1, -1, -1):
        start = int(path[number])
        width = (int(path[number + 1]) if number + 1 < characters else length) - start
        known = False
        node = 0
        at = start
        while at < length:
            slot = edge_slot(edges, mask, node, int(data[begin + at]))
            if edges[slot] == 0:
                break
            node = int(edges[slot]) & NODE_MASK
            at += 1
            piece = int(piece_of[node])
            if piece >= 0:
                sums[start] = log_add(sums[start], power * scores[piece] + sums[at])
                if at - start == width:
                    known = True
        if not known:
            sums[start] = log_add(sums[start], power * unknown_score + sums[start + width])


@helper
def draw(
    data: Ints,
    begin: int,
    length: int,
    edges: Ints,
    mask: int,
    piece_of: Ints,
    scores: Floats,
    unknown_score: float,
    power: float,
    sums: Floats,
    uniforms: Floats,
    path: Ints,
) -> None:
    """Draw a segmentation from left to right; a piece at byte i takes ``uniforms[i]``."""
    start = 0
    while start < length:
        left = uniforms[begin + start]
        width = character_length(data[begin + start])
        if start + width > length:
            width = length - start
        known = False
        node = 0
        at = start
        path[2 * start] = start + width
        path[2 * start + 1] = UNKNOWN
        while at < length and left >= 0:
            slot = edge_slot(edges, mask, node, int(data[begin + at]))
            if edges[slot] == 0:
                break
            node = int(edges[slot]) & NODE_MASK
            at += 1
            piece = int(piece_of[node])
            if piece >= 0 and sums[at] > _LOWEST:
                if at - start == width:
                    known = True
                left -= math.exp(power * scores[piece] + sums[at] - sums[start])
                if left < 0 or known:  # the last known piece also stands for rounding
                    path[2 * start] = at
                    path[2 * start + 1] = piece
        if left >= 0 and not known:
            path[2 * start] = start + width
            path[2 * start + 1] = UNKNOWN
        start = int(path[2 * start])


@kernel(
    "void(u1[::1], i8[::1], i8[::1], i8, i8, i8[::1], i8, i4[::1], f8[::1], f8, f8, f8[::1],"
    " i4[::1], i8[::1], f8[::1], i4[::1], i8[::1], i4[::1], i8[::1], i8[::1])"
)
def sample_texts(
    data: Ints,
    word_ends: Ints,
    word_starts: Ints,
    first: int,
    last: int,
    edges: Ints,
    mask: int,
    piece_of: Ints,
    scores: Floats,
    unknown_score: float,
    power: float,
    uniforms: Floats,
    byte_ids: Ints,
    settings: Ints,
    sums: Floats,
    path: Ints,
    state: Ints,
    ids: Ints,
    ends: Ints,
    counts: Ints,
) -> None:
    """As `encode_texts` for segmentations drawn with chance P(x) ** ``power``.

    ``uniforms`` are random numbers in [0, 1), one for each byte of ``data``.
    """
    state[0] = 0
    for text in range(first, last):
        tokens = int(state[0])
        state[1] = 0
        for word in range(word_starts[text], word_starts[text + 1]):
            begin = int(word_ends[word - 1]) if word > 0 else 0
            length = int(word_ends[word]) - begin
            if settings[FUSES_WORDS] == 0:
                state[1] = 0
            sum_endings(
                data, begin, length, edges, mask, piece_of, scores, unknown_score, power, sums,
                path,
            )  # fmt: skip
            draw(
                data, begin, length, edges, mask, piece_of, scores, unknown_score, power, sums,
                uniforms, path,
            )  # fmt: skip
            emit(data, begin, length, path, byte_ids, settings, state, ids, ends)
        counts[text] = int(state[0]) - tokens


@kernel("i8(u1[::1], i8, i8, i8[::1], i8, i4[::1], i8[::1])")
def pieces_in_word(
    data: Ints, begin: int, end: int, edges: Ints, mask: int, piece_of: Ints, found: Ints
) -> int:
    """Write where each piece of a word begins, ends and its id; returns how many there are.

    Only as many are written as ``found`` has room for.
    """
    count = 0
    start = begin
    while start < end:
        width = character_length(data[start])
        if start + width > end:
            width = end - start
        known = False
        node = 0
        at = start
        while at < end or not known:
            piece = UNKNOWN
            slot = edge_slot(edges, mask, node, int(data[at])) if at < end else -1
            if slot < 0 or edges[slot] == 0:
                if known:
                    break
                at = start + width
            else:
                node = int(edges[slot]) & NODE_MASK
                at += 1
                piece = int(piece_of[node])
                if piece < 0:
                    continue
            if 3 * count + 3 <= len(found):
                found[3 * count] = start
                found[3 * count + 1] = at
                found[3 * count + 2] = piece
            count += 1
            if piece == UNKNOWN:
                break
            if at - start == width:
                known = True
        start += width
    return count
