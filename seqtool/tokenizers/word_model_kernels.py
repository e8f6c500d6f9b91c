"""Kernels of the word and the character model: looking up whole words and single characters.

Words are looked up in a table of `seqtool.tokenizers.piece_kernels`.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel
from seqtool.tokenizers.piece_kernels import find_piece
from seqtool.tokenizers.utf8_kernels import SIZE_BITS, SIZE_MASK, character


@helper
def space_at(data: Ints, at: int, end: int) -> int:
    """Bytes of the white space character (Unicode White_Space) that begins here; 0 for others."""
    byte = data[at]
    if byte == 32 or (byte >= 9 and byte <= 13):
        return 1
    if byte == 0xC2 and at + 1 < end and (data[at + 1] == 0x85 or data[at + 1] == 0xA0):
        return 2
    if byte < 0xE1 or byte > 0xE3 or at + 2 >= end:
        return 0
    second = data[at + 1]
    third = data[at + 2]
    if byte == 0xE1 and second == 0x9A and third == 0x80:
        return 3
    if byte == 0xE2 and second == 0x81 and third == 0x9F:
        return 3
    if byte == 0xE3 and second == 0x80 and third == 0x80:
        return 3
    if byte == 0xE2 and second == 0x80:
        if (third >= 0x80 and third <= 0x8A) or third == 0xA8 or third == 0xA9 or third == 0xAF:
            return 3
    return 0


@helper
def space_before(data: Ints, begin: int, end: int) -> int:
    """Bytes of the white space character that ends here; 0 for others."""
    if end > begin and space_at(data, end - 1, end) == 1:
        return 1
    if end - 2 >= begin and space_at(data, end - 2, end) == 2:
        return 2
    if end - 3 >= begin and space_at(data, end - 3, end) == 3:
        return 3
    return 0


@kernel(
    "void(u1[::1], i8[::1], i8[::1], i8, i8, u1[::1], i8[::1], i4[::1], i8, i8, i4[::1], i8[::1],"
    " i8[::1])"
)
def look_up_words(
    data: Ints,
    ends: Ints,
    text_words: Ints,
    first_text: int,
    last_text: int,
    arena: Ints,
    word_starts: Ints,
    slots: Ints,
    mask: int,
    unknown: int,
    ids: Ints,
    token_ends: Ints,
    counts: Ints,
) -> None:
    """Ids of the words of texts ``first_text`` to ``last_text - 1``, without white space around.

    Words of nothing but white space have none. Text t writes ``counts[t]`` ids and ends from
    place ``text_words[first_text]`` on, text behind text.
    """
    out = text_words[first_text]
    for text in range(first_text, last_text):
        before = out
        for word in range(text_words[text], text_words[text + 1]):
            begin = ends[word - 1] if word > 0 else 0
            end = ends[word]
            step = 1
            while begin < end and step > 0:
                step = space_at(data, begin, end)
                begin += step
            step = 1
            while begin < end and step > 0:
                step = space_before(data, begin, end)
                end -= step
            if begin == end:
                continue
            found = slots[find_piece(data, begin, end, arena, word_starts, slots, mask)]
            ids[out] = found - 1 if found > 0 else unknown
            token_ends[out] = end
            out += 1
        counts[text] = out - before


@kernel("void(u1[::1], i8[::1], i8, i8, i4[::1], i4[::1], i8, i4[::1], i8[::1], i8[::1])")
def look_up_characters(
    data: Ints,
    starts: Ints,
    first_text: int,
    last_text: int,
    id_of_code: Ints,
    id_of_byte: Ints,
    unknown: int,
    ids: Ints,
    token_ends: Ints,
    counts: Ints,
) -> None:
    """Ids of the characters of texts ``first_text`` to ``last_text - 1``.

    ``id_of_code`` has -1 for what has no id, and for INVALID. An unknown character gives the ids
    of its bytes where they all have one (-1: none), else ``unknown``. Text t writes ``counts[t]``
    ids and ends from place ``starts[first_text]`` on, text behind text.
    """
    out = starts[first_text]
    for text in range(first_text, last_text):
        before = out
        at = starts[text]
        while at < starts[text + 1]:
            read = character(data, at, starts[text + 1])
            length = read & SIZE_MASK
            found = id_of_code[read >> SIZE_BITS]
            if found >= 0:
                ids[out] = found
                token_ends[out] = at + length
                out += 1
                at += length
                continue
            with_bytes = True
            for i in range(at, at + length):
                with_bytes = with_bytes and id_of_byte[data[i]] >= 0
            if with_bytes:
                for i in range(at, at + length):
                    ids[out] = id_of_byte[data[i]]
                    token_ends[out] = i + 1
                    out += 1
            else:
                ids[out] = unknown
                token_ends[out] = at + length
                out += 1
            at += length
        counts[text] = out - before


@kernel("void(u1[::1], i8[::1], i8[::1], i8[::1])")
def count_characters(data: Ints, starts: Ints, counts: Ints, totals: Ints) -> None:
    """Add to ``totals`` how often each character occurs in counted words.

    The place behind the last code point counts bytes that are no UTF-8.
    """
    for word in range(len(counts)):
        at = starts[word]
        while at < starts[word + 1]:
            read = character(data, at, starts[word + 1])
            totals[read >> SIZE_BITS] += counts[word]
            at += read & SIZE_MASK
