"""Splitting text into words as the regular expressions of GPT-2 and GPT-4 do, over UTF-8.

The expressions are tried at the end of one word to find the next; every character matches some
alternative, so words cover the text. Here the next word is found by looking at a character and
skipping a run of its class. ``classes`` is `seqtool.word_classes.pattern_table`. A byte that is
not UTF-8 is a character of the class OTHER.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel
from seqtool.tokenizers.utf8_kernels import SIZE_BITS, SIZE_MASK, character, is_follower
from seqtool.word_classes import LETTER, LINE_END, NUMBER, OTHER, SPACE

# Kinds of splitting, see `seqtool.tokenizers.pretokenize`.
NONE = 0
WHITESPACE = 1
GPT2 = 2
GPT4 = 3
GPT4_LINES = 4

_BLANK = 32
_APOSTROPHE = 39
_LOWER_CASE = 32


@helper
def class_at(data: bytes | Ints, at: int, end: int, classes: Ints) -> int:
    """The class of the character at ``at``; 0 at the end."""
    if at >= end:
        return 0
    return int(classes[character(data, at, end) >> SIZE_BITS])


@helper
def skip(data: bytes | Ints, at: int, end: int, classes: Ints, wanted: int) -> int:
    """Where the run of characters of the classes ``wanted`` ends."""
    while at < end:
        byte = int(data[at])
        if byte < 0x80:
            if classes[byte] & wanted == 0:
                return at
            at += 1
        else:
            found = character(data, at, end)
            if classes[found >> SIZE_BITS] & wanted == 0:
                return at
            at += found & SIZE_MASK
    return at


@helper
def contraction(data: bytes | Ints, at: int, end: int, any_case: int) -> int:
    """How many bytes 's, 't, 're, 've, 'm, 'll or 'd takes at an apostrophe; 0 if it is none.

    In any case, the long s is an s, as in every expression that ignores case.
    """
    if at + 1 >= end:
        return 0
    first = int(data[at + 1])
    second = int(data[at + 2]) if at + 2 < end else 0
    if any_case == 1:
        if first == 0xC5 and second == 0xBF:
            return 3
        first |= _LOWER_CASE
        second |= _LOWER_CASE
    if first == 115 or first == 116 or first == 109 or first == 100:  # s t m d
        return 2
    if second == 101 and (first == 114 or first == 118):  # re ve
        return 3
    if second == 108 and first == 108:  # ll
        return 3
    return 0


@helper
def next_space(data: bytes | Ints, at: int, stop: int, end: int) -> int:
    r"""``\s+(?!\S)|\s+`` at white space that ends at ``stop``: a last character may stay out."""
    if stop == end:
        return stop
    last = stop - 1
    while is_follower(int(data[last])):
        last -= 1
    return last if last > at else stop


@helper
def next_gpt2(data: bytes | Ints, at: int, end: int, classes: Ints) -> int:
    """The end of GPT-2's word at ``at``."""
    byte = int(data[at])
    if byte == _APOSTROPHE:
        size = contraction(data, at, end, 0)
        if size > 0:
            return at + size
    begin = at + 1 if byte == _BLANK else at
    found = class_at(data, begin, end, classes)
    if found == 0 or found & SPACE:
        return next_space(data, at, skip(data, at, end, classes, SPACE), end)
    return skip(data, begin, end, classes, found)


@helper
def next_gpt4(data: bytes | Ints, at: int, end: int, classes: Ints, lines: int) -> int:
    """The end of GPT-4's word at ``at``; ``lines`` 1 is GPT4_LINES."""
    byte = int(data[at])
    if byte == _APOSTROPHE:
        size = contraction(data, at, end, 1)
        if size > 0:
            return at + size
    now = character(data, at, end)
    found = int(classes[now >> SIZE_BITS])
    after = at + (now & SIZE_MASK)
    if found & LETTER:
        return skip(data, after, end, classes, LETTER)
    if found & NUMBER:
        for _ in range(2):
            if class_at(data, after, end, classes) & NUMBER:
                after += character(data, after, end) & SIZE_MASK
        return after
    following = class_at(data, after, end, classes)
    if found & LINE_END == 0 and following & LETTER:
        return skip(data, after, end, classes, LETTER)
    if found & OTHER or (byte == _BLANK and following & OTHER):
        return skip(data, skip(data, after, end, classes, OTHER), end, classes, LINE_END)
    stop = skip(data, after, end, classes, SPACE)
    if lines == 0 and stop == end:
        return stop
    line_end = stop
    while line_end > at:
        if classes[data[line_end - 1]] & LINE_END:
            return line_end
        line_end -= 1
    return next_space(data, at, stop, end)


@helper
def next_word(data: bytes | Ints, at: int, end: int, kind: int, classes: Ints) -> int:
    """The end of the word that begins at ``at`` in a text that ends at ``end``, behind ``at``."""
    if kind == GPT2:
        return next_gpt2(data, at, end, classes)
    if kind == GPT4:
        return next_gpt4(data, at, end, classes, 0)
    if kind == GPT4_LINES:
        return next_gpt4(data, at, end, classes, 1)
    if kind == WHITESPACE:
        begin = skip(data, at, end, classes, SPACE)
        return skip(data, begin, end, classes, LETTER | NUMBER | OTHER)
    return end


@kernel("i8(u1[::1], i8[::1], i8, i8, i8, u1[::1], i8[::1], i8[::1])")
def split_texts(
    data: Ints,
    starts: Ints,
    first: int,
    last: int,
    kind: int,
    classes: Ints,
    ends: Ints,
    counts: Ints,
) -> int:
    """Find the words of the texts ``first`` to ``last - 1``; returns how many there are.

    ``ends`` has room for as many as the texts have bytes; ``counts`` gets the words of each text.
    """
    words = 0
    for text in range(first, last):
        at = starts[text]
        end = starts[text + 1]
        before = words
        while at < end:
            at = next_word(data, at, end, kind, classes)
            ends[words] = at
            words += 1
        counts[text - first] = words - before
    return words
