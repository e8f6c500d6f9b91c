"""Lines of code points into tokens: what mteval's tokenizers do, as kernels.

Text is an array of code points in which every line ends in a newline. A tokenizer copies one
line into an arena with white space between its tokens; `intern_words` then gives each
different word of a segment a small number, so that counting deals with integers alone.
"""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, helper, kernel
from seqtool.words.mteval_kernels import (
    is_ascii_symbol,
    isolate_ascii_symbols,
    put_apart,
    split_dashes_after_digit,
    split_stops_after_nondigit,
    split_stops_before_nondigit,
)

NEWLINE = 10
SPACE = 32

# How a line becomes tokens.
SPLIT = 0  # at white space only
CHARACTERS = 1  # every character but white space
MTEVAL = 2  # mteval-v13a
INTERNATIONAL = 3  # mteval-v14, with Unicode punctuation and symbols
CHINESE = 4  # mteval-v13a, with Chinese characters apart

# Bits of seqtool.unicode_classes.class_table().
PUNCTUATION = 1
SYMBOL = 2
NUMBER = 4

_LOW_38_BITS = (1 << 38) - 1
_LENGTH_BITS = 28


@kernel("i8(u1[::1], u4[::1], i8[::1])")
def decode_lines(data: bytes, text: Ints, starts: Ints) -> int:
    """UTF-8 to code points, and where the lines are; returns the length of the longest line.

    ``text`` has room for as many numbers as ``data``; ``starts``, with room for one more than
    the lines, gets the start of each line and the end of the text. Returns -1 for bytes that
    are not UTF-8 (Unicode standard, table 3-7).
    """
    n = 0
    line = 0
    longest = 0
    i = 0
    starts[0] = 0
    while i < len(data):
        c = int(data[i])
        if c < 0x80:
            text[n] = c
            i += 1
            n += 1
            if c == NEWLINE:
                line += 1
                starts[line] = n
                length = n - 1 - starts[line - 1]
                longest = length if length > longest else longest
            continue
        size = 2 if c < 0xE0 else (3 if c < 0xF0 else 4)
        if c < 0xC2 or c > 0xF4 or i + size > len(data):
            return -1
        code = c & (0x7F >> size)
        for k in range(1, size):
            follower = int(data[i + k])
            if follower & 0xC0 != 0x80:
                return -1
            code = (code << 6) | (follower & 0x3F)
        if size == 3 and (code < 0x800 or 0xD800 <= code <= 0xDFFF):
            return -1
        if size == 4 and (code < 0x10000 or code > 0x10FFFF):
            return -1
        text[n] = code
        n += 1
        i += size
    return longest


@kernel("void(f8[::1], i8, f8[::1])")
def add_to_totals(rows: Floats, columns: int, total: Floats) -> None:
    """Add every row of ``rows`` to ``total``."""
    for i in range(len(rows)):
        total[i % columns] += rows[i]


@helper
def is_space(c: int) -> bool:
    """Whether ``str.split`` treats the code point as white space."""
    if c <= SPACE:
        return c == SPACE or 9 <= c <= 13 or 28 <= c <= 31
    if c < 0x1680:
        return c == 0x85 or c == 0xA0
    return (
        0x2000 <= c <= 0x200A
        or c == 0x3000
        or 0x2028 <= c <= 0x2029
        or c == 0x202F
        or c == 0x205F
        or c == 0x1680
    )


@helper
def is_chinese(c: int) -> bool:
    """What sacrebleu's ``zh`` sets apart.

    Its table writes two of the ranges as five-digit escapes, which Python reads as a
    four-digit one and a digit; the ranges here are the ones that come of it.
    """
    return c >= 0x2001 and (
        c <= 0x2A6D
        or 0x2E80 <= c <= 0x2FDF
        or 0x2FF0 <= c <= 0x303F
        or 0x3100 <= c <= 0x312F
        or 0x31A0 <= c <= 0x31EF
        or 0x3200 <= c <= 0x4DB5
        or 0x4E00 <= c <= 0x9FBB
        or 0xF900 <= c <= 0xFA2D
        or 0xFA30 <= c <= 0xFA6A
        or 0xFA70 <= c <= 0xFAD9
        or 0xFE10 <= c <= 0xFE1F
        or 0xFE30 <= c <= 0xFE4F
        or 0xFF00 <= c <= 0xFFEF
    )


