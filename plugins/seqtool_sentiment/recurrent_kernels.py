"""The kernel that turns texts into the words of the recurrent model."""

from __future__ import annotations

from seqtool.kernels import Ints, kernel
from seqtool.words.table_kernels import NUMBER_MASK, find_word
from seqtool_sentiment.feature_kernels import BEGIN, END, NEXT, hash_word, line_end, next_word


@kernel("i8(u1[::1], u1[::1], u1[::1], i8[::1], i8[::1], i8, i8[::1], i8, i4[::1], i8[::1])")
def encode_words(
    text: bytes | Ints,
    classes: Ints,
    arena: Ints,
    starts: Ints,
    slots: Ints,
    mask: int,
    scratch: Ints,
    most: int,
    ids: Ints,
    ends: Ints,
) -> int:
    """Write the words of all texts to ``ids``, and to ``ends`` where those of each end.

    ``text`` is lines as in `seqtool_sentiment.feature_kernels`. A word of the table is its number
    plus one, any other word 0; of each text come the first ``most``. A text without words is a
    single 0, so that every text has a length. Returns how many ids there are; a byte of text is
    room enough for one.
    """
    at = 0
    count = 0
    number = 0
    while at < len(text):
        end = line_end(text, at)
        first = count
        while count - first < most and next_word(text, at, end, classes, scratch):
            begin, behind, at = scratch[BEGIN], scratch[END], scratch[NEXT]
            hashed = hash_word(text, begin, behind)
            entry = slots[find_word(text, begin, behind, hashed, arena, starts, slots, mask)]
            ids[count] = entry & NUMBER_MASK if entry != 0 else 0
            count += 1
        if count == first:
            ids[count] = 0
            count += 1
        ends[number] = count
        number += 1
        at = end + 1
    return count
