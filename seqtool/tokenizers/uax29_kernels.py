"""Word boundaries of Unicode (UAX 29, section 4.1.1, the default rules), over UTF-8.

``classes`` is `seqtool.word_classes.word_break_table`. The names of the rules are those of the
annex. A byte that is not UTF-8 is a character of the class Other.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel
from seqtool.tokenizers.utf8_kernels import SIZE_BITS, SIZE_MASK, character
from seqtool.word_classes import (
    A_LETTER,
    ALPHANUMERIC,
    CR,
    DOUBLE_QUOTE,
    EXTEND,
    EXTEND_NUM_LET,
    FORMAT,
    HEBREW_LETTER,
    KATAKANA,
    LF,
    MID_LETTER,
    MID_NUM,
    MID_NUM_LET,
    NEWLINE,
    NUMERIC,
    PICTOGRAPH,
    REGIONAL_INDICATOR,
    SINGLE_QUOTE,
    W_SEG_SPACE,
    WORD_BREAK_MASK,
    ZWJ,
)


@helper
def is_ignored(value: int) -> bool:
    """Whether a character belongs to the one before it (WB4)."""
    return value == EXTEND or value == FORMAT or value == ZWJ


@helper
def is_letter(value: int) -> bool:
    """AHLetter of the annex."""
    return value == A_LETTER or value == HEBREW_LETTER


@helper
def is_within_letters(value: int) -> bool:
    """MidLetter or MidNumLetQ of the annex."""
    return value == MID_LETTER or value == MID_NUM_LET or value == SINGLE_QUOTE


@helper
def is_within_numbers(value: int) -> bool:
    """MidNum or MidNumLetQ of the annex."""
    return value == MID_NUM or value == MID_NUM_LET or value == SINGLE_QUOTE


@helper
def value_behind(data: bytes | Ints, at: int, end: int, classes: Ints) -> int:
    """The value of the first character from ``at`` on that is not ignored; 0 at the end."""
    while at < end:
        now = character(data, at, end)
        value = int(classes[now >> SIZE_BITS]) & WORD_BREAK_MASK
        if not is_ignored(value):
            return value
        at += now & SIZE_MASK
    return 0


@helper
def joins(
    before: int, left: int, right: int, data: bytes | Ints, behind: int, end: int, classes: Ints
) -> bool:
    """Whether no boundary is between two characters (WB5 to WB13b).

    ``before`` is the value before ``left`` in the same word, ``behind`` the place after ``right``.
    """
    if is_letter(left):
        if is_letter(right) or right == NUMERIC or right == EXTEND_NUM_LET:  # WB5, 9, 13a
            return True
        if left == HEBREW_LETTER and right == SINGLE_QUOTE:  # WB7a
            return True
        if is_within_letters(right):  # WB6
            return is_letter(value_behind(data, behind, end, classes))
        if left == HEBREW_LETTER and right == DOUBLE_QUOTE:  # WB7b
            return value_behind(data, behind, end, classes) == HEBREW_LETTER
        return False
    if left == NUMERIC:
        if is_letter(right) or right == NUMERIC or right == EXTEND_NUM_LET:  # WB10, 8, 13a
            return True
        return is_within_numbers(right) and (  # WB12
            value_behind(data, behind, end, classes) == NUMERIC
        )
    if left == KATAKANA:
        return right == KATAKANA or right == EXTEND_NUM_LET  # WB13, 13a
    if left == EXTEND_NUM_LET:  # WB13a, 13b
        return is_letter(right) or right == NUMERIC or right == KATAKANA or right == left
    if is_letter(right) and is_within_letters(left) and is_letter(before):  # WB7
        return True
    if right == HEBREW_LETTER and left == DOUBLE_QUOTE and before == HEBREW_LETTER:  # WB7c
        return True
    return right == NUMERIC and is_within_numbers(left) and before == NUMERIC  # WB11


@helper
def next_segment(data: bytes | Ints, at: int, end: int, classes: Ints) -> int:
    """The first word boundary behind ``at``, which is one."""
    now = character(data, at, end)
    left = int(classes[now >> SIZE_BITS]) & WORD_BREAK_MASK
    at += now & SIZE_MASK
    if left == CR or left == LF or left == NEWLINE:  # WB3, 3a
        return at + 1 if left == CR and at < end and data[at] == 10 else at
    last = left  # of the character just passed, ignored or not
    before = 0
    flags = 1 if left == REGIONAL_INDICATOR else 0
    while at < end:
        byte = int(data[at])
        if left == A_LETTER and byte < 0x80 and classes[byte] & WORD_BREAK_MASK == A_LETTER:
            before = left
            last = left
            at += 1
            continue
        now = character(data, at, end)
        behind = at + (now & SIZE_MASK)
        value = int(classes[now >> SIZE_BITS])
        right = value & WORD_BREAK_MASK
        if is_ignored(right):  # WB4
            last = right
            at = behind
            continue
        if right == REGIONAL_INDICATOR and left == right and flags == 1:  # WB15, 16
            flags = 2
        elif not (
            (last == ZWJ and value & PICTOGRAPH)  # WB3c
            or (last == W_SEG_SPACE and right == W_SEG_SPACE)  # WB3d
            or joins(before, left, right, data, behind, end, classes)
        ):
            return at
        before = left
        left = right
        last = right
        at = behind
    return at


@kernel("i8(u1[::1], i8[::1], i8, i8, u1[::1], i8[::1], i8[::1])")
def split_segments(
    data: Ints, starts: Ints, first: int, last: int, classes: Ints, ends: Ints, counts: Ints
) -> int:
    """Find the segments of the texts ``first`` to ``last - 1``; returns how many there are.

    ``ends`` has room for as many as the texts have bytes; ``counts`` gets those of each text.
    """
    segments = 0
    for text in range(first, last):
        at = starts[text]
        end = starts[text + 1]
        before = segments
        while at < end:
            at = next_segment(data, at, end, classes)
            ends[segments] = at
            segments += 1
        counts[text - first] = segments - before
    return segments


@kernel("void(u1[::1], i8[::1], u1[::1], u1[::1])")
def mark_words(data: Ints, ends: Ints, classes: Ints, is_word: Ints) -> None:
    """Set ``is_word`` to 1 for the segments that hold a letter or a number, to 0 for others."""
    at = 0
    for segment in range(len(ends)):
        end = ends[segment]
        is_word[segment] = 0
        while at < end:
            now = character(data, at, end)
            if classes[now >> SIZE_BITS] & ALPHANUMERIC:
                is_word[segment] = 1
                break
            at += now & SIZE_MASK
        at = end


@kernel("i8(u1[::1], i8[::1], i8[::1], u1[::1], u1[::1], i8[::1])")
def join_words(
    data: Ints, ends: Ints, texts: Ints, is_word: Ints, out: Ints, out_starts: Ints
) -> int:
    """Write the segments that are words with one space between those of a text.

    ``texts`` is where the segments of each text start. ``out`` has room for twice the data;
    ``out_starts``, which begins with 0, gets where each text ends. Returns the length.
    """
    at = 0
    begin = 0
    for text in range(len(texts) - 1):
        start = at
        for segment in range(texts[text], texts[text + 1]):
            end = ends[segment]
            if is_word[segment] == 1:
                if at > start:
                    out[at] = 32
                    at += 1
                for i in range(begin, end):
                    out[at] = data[i]
                    at += 1
            begin = end
        out_starts[text + 1] = at
    return at
