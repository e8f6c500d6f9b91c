"""Kernels of the unigram model: the best segmentation of words.

``edges``, ``mask`` and ``piece_of`` are the trie of the pieces, see `trie_kernels`.

A segmentation of a word is kept in ``path`` (int32, two numbers for each place between bytes):
while it is searched for, where the piece that ends at a place begins and its id; after `turn`,
where the piece that begins there ends and its id. UNKNOWN is the id of an unknown character.

A cache remembers the segmentations of short words of known characters. It has places in pairs,
and a word is in one of the two that its hash says, the last one seen in the first. Of each place
``cache_keys`` (uint64) holds the KEYS * 8 bytes of the word, ``cache_ids`` (int32) its length
times 16 plus how many pieces, 0 if the place is free, and the pieces, and ``cache_scores`` how
much better the best segmentation is than the next, and the size of its score.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtool.kernels import Floats, Ints, helper, kernel
from seqtool.tokenizers.trie_kernels import NODE_MASK, character_length, edge_slot

UNKNOWN = -1
KEYS = 4  # numbers of 8 bytes that a cached word has at most
SLOTS = 8  # numbers of a place in ``cache_ids``
_UNSEEN = -2
_LOWEST = -1e300

# Places in ``settings`` (int64).
UNKNOWN_ID = 0
FUSES_WORDS = 1  # 1: scores and unknown runs go on from word to word, in single precision
WITH_ENDS = 2

_NONE = np.uint64(0)
_BYTE = np.uint64(8)
_ALL_BITS = np.uint64(64)
_HALF = np.uint64(32)
_LOW_HALF = np.uint64(0xFFFFFFFF)


@helper
def offer(
    best: Floats,
    second: Floats,
    path: Ints,
    at: int,
    score: float,
    runner_up: float,
    start: int,
    piece: int,
) -> None:
    """Take a segmentation that ends at ``at`` if it is better than the best so far."""
    if path[2 * at + 1] != _UNSEEN and not score > best[at]:
        if score > second[at]:
            second[at] = score
        return
    second[at] = runner_up
    if path[2 * at + 1] != _UNSEEN and best[at] > runner_up:
        second[at] = best[at]
    best[at] = score
    path[2 * at] = start
    path[2 * at + 1] = piece


@helper
def find_best(
    data: Ints,
    begin: int,
    length: int,
    edges: Ints,
    mask: int,
    piece_of: Ints,
    scores: Floats,
    unknown_score: float,
    single: int,
    best: Floats,
    second: Floats,
    path: Ints,
) -> None:
    """The best and the second best score of every beginning of a word (Viterbi).

    ``best[0]`` is the score of what comes before the word. With ``single`` sums are rounded to
    single precision.
    """
    second[0] = _LOWEST
    for at in range(1, length + 1):
        path[2 * at + 1] = _UNSEEN
    start = 0
    while start < length:
        width = character_length(data[begin + start])
        if start + width > length:
            width = length - start
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
                score = best[start] + scores[piece]
                if single == 1:
                    score = float(np.float32(score))
                runner_up = second[start] + scores[piece]
                offer(best, second, path, at, score, runner_up, start, piece)
                if at - start == width:
                    known = True
        if not known:
            score = best[start] + unknown_score
            if single == 1:
                score = float(np.float32(score))
            runner_up = second[start] + unknown_score
            offer(best, second, path, start + width, score, runner_up, start, UNKNOWN)
        start += width


@helper
def turn(path: Ints, length: int) -> bool:
    """Make ``path`` lead forwards; returns whether a character is unknown."""
    unknown = False
    end = length
    start = int(path[2 * end])
    piece = int(path[2 * end + 1])
    while end > 0:
        before = int(path[2 * start])
        piece_before = int(path[2 * start + 1])
        path[2 * start] = end
        path[2 * start + 1] = piece
        if piece == UNKNOWN:
            unknown = True
        end = start
        start = before
        piece = piece_before
    return unknown


@helper
def has_bytes(data: Ints, begin: int, end: int, byte_ids: Ints) -> bool:
    """Whether all bytes have a piece that stands for them."""
    for i in range(begin, end):
        if byte_ids[data[i]] < 0:
            return False
    return True


@helper
def emit(
    data: Ints,
    begin: int,
    length: int,
    path: Ints,
    byte_ids: Ints,
    settings: Ints,
    state: Ints,
    ids: Ints,
    ends: Ints,
) -> None:
    """Write the tokens of a word; ``state`` is their number and whether the last is unknown."""
    out = int(state[0])
    at = 0
    while at < length:
        end = int(path[2 * at])
        piece = int(path[2 * at + 1])
        if piece == UNKNOWN and has_bytes(data, begin + at, begin + end, byte_ids):
            for i in range(begin + at, begin + end):
                ids[out] = byte_ids[data[i]]
                if settings[WITH_ENDS] == 1:
                    ends[out] = i + 1
                out += 1
            state[1] = 0
        else:
            if piece != UNKNOWN or state[1] == 0:
                ids[out] = piece if piece != UNKNOWN else settings[UNKNOWN_ID]
                out += 1
            if settings[WITH_ENDS] == 1:
                ends[out - 1] = begin + end
            state[1] = 1 if piece == UNKNOWN else 0
        at = end
    state[0] = out


@helper
def key_of(blocks: Ints, begin: int, length: int) -> Any:
    """The first 8 bytes (uint64) of what begins at a byte of ``blocks``, or all if it has fewer."""
    block = begin >> 3
    shift = np.uint64(begin & 7) * _BYTE
    key = blocks[block] >> shift
    if shift != _NONE:
        key |= blocks[block + 1] << (_ALL_BITS - shift)
    if length < 8:
        shift = _ALL_BITS - np.uint64(length) * _BYTE
        key = (key << shift) >> shift
    return key


@helper
def read_keys(blocks: Ints, begin: int, length: int, keys: Ints) -> int:
    """Write the keys of a word that is not empty; returns its hash."""
    hashed = length
    for i in range(0, length, 8):
        key = key_of(blocks, begin + i, length - i)
        keys[i >> 3] = key
        low = np.int64(key & _LOW_HALF)
        high = np.int64(key >> _HALF)
        hashed = (hashed >> 9) ^ (low * 0x2F0B4C47 + high * 0x1B873593)
    return int(hashed ^ (hashed >> 29))


@helper
def is_cached(place: int, length: int, keys: Ints, cache_keys: Ints, cache_ids: Ints) -> bool:
    """Whether a word is at a place of the cache."""
    if cache_ids[SLOTS * place] >> 4 != length:
        return False
    for i in range((length + 7) >> 3):
        if cache_keys[KEYS * place + i] != keys[i]:
            return False
    return True


@helper
def remember(
    place: int,
    length: int,
    keys: Ints,
    path: Ints,
    margin: float,
    score: float,
    cache_keys: Ints,
    cache_ids: Ints,
    cache_scores: Floats,
) -> None:
    """Put a word's segmentation, unless it has too many pieces, into the first of two places."""
    count = 0
    at = 0
    while at < length:
        at = int(path[2 * at])
        count += 1
    if count >= SLOTS:
        return
    for i in range(KEYS):
        cache_keys[KEYS * (place + 1) + i] = cache_keys[KEYS * place + i]
        cache_keys[KEYS * place + i] = keys[i]
    for i in range(SLOTS):
        cache_ids[SLOTS * (place + 1) + i] = cache_ids[SLOTS * place + i]
    for i in range(2):
        cache_scores[2 * (place + 1) + i] = cache_scores[2 * place + i]
    cache_ids[SLOTS * place] = (length << 4) | count
    cache_scores[2 * place] = margin
    cache_scores[2 * place + 1] = abs(score)
    at = 0
    for i in range(count):
        cache_ids[SLOTS * place + 1 + i] = path[2 * at + 1]
        at = int(path[2 * at])


