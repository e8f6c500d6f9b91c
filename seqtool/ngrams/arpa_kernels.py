"""Kernels of ARPA files: lines into n-grams, n-grams into a trie, and a trie into lines."""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, helper, kernel
from seqtool.ngrams.trie_kernels import find_child
from seqtool.tokenizers.piece_kernels import find_piece
from seqtool.vectors.vector_kernels import parse_number

TAB = 9
NEWLINE = 10
RETURN = 13
SPACE = 32
MINUS = 45
POINT = 46
ZERO = 48

MOST_DECIMALS = 22  # 10**22 is the last power of ten that a float64 holds exactly
NUMBER_BYTES = 40  # room for a number and what stands beside it


@helper
def is_blank(byte: int) -> bool:
    """White space between the fields of a line."""
    return byte == SPACE or byte == TAB or byte == RETURN


@kernel(
    "i8(u1[::1], i8, i8, i8, u1[::1], i8[::1], i4[::1], i8, f8[::1], f4[::1], i4[::1], i8[::1])"
)
def parse_lines(
    data: Ints,
    start: int,
    rows: int,
    order: int,
    names: Ints,
    name_starts: Ints,
    slots: Ints,
    mask: int,
    powers: Floats,
    numbers: Floats,
    ids: Ints,
    state: Ints,
) -> int:
    """Lines ``prob word ... word [backoff]`` of n-grams of one order; returns how many were read.

    Stops behind ``rows`` of them, at the end of the data, and in front of any line that is not
    quite like that. ``state[0]`` is where it stopped. ``numbers`` gets probability and backoff of
    each, ``ids`` the words. ``names``, ``name_starts``, ``slots`` and ``mask`` are the words as
    `seqtool.tokenizers.piece_kernels` has them. ``powers`` is that of `parse_rows`.
    """
    row = 0
    at = start
    state[0] = start
    while row < rows and at < len(data):
        field = 0
        numbers[2 * row + 1] = 0.0
        while True:
            while is_blank(data[at]):
                at += 1
            if data[at] == NEWLINE:
                break
            begin = at
            while data[at] != NEWLINE and not is_blank(data[at]):
                at += 1
            if field == 0 or field == order + 1:
                place = 2 * row + (1 if field > 0 else 0)
                parse_number(data, begin, at, powers, numbers, place)
                if not (numbers[place] == numbers[place]):
                    return row
            elif field <= order:
                found = slots[find_piece(data, begin, at, names, name_starts, slots, mask)]
                if found == 0:
                    return row
                ids[row * order + field - 1] = found - 1
            else:
                return row
            field += 1
        if field <= order:
            return row
        at += 1
        row += 1
        state[0] = at
    return row


@kernel("i8(i4[::1], i8, i8, i4[::1], i4[::1], i4[::1])")
def find_contexts(
    ids: Ints, rows: int, order: int, first_child: Ints, words: Ints, contexts: Ints
) -> int:
    """The nodes of the first ``order - 1`` words of n-grams.

    Returns how many were found before the first that has no context in the trie.
    """
    for row in range(rows):
        node = 1 + int(ids[row * order])
        for place in range(1, order - 1):
            node = find_child(first_child, words, node, int(ids[row * order + place]))
            if node < 0:
                return row
        contexts[row] = node
    return rows


@kernel("void(i8, i4[::1], i4[::1], i4[::1], i4[::1])")
def link_suffixes(
    first: int, contexts: Ints, words: Ints, first_child: Ints, suffixes: Ints
) -> None:
    """Suffix links of the nodes from ``first`` on, whose parents are ``contexts``."""
    for i in range(len(contexts)):
        word = int(words[first + i])
        node = int(suffixes[int(contexts[i])])
        child = -1
        while node != 0 and child < 0:
            child = find_child(first_child, words, node, word)
            node = int(suffixes[node])
        suffixes[first + i] = 1 + word if child < 0 else child


@helper
def write_digits(out: Ints, at: int, value: int, digits: int) -> int:
    """Write an integer with at least so many digits; returns the end."""
    count = 1
    rest = value // 10
    while rest > 0:
        count += 1
        rest //= 10
    count = digits if digits > count else count
    place = at + count - 1
    while place >= at:
        out[place] = ZERO + value % 10
        value //= 10
        place -= 1
    return at + count


@helper
def write_number(out: Ints, at: int, values: Floats, i: int, powers: Floats, again: Floats) -> int:
    """Write a float32 with as few decimals as give it back when read; returns the end.

    Its size is 0, or from 1e-13 to 1e9. ``again`` is room for one number.
    """
    size = float(values[i])
    if size < 0.0:
        out[at] = MINUS
        at += 1
        size = -size
    decimals = 0
    digits = 0
    searching = True
    while searching:
        digits = int(size * powers[decimals] + 0.5)
        near = digits / powers[decimals]
        again[0] = near * 1.0000000000000003
        above = again[0]
        again[0] = near * 0.9999999999999997
        searching = (above != again[0] or float(above) != size) and decimals < MOST_DECIMALS
        decimals += 1 if searching else 0
    scale = 1
    for _ in range(decimals if decimals < 18 else 18):  # there are ten digits at most
        scale *= 10
    at = write_digits(out, at, digits // scale, 1)
    if decimals > 0:
        out[at] = POINT
        at = write_digits(out, at + 1, digits % scale, decimals)
    return at


@kernel(
    "i8(i8, i8, i8, i8, i4[::1], i4[::1], f4[::1], f4[::1], u1[::1], i8[::1], f8[::1], f4[::1],"
    " i4[::1], u1[::1], i8[::1])"
)
def write_lines(
    length: int,
    first: int,
    last: int,
    longest: int,
    words: Ints,
    first_child: Ints,
    probs: Floats,
    backoffs: Floats,
    names: Ints,
    name_starts: Ints,
    powers: Floats,
    again: Floats,
    path: Ints,
    out: Ints,
    state: Ints,
) -> int:
    """Lines of the nodes ``first`` to ``last - 1``, n-grams of ``length`` words.

    ``path[k]`` is a node of k words at or before the one that the n-gram begins with; it is moved
    on. ``longest`` is the bytes of the longest name. Returns the bytes written, and in
    ``state[0]`` the node that ``out`` had no room for.
    """
    at = 0
    node = first
    room = length * (longest + 1) + 2 * NUMBER_BYTES
    while node < last and at + room <= len(out):
        path[length] = node
        for k in range(length - 1, 0, -1):
            while first_child[int(path[k]) + 1] <= path[k + 1]:
                path[k] += 1
        at = write_number(out, at, probs, node, powers, again)
        for k in range(1, length + 1):
            out[at] = TAB if k == 1 else SPACE
            at += 1
            word = int(words[int(path[k])])
            for i in range(int(name_starts[word]), int(name_starts[word + 1])):
                out[at] = names[i]
                at += 1
        if node < len(backoffs):
            out[at] = TAB
            at = write_number(out, at + 1, backoffs, node, powers, again)
        out[at] = NEWLINE
        at += 1
        node += 1
    state[0] = node
    return at
