"""`--heat-map`: which source tokens each token of a translation looked at, for the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What stands for a weight from here on; less than the first is blank.
SHADES = ((0.05, "░"), (0.25, "▒"), (0.5, "▓"), (0.75, "█"))

LONGEST_TOKEN = 16  # columns of the terminal; more is cut
NARROWEST = 20  # columns


def heat_map(
    source_tokens: Sequence[str],
    target_tokens: Sequence[str],
    weights: NDArray[np.floating[Any]],
    width: int = 80,
) -> list[str]:
    """Attention weights in shades: a row a target token, and a column a source token below it.

    A column is as wide as its token. What does not fit beside each other comes below each other.

    Args:
        source_tokens, target_tokens: as people read them.
        weights: (target tokens, source tokens), from 0 to 1.
        width: columns of the terminal; no line is longer, unless it has fewer than 20.

    Returns:
        Lines, the last of which says what the shades are.
    """
    width = max(width, NARROWEST)
    longest = min(LONGEST_TOKEN, width // 3)
    names = [_fitted(token, longest) for token in target_tokens]
    heads = [_fitted(token, longest) for token in source_tokens]
    margin = max(map(_columns, names), default=0)
    lines: list[str] = []
    for first, end in pairwise(_parts(heads, width - margin)):
        lines.append(" " * margin + "".join(f" {head}" for head in heads[first:end]))
        for name, row in zip(names, weights, strict=True):
            cells = (
                f" {_shade(float(weight)) * _columns(head)}"
                for head, weight in zip(heads[first:end], row[first:end], strict=True)
            )
            lines.append((_padded(name, margin) + "".join(cells)).rstrip())
        lines.append("")
    return [*lines, _legend()]


def _parts(heads: Sequence[str], room: int) -> Iterator[int]:
    """Where parts begin that are not wider than ``room``, each head with a space; and the end."""
    yield 0
    used = 0
    for number, head in enumerate(heads):
        needed = 1 + _columns(head)
        if used and used + needed > room:
            yield number
            used = 0
        used += needed
    if heads:
        yield len(heads)


def _shade(weight: float) -> str:
    return next((shade for least, shade in reversed(SHADES) if weight >= least), " ")


def _legend() -> str:
    return "  ".join(f"{shade} {least:g} and more" for least, shade in SHADES)


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _padded(text: str, columns: int) -> str:
    return " " * (columns - _columns(text)) + text


def _fitted(token: str, columns: int) -> str:
    """A token without control characters, cut to so many columns; at least one."""
    shown = "".join(c for c in token if unicodedata.category(c) != "Cc")
    if _columns(shown) > columns:
        used, kept = 1, ""
        for character in shown:
            used += _columns_of(character)
            if used > columns:
                break
            kept += character
        shown = kept + "…"
    return shown if _columns(shown) else "?"
