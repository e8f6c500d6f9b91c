"""Word boundaries of UAX 29, straight from its rules: each is tried at each place in turn."""

from functools import cache
from itertools import pairwise

import regex

_VALUES = (
    "CR", "LF", "Newline", "Extend", "ZWJ", "Format", "Katakana", "Hebrew_Letter", "ALetter",
    "MidLetter", "MidNum", "MidNumLet", "Numeric", "ExtendNumLet", "Regional_Indicator",
    "Single_Quote", "Double_Quote", "WSegSpace",
)  # fmt: skip
_AH_LETTER = {"ALetter", "Hebrew_Letter"}
_MID_NUM_LET_Q = {"MidNumLet", "Single_Quote"}
_IGNORED = {"Extend", "Format", "ZWJ"}
_NEWLINES = {"Newline", "CR", "LF"}


@cache
def value(character: str) -> str:
    """The Word_Break property of a character."""
    found = [v for v in _VALUES if regex.match(rf"\p{{WB={v}}}", character)]
    return found[0] if found else "Other"


def _is_boundary(text: str, at: int) -> bool:
    a, b = value(text[at - 1]), value(text[at])
    if a == "CR" and b == "LF":  # WB3
        return False
    if a in _NEWLINES or b in _NEWLINES:  # WB3a, WB3b
        return True
    if a == "ZWJ" and regex.match(r"\p{Extended_Pictographic}", text[at]):  # WB3c
        return False
    if a == b == "WSegSpace":  # WB3d
        return False
    if b in _IGNORED:  # WB4
        return False
    values = [value(text[0])]  # up to here, without what WB4 takes out
    for previous, character in pairwise(text[:at]):
        if value(character) not in _IGNORED or value(previous) in _NEWLINES:
            values.append(value(character))
    following = list(map(value, text[at + 1 :]))
    while following and following[0] in _IGNORED:
        del following[0]
    return not _joins(["", *values], b, following[0] if following else "")


def _joins(values: list[str], b: str, after: str) -> bool:
    before, a = values[-2:]
    rules = (
        a in _AH_LETTER and b in _AH_LETTER,  # WB5
        a in _AH_LETTER and b in {"MidLetter", *_MID_NUM_LET_Q} and after in _AH_LETTER,  # WB6
        before in _AH_LETTER and a in {"MidLetter", *_MID_NUM_LET_Q} and b in _AH_LETTER,  # WB7
        a == "Hebrew_Letter" and b == "Single_Quote",  # WB7a
        a == "Hebrew_Letter" and b == "Double_Quote" and after == "Hebrew_Letter",  # WB7b
        before == "Hebrew_Letter" and a == "Double_Quote" and b == "Hebrew_Letter",  # WB7c
        a == "Numeric" and b == "Numeric",  # WB8
        a in _AH_LETTER and b == "Numeric",  # WB9
        a == "Numeric" and b in _AH_LETTER,  # WB10
        before == "Numeric" and a in {"MidNum", *_MID_NUM_LET_Q} and b == "Numeric",  # WB11
        a == "Numeric" and b in {"MidNum", *_MID_NUM_LET_Q} and after == "Numeric",  # WB12
        a == b == "Katakana",  # WB13
        a in {*_AH_LETTER, "Numeric", "Katakana", "ExtendNumLet"} and b == "ExtendNumLet",  # WB13a
        a == "ExtendNumLet" and b in {*_AH_LETTER, "Numeric", "Katakana"},  # WB13b
        a == b == "Regional_Indicator" and _trailing_indicators(values) % 2 == 1,  # WB15, WB16
    )
    return any(rules)


def _trailing_indicators(values: list[str]) -> int:
    count = 0
    while values[-1 - count] == "Regional_Indicator":
        count += 1
    return count


def segments(text: str) -> list[str]:
    """What stands between word boundaries."""
    cuts = [0, *(at for at in range(1, len(text)) if _is_boundary(text, at)), len(text)]
    return [text[a:b] for a, b in pairwise(cuts) if a < b]