@helper
def isolate_chinese(source: Ints, begin: int, end: int, target: Ints, at: int) -> int:
    """Put spaces around Chinese characters and ASCII symbols."""
    for i in range(begin, end):
        c = source[i]
        if is_chinese(c) or is_ascii_symbol(c):
            at = put_apart(target, at, c)
        else:
            target[at] = c
            at += 1
    return at


@helper
def has_class(classes: Ints, c: int, bit: int) -> bool:
    """Whether the code point is of a Unicode class of `seqtool.unicode_classes`."""
    return bool(classes[c] & bit)


@helper
def isolate_unicode(
    source: Ints, begin: int, end: int, target: Ints, at: int, classes: Ints, first: int, bit: int
) -> int:
    """mteval-v14's passes: separate punctuation next to what is no number.

    ``first`` 1 is ``(\\P{N})(\\p{P})`` -> ``\\1 \\2 ``, 0 is ``(\\p{P})(\\P{N})`` -> `` \\1 \\2``.
    """
    i = begin
    while i < end:
        c = source[i]
        if i + 1 < end:
            d = source[i + 1]
            if first == 1:
                matches = not has_class(classes, c, NUMBER) and has_class(classes, d, bit)
            else:
                matches = has_class(classes, c, bit) and not has_class(classes, d, NUMBER)
            if matches:
                if first == 1:
                    target[at] = c
                    at = put_apart(target, at + 1, d)
                else:
                    at = put_apart(target, at, c)
                    target[at] = d
                    at += 1
                i += 2
                continue
        target[at] = c
        at += 1
        i += 1
    return at


@helper
def isolate_class(
    source: Ints, begin: int, end: int, target: Ints, at: int, classes: Ints, bit: int
) -> int:
    """Put spaces around every character of a Unicode class."""
    for i in range(begin, end):
        c = source[i]
        if has_class(classes, c, bit):
            at = put_apart(target, at, c)
        else:
            target[at] = c
            at += 1
    return at


@helper
def stripped_end(text: Ints, begin: int, end: int) -> int:
    """The end of a line without the white space behind it."""
    while end > begin and is_space(text[end - 1]):
        end -= 1
    return end


@helper
def tokenize(
    tokenizer: int,
    text: Ints,
    begin: int,
    end: int,
    classes: Ints,
    scratch: Ints,
    arena: Ints,
    at: int,
) -> int:
    """Copy a line into ``arena[at:]`` with white space between its tokens; return the end.

    ``scratch`` and ``arena`` need ``GROWTH * (end - begin) + PADDING`` free places. For
    CHARACTERS the line is copied as it is: `intern_words` is not used there.
    """
    end = stripped_end(text, begin, end)
    if tokenizer == MTEVAL:
        n = isolate_ascii_symbols(text, begin, end, scratch, 0)
        n = split_stops_after_nondigit(scratch, 0, n, arena, at)
        n = split_stops_before_nondigit(arena, at, n, scratch, 0)
        return split_dashes_after_digit(scratch, 0, n, arena, at)
    if tokenizer == INTERNATIONAL:
        n = isolate_unicode(text, begin, end, arena, at, classes, 1, PUNCTUATION)
        n = isolate_unicode(arena, at, n, scratch, 0, classes, 0, PUNCTUATION)
        return isolate_class(scratch, 0, n, arena, at, classes, SYMBOL)
    if tokenizer == CHINESE:
        while begin < end and is_space(text[begin]):
            begin += 1
        n = isolate_chinese(text, begin, end, scratch, 0)
        n = split_stops_after_nondigit(scratch, 0, n, arena, at)
        n = split_stops_before_nondigit(arena, at, n, scratch, 0)
        return split_dashes_after_digit(scratch, 0, n, arena, at)
    for i in range(begin, end):
        arena[at] = text[i]
        at += 1
    return at


@kernel("i8(i8, u4[::1], u1[::1], u4[::1], u4[::1])")
def tokenize_line(tokenizer: int, text: Ints, classes: Ints, scratch: Ints, arena: Ints) -> int:
    """`tokenize` for one line that fills ``text``."""
    return tokenize(tokenizer, text, 0, len(text), classes, scratch, arena, 0)


@helper
def find_word(arena: Ints, begin: int, end: int, hashed: int, words: Ints, mask: int) -> int:
    """The slot of a word in the table: the one that holds it, or the free one for it.

    A slot of ``words`` is the place and length of a word plus one, and the word's id.
    """
    slot = hashed & mask
    while words[2 * slot] != 0:
        place = words[2 * slot] - 1
        start = place >> _LENGTH_BITS
        if place - (start << _LENGTH_BITS) == end - begin:
            same = True
            for i in range(end - begin):
                if arena[start + i] != arena[begin + i]:
                    same = False
                    break
            if same:
                return slot
        slot = (slot + 1) & mask
    return slot


@helper
def intern_words(
    arena: Ints, begin: int, end: int, grow: int, words: Ints, mask: int, symbols: Ints, at: int
) -> int:
    """Write the ids of the words of ``arena[begin:end]`` into ``symbols[at:]``; return the end.

    With ``grow`` 1 an unknown word gets the next id, else it is written as -1.
    """
    i = begin
    while i < end:
        if is_space(arena[i]):
            i += 1
            continue
        start = i
        hashed = 0
        while i < end and not is_space(arena[i]):
            # FNV's step on 38 bits: a product that overflows is undefined in compiled code.
            hashed = ((hashed ^ arena[i]) * 16777619) & _LOW_38_BITS
            i += 1
        slot = find_word(arena, start, i, hashed ^ (hashed >> 17), words, mask)
        if words[2 * slot] != 0:
            symbols[at] = words[2 * slot + 1]
        elif grow == 1:
            known = words[2 * mask + 2]
            words[2 * slot] = ((start << _LENGTH_BITS) | (i - start)) + 1
            words[2 * slot + 1] = known
            words[2 * mask + 2] = known + 1
            symbols[at] = known
        else:
            symbols[at] = -1
        at += 1
    return at


@helper
def keep_characters(text: Ints, begin: int, end: int, symbols: Ints, at: int) -> int:
    """Write the code points that are no white space into ``symbols[at:]``; return the end."""
    for i in range(begin, end):
        if not is_space(text[i]):
            symbols[at] = text[i]
            at += 1
    return at


@helper
def clear_table(table: Ints, entries: int) -> int:
    """Empty a hash table that will take ``entries`` entries; return its slot mask.

    A table has a power of two slots, at least twice the entries so that searches are short,
    of two numbers each, and a last number that counts the entries (see `table_size`).
    """
    slots = 8
    while slots < 2 * entries:
        slots *= 2
    for i in range(2 * slots + 1):
        table[i] = 0
    return slots - 1


def table_size(entries: int) -> int:
    """How many numbers a table for so many entries is made of."""
    slots = 8
    while slots < 2 * entries:
        slots *= 2
    return 2 * slots + 1


@helper
def segment_words(
    text: Ints,
    starts: Ints,
    segments: int,
    segment: int,
    references: int,
    system: int,
    present: Ints,
    tokenizer: int,
    classes: Ints,
    arena: Ints,
    scratch: Ints,
    words: Ints,
    symbols: Ints,
    bounds: Ints,
) -> None:
    """Tokenize one segment: its references and its hypothesis, as word numbers.

    Line ``file * segments + segment`` of ``text`` is the segment in a file; files 0 to
    ``references - 1`` are the references, file ``system`` is the hypothesis. The words of
    reference r go to ``symbols[bounds[r]:bounds[r + 1]]``, those of the hypothesis behind the
    last; a word of the hypothesis that no reference has is -1. A reference that is not
    ``present`` (same numbering as the lines) gets no words.
    """
    characters = 0
    for r in range(references):
        line = r * segments + segment
        characters += starts[line + 1] - starts[line]
    mask = clear_table(words, characters)
    at = 0
    end = 0
    bounds[0] = 0
    for r in range(references + 1):
        line = (r if r < references else system) * segments + segment
        if r == references or present[line] == 1:
            begin = starts[line]
            stop = starts[line + 1] - 1
            if tokenizer == CHARACTERS:
                at = keep_characters(text, begin, stop, symbols, at)
            else:
                begin_words = end
                end = tokenize(tokenizer, text, begin, stop, classes, scratch, arena, end)
                grow = 1 if r < references else 0
                at = intern_words(arena, begin_words, end, grow, words, mask, symbols, at)
        bounds[r + 1] = at
