"""Kernels that learn the merges of byte-pair encoding.

All words lie in one row of *symbols*, each behind a BORDER; another BORDER ends the row. A merge
writes the new token over the left symbol and marks the place of the right one as INSIDE. The
first and the last place of a symbol hold its ``widths``, so both neighbours of a symbol are one
step away. Place ``starts[w] + w + 1`` is the first of word w.

The pairs of neighbours are numbered: ``pairs`` is the table of `pair_kernels` with those numbers,
``pair_info`` has two numbers for each: its count, and how many places are in its lists.

The *queue* is a binary heap of entries of three numbers: count, pair as in the table, and list.
A count may be too high when its entry comes to the top; the entry then goes back with the right
one. List i is ``places[lists[2 * i]:][:lists[2 * i + 1]]``: ``word << 32 | place``, ascending.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel
from seqtool.tokenizers.pair_kernels import FREE, ID_BITS, LOW_32_BITS, find_pair
from seqtool.tokenizers.piece_kernels import find_piece

BORDER = -1
INSIDE = -2

# Places of the numbers that kernels keep in ``state``.
TOKENS, MERGES, QUEUE, LISTS, PLACES, PAIRS, TOUCHED, FOUND, STATE = range(9)

# Why `learn_merges` came back.
PAUSED, NO_PAIR_LEFT, NEEDS_PLACES, NEEDS_PAIRS, NEEDS_BYTES = range(5)

INFO = 2  # numbers of a pair in ``pair_info``
ENTRY = 3  # numbers of an entry of the queue
CHANGE = 3  # numbers of a neighbour in ``changes``


@kernel("void(i4[::1], i8[::1], i4[::1], i4[::1])")
def lay_out(ids: Ints, starts: Ints, symbols: Ints, widths: Ints) -> None:
    """Write the row of symbols of words that are ``ids[starts[w]:starts[w + 1]]``."""
    for i in range(len(symbols)):
        symbols[i] = BORDER
        widths[i] = 1
    for word in range(len(starts) - 1):
        for i in range(starts[word], starts[word + 1]):
            symbols[i + word + 1] = ids[i]


@helper
def pair_number(left: int, right: int, pairs: Ints, mask: int, pair_info: Ints, state: Ints) -> int:
    """The number of a pair; a new one gets the next."""
    at = find_pair(pairs, mask, left, right)
    if pairs[at] == FREE:
        pair = int(state[PAIRS])
        state[PAIRS] = pair + 1
        pairs[at] = (left << ID_BITS) | right
        pairs[at + 1] = pair
        for i in range(INFO):
            pair_info[INFO * pair + i] = 0
    return int(pairs[at + 1])


@kernel("i8(i4[::1], i8[::1], i8[::1], i8, i8[::1], i8, i8[::1], i8[::1])")
def count_pairs(
    symbols: Ints,
    starts: Ints,
    counts: Ints,
    word: int,
    pairs: Ints,
    mask: int,
    pair_info: Ints,
    state: Ints,
) -> int:
    """Count the pairs of the words from ``word`` on, and their places.

    Returns the number of words, or the one to go on with when the table has room for its pairs.
    """
    while word < len(counts):
        begin = int(starts[word]) + word + 1
        end = int(starts[word + 1]) + word + 1
        if int(state[PAIRS]) + end - begin > len(pair_info) // INFO:
            return word
        for i in range(begin, end - 1):
            left = int(symbols[i])
            right = int(symbols[i + 1])
            if left != BORDER and right != BORDER:
                pair = pair_number(left, right, pairs, mask, pair_info, state)
                pair_info[INFO * pair] += counts[word]
                pair_info[INFO * pair + 1] += 1
        word += 1
    return word


@kernel("void(i4[::1], i8[::1], i8[::1], i8, i8[::1], i8[::1])")
def list_places(
    symbols: Ints, starts: Ints, pairs: Ints, mask: int, ends: Ints, places: Ints
) -> None:
    """Write the places of every pair; ``ends[p]`` moves from the begin of list p to its end."""
    for word in range(len(starts) - 1):
        for at in range(starts[word] + word + 1, starts[word + 1] + word):
            if symbols[at] != BORDER and symbols[at + 1] != BORDER:
                pair = pairs[find_pair(pairs, mask, int(symbols[at]), int(symbols[at + 1])) + 1]
                places[ends[pair]] = (word << ID_BITS) | at
                ends[pair] += 1


@helper
def is_first(queue: Ints, a: int, b: int) -> bool:
    """Whether an entry comes before another: higher count, smaller pair, older list."""
    a *= ENTRY
    b *= ENTRY
    if queue[a] != queue[b]:
        return bool(queue[a] > queue[b])
    if queue[a + 1] != queue[b + 1]:
        return bool(queue[a + 1] < queue[b + 1])
    return bool(queue[a + 2] < queue[b + 2])


@helper
def swap(queue: Ints, a: int, b: int) -> None:
    """Exchange two entries."""
    for i in range(ENTRY):
        kept = queue[ENTRY * a + i]
        queue[ENTRY * a + i] = queue[ENTRY * b + i]
        queue[ENTRY * b + i] = kept


@helper
def push(queue: Ints, count: int, key: int, entry: int, state: Ints) -> None:
    """Put an entry into the queue."""
    at = int(state[QUEUE])
    state[QUEUE] += 1
    queue[ENTRY * at] = count
    queue[ENTRY * at + 1] = key
    queue[ENTRY * at + 2] = entry
    while at > 0 and is_first(queue, at, (at - 1) >> 1):
        swap(queue, at, (at - 1) >> 1)
        at = (at - 1) >> 1


@helper
def sink(queue: Ints, size: int) -> None:
    """Let the first entry sink to where it belongs."""
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and is_first(queue, child + 1, child):
            child += 1
        if not is_first(queue, child, at):
            return
        swap(queue, at, child)
        at = child


@kernel("void(i8[::1], i8[::1], i8[::1], i8[::1])")
def fill_queue(pairs: Ints, pair_info: Ints, queue: Ints, state: Ints) -> None:
    """Queue every pair; its list has its number."""
    for at in range(0, len(pairs), 2):
        if pairs[at] != FREE:
            pair = int(pairs[at + 1])
            push(queue, int(pair_info[INFO * pair]), int(pairs[at]), pair, state)


@helper
def joined(
    left: int, right: int, data: Ints, starts: Ints, slots: Ints, mask: int, state: Ints
) -> int:
    """The id of what two tokens give together: that of an equal token, or the next."""
    begin = int(starts[state[TOKENS]])
    end = begin
    for i in range(starts[left], starts[left + 1]):
        data[end] = data[i]
        end += 1
    for i in range(starts[right], starts[right + 1]):
        data[end] = data[i]
        end += 1
    slot = find_piece(data, begin, end, data, starts, slots, mask)
    if slots[slot] == 0:
        state[TOKENS] += 1
        starts[state[TOKENS]] = end
        slots[slot] = state[TOKENS]
    return int(slots[slot]) - 1


@helper
def note_change(
    neighbour: int, field: int, count: int, changes: Ints, touched: Ints, state: Ints
) -> None:
    """Add to one of the numbers of a neighbour, which is `2 * its token + its side`."""
    at = CHANGE * neighbour
    if changes[at] == 0 and changes[at + 1] == 0:
        touched[state[TOUCHED]] = neighbour
        state[TOUCHED] += 1
    changes[at + field] += count


@helper
def note_place(neighbour: int, place: int, changes: Ints, found: Ints, state: Ints) -> None:
    """Remember a place of the pair that a neighbour makes with the new token."""
    changes[CHANGE * neighbour + 2] += 1
    found[2 * state[FOUND]] = neighbour
    found[2 * state[FOUND] + 1] = place
    state[FOUND] += 1


@helper
def merge_at(
    at: int,
    word: int,
    count: int,
    token: int,
    symbols: Ints,
    widths: Ints,
    changes: Ints,
    touched: Ints,
    found: Ints,
    state: Ints,
) -> None:
    """Join the symbol at a place and its right neighbour.

    For the neighbours on each side (0 left, 1 right), ``changes`` has how many of the old pairs
    are lost, how many new ones there are, and how many places those have in ``found``.
    """
    right_at = at + int(widths[at])
    before_at = at - int(widths[at - 1])
    behind_at = right_at + int(widths[right_at])
    before = int(symbols[before_at])
    behind = int(symbols[behind_at])
    if before != BORDER:
        note_change(2 * before, 0, count, changes, touched, state)
        note_change(2 * before, 1, count, changes, touched, state)
        note_place(2 * before, (word << ID_BITS) | before_at, changes, found, state)
    if behind != BORDER:
        note_change(2 * behind + 1, 0, count, changes, touched, state)
        # The token beside itself is one pair, whichever side it was found from.
        side = 0 if behind == token else 1
        note_change(2 * behind + side, 1, count, changes, touched, state)
        note_place(2 * behind + side, (word << ID_BITS) | at, changes, found, state)
    symbols[at] = token
    symbols[right_at] = INSIDE
    width = behind_at - at
    widths[at] = width
    widths[behind_at - 1] = width


@helper
def merge_list(
    left: int,
    right: int,
    token: int,
    begin: int,
    end: int,
    places: Ints,
    symbols: Ints,
    widths: Ints,
    counts: Ints,
    changes: Ints,
    touched: Ints,
    found: Ints,
    state: Ints,
) -> None:
    """Join a pair at those places of its list where it still is."""
    for i in range(begin, end):
        word = int(places[i]) >> ID_BITS
        at = int(places[i]) & LOW_32_BITS
        if symbols[at] == left and symbols[at + int(widths[at])] == right:
            merge_at(
                at, word, int(counts[word]), token, symbols, widths, changes, touched, found, state
            )


@helper
def apply_changes(
    left: int,
    right: int,
    token: int,
    pairs: Ints,
    mask: int,
    pair_info: Ints,
    changes: Ints,
    touched: Ints,
    state: Ints,
) -> None:
    """Bring the counts of pairs up to date."""
    for i in range(state[TOUCHED]):
        other = int(touched[i]) >> 1
        side = int(touched[i]) & 1
        lost = int(changes[CHANGE * touched[i]])
        gained = int(changes[CHANGE * touched[i] + 1])
        if lost > 0:
            first = other if side == 0 else right
            second = left if side == 0 else other
            pair = pairs[find_pair(pairs, mask, first, second) + 1]
            pair_info[INFO * pair] -= lost
        if gained > 0:
            first = other if side == 0 else token
            second = token if side == 0 else other
            pair_info[INFO * pair_number(first, second, pairs, mask, pair_info, state)] += gained


@helper
def queue_new_pairs(
    token: int,
    pairs: Ints,
    mask: int,
    pair_info: Ints,
    queue: Ints,
    lists: Ints,
    places: Ints,
    changes: Ints,
    touched: Ints,
    found: Ints,
    state: Ints,
) -> None:
    """Queue the pairs that the new token is in with their places, and forget the changes."""
    for i in range(state[TOUCHED]):
        other = int(touched[i]) >> 1
        change = CHANGE * int(touched[i])
        size = int(changes[change + 2])
        changes[change + 2] = -1
        if size > 0:
            first = other if touched[i] & 1 == 0 else token
            second = token if touched[i] & 1 == 0 else other
            at = find_pair(pairs, mask, first, second)
            info = INFO * int(pairs[at + 1])
            if pair_info[info] > 0:
                number = int(state[LISTS])
                lists[2 * number] = state[PLACES]
                lists[2 * number + 1] = size
                pair_info[info + 1] += size
                push(queue, int(pair_info[info]), int(pairs[at]), number, state)
                changes[change + 2] = state[PLACES]
                state[LISTS] += 1
                state[PLACES] += size
    for i in range(state[FOUND]):
        change = CHANGE * int(found[2 * i]) + 2
        if changes[change] >= 0:
            places[changes[change]] = found[2 * i + 1]
            changes[change] += 1
    for i in range(state[TOUCHED]):
        for field in range(CHANGE):
            changes[CHANGE * touched[i] + field] = 0
    state[TOUCHED] = 0
    state[FOUND] = 0


@helper
def shortage(
    key: int,
    most: int,
    pair_info: Ints,
    lists: Ints,
    places: Ints,
    found: Ints,
    data: Ints,
    data_starts: Ints,
    state: Ints,
) -> int:
    """What there is too little room of for a merge at no more than ``most`` places, or PAUSED."""
    if int(state[PLACES]) + 2 * most > len(places) or 4 * most > len(found):
        return NEEDS_PLACES
    new = 2 * int(state[TOKENS]) + 2
    new = new if new < 2 * most else 2 * most
    if INFO * (int(state[PAIRS]) + new) > len(pair_info) or 2 * (state[LISTS] + new) > len(lists):
        return NEEDS_PAIRS
    left = key >> ID_BITS
    right = key & LOW_32_BITS
    size = int(data_starts[left + 1] - data_starts[left])
    size += int(data_starts[right + 1] - data_starts[right])
    return NEEDS_BYTES if int(data_starts[state[TOKENS]]) + size > len(data) else PAUSED


@kernel(
    "i8(i8, i8, i4[::1], i4[::1], i8[::1], i8[::1], i8, i8[::1], i8[::1], i8[::1],"
    "i8[::1], i8[::1], i8[::1], i8[::1], u1[::1], i8[::1], i4[::1], i8, i4[::1], i8[::1])"
)
def learn_merges(
    tokens: int,
    min_count: int,
    symbols: Ints,
    widths: Ints,
    counts: Ints,
    pairs: Ints,
    mask: int,
    pair_info: Ints,
    queue: Ints,
    lists: Ints,
    places: Ints,
    changes: Ints,
    touched: Ints,
    found: Ints,
    data: Ints,
    data_starts: Ints,
    slots: Ints,
    slots_mask: int,
    merges: Ints,
    state: Ints,
) -> int:
    """Merge the most frequent pair until there are ``tokens`` tokens or ``merges`` is full.

    ``merges`` gets three numbers for each: left, right, and the token that they make. Returns
    PAUSED, NO_PAIR_LEFT when none occurs ``min_count`` times, or what it needs to go on.
    """
    while state[TOKENS] < tokens and 3 * int(state[MERGES]) < len(merges):
        if state[QUEUE] == 0:
            return NO_PAIR_LEFT
        key = int(queue[1])
        info = INFO * int(pairs[find_pair(pairs, mask, key >> ID_BITS, key & LOW_32_BITS) + 1])
        count = int(pair_info[info])
        if queue[0] != count:
            queue[0] = count
            sink(queue, int(state[QUEUE]))
            continue
        if count < 1 or count < min_count:
            return NO_PAIR_LEFT
        needed = shortage(
            key, int(pair_info[info + 1]), pair_info, lists, places, found, data, data_starts,
            state,
        )  # fmt: skip
        if needed != PAUSED:
            return needed
        entry = 2 * int(queue[2])
        state[QUEUE] -= 1
        swap(queue, 0, int(state[QUEUE]))
        sink(queue, int(state[QUEUE]))
        left = key >> ID_BITS
        right = key & LOW_32_BITS
        token = joined(left, right, data, data_starts, slots, slots_mask, state)
        merge = 3 * int(state[MERGES])
        merges[merge], merges[merge + 1], merges[merge + 2] = left, right, token
        state[MERGES] += 1
        merge_list(
            left, right, token, int(lists[entry]), int(lists[entry] + lists[entry + 1]),
            places, symbols, widths, counts, changes, touched, found, state,
        )  # fmt: skip
        pair_info[info + 1] -= lists[entry + 1]
        apply_changes(left, right, token, pairs, mask, pair_info, changes, touched, state)
        queue_new_pairs(
            token, pairs, mask, pair_info, queue, lists, places, changes, touched, found, state
        )
    return PAUSED
