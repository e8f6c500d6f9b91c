"""Kernels that cut words into pieces by byte-pair encoding.

A word begins as *symbols*: its bytes, or its characters. The pair of neighbours with the lowest
rank is joined, the leftmost of equals, until none has a rank. ``pairs`` is the table of
`pair_kernels` with values ``rank << 32 | id of what the pair makes``.

Words of a few bytes that came before are found in a *cache*: entries of eight numbers, of which
three hold the word and its length, one the number of its ids and four up to eight ids. A word is
in the entry of its hash or the one beside it.
"""

from __future__ import annotations

import numpy as np

from seqtool.kernels import Ints, helper, kernel
from seqtool.kernels.random_numbers import xorshift
from seqtool.tokenizers.pair_kernels import FREE, ID_BITS, LOW_32_BITS, find_pair
from seqtool.tokenizers.piece_kernels import find_piece
from seqtool.tokenizers.utf8_kernels import SIZE_MASK, character

CACHE_ENTRY = 8
_LONGEST_CACHED = 21  # bytes, seven a number: the eighth could not be shifted into its sign
_MOST_CACHED = 8  # ids
_SHORT = 48  # symbols, up to which it is faster to look at all pairs than to keep a heap
NO_PAIR = 1 << 62

# Places of the numbers in ``options``: whether symbols are characters, whether a word that is a
# piece is that piece, the id of unknown symbols (-1: none), whether neighbouring ones are one.
BY_CHARACTERS, WHOLE_WORDS, UNKNOWN, FUSE_UNKNOWN, OPTIONS = range(5)


@helper
def pair_value(left: int, right: int, pairs: Ints, mask: int) -> int:
    """Rank and id of a pair, or NO_PAIR."""
    if left < 0 or right < 0:
        return NO_PAIR
    at = find_pair(pairs, mask, left, right)
    return NO_PAIR if pairs[at] == FREE else int(pairs[at + 1])


@helper
def add_unknown(size: int, count: int, options: Ints, symbols: Ints, widths: Ints) -> int:
    """Append a symbol that the vocabulary lacks; returns how many there are."""
    unknown = int(options[UNKNOWN])
    if options[FUSE_UNKNOWN] == 1 and count > 0 and symbols[count - 1] == unknown:
        widths[count - 1] += size
        return count
    symbols[count] = unknown
    widths[count] = size
    return count + 1


@helper
def first_symbols(
    data: Ints,
    begin: int,
    end: int,
    byte_ids: Ints,
    pieces: Ints,
    piece_starts: Ints,
    slots: Ints,
    slots_mask: int,
    options: Ints,
    symbols: Ints,
    widths: Ints,
) -> int:
    """Write the symbols of a word and how many bytes each is; returns how many there are.

    A character without a piece becomes its bytes if they all have an id.
    """
    count = 0
    at = begin
    while at < end:
        size = 1
        if options[BY_CHARACTERS] == 1:
            size = character(data, at, end) & SIZE_MASK
            slot = find_piece(data, at, at + size, pieces, piece_starts, slots, slots_mask)
            if slots[slot] != 0:
                symbols[count] = slots[slot] - 1
                widths[count] = size
                count += 1
                at += size
                continue
        known = True
        for i in range(at, at + size):
            if byte_ids[data[i]] < 0:
                known = False
        if known:
            for i in range(at, at + size):
                symbols[count] = byte_ids[data[i]]
                widths[count] = 1
                count += 1
        else:
            count = add_unknown(size, count, options, symbols, widths)
        at += size
    return count


@helper
def merge_short(
    count: int, pairs: Ints, mask: int, symbols: Ints, widths: Ints, values: Ints
) -> int:
    """Join symbols, looking at all pairs every time; returns how many are left."""
    for i in range(count - 1):
        values[i] = pair_value(int(symbols[i]), int(symbols[i + 1]), pairs, mask)
    while count > 1:
        best = 0
        lowest = int(values[0])
        for i in range(1, count - 1):
            if values[i] < lowest:
                lowest = int(values[i])
                best = i
        if lowest == NO_PAIR:
            return count
        symbols[best] = lowest & LOW_32_BITS
        widths[best] += widths[best + 1]
        count -= 1
        for i in range(best + 1, count):
            symbols[i] = symbols[i + 1]
            widths[i] = widths[i + 1]
            values[i - 1] = values[i]
        if best > 0:
            left = int(symbols[best - 1])
            values[best - 1] = pair_value(left, int(symbols[best]), pairs, mask)
        if best < count - 1:
            right = int(symbols[best + 1])
            values[best] = pair_value(int(symbols[best]), right, pairs, mask)
    return count


@helper
def heap_push(heap: Ints, size: int, key: int) -> int:
    """Put a key into a heap, the lowest first; returns its new size."""
    at = size
    while at > 0 and heap[(at - 1) >> 1] > key:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = key
    return size + 1