@helper
def replay(
    place: int,
    begin: int,
    cache_ids: Ints,
    lengths: Ints,
    settings: Ints,
    state: Ints,
    ids: Ints,
    ends: Ints,
) -> None:
    """Write the tokens of a word from the cache; pieces have ``lengths``."""
    out = int(state[0])
    count = int(cache_ids[SLOTS * place]) & 15
    for i in range(count):
        ids[out + i] = cache_ids[SLOTS * place + 1 + i]
    if settings[WITH_ENDS] == 1:
        at = begin
        for i in range(count):
            at += int(lengths[ids[out + i]])
            ends[out + i] = at
    state[0] = out + count
    state[1] = 0


@helper
def is_safe(margin: float, score: float, before: float, length: int) -> bool:
    """Whether rounding to single precision can't make another segmentation the best one.

    Each of at most ``length`` sums is off by half a unit in the last of 24 binary places.
    """
    return margin > (abs(before) + score + 1.0) * 2.4e-7 * (length + 2)


@helper
def cached_place(
    data: Ints,
    blocks: Ints,
    begin: int,
    length: int,
    edges: Ints,
    mask: int,
    piece_of: Ints,
    scores: Floats,
    unknown_score: float,
    cache_keys: Ints,
    cache_ids: Ints,
    cache_scores: Floats,
    keys: Ints,
    best: Floats,
    second: Floats,
    path: Ints,
) -> int:
    """The place of a word in the cache, into which it is put; -1 if it can't be there."""
    if length == 0 or length > 8 * KEYS or (begin + length + 7) >> 3 >= len(blocks):
        return -1
    hashed = read_keys(blocks, begin, length, keys)
    place = 2 * (hashed & (len(cache_ids) // (2 * SLOTS) - 1))
    if is_cached(place, length, keys, cache_keys, cache_ids):
        return place
    if is_cached(place + 1, length, keys, cache_keys, cache_ids):
        return place + 1
    best[0] = 0.0
    find_best(
        data, begin, length, edges, mask, piece_of, scores, unknown_score, 0, best, second, path
    )
    if turn(path, length):
        return -1
    remember(
        place, length, keys, path, best[length] - second[length], best[length], cache_keys,
        cache_ids, cache_scores,
    )  # fmt: skip
    return place if is_cached(place, length, keys, cache_keys, cache_ids) else -1


@helper
def encode_word(
    data: Ints,
    blocks: Ints,
    begin: int,
    length: int,
    edges: Ints,
    mask: int,
    piece_of: Ints,
    scores: Floats,
    unknown_score: float,
    lengths: Ints,
    byte_ids: Ints,
    settings: Ints,
    cache_keys: Ints,
    cache_ids: Ints,
    cache_scores: Floats,
    keys: Ints,
    before: float,
    best: Floats,
    second: Floats,
    path: Ints,
    state: Ints,
    ids: Ints,
    ends: Ints,
) -> float:
    """Write the tokens of a word that comes after a score of ``before``; returns the new score."""
    single = int(settings[FUSES_WORDS])
    place = cached_place(
        data, blocks, begin, length, edges, mask, piece_of, scores, unknown_score, cache_keys,
        cache_ids, cache_scores, keys, best, second, path,
    )  # fmt: skip
    if place >= 0 and (
        single == 0 or is_safe(cache_scores[2 * place], cache_scores[2 * place + 1], before, length)
    ):
        first = int(state[0])
        replay(place, begin, cache_ids, lengths, settings, state, ids, ends)
        if single == 1:
            for i in range(first, state[0]):
                before = float(np.float32(before + scores[ids[i]]))
        return before
    best[0] = before
    find_best(
        data, begin, length, edges, mask, piece_of, scores, unknown_score, single, best, second,
        path,
    )  # fmt: skip
    turn(path, length)
    emit(data, begin, length, path, byte_ids, settings, state, ids, ends)
    return float(best[length]) if single == 1 else 0.0


@kernel(
    "void(u1[::1], u8[::1], i8[::1], i8[::1], i8, i8, i8[::1], i8, i4[::1], f8[::1], f8, i4[::1],"
    " i4[::1], i8[::1], u8[::1], i4[::1], f8[::1], u8[::1], f8[::1], f8[::1], i4[::1], i8[::1],"
    " i4[::1], i8[::1], i8[::1])"
)
def encode_texts(
    data: Ints,
    blocks: Ints,
    word_ends: Ints,
    word_starts: Ints,
    first: int,
    last: int,
    edges: Ints,
    mask: int,
    piece_of: Ints,
    scores: Floats,
    unknown_score: float,
    lengths: Ints,
    byte_ids: Ints,
    settings: Ints,
    cache_keys: Ints,
    cache_ids: Ints,
    cache_scores: Floats,
    keys: Ints,
    best: Floats,
    second: Floats,
    path: Ints,
    state: Ints,
    ids: Ints,
    ends: Ints,
    counts: Ints,
) -> None:
    """Write the tokens of the texts ``first`` to ``last`` and the number of each text's.

    ``blocks`` are the bytes of ``data`` in numbers of 8, without what is left at the end; byte i
    of a number is worth 256 ** i. ``lengths`` are those of pieces. ``keys`` is scratch memory for
    KEYS numbers; ``best`` and ``second`` have room for the longest word's bytes and one more,
    ``path`` for twice as many. ``state`` is the number of tokens and whether the last is unknown.
    """
    state[0] = 0
    for text in range(first, last):
        tokens = int(state[0])
        score = 0.0
        state[1] = 0
        for word in range(word_starts[text], word_starts[text + 1]):
            begin = int(word_ends[word - 1]) if word > 0 else 0
            if settings[FUSES_WORDS] == 0:
                state[1] = 0
            score = encode_word(
                data, blocks, begin, int(word_ends[word]) - begin, edges, mask, piece_of, scores,
                unknown_score, lengths, byte_ids, settings, cache_keys, cache_ids, cache_scores,
                keys, score, best, second, path, state, ids, ends,
            )  # fmt: skip
        counts[text] = int(state[0]) - tokens
