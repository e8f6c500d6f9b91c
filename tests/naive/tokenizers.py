"""Tokenizers for scoring, as passes over a list of characters.

All of them see a line as the command line does: white space at its end is dropped first, the
passes put spaces where a token ends, and the tokens are what lies between white space (of any
kind that `str.split` knows).
"""

import string
from collections.abc import Callable

from seqtool.unicode_classes import NUMBER, PUNCTUATION, SYMBOL, class_table

Test = Callable[[str], bool]

ASCII_DIGITS = "0123456789"
PERIOD_COMMA = ".,"
# ASCII punctuation that always stands alone; apostrophe, hyphen, period and comma do not.
ALWAYS_SPLIT = " " + "".join(c for c in string.punctuation if c not in "'-.,")

# Characters that `zh` sets apart. The peer's table writes two astral ranges with four-digit
# escapes, so that they mean U+2001..U+2A6D and U+2F81..U+2FA1; the first takes in general
# punctuation, arrows, mathematics and box drawing. No character outside the BMP is set apart.
ZH_RANGES = (
    (0x2001, 0x2A6D),
    (0x2E80, 0x2FDF),
    (0x2FF0, 0x303F),
    (0x3100, 0x312F),
    (0x31A0, 0x31BF),
    (0x31C0, 0x31EF),
    (0x3200, 0x4DB5),
    (0x4E00, 0x9FBB),
    (0xF900, 0xFA2D),
    (0xFA30, 0xFA6A),
    (0xFA70, 0xFAD9),
    (0xFE10, 0xFE1F),
    (0xFE30, 0xFE4F),
    (0xFF00, 0xFFEF),
)

# Characters that TER's Asian support sets apart. The peer's range for enclosed letters runs
# to U+3F22 where U+32FF is meant; it is kept.
TER_ASIAN_RANGES = (
    (0x2E80, 0x2EFF),
    (0x31C0, 0x31EF),
    (0x3200, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE4F),
)
TER_ASIAN_PUNCTUATION = (
    (0x3001, 0x3002),
    (0x3008, 0x3011),
    (0x3014, 0x301F),
    (0x30FB, 0x30FB),
    (0xFF61, 0xFF65),
)
TER_FULL_WIDTH_PUNCTUATION = "．，？：；！＂（）"

_CLASSES = class_table()


def _is_class(char: str, wanted: int) -> bool:
    return bool(_CLASSES[ord(char)] & wanted)


def _in_ranges(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(char) <= last for first, last in ranges)


def _set_apart(line: str, wanted: Test) -> str:
    """Put a space on either side of every character that is `wanted`."""
    return "".join(f" {char} " if wanted(char) else char for char in line)


def _rewrite_pairs(line: str, first: Test, second: Test, template: str) -> str:
    """Rewrite neighbours (a, b) with first(a) and second(b), from left to right.

    Pairs do not overlap: what is b of one pair cannot be a of the next.
    """
    out = []
    i = 0
    while i < len(line):
        if i + 1 < len(line) and first(line[i]) and second(line[i + 1]):
            out.append(template.format(line[i], line[i + 1]))
            i += 2
        else:
            out.append(line[i])
            i += 1
    return "".join(out)


def _decode_entities(line: str) -> str:
    """Four XML entities, one after the other, so that "&amp;lt;" ends as "<"."""
    line = line.replace("&quot;", '"').replace("&amp;", "&")
    return line.replace("&lt;", "<").replace("&gt;", ">")


def _split_periods_commas_hyphens(line: str) -> str:
    """Split period and comma unless between digits, and a hyphen after a digit."""
    line = _rewrite_pairs(
        line, lambda c: c not in ASCII_DIGITS, lambda c: c in PERIOD_COMMA, "{} {} "
    )
    line = _rewrite_pairs(
        line, lambda c: c in PERIOD_COMMA, lambda c: c not in ASCII_DIGITS, " {} {}"
    )
    return _rewrite_pairs(line, lambda c: c in ASCII_DIGITS, lambda c: c == "-", "{} {} ")


def _western(line: str) -> str:
    """Punctuation of Western languages, as in NIST's mteval-v13a.pl."""
    return _split_periods_commas_hyphens(_set_apart(line, lambda c: c in ALWAYS_SPLIT))


def tokenize_none(line: str) -> list[str]:
    """The words between white space."""
    return line.rstrip().split()


def tokenize_13a(line: str) -> list[str]:
    """Follow NIST's mteval-v13a.pl, the scorer of the WMT campaigns."""
    line = line.rstrip().replace("<skipped>", "")
    return _western(f" {_decode_entities(line)} ").split()


def tokenize_zh(line: str) -> list[str]:
    """Every Chinese character is a token; the rest is cut as `13a` does.

    Unlike 13a no entity is decoded and no space added at the ends of the line, so that a period
    or comma between one end of the line and a digit stays with the digit.
    """
    spaced = _set_apart(line.strip(), lambda c: _in_ranges(c, ZH_RANGES))
    return _western(spaced).split()


def tokenize_intl(line: str) -> list[str]:
    """Follow the international tokenizer of NIST's mteval-v14.pl.

    Any character that Unicode calls punctuation is split off unless between numbers, any
    symbol always.
    """
    line = line.rstrip()
    line = _rewrite_pairs(
        line, lambda c: not _is_class(c, NUMBER), lambda c: _is_class(c, PUNCTUATION), "{} {} "
    )
    line = _rewrite_pairs(
        line, lambda c: _is_class(c, PUNCTUATION), lambda c: not _is_class(c, NUMBER), " {} {}"
    )
    return _set_apart(line, lambda c: _is_class(c, SYMBOL)).split()


def tokenize_char(line: str) -> list[str]:
    """Every character but white space is a token."""
    return [char for char in line if not char.isspace()]


def tokenize_ter(
    line: str,
    normalized: bool = False,
    no_punct: bool = False,
    asian_support: bool = False,
    case_sensitive: bool = False,
) -> list[str]:
    """Follow the Normalizer of Tercom (Snover et al. 2006) as the peer has it.

    Tercom's rules for runs of kana are absent: the peer's never apply.
    """
    line = line.rstrip()
    if not case_sensitive:
        line = line.lower()
    if normalized:
        line = _set_apart(f" {_decode_entities(line)} ", lambda c: c in ALWAYS_SPLIT)
        line = _split_periods_commas_hyphens(line.replace("'s ", " 's "))
        if asian_support:
            line = _set_apart(line, _is_ter_asian)
    if no_punct:
        line = "".join(char for char in line if char not in '.,?:;!"()')
        if asian_support:
            line = "".join(char for char in line if not _is_ter_asian_punctuation(char))
    return line.split()


def _is_ter_asian_punctuation(char: str) -> bool:
    return _in_ranges(char, TER_ASIAN_PUNCTUATION) or char in TER_FULL_WIDTH_PUNCTUATION


def _is_ter_asian(char: str) -> bool:
    return _in_ranges(char, TER_ASIAN_RANGES) or _is_ter_asian_punctuation(char)