@helper
def heap_pop(heap: Ints, size: int) -> int:
    """Take the first key out of a heap; returns its new size."""
    size -= 1
    key = heap[size]
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = key
    return size


@helper
def push_pair(
    at: int, right_at: int, pairs: Ints, mask: int, symbols: Ints, heap: Ints, size: int
) -> int:
    """Put the pair of the symbols at two places into the heap, if it has a rank."""
    value = pair_value(int(symbols[at]), int(symbols[right_at]), pairs, mask)
    if value == NO_PAIR:
        return size
    return heap_push(heap, size, ((value >> ID_BITS) << ID_BITS) | at)


@helper
def merge_long(
    count: int,
    chance: int,
    pairs: Ints,
    mask: int,
    symbols: Ints,
    widths: Ints,
    nexts: Ints,
    befores: Ints,
    heap: Ints,
    skipped: Ints,
    text: int,
    seeds: Ints,
) -> int:
    """Join symbols, the pairs in a heap by rank and place; returns how many are left.

    Before each join, pairs are left out until one is kept; each is with a chance of ``chance`` in
    2**32. Pairs that were left out take part again in the next choice. Random numbers come from
    ``seeds[text]``. Symbols that were joined to their left neighbour have the width 0 meanwhile.
    """
    size = 0
    waiting = 0
    for i in range(count):
        nexts[i] = i + 1
        befores[i] = i - 1
    for i in range(count - 1):
        size = push_pair(i, i + 1, pairs, mask, symbols, heap, size)
    while size > 0:
        key = int(heap[0])
        size = heap_pop(heap, size)
        at = key & LOW_32_BITS
        right = int(nexts[at])
        if widths[at] == 0 or right == count:
            continue
        value = pair_value(int(symbols[at]), int(symbols[right]), pairs, mask)
        if value == NO_PAIR or value >> ID_BITS != key >> ID_BITS:
            continue  # one of the two has become something else
        if chance > 0:
            seeds[text] = xorshift(int(seeds[text]))
            if seeds[text] <= chance:
                skipped[waiting] = key
                waiting += 1
                continue
        symbols[at] = value & LOW_32_BITS
        widths[at] += widths[right]
        widths[right] = 0
        behind = int(nexts[right])
        nexts[at] = behind
        if behind < count:
            befores[behind] = at
            size = push_pair(at, behind, pairs, mask, symbols, heap, size)
        if befores[at] >= 0:
            size = push_pair(int(befores[at]), at, pairs, mask, symbols, heap, size)
        for i in range(waiting):
            size = heap_push(heap, size, int(skipped[i]))
        waiting = 0
    left = 0
    for i in range(count):
        if widths[i] > 0:
            symbols[left] = symbols[i]
            widths[left] = widths[i]
            left += 1
    return left


@helper
def cut_word(
    data: Ints,
    begin: int,
    end: int,
    chance: int,
    byte_ids: Ints,
    pieces: Ints,
    piece_starts: Ints,
    slots: Ints,
    slots_mask: int,
    options: Ints,
    pairs: Ints,
    mask: int,
    symbols: Ints,
    widths: Ints,
    nexts: Ints,
    befores: Ints,
    heap: Ints,
    skipped: Ints,
    text: int,
    seeds: Ints,
) -> int:
    """Cut a word into ``symbols`` that are ``widths`` bytes long; returns how many there are."""
    if options[WHOLE_WORDS] == 1 and chance == 0:
        slot = find_piece(data, begin, end, pieces, piece_starts, slots, slots_mask)
        if slots[slot] != 0:
            symbols[0] = slots[slot] - 1
            widths[0] = end - begin
            return 1
    count = first_symbols(
        data, begin, end, byte_ids, pieces, piece_starts, slots, slots_mask, options, symbols,
        widths,
    )  # fmt: skip
    if count <= _SHORT and chance == 0:
        return merge_short(count, pairs, mask, symbols, widths, heap)
    return merge_long(
        count, chance, pairs, mask, symbols, widths, nexts, befores, heap, skipped, text, seeds
    )


@helper
def pack(block: Ints, at: int, size: int) -> int:
    """Up to seven bytes as a number; ``block`` holds eight bytes a number, one more at its end."""
    shift = np.uint64(8 * (at & 7))
    low = block[at >> 3] >> shift
    high = (block[(at >> 3) + 1] << (np.uint64(63) - shift)) << np.uint64(1)
    kept = (np.uint64(1) << np.uint64(8 * size)) - np.uint64(1)
    packed: int = np.int64((low | high) & kept)
    return packed


@helper
def pack_word(block: Ints, at: int, size: int) -> tuple[int, int, int]:
    """A short word and its length as three numbers."""
    length = size << 56
    if size <= 7:
        return pack(block, at, size), 0, length
    first = pack(block, at, 7)
    if size <= 14:
        return first, pack(block, at + 7, size - 7), length
    return first, pack(block, at + 7, 7), pack(block, at + 14, size - 14) | length


