"""The rules of mteval-v13a, which make tokens by putting spaces around characters.

They look at ASCII characters alone, so text is an array of code points or of UTF-8 bytes.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel

_SPACE = 32
_AMPERSAND = 38
_DASH = 45

# A character gains at most two spaces in two of the passes, a line one at either end.
GROWTH = 5
PADDING = 4


@helper
def is_digit(c: int) -> bool:
    """0 to 9."""
    return 48 <= c <= 57


@helper
def is_stop(c: int) -> bool:
    """Full stop or comma: apart, unless inside a number."""
    return c == 46 or c == 44


@helper
def is_ascii_symbol(c: int) -> bool:
    """ASCII punctuation that mteval always sets apart: all but apostrophe, comma, dash, stop."""
    return 33 <= c <= 126 and (
        c < 39 or 40 <= c <= 43 or c == 47 or 58 <= c <= 64 or 91 <= c <= 96 or c >= 123
    )


@helper
def put_apart(target: Ints, at: int, c: int) -> int:
    """Write a character with a space on either side; return where to go on."""
    target[at] = _SPACE
    target[at + 1] = c
    target[at + 2] = _SPACE
    return at + 3


@helper
def follows(source: bytes | Ints, i: int, end: int, a: int, b: int, c: int, d: int, e: int) -> int:
    """How many characters the name ``abcde`` has, if it stands at ``source[i]``; else 0.

    Names of fewer than five characters end in zeros.
    """
    for k in range(5):
        wanted = a if k == 0 else b if k == 1 else c if k == 2 else d if k == 3 else e
        if wanted == 0:
            return k
        if i + k >= end or source[i + k] != wanted:
            return 0
    return 5


@helper
def entity(source: bytes | Ints, i: int, end: int) -> int:
    """The character and length of the entity at an ampersand, as ``character << 8 | length``.

    mteval replaces ``&quot;``, then ``&amp;``, then ``&lt;`` and ``&gt;``, so the ampersand out
    of the second may begin one of the last two.
    """
    if follows(source, i + 1, end, 113, 117, 111, 116, 59):
        return (34 << 8) | 6
    skip = follows(source, i + 1, end, 97, 109, 112, 59, 0)
    if follows(source, i + 1 + skip, end, 108, 116, 59, 0, 0):
        return (60 << 8) | (4 + skip)
    if follows(source, i + 1 + skip, end, 103, 116, 59, 0, 0):
        return (62 << 8) | (4 + skip)
    return (_AMPERSAND << 8) | (1 + skip)


@helper
def isolate_ascii_symbols(source: bytes | Ints, begin: int, end: int, target: Ints, at: int) -> int:
    """Put spaces around ASCII symbols, and one at either end; replace entities."""
    target[at] = _SPACE
    at += 1
    i = begin
    while i < end:
        c = int(source[i])
        i += 1
        if not is_ascii_symbol(c):
            target[at] = c
            at += 1
            continue
        if c == _AMPERSAND:
            found = entity(source, i - 1, end)
            c = found >> 8
            i += (found & 0xFF) - 1
        at = put_apart(target, at, c)
    target[at] = _SPACE
    return at + 1


@helper
def split_stops_after_nondigit(source: Ints, begin: int, end: int, target: Ints, at: int) -> int:
    """mteval's ``([^0-9])([.,])`` -> ``\\1 \\2 ``; a match uses up both characters."""
    i = begin
    while i < end:
        c = source[i]
        if i + 1 < end and is_stop(source[i + 1]) and not is_digit(c):
            target[at] = c
            at = put_apart(target, at + 1, source[i + 1])
            i += 2
        else:
            target[at] = c
            at += 1
            i += 1
    return at


@helper
def split_stops_before_nondigit(source: Ints, begin: int, end: int, target: Ints, at: int) -> int:
    """mteval's ``([.,])([^0-9])`` -> `` \\1 \\2``; a match uses up both characters."""
    i = begin
    while i < end:
        c = source[i]
        if is_stop(c) and i + 1 < end and not is_digit(source[i + 1]):
            at = put_apart(target, at, c)
            target[at] = source[i + 1]
            at += 1
            i += 2
        else:
            target[at] = c
            at += 1
            i += 1
    return at


@helper
def split_dashes_after_digit(source: Ints, begin: int, end: int, target: Ints, at: int) -> int:
    """mteval's ``([0-9])(-)`` -> ``\\1 \\2 ``."""
    for i in range(begin, end):
        c = source[i]
        if c == _DASH and i > begin and is_digit(source[i - 1]):
            at = put_apart(target, at, c)
        else:
            target[at] = c
            at += 1
    return at


@kernel("i8(u1[::1], u1[::1], u1[::1])")
def mteval_text(text: bytes | Ints, scratch: Ints, out: Ints) -> int:
    """Write a text of UTF-8 with white space between its tokens to ``out``; returns its length.

    ``scratch`` and ``out`` have room for ``GROWTH * len(text) + PADDING`` bytes.
    """
    size = isolate_ascii_symbols(text, 0, len(text), scratch, 0)
    size = split_stops_after_nondigit(scratch, 0, size, out, 0)
    size = split_stops_before_nondigit(out, 0, size, scratch, 0)
    return split_dashes_after_digit(scratch, 0, size, out, 0)
