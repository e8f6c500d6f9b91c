"""Kernels that join pairs of words in a stream of word numbers."""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel

LEFT_OUT = -2  # the new number of a word that is not wanted any more


@helper
def find_pair(starts: Ints, seconds: Ints, first: int, second: int) -> int:
    """The number of a phrase, or -1. Second words of a first word are sorted."""
    low = starts[first]
    end = starts[first + 1]
    high = end
    while low < high:
        middle = (low + high) >> 1
        if seconds[middle] < second:
            low = middle + 1
        else:
            high = middle
    return low if low < end and seconds[low] == second else -1


@kernel("i8(i4[::1], i8, i8, i8[::1], i4[::1], i4[::1], i8[::1], i8[::1])")
def join_pairs(
    ids: Ints,
    begin: int,
    end: int,
    starts: Ints,
    seconds: Ints,
    joined: Ints,
    counts: Ints,
    state: Ints,
) -> int:
    """Join phrases from left to right in ``ids[begin:end]``; the last one may go beyond.

    Phrase p of first word w, ``starts[w] <= p < starts[w + 1]``, has ``seconds[p]`` as its second
    word and the number of words plus p as its own. Writes to ``joined`` and counts words and
    phrases. ``state[0]`` becomes the place to go on from. Returns how many ids were written.
    """
    words = len(starts) - 1
    total = len(ids)
    out = 0
    place = begin
    while place < end:
        word = int(ids[place])
        place += 1
        if word >= 0 and place < total and ids[place] >= 0:
            phrase = find_pair(starts, seconds, word, int(ids[place]))
            if phrase >= 0:
                word = words + phrase
                place += 1
        if word >= 0:
            counts[word] += 1
        joined[out] = word
        out += 1
    state[0] = place
    return out


@kernel("i8(i4[::1], i8, i8, i4[::1], i4[::1], i8[::1])")
def renumber(ids: Ints, begin: int, end: int, numbers: Ints, renumbered: Ints, state: Ints) -> int:
    """Give words new numbers, drop those LEFT_OUT and the ends of sentences left empty.

    ``state[0]`` is 1 within a sentence. Returns how many ids were written.
    """
    out = 0
    for place in range(begin, end):
        if ids[place] < 0:
            if state[0] == 1:
                renumbered[out] = -1
                out += 1
                state[0] = 0
        elif numbers[ids[place]] >= 0:
            renumbered[out] = numbers[ids[place]]
            out += 1
            state[0] = 1
    return out