@helper
def find_cached(first: int, second: int, third: int, cache: Ints, mask: int) -> int:
    """Where in the cache a packed word is, or ``~place`` where it belongs."""
    mixed = (first & 0xFFFFFFF) * 0x2545F491 + (first >> 28) * 0x1B873593
    if second != 0:
        mixed += (second & 0xFFFFFFF) * 0x2F0B4C47 + (second >> 28) * 0x19D699A5
        mixed += (third & 0xFFFFFFF) * 0x2C1B3C6D + (third >> 28) * 0x297A2D39
    at = CACHE_ENTRY * ((mixed ^ (mixed >> 31)) & mask)
    if cache[at] == first and cache[at + 1] == second and cache[at + 2] == third:
        return at
    beside = at ^ CACHE_ENTRY
    if cache[beside] == first and cache[beside + 1] == second and cache[beside + 2] == third:
        return beside
    return ~at


@helper
def keep_word(
    at: int,
    first: int,
    second: int,
    third: int,
    count: int,
    options: Ints,
    symbols: Ints,
    cache: Ints,
) -> None:
    """Put a word into its entry of the cache; what was there moves to the one beside it."""
    if count > _MOST_CACHED:
        return
    for i in range(count):
        # How wide unknown symbols are does not follow from their ids.
        if symbols[i] < 0 or symbols[i] == options[UNKNOWN]:
            return
    for i in range(CACHE_ENTRY):
        cache[(at ^ CACHE_ENTRY) + i] = cache[at + i]
    cache[at] = first
    cache[at + 1] = second
    cache[at + 2] = third
    cache[at + 3] = count
    for i in range(0, count, 2):
        second_id = int(symbols[i + 1]) if i + 1 < count else 0
        cache[at + 4 + (i >> 1)] = int(symbols[i]) | (second_id << ID_BITS)


@kernel(
    "i8(u1[::1], u8[::1], i8, i8[::1], i8[::1], i8, i8, i8, i8[::1], i4[::1], u1[::1], i8[::1],"
    "i4[::1], i8, i4[::1], i8[::1], i8[::1], i8, i8[::1], i8, i4[::1], i4[::1], i4[::1], i4[::1],"
    "i8[::1], i8[::1], i8, i4[::1], i8[::1], i8[::1])"
)
def encode_words(
    data: Ints,
    block: Ints,
    base: int,
    word_ends: Ints,
    word_starts: Ints,
    first_text: int,
    last_text: int,
    chance: int,
    seeds: Ints,
    byte_ids: Ints,
    pieces: Ints,
    piece_starts: Ints,
    slots: Ints,
    slots_mask: int,
    lengths: Ints,
    options: Ints,
    pairs: Ints,
    mask: int,
    cache: Ints,
    cache_mask: int,
    symbols: Ints,
    widths: Ints,
    nexts: Ints,
    befores: Ints,
    heap: Ints,
    skipped: Ints,
    with_ends: int,
    ids: Ints,
    ends: Ints,
    counts: Ints,
) -> int:
    """Write the ids of the words of some texts, how many each text has, and where they end.

    ``data`` are the bytes of these texts, which begin at ``base`` in the batch, and ``block`` the
    same memory, eight bytes a number, with one more number behind.
    ``ids`` has room for as many as the texts have bytes, and ``ends`` if ``with_ends`` is 1;
    ``counts[t]`` is of text t. ``chance`` of 2**32: how often a pair is left out, with random
    numbers from ``seeds[t]`` on. ``symbols``, ``widths``, ``nexts`` and ``befores`` have room
    for the bytes of the longest word, ``heap`` and ``skipped`` for twice as many. Returns how many
    ids there are.
    """
    out = 0
    begin = 0
    for text in range(first_text, last_text):
        before = out
        for word in range(word_starts[text], word_starts[text + 1]):
            end = int(word_ends[word]) - base
            size = end - begin
            cached = size <= _LONGEST_CACHED and chance == 0
            first = second = third = at = 0
            if cached:
                first, second, third = pack_word(block, begin, size)
                at = find_cached(first, second, third, cache, cache_mask)
                if at >= 0:
                    for i in range(cache[at + 3]):
                        token = int(cache[at + 4 + (i >> 1)] >> (ID_BITS * (i & 1))) & LOW_32_BITS
                        ids[out] = token
                        if with_ends == 1:
                            begin += int(lengths[token])
                            ends[out] = begin + base
                        out += 1
                    begin = end
                    continue
            count = cut_word(
                data, begin, end, chance, byte_ids, pieces, piece_starts, slots, slots_mask,
                options, pairs, mask, symbols, widths, nexts, befores, heap, skipped, text, seeds,
            )  # fmt: skip
            if cached:
                keep_word(~at, first, second, third, count, options, symbols, cache)
            for i in range(count):
                ids[out] = symbols[i]
                if with_ends == 1:
                    begin += int(widths[i])
                    ends[out] = begin + base
                out += 1
            begin = end
        counts[text] = out - before
    return out
