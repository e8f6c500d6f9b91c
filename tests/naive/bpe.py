"""Byte-pair encoding written from its definition, slowly."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

Pair = tuple[int, int]
Symbols = list[int]


def join(symbols: Symbols, pair: Pair, token: int) -> Symbols:
    """The symbols with every occurrence of a pair, from the left, made one token."""
    joined: Symbols = []
    for symbol in symbols:
        if joined and joined[-1] >= 0 and (joined[-1], symbol) == pair:
            joined[-1] = ~token  # cannot be the left half again in this pass
        else:
            joined.append(symbol)
    return [~symbol if symbol < 0 else symbol for symbol in joined]


def train(
    words: list[tuple[bytes, int]], pieces: list[bytes], size: int, min_count: int
) -> list[tuple[int, int, int]]:
    """Merges (left, right, made) learned from words with their counts.

    The most frequent pair is joined in all words, of equally frequent ones the smallest.
    ``pieces`` grows; it begins with what the bytes are numbered as.
    """
    rows = [[pieces.index(word[i : i + 1]) for i in range(len(word))] for word, _ in words]
    merges: list[tuple[int, int, int]] = []
    while len(pieces) < size:
        counts: Counter[Pair] = Counter()
        for row, (_, times) in zip(rows, words, strict=True):
            for pair in pairwise(row):
                counts[pair] += times
        pair, count = min(counts.items(), key=lambda item: (-item[1], item[0]), default=((0, 0), 0))
        if count < max(1, min_count):
            break
        made = pieces[pair[0]] + pieces[pair[1]]
        if made not in pieces:
            pieces.append(made)
        merges.append((*pair, pieces.index(made)))
        rows = [join(row, pair, pieces.index(made)) for row in rows]
    return merges


def encode(symbols: Symbols, merges: dict[Pair, tuple[int, int]]) -> Symbols:
    """Join the pair of the lowest rank, the leftmost of equals, until none is left.

    ``merges``: pair -> (rank, token).
    """
    symbols = list(symbols)
    while True:
        found = [
            (*merges[pair], place) for place, pair in enumerate(pairwise(symbols)) if pair in merges
        ]
        if not found:
            return symbols
        _, token, place = min(found, key=lambda entry: (entry[0], entry[2]))
        symbols[place : place + 2] = [token]


def encode_by_ranks(text: bytes, ranks: dict[bytes, int]) -> list[int]:
    """tiktoken's: a piece as it is, else the neighbours that make the piece of lowest rank."""
    if text in ranks:
        return [ranks[text]]
    parts = [text[i : i + 1] for i in range(len(text))]
    while True:
        joined = [(ranks[a + b], i) for i, (a, b) in enumerate(pairwise(parts)) if a + b in ranks]
        if not joined:
            return [ranks[part] for part in parts]
        _, place = min(joined)
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
