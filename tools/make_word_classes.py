"""Write seqtool/word_classes.py: the character classes that splitting text into words needs.

    python tools/make_word_classes.py            write the file
    python tools/make_word_classes.py --check    exit 1 if the file is not what would be written

The properties are those of the `regex` package; its metadata names the version of Unicode that
it follows.
"""

import sys
from pathlib import Path

import regex
from make_unicode_classes import category, literal, regex_unicode_version, run

TARGET = Path(__file__).resolve().parent.parent / "seqtool" / "word_classes.py"

# Values of Word_Break (UAX 29, table 3) in the order of their numbers, which begin with 1.
WORD_BREAK = (
    "CR", "LF", "Newline", "Extend", "ZWJ", "Format", "Katakana", "Hebrew_Letter", "ALetter",
    "MidLetter", "MidNum", "MidNumLet", "Numeric", "ExtendNumLet", "Regional_Indicator",
    "Single_Quote", "Double_Quote", "WSegSpace",
)  # fmt: skip

TEMPLATE = '''\
"""Classes of characters that splitting text into words needs.

Written by tools/make_word_classes.py from the `regex` package; do not edit by hand.

Properties of Unicode {version}. A tuple of ranges holds pairs (first code point, code point
after the last one); those of Word_Break hold triples that end in the number of the value.
"""

from functools import cache

from seqtool.unicode_classes import NUMBER_RANGES

UNICODE_VERSION = "{version}"

# Bits of `pattern_table`: what the regular expressions of tokenizers tell apart.
LETTER = 1
NUMBER = 2
SPACE = 4
OTHER = 8
LINE_END = 16

# Bits of `word_break_table` above the numbers of the values of Word_Break.
WORD_BREAK_MASK = 31
PICTOGRAPH = 32
ALPHANUMERIC = 64

# What stands in the place of a code point for a byte that is not UTF-8; it has no class.
INVALID = 0x110000

# Values of Word_Break.
{values}

# fmt: off
{tables}
# fmt: on


@cache
def pattern_table() -> bytearray:
    """One byte for each code point and for INVALID: LETTER, NUMBER, SPACE or OTHER.

    White space is Unicode's property, which has fewer characters than `str.isspace` knows.
    Carriage return and line feed are LINE_END, too.
    """
    table = bytearray((OTHER,)) * (INVALID + 1)
    for bit, ranges in (
        (LETTER, LETTER_RANGES),
        (NUMBER, NUMBER_RANGES),
        (SPACE, SPACE_RANGES),
    ):
        _fill(table, ranges, bit)
    for code in b"\\r\\n":
        table[code] |= LINE_END
    return table


@cache
def word_break_table() -> bytearray:
    """One byte for each code point and for INVALID: the value of Word_Break, or 0, and bits.

    The bits are ALPHANUMERIC, for letters and numbers, and PICTOGRAPH, for those pictographs
    (Extended_Pictographic) whose value of Word_Break is 0 or A_LETTER.
    """
    table = bytearray(INVALID + 1)
    numbers = iter(WORD_BREAK_RANGES)
    for start, stop, value in zip(numbers, numbers, numbers):  # noqa: B905 (costs time here)
        table[start:stop] = bytes((value,)) * (stop - start)
    _add(table, PICTOGRAPH_RANGES, PICTOGRAPH)
    _add(table, LETTER_RANGES, ALPHANUMERIC)
    _add(table, NUMBER_RANGES, ALPHANUMERIC)
    return table


def _fill(table: bytearray, ranges: tuple[int, ...], value: int) -> None:
    filler = bytes((value,))
    boundaries = iter(ranges)
    for start, stop in zip(boundaries, boundaries):  # noqa: B905
        table[start:stop] = filler * (stop - start)


def _add(table: bytearray, ranges: tuple[int, ...], bit: int) -> None:
    with_bit = bytes(value | bit for value in range(256))
    boundaries = iter(ranges)
    for start, stop in zip(boundaries, boundaries):  # noqa: B905
        table[start:stop] = table[start:stop].translate(with_bit)
'''


def constant(name: str) -> str:
    """``MID_NUM_LET`` for ``MidNumLet``."""
    return regex.sub(r"(?<=[a-z])(?=[A-Z])|(?<=^A|^W|Seg)(?=[LS])", "_", name).upper()


def word_break() -> list[int]:
    """Triples (first, after the last, number of the value), in the order of code points."""
    triples: list[tuple[int, int, int]] = []
    for number, name in enumerate(WORD_BREAK, 1):
        ranges = iter(category(f"WB={name}"))
        triples += [(start, stop, number) for start, stop in zip(ranges, ranges, strict=True)]
    return [number for triple in sorted(triples) for number in triple]


def render() -> str:
    """The text of seqtool/word_classes.py."""
    white_space = category("White_Space")
    tables = [
        literal("LETTER_RANGES", category("L")),
        literal("SPACE_RANGES", white_space),
        literal("PICTOGRAPH_RANGES", category("Extended_Pictographic")),
        literal("WORD_BREAK_RANGES", word_break()),
    ]
    values = [f"{constant(name)} = {number}" for number, name in enumerate(WORD_BREAK, 1)]
    return TEMPLATE.format(
        version=regex_unicode_version(), values="\n".join(values), tables="\n".join(tables)
    )


if __name__ == "__main__":
    sys.exit(run(TARGET, render))
