"""Kernels over tables of words: counting, looking up, sorting and merging.

Words are bytes; those of `count_text` are what stands between ASCII white space. A table of words
is made of ``arena`` (the words one after another), ``starts`` (where each begins, and where the
last ends), ``counts`` and ``slots``: an open-addressed hash table whose entries hold 32 bits of
hash and the number of the word plus one, 0 where it is free. ``state`` holds the number of words.

A run is a sorted table in a file: a record a word of length (4 bytes), count (8 bytes), both
little-endian, and the word.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel

NUMBER_BITS = 31  # of the number of a word in an entry of ``slots``
NUMBER_MASK = (1 << NUMBER_BITS) - 1
_LOW_32_BITS = 0xFFFFFFFF
FIRST_HASH = 0x811C9DC5
HEADER = 12  # bytes of a record of a run before its word
# What `merge_runs` waits for; a run's number, from 0 on, means that run's next records.
MERGED = -1
NEEDS_ROOM = -2


@helper
def is_space(byte: int) -> bool:
    """Whether a byte is ASCII white space: space, tab, newline, vertical tab, form feed, CR."""
    return byte == 32 or (byte >= 9 and byte <= 13)


@helper
def hash_step(hashed: int, byte: int) -> int:
    """Take one more byte into a hash of 32 bits (FNV-1a, which begins with FIRST_HASH)."""
    return ((hashed ^ int(byte)) * 0x01000193) & _LOW_32_BITS


@helper
def find_word(
    text: bytes | Ints,
    begin: int,
    end: int,
    hashed: int,
    arena: Ints,
    starts: Ints,
    slots: Ints,
    mask: int,
) -> int:
    """The slot of a word of ``text``, or the free one for it."""
    length = end - begin
    slot = (hashed ^ (hashed >> 15)) & mask
    while slots[slot] != 0:
        entry = slots[slot]
        if entry >> NUMBER_BITS == hashed:
            word = (entry & NUMBER_MASK) - 1
            first = starts[word]
            if starts[word + 1] - first == length:
                i = 0
                while i < length and arena[first + i] == text[begin + i]:
                    i += 1
                if i == length:
                    return slot
        slot = (slot + 1) & mask
    return slot


@helper
def add_word(
    text: bytes | Ints,
    begin: int,
    end: int,
    hashed: int,
    count: int,
    arena: Ints,
    starts: Ints,
    counts: Ints,
    slots: Ints,
    mask: int,
    state: Ints,
) -> bool:
    """Count a word, which is put into the table if it is new; False if there is no room."""
    slot = find_word(text, begin, end, hashed, arena, starts, slots, mask)
    if slots[slot] != 0:
        counts[(slots[slot] & NUMBER_MASK) - 1] += count
        return True
    word = state[0]
    first = starts[word]
    if word >= len(counts) or first + end - begin > len(arena):
        return False
    for i in range(end - begin):
        arena[first + i] = text[begin + i]
    starts[word + 1] = first + end - begin
    counts[word] = count
    slots[slot] = (hashed << NUMBER_BITS) | (word + 1)
    state[0] = word + 1
    return True


@kernel("i8(u1[::1], i8, u1[::1], i8[::1], i8[::1], i8[::1], i8, i8[::1], i8[::1])")
def count_text(
    text: bytes | Ints,
    at: int,
    arena: Ints,
    starts: Ints,
    counts: Ints,
    slots: Ints,
    mask: int,
    state: Ints,
    tokens: Ints,
) -> int:
    """Count the words of a text from ``at`` on; ``tokens[0]`` grows by their number.

    Returns the length of the text, or where to go on when the table has room again.
    """
    end = len(text)
    while at < end:
        if is_space(text[at]):
            at += 1
            continue
        begin = at
        hashed = FIRST_HASH
        while at < end and not is_space(text[at]):
            hashed = hash_step(hashed, text[at])
            at += 1
        if not add_word(
            text, begin, at, hashed, 1, arena, starts, counts, slots, mask, state
        ):  # fmt: skip
            return begin
        tokens[0] += 1
    return at


@kernel("i8(u1[::1], i8[::1], i8[::1], i8, i8, u1[::1], i8[::1], i8[::1], i8[::1], i8, i8[::1])")
def add_words(
    words: Ints,
    word_starts: Ints,
    word_counts: Ints,
    at: int,
    last: int,
    arena: Ints,
    starts: Ints,
    counts: Ints,
    slots: Ints,
    mask: int,
    state: Ints,
) -> int:
    """Add the words ``at`` to ``last`` of another table with their counts.

    Returns ``last``, or the number of the word to go on with when the table has room again.
    """
    while at < last:
        hashed = FIRST_HASH
        for i in range(word_starts[at], word_starts[at + 1]):
            hashed = hash_step(hashed, words[i])
        if not add_word(
            words, word_starts[at], word_starts[at + 1], hashed, word_counts[at], arena, starts,
            counts, slots, mask, state,
        ):  # fmt: skip
            return at
        at += 1
    return at


@kernel("void(i8[::1], i8[::1], i8)")
def move_slots(old: Ints, slots: Ints, mask: int) -> None:
    """Fill an empty hash table with the entries of a smaller one."""
    for i in range(len(old)):
        if old[i] != 0:
            hashed = old[i] >> NUMBER_BITS
            slot = (hashed ^ (hashed >> 15)) & mask
            while slots[slot] != 0:
                slot = (slot + 1) & mask
            slots[slot] = old[i]


@helper
def is_before(a: Ints, a_begin: int, a_end: int, b: Ints, b_begin: int, b_end: int) -> bool:
    """Whether one word comes before another in the order of bytes."""
    i = a_begin
    j = b_begin
    while i < a_end and j < b_end:
        if a[i] != b[j]:
            return bool(a[i] < b[j])
        i += 1
        j += 1
    return a_end - a_begin < b_end - b_begin


@kernel("void(u1[::1], i8[::1], i8[::1], i8[::1])")
def first_bytes(arena: Ints, starts: Ints, order: Ints, keys: Ints) -> None:
    """Write the first seven bytes of words as numbers that sort as they do."""
    for i in range(len(order)):
        word = order[i]
        key = 0
        for j in range(starts[word], starts[word] + 7):
            key = (key << 8) | (arena[j] if j < starts[word + 1] else 0)
        keys[i] = key


@kernel("void(u1[::1], i8[::1], i8[::1], i8[::1])")
def sort_words(arena: Ints, starts: Ints, order: Ints, scratch: Ints) -> None:
    """Sort numbers of words by the bytes of the words (merge sort). ``scratch`` is as long."""
    total = len(order)
    width = 1
    while width < total:
        begin = 0
        while begin + width < total:
            middle = begin + width
            end = middle + width if middle + width < total else total
            a = order[middle]
            b = order[middle - 1]
            if is_before(arena, starts[a], starts[a + 1], arena, starts[b], starts[b + 1]):
                merge_halves(arena, starts, order, scratch, begin, middle, end)
            begin = end
        width *= 2


@helper
def merge_halves(
    arena: Ints, starts: Ints, order: Ints, scratch: Ints, begin: int, middle: int, end: int
) -> None:
    """Merge two sorted neighbours of ``order``."""
    for i in range(begin, middle):
        scratch[i] = order[i]
    left = begin
    right = middle
    for out in range(begin, end):
        if left == middle:
            return
        take_right = False
        if right < end:
            a = order[right]
            b = scratch[left]
            take_right = is_before(arena, starts[a], starts[a + 1], arena, starts[b], starts[b + 1])
        if take_right:
            order[out] = order[right]
            right += 1
        else:
            order[out] = scratch[left]
            left += 1


@helper
def read_number(data: Ints, at: int, size: int) -> int:
    """A little-endian number."""
    number = 0
    for i in range(size):
        number |= data[at + i] << (8 * i)
    return number


@helper
def write_number(number: int, size: int, data: Ints, at: int) -> None:
    """Write a little-endian number."""
    for i in range(size):
        data[at + i] = (number >> (8 * i)) & 255


@kernel("i8(u1[::1], i8[::1], i8[::1], i8[::1], i8[::1], u1[::1])")
def write_run(arena: Ints, starts: Ints, counts: Ints, order: Ints, state: Ints, out: Ints) -> int:
    """Write records of the words ``order[state[0]:]`` until ``out`` is full; returns its bytes."""
    at = 0
    while state[0] < len(order):
        word = order[state[0]]
        length = starts[word + 1] - starts[word]
        if at + HEADER + length > len(out):
            return at
        write_number(length, 4, out, at)
        write_number(counts[word], 8, out, at + 4)
        for i in range(length):
            out[at + HEADER + i] = arena[starts[word] + i]
        at += HEADER + length
        state[0] += 1
    return at


@helper
def head_is_before(data: Ints, positions: Ints, a: int, b: int) -> bool:
    """Whether the next word of run ``a`` comes before that of run ``b``."""
    first = positions[a] + HEADER
    second = positions[b] + HEADER
    return is_before(
        data, first, first + read_number(data, positions[a], 4),
        data, second, second + read_number(data, positions[b], 4),
    )  # fmt: skip


@helper
def sift_down(data: Ints, positions: Ints, heap: Ints, size: int, place: int) -> None:
    """Let the run at ``place`` of a heap of runs sink to where it belongs."""
    while True:
        child = 2 * place + 1
        if child >= size:
            return
        if child + 1 < size and head_is_before(data, positions, heap[child + 1], heap[child]):
            child += 1
        if not head_is_before(data, positions, heap[child], heap[place]):
            return
        run = heap[place]
        heap[place] = heap[child]
        heap[child] = run
        place = child


@helper
def is_current(data: Ints, begin: int, length: int, arena: Ints, first: int, last: int) -> bool:
    """Whether a record's word is the one at the end of the arena."""
    if last - first != length:
        return False
    for i in range(length):
        if arena[first + i] != data[begin + i]:
            return False
    return True


