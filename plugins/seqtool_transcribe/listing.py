"""Words of a text below those that were written: which are right, wrong, missing, too many."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

Pair = tuple[str | None, str | None]

_MARKS = {"substitution": "S", "deletion": "D", "insertion": "I"}
_WIDTH = 100  # columns


def align_words(reference: Sequence[str], hypothesis: Sequence[str]) -> list[Pair]:
    """Pairs of a cheapest alignment: (word, None) is missing, (None, word) is too much.

    Of alignments that cost the same it is one that prefers pairs of words.
    """
    rows = len(reference) + 1
    costs = [list(range(len(hypothesis) + 1))]
    for i in range(1, rows):
        before, row = costs[-1], [i]
        for j in range(1, len(hypothesis) + 1):
            differ = reference[i - 1] != hypothesis[j - 1]
            row.append(min(before[j - 1] + differ, before[j] + 1, row[j - 1] + 1))
        costs.append(row)
    i, j = len(reference), len(hypothesis)
    pairs: list[Pair] = []
    while i or j:
        differ = bool(i and j) and reference[i - 1] != hypothesis[j - 1]
        if i and j and costs[i][j] == costs[i - 1][j - 1] + differ:
            i, j = i - 1, j - 1
            pairs.append((reference[i], hypothesis[j]))
        elif i and costs[i][j] == costs[i - 1][j] + 1:
            i -= 1
            pairs.append((reference[i], None))
        else:
            j -= 1
            pairs.append((None, hypothesis[j]))
    return pairs[::-1]


def mark(pair: Pair) -> str:
    """S, D or I; nothing for words that are the same."""
    reference, hypothesis = pair
    if reference is None:
        return _MARKS["insertion"]
    if hypothesis is None:
        return _MARKS["deletion"]
    return "" if reference == hypothesis else _MARKS["substitution"]


def listing(pairs: Sequence[Pair]) -> Iterator[str]:
    """Three lines: REF, HYP and Eval; and again where they would be too wide."""
    block: list[tuple[str, str, str]] = []
    taken = 0
    for pair in pairs:
        reference, hypothesis = (text or "*" * _columns(other or "") for text, other in _both(pair))
        width = max(_columns(reference), _columns(hypothesis))
        if block and taken + width + 1 > _WIDTH:
            yield from _lines(block)
            block, taken = [], 0
        block.append((reference, hypothesis, mark(pair)))
        taken += width + 1
    if block:
        yield from _lines(block)


def _both(pair: Pair) -> Iterator[tuple[str | None, str | None]]:
    yield pair[0], pair[1]
    yield pair[1], pair[0]


def _lines(block: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    for number, name in enumerate(("REF: ", "HYP: ", "Eval:")):
        cells = []
        for column in block:
            width = max(map(_columns, column))
            cells.append(column[number] + " " * (width - _columns(column[number])))
        yield f"{name} {' '.join(cells)}".rstrip()


def _columns(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )
