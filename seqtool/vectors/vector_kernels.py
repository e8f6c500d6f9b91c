"""Kernels of word vectors: numbers out of text, n-grams into buckets, means of rows."""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, helper, kernel

NEWLINE = 10
RETURN = 13
SPACE = 32
PLUS = 43
MINUS = 45
POINT = 46
ZERO = 48
NINE = 57
LETTER_E = 101

LIMIT = 10**17  # digits are gathered in a 64-bit integer up to here: 18 of them
MOST_POWER = 22  # 10**22 is the last power of ten that a float64 holds exactly
EXACT = 1 << 53  # so are integers up to here
LARGEST = 3.4e38  # a float32 takes little more
NOT_A_NUMBER = MOST_POWER + 1  # where the table of powers has its NaN

FNV_START = 2166136261
FNV_PRIME = 16777619
LOW_32_BITS = 0xFFFFFFFF


@helper
def parse_number(data: Ints, start: int, end: int, powers: Floats, out: Floats, at: int) -> None:
    """``out[at]`` = the number ``data[start:end]``, or NaN where Python has to look at it."""
    out[at] = powers[NOT_A_NUMBER]
    negative = data[start] == MINUS
    i = start + 1 if negative or data[start] == PLUS else start
    mantissa = 0
    digits = 0
    places = 0
    point = 0
    while i < end:
        c = int(data[i])
        if ZERO <= c <= NINE:
            if mantissa >= LIMIT:
                return
            mantissa = mantissa * 10 + (c - ZERO)
            digits += 1
            places += point
        elif c == POINT and point == 0:
            point = 1
        else:
            break
        i += 1
    if digits == 0:
        return
    exponent = 0
    if i + 1 < end and (int(data[i]) | 32) == LETTER_E:
        i += 1
        down = data[i] == MINUS
        i += 1 if down or data[i] == PLUS else 0
        if i >= end or end - i > 3:
            return
        while i < end and ZERO <= int(data[i]) <= NINE:
            exponent = exponent * 10 + (int(data[i]) - ZERO)
            i += 1
        exponent = -exponent if down else exponent
    power = exponent - places
    if i != end or power > MOST_POWER or power < -MOST_POWER:
        return
    value = float(mantissa)
    value = value / powers[-power] if power < 0 else value * powers[power]
    if value > LARGEST:
        return
    value = -value if negative else value
    if mantissa > EXACT:
        # The float64 may be off by two units in its last place. That matters to the float32
        # only where it lies next to the middle between two of them.
        out[at] = value * 1.0000000000000009
        above = out[at]
        out[at] = value * 0.9999999999999991
        if above != out[at]:
            out[at] = powers[NOT_A_NUMBER]
            return
    out[at] = value


@kernel("i8(u1[::1], i8, i8, i8, f8[::1], f4[::1], i8[::1])")
def parse_rows(
    data: Ints, start: int, rows: int, dimensions: int, powers: Floats, out: Floats, spans: Ints
) -> int:
    """Lines ``word number ... number`` into vectors; returns the number of lines read.

    Reads up to ``rows`` lines from ``data[start]``, each ending in a newline. The last
    ``dimensions`` fields between spaces go to ``out``, what is before them and one space is the
    word: ``spans`` gets where it begins, where it ends, and where the line ends. A line of too
    few fields ends the reading. ``powers`` holds 10**0 to 10**22 and a NaN.
    """
    row = 0
    begin = start
    while row < rows and begin < len(data):
        stop = begin
        while data[stop] != NEWLINE:
            stop += 1
        end = stop
        if end > begin and data[end - 1] == RETURN:
            end -= 1
        field = dimensions - 1
        while field >= 0:
            while end > begin and data[end - 1] == SPACE:
                end -= 1
            first = end
            while first > begin and data[first - 1] != SPACE:
                first -= 1
            if first == begin:
                return row
            parse_number(data, first, end, powers, out, row * dimensions + field)
            end = first - 1 if field == 0 else first
            field -= 1
        spans[3 * row] = begin
        spans[3 * row + 1] = end
        spans[3 * row + 2] = stop
        row += 1
        begin = stop + 1
    return row


@kernel("i8(u1[::1], i8[::1], i8, i8, i8, i8[::1], i4[::1])")
def hash_ngrams(
    text: Ints, bounds: Ints, minn: int, maxn: int, buckets: int, starts: Ints, rows: Ints
) -> int:
    """The buckets of the n-grams of words; returns how many there are.

    Word i is the UTF-8 of ``text[bounds[i]:bounds[i + 1]]``, marks included. Its n-grams go to
    ``rows[starts[i]:starts[i + 1]]``; with an empty ``rows`` they are only counted. The hash is
    32-bit FNV-1a with bytes taken as signed. The marks alone are no n-grams.
    """
    count = 0
    for word in range(len(bounds) - 1):
        begin = int(bounds[word])
        end = int(bounds[word + 1])
        starts[word] = count
        for i in range(begin, end):
            if int(text[i]) & 0xC0 == 0x80:  # inside a character
                continue
            code = FNV_START
            j = i
            n = 1
            while j < end and n <= maxn:
                again = True
                while again:
                    c = int(text[j])
                    code ^= c | 0xFFFFFF00 if c > 127 else c
                    code = (code * FNV_PRIME) & LOW_32_BITS
                    j += 1
                    again = j < end and int(text[j]) & 0xC0 == 0x80
                if n >= minn and not (n == 1 and (i == begin or j == end)):
                    if len(rows) > 0:
                        rows[count] = code % buckets
                    count += 1
                n += 1
    starts[len(bounds) - 1] = count
    return count


@kernel("void(i4[::1], i8[::1], f4[::1], f4[::1], i8, f4[::1])")
def average_ngrams(
    rows: Ints, starts: Ints, buckets: Floats, inverses: Floats, dimensions: int, out: Floats
) -> None:
    """Each row of ``out`` becomes the mean of itself and the rows of ``buckets`` named for it.

    Row i is joined by the buckets ``rows[starts[i]:starts[i + 1]]``; ``inverses[n]`` is
    1 / (n + 1).
    """
    for i in range(len(starts) - 1):
        base = i * dimensions
        for k in range(int(starts[i]), int(starts[i + 1])):
            source = int(rows[k]) * dimensions
            for j in range(dimensions):
                out[base + j] += buckets[source + j]
        factor = inverses[int(starts[i + 1]) - int(starts[i])]
        for j in range(dimensions):
            out[base + j] *= factor
