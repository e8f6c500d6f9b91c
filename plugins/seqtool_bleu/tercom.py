"""Tercom's rewriting of text before TER is counted; off by default, so not a kernel.

The order of the steps and the character ranges are the reference tool's, mistakes included
(one range ends at U+3F22, and the rules for kana never apply within a line): scores must agree.
"""

from __future__ import annotations

import re

_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))

_WESTERN = [
    (re.compile(r"([!-&(-+/:-@\[-`{-~])"), r" \1 "),
    (re.compile(r"'s(?= )"), " 's"),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])-"), r"\1 - "),
]

_ASIAN_MARKS = "\u3001\u3002\u3008-\u3011\u3014-\u301f\uff61-\uff65\u30fb"
_FULL_WIDTH_MARKS = "\uff0e\uff0c\uff1f\uff1a\uff1b\uff01\uff02\uff08\uff09"
_ASIAN_PUNCTUATION = re.compile(f"[{_ASIAN_MARKS}{_FULL_WIDTH_MARKS}]")
_IDEOGRAPHS = re.compile(
    "([\u2e80-\u2eff\u31c0-\u31ef\u3200-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f])"
)
_WESTERN_PUNCTUATION = re.compile(r'[.,?:;!"()]')


def rewrite(text: str, normalized: bool, no_punct: bool, asian: bool) -> str:
    """Normalise or strip punctuation, line by line; ``text`` ends in a newline."""
    lines = text.split("\n")[:-1]
    return "".join(f"{_rewrite_line(line, normalized, no_punct, asian)}\n" for line in lines)


def _rewrite_line(line: str, normalized: bool, no_punct: bool, asian: bool) -> str:
    line = line.rstrip()
    if not line:
        return line
    if normalized:
        for entity, character in _ENTITIES:
            line = line.replace(entity, character)
        line = f" {line} "
        for pattern, replacement in _WESTERN:
            line = pattern.sub(replacement, line)
        if asian:
            line = _IDEOGRAPHS.sub(r" \1 ", line)
            line = _ASIAN_PUNCTUATION.sub(lambda mark: f" {mark.group()} ", line)
    if no_punct:
        line = _WESTERN_PUNCTUATION.sub("", line)
        if asian:
            line = _ASIAN_PUNCTUATION.sub("", line)
    return line
