"""Kernels that turn text into word numbers; tables of words are `seqtool.words.table_kernels`."""

from __future__ import annotations

from seqtool.kernels import Ints, kernel
from seqtool.words.table_kernels import FIRST_HASH, NUMBER_MASK, find_word, hash_step, is_space

_NEWLINE = 10


@kernel("i8(u1[::1], i8, u1[::1], i8[::1], i8[::1], i8, i4[::1])")
def encode_text(
    text: bytes | Ints, documents: int, arena: Ints, starts: Ints, slots: Ints, mask: int, ids: Ints
) -> int:
    """Write the numbers of the known words of whole lines; returns how many ids there are.

    -1 marks the end of every line, or of every blank line when ``documents`` is 1. ``ids`` has
    room for as many ids as the text has bytes.
    """
    end = len(text)
    at = 0
    out = 0
    blank = True
    while at < end:
        if is_space(text[at]):
            if text[at] == _NEWLINE:
                if documents == 0 or blank:
                    ids[out] = -1
                    out += 1
                blank = True
            at += 1
            continue
        blank = False
        begin = at
        hashed = FIRST_HASH
        while at < end and not is_space(text[at]):
            hashed = hash_step(hashed, text[at])
            at += 1
        entry = slots[find_word(text, begin, at, hashed, arena, starts, slots, mask)]
        if entry != 0:
            ids[out] = (entry & NUMBER_MASK) - 1
            out += 1
    return out


@kernel("i8(i4[::1], i8, i8, i8[::1], i4[::1])")
def cut_sentences(ids: Ints, count: int, longest: int, state: Ints, cut: Ints) -> int:
    """Drop the ends of empty sentences and cut those of over ``longest`` words.

    ``state[0]`` is the length of the unfinished sentence, ``state[1]`` the number of words so
    far. Returns how many ids were written to ``cut``, at most two for each one read.
    """
    out = 0
    length = state[0]
    for i in range(count):
        if ids[i] < 0:
            if length > 0:
                cut[out] = -1
                out += 1
            length = 0
            continue
        if length == longest:
            cut[out] = -1
            out += 1
            length = 0
        cut[out] = ids[i]
        out += 1
        length += 1
        state[1] += 1
    state[0] = length
    return out