@kernel("i8(u1[::1], i8[::1], i8[::1], i8[::1], i8, u1[::1], i8[::1], i8[::1], i8[::1])")
def merge_runs(
    data: Ints,
    positions: Ints,
    limits: Ints,
    heap: Ints,
    min_count: int,
    arena: Ints,
    starts: Ints,
    counts: Ints,
    state: Ints,
) -> int:
    """Merge sorted runs, adding up counts, and keep the words that occur often enough.

    Run r's next records are ``data[positions[r]:limits[r]]``. ``heap`` holds the runs that are
    not at their end. ``state`` holds the number of words kept, the size of the heap, and the
    length and the count of the word at hand (length -1: none), which lies behind the last word
    kept. Returns MERGED, NEEDS_ROOM, or the run that has no whole record left: one that comes
    back with none at all is at its end.
    """
    for place in range(state[1] // 2 - 1, -1, -1):
        sift_down(data, positions, heap, state[1], place)
    while state[1] > 0:
        run = heap[0]
        at = positions[run]
        begin = at + HEADER
        length = read_number(data, at, 4)
        first = starts[state[0]]
        if state[2] >= 0 and is_current(data, begin, length, arena, first, first + state[2]):
            state[3] += read_number(data, at + 4, 8)
        else:
            if state[2] >= 0 and state[3] >= min_count:
                counts[state[0]] = state[3]
                first += state[2]
                state[0] += 1
                starts[state[0]] = first
            state[2] = -1
            if state[0] >= len(counts) or first + length > len(arena):
                return NEEDS_ROOM
            for i in range(length):
                arena[first + i] = data[begin + i]
            state[2] = length
            state[3] = read_number(data, at + 4, 8)
        at = begin + length
        positions[run] = at
        if at + HEADER > limits[run] or at + HEADER + read_number(data, at, 4) > limits[run]:
            return int(run)
        sift_down(data, positions, heap, state[1], 0)
    if state[2] >= 0 and state[3] >= min_count:
        counts[state[0]] = state[3]
        starts[state[0] + 1] = starts[state[0]] + state[2]
        state[0] += 1
    state[2] = -1
    return MERGED
