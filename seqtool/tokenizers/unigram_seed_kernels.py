"""Kernels that make runs of characters out of words and find the substrings that occur often.

A *run* is a part of a word that pieces never go across the ends of. Runs lie side by side in
``symbols`` (int32: a number for each kind of character, from 1 on), each with a 0 behind it; run r
is ``symbols[run_starts[r]:run_starts[r + 1] - 1]``.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel
from seqtool.tokenizers.utf8_kernels import SIZE_BITS, SIZE_MASK, character

LONGEST_RUN = 32  # characters; longer ones are cut

# Classes of characters: none of these, a letter, another character, and what joins both.
LEFT_OUT, LETTER, OTHER, ANY = 0, 1, 2, 3
_LOW_32_BITS = 0xFFFFFFFF


@kernel("i8(u1[::1], i8[::1], i8[::1], i4[::1], u1[::1], i4[::1], i8[::1], i8[::1])")
def cut_runs(
    data: Ints,
    starts: Ints,
    counts: Ints,
    symbol_of: Ints,
    class_of: Ints,
    symbols: Ints,
    run_starts: Ints,
    run_counts: Ints,
) -> int:
    """Cut counted words into runs of letters or of other characters; returns how many there are.

    ``symbol_of`` and ``class_of`` are those of each code point; characters that are LEFT_OUT lie
    between runs. There is room for as many runs and symbols as a word has bytes and two more.
    """
    runs = 0
    out = 0
    for word in range(len(counts)):
        at = int(starts[word])
        end = int(starts[word + 1])
        begin = out
        run_class = ANY
        while at < end:
            found = character(data, at, end)
            code = found >> SIZE_BITS
            at += found & SIZE_MASK
            kind = int(class_of[code])
            clash = kind != ANY and run_class != ANY and kind != run_class
            if out > begin and (clash or kind == LEFT_OUT or out - begin == LONGEST_RUN):
                symbols[out] = 0
                run_counts[runs] = counts[word]
                runs += 1
                out += 1
                run_starts[runs] = out
                begin = out
            if out == begin:
                run_class = ANY
            if kind != LEFT_OUT:
                symbols[out] = symbol_of[code]
                out += 1
                if kind != ANY:
                    run_class = kind
        if out > begin:
            symbols[out] = 0
            run_counts[runs] = counts[word]
            runs += 1
            out += 1
            run_starts[runs] = out
    return runs


@kernel("i8(i4[::1], i8[::1], i8[::1], i8, i4[::1], i8)")
def join_equal_runs(
    symbols: Ints, run_starts: Ints, run_counts: Ints, runs: int, slots: Ints, mask: int
) -> int:
    """Count equal runs as one, in the order of the first of each; returns how many are left."""
    kept = 0
    for run in range(runs):
        begin = int(run_starts[run])
        length = int(run_starts[run + 1]) - begin
        hashed = 0x811C9DC5
        for i in range(begin, begin + length):
            hashed = ((hashed ^ int(symbols[i])) * 0x01000193) & _LOW_32_BITS
        slot = (hashed ^ (hashed >> 15)) & mask
        same = -1
        while same < 0 and slots[slot] != 0:
            other = int(slots[slot]) - 1
            first = int(run_starts[other])
            if int(run_starts[other + 1]) - first == length:
                i = 0
                while i < length and symbols[first + i] == symbols[begin + i]:
                    i += 1
                if i == length:
                    same = other
            slot = (slot + 1) & mask
        if same >= 0:
            run_counts[same] += run_counts[run]
            continue
        slots[slot] = kept + 1
        first = int(run_starts[kept])
        for i in range(length):
            symbols[first + i] = symbols[begin + i]
        run_counts[kept] = run_counts[run]
        kept += 1
        run_starts[kept] = first + length
    return kept


@kernel("void(i4[::1], i8[::1], i8[::1], u1[::1], i8[::1])")
def weigh_places(
    symbols: Ints, run_starts: Ints, run_counts: Ints, left: Ints, weights: Ints
) -> None:
    """For each place: the symbols up to the end of its run, and how often the run occurs."""
    for run in range(len(run_counts)):
        end = int(run_starts[run + 1])
        for i in range(run_starts[run], end):
            left[i] = end - 1 - i
            weights[i] = run_counts[run] if i < end - 1 else 0


@kernel("void(i4[::1], u1[::1], i4[::1], i8, u1[::1])")
def common_prefixes(symbols: Ints, left: Ints, order: Ints, longest: int, common: Ints) -> None:
    """How many symbols each suffix has in common with the one before it in ``order``."""
    common[0] = 0
    for i in range(1, len(order)):
        a = int(order[i - 1])
        b = int(order[i])
        most = int(left[a]) if left[a] < left[b] else int(left[b])
        if most > longest:
            most = longest
        length = 0
        while length < most and symbols[a + length] == symbols[b + length]:
            length += 1
        common[i] = length


@helper
def note(
    found: int, first: int, last: int, depth: int, weight: int, nodes: Ints, weights: Ints
) -> int:
    """Note a substring that occurs at least twice; returns how many are noted."""
    if depth < 2 or weight < 2:
        return found
    nodes[3 * found] = first
    nodes[3 * found + 1] = last
    nodes[3 * found + 2] = depth
    weights[found] = weight
    return found + 1


@kernel("i8(u1[::1], u1[::1], i4[::1], i8[::1], i8, i4[::1], i4[::1], i8[::1])")
def repeated_substrings(
    common: Ints,
    left: Ints,
    order: Ints,
    sums: Ints,
    longest: int,
    stack: Ints,
    nodes: Ints,
    weights: Ints,
) -> int:
    """The substrings that no longer one occurs in place of, each time; returns their number.

    They are the inner nodes of the tree of suffixes (Abouelhoda et al. 2004), and the suffixes
    of runs that occur more than once. ``sums`` are the weights of the suffixes before each in
    ``order``. Written are, for each, the first and last place in ``order`` and the length to
    ``nodes``, and the sum of weights. ``stack`` has room for 2 * (longest + 2) numbers, ``nodes``
    and ``weights`` for twice as many substrings as there are suffixes.
    """
    total = len(order)
    found = 0
    height = 1
    stack[0] = 0
    stack[1] = 0
    for i in range(total + 1):
        depth = int(common[i]) if i < total else 0
        first = i
        while stack[2 * height - 1] > depth:
            height -= 1
            first = int(stack[2 * height])
            weight = int(sums[i]) - int(sums[first])
            found = note(found, first, i, int(stack[2 * height + 1]), weight, nodes, weights)
        if stack[2 * height - 1] < depth:
            stack[2 * height] = i - 1 if first == i else first
            stack[2 * height + 1] = depth
            height += 1
        if i < total:
            length = int(left[order[i]])
            if length > longest:
                length = longest
            follower = int(common[i + 1]) if i + 1 < total else 0
            if length > depth and length > follower:
                weight = int(sums[i + 1]) - int(sums[i])
                found = note(found, i, i + 1, length, weight, nodes, weights)
    return found


@kernel("void(i4[::1], i4[::1], i4[::1], i8[::1])")
def count_edges(order: Ints, firsts: Ints, lasts: Ints, edge_starts: Ints) -> None:
    """Count the pieces that begin at each place; ``edge_starts`` is 0 before."""
    for piece in range(len(firsts)):
        for i in range(firsts[piece], lasts[piece]):
            edge_starts[int(order[i]) + 1] += 1


@kernel("void(i4[::1], i4[::1], i4[::1], u1[::1], i8[::1], i4[::1], u1[::1])")
def fill_edges(
    order: Ints,
    firsts: Ints,
    lasts: Ints,
    lengths: Ints,
    places: Ints,
    edge_ids: Ints,
    edge_lengths: Ints,
) -> None:
    """Write the pieces that begin at each place; ``places`` is where each one's next goes."""
    for piece in range(len(firsts)):
        for i in range(firsts[piece], lasts[piece]):
            at = int(places[order[i]])
            edge_ids[at] = piece
            edge_lengths[at] = lengths[piece]
            places[order[i]] = at + 1
