"""Kernels that prepare text as sentencepiece does: rules of characters, spaces, words.

Rules of characters are a double array (Darts: Yata et al. 2007): ``units`` (uint32), whose
entries hold the byte that leads to them, whether a rule ends there, and how far its next entries
are. What a rule puts is ``strings[value:]`` up to a zero byte. ``plain`` (uint8)
is 1 at ``256 * a + b`` where the ASCII character ``a`` before the byte ``b`` begins neither a rule
nor a piece that stays as it is.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel
from seqtool.tokenizers.trie_kernels import NODE_MASK, edge_slot
from seqtool.tokenizers.utf8_kernels import SIZE_BITS, SIZE_MASK, character
from seqtool.word_classes import INVALID

# Places in ``settings`` (int64).
TRIM = 0  # 1: spaces at both ends go, and all but one of several
PREFIX = 1  # 1: a space before every text that is not empty
SUFFIX = 2  # 1: the same behind it
MARK = 3  # 1: spaces become U+2581
REPAIR = 4  # 1: bytes that are not UTF-8 become U+FFFD

_SPACE = 32
_LABEL = 0x800000FF
_FROM_DATA = 0
_FROM_STRINGS = 1
_BROKEN = 2
_VALUE_BITS = 31
_VALUE = (1 << _VALUE_BITS) - 1


@helper
def next_units(unit: int) -> int:
    """How far the entries that follow one are, to be combined by exclusive or."""
    return (unit >> 10) << ((unit & 0x200) >> 6)


@helper
def longest_rule(data: Ints, at: int, end: int, units: Ints) -> int:
    """The longest rule that begins here: its length << 31 | where its string begins; 0 for none."""
    found = 0
    if len(units) == 0:
        return 0
    node = next_units(int(units[0]))
    for i in range(at, end):
        node ^= int(data[i])
        if node >= len(units):
            return found
        unit = int(units[node])
        if unit & _LABEL != data[i]:
            return found
        node ^= next_units(unit)
        if (unit >> 8) & 1 == 1 and node < len(units):
            found = ((i + 1 - at) << _VALUE_BITS) | (int(units[node]) & _VALUE)
    return found


@helper
def defined_length(data: Ints, at: int, end: int, edges: Ints, mask: int, piece_of: Ints) -> int:
    """Bytes of the longest user-defined piece that begins here, which is left as it is."""
    longest = 0
    node = 0
    for i in range(at, end):
        slot = edge_slot(edges, mask, node, int(data[i]))
        if edges[slot] == 0:
            return longest
        node = int(edges[slot]) & NODE_MASK
        if piece_of[node] >= 0:
            longest = i + 1 - at
    return longest


@helper
def next_step(
    data: Ints,
    at: int,
    end: int,
    units: Ints,
    strings: Ints,
    plain: Ints,
    edges: Ints,
    mask: int,
    piece_of: Ints,
    settings: Ints,
    step: Ints,
) -> None:
    """What comes next: ``step`` is how many bytes are read, what is put, and from where."""
    step[2] = at
    step[3] = _FROM_DATA
    first = int(data[at])
    follower = int(data[at + 1]) if at + 1 < end else 0
    if first < 0x80 and plain[256 * first + follower] == 1:
        step[0] = 1
        step[1] = 1
        return
    length = defined_length(data, at, end, edges, mask, piece_of)
    if length > 0:
        step[0] = length
        step[1] = length
        return
    rule = longest_rule(data, at, end, units)
    if rule != 0:
        begin = rule & _VALUE
        length = 0
        while begin + length < len(strings) and strings[begin + length] != 0:
            length += 1
        step[0] = rule >> _VALUE_BITS
        step[1] = length
        step[2] = begin
        step[3] = _FROM_STRINGS
        return
    found = character(data, at, end)
    step[0] = found & SIZE_MASK
    step[1] = step[0]
    if found >> SIZE_BITS == INVALID and settings[REPAIR] == 1:
        step[1] = 3
        step[3] = _BROKEN


@helper
def byte_to_put(data: Ints, strings: Ints, step: Ints, i: int) -> int:
    """Byte i of what a step puts."""
    if step[3] == _FROM_DATA:
        return int(data[step[2] + i])
    if step[3] == _FROM_STRINGS:
        return int(strings[step[2] + i])
    return 0xEF if i == 0 else (0xBF if i == 1 else 0xBD)


@helper
def put(byte: int, origin: int, at: int, settings: Ints, out: Ints, origins: Ints) -> int:
    """Write a byte, or the mark of a space; returns where the next one goes."""
    if byte != _SPACE or settings[MARK] == 0:
        out[at] = byte
        if len(origins) > 0:
            origins[at] = origin
        return at + 1
    out[at] = 0xE2
    out[at + 1] = 0x96
    out[at + 2] = 0x81
    if len(origins) > 0:
        for i in range(at, at + 3):
            origins[i] = origin
    return at + 3


@helper
def ends_in_space(out: Ints, begin: int, end: int, settings: Ints) -> int:
    """Bytes of the space at the end of what was put; 0 if there is none."""
    if settings[MARK] == 0:
        return 1 if end > begin and out[end - 1] == _SPACE else 0
    if end - begin >= 3 and out[end - 3] == 0xE2 and out[end - 2] == 0x96 and out[end - 1] == 0x81:
        return 3
    return 0


@kernel(
    "i8(u1[::1], i8[::1], i8, i8, u4[::1], u1[::1], u1[::1], i8[::1], i8, i4[::1], i8[::1],"
    " i8[::1], u1[::1], i8[::1], i8[::1])"
)
def prepare_texts(
    data: Ints,
    starts: Ints,
    first: int,
    last: int,
    units: Ints,
    strings: Ints,
    plain: Ints,
    edges: Ints,
    mask: int,
    piece_of: Ints,
    settings: Ints,
    step: Ints,
    out: Ints,
    origins: Ints,
    out_ends: Ints,
) -> int:
    """Write the texts ``first`` to ``last`` as a model wants them, and where each ends in ``out``.

    ``edges``, ``mask`` and ``piece_of`` are the trie of pieces that stay as they are; ``step`` is
    scratch memory (4 numbers). ``origins`` may be empty. Returns how many bytes were written, or
    -1 if ``out`` is too short.
    """
    at = 0
    for text in range(first, last):
        place = int(starts[text])
        end = int(starts[text + 1])
        text_begin = at
        after_space = settings[TRIM] == 1
        begun = False
        if at + 3 * (end - place) + 6 > len(out):
            return -1
        while place < end:
            if begun:  # the quick way through what stays as it is
                byte = int(data[place])
                while byte < 0x80 and place + 1 < end and len(origins) == 0:
                    if plain[256 * byte + int(data[place + 1])] == 0:
                        break
                    if byte != _SPACE:
                        out[at] = byte
                        at += 1
                    elif not after_space:
                        at = put(byte, place, at, settings, out, origins)
                    after_space = byte == _SPACE and settings[TRIM] == 1
                    place += 1
                    byte = int(data[place])
            next_step(
                data, place, end, units, strings, plain, edges, mask, piece_of, settings, step
            )
            size = int(step[1])
            skip = 0
            if not begun:
                if settings[TRIM] == 1 and size == 1 and byte_to_put(data, strings, step, 0) == 32:
                    place += int(step[0])
                    continue
                begun = True
                if settings[PREFIX] == 1:
                    at = put(_SPACE, place, at, settings, out, origins)
            while after_space and skip < size and byte_to_put(data, strings, step, skip) == _SPACE:
                skip += 1
            if at + 3 * (size - skip + end - place) + 6 > len(out):
                return -1
            for i in range(skip, size):
                byte = byte_to_put(data, strings, step, i)
                # A byte that is as it was is its own origin, others come from a whole rule.
                origin = place + i if step[3] == _FROM_DATA else place
                at = put(byte, origin, at, settings, out, origins)
                after_space = settings[TRIM] == 1 and byte == _SPACE
            place += int(step[0])
        if begun and settings[TRIM] == 1:
            while ends_in_space(out, text_begin, at, settings) > 0:
                at -= ends_in_space(out, text_begin, at, settings)
        if begun and settings[SUFFIX] == 1:
            at = put(_SPACE, end, at, settings, out, origins)
        out_ends[text - first] = at
    return at


@kernel("i8(u1[::1], i8[::1], i8, i8, i8[::1], i8[::1])")
def split_at_marks(
    data: Ints, starts: Ints, first: int, last: int, ends: Ints, counts: Ints
) -> int:
    """Write where words end that begin with U+2581; returns their number, ``counts`` each text's.

    A text that does not begin with one begins with a word, too.
    """
    count = 0
    for text in range(first, last):
        before = count
        begin = int(starts[text])
        end = int(starts[text + 1])
        for i in range(begin + 1, end - 2):
            if data[i] == 0xE2 and data[i + 1] == 0x96 and data[i + 2] == 0x81:
                ends[count] = i
                count += 1
        if end > begin:
            ends[count] = end
            count += 1
        counts[text - first] = count - before
    return count
