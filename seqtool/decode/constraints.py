"""Phrases that must appear in what a search finds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from seqtool.decode import constraint_kernels as kernels
from seqtool.decode.types import Ids, Rows, checked_ids
from seqtool.errors import SeqtoolError

MAX_IDS = 1000  # of the phrases of an input

Phrases = Sequence[Sequence[int] | Ids]


class ConstraintTries(NamedTuple):
    """The phrases of all inputs, as `constraint_kernels` take them.

    Attributes:
        trie: int64 (places * PLACE,).
        roots: int64 (inputs,), the place of each input where nothing has begun.
        starts: int64 (inputs + 1,), where the phrases of each input begin.
        lengths: int64 (phrases,).
    """

    trie: Rows
    roots: Rows
    starts: Rows
    lengths: Rows

    @property
    def most_places(self) -> int:
        """How many places the largest trie has."""
        ends = np.append(self.roots, len(self.trie) // kernels.PLACE)
        return int(np.diff(ends).max(initial=0))

    @property
    def most_ids(self) -> int:
        """How many ids the phrases of an input have at most."""
        sums = np.append(0, np.cumsum(self.lengths))[self.starts]
        return int(np.diff(sums).max(initial=0))


def constraint_tries(constraints: Sequence[Phrases], vocab_size: int) -> ConstraintTries:
    """Make the tries. Empty phrases and those that were named before count for nothing.

    Raises SeqtoolError for more phrases or ids than a search can take, and for an id that is not
    in the vocabulary.
    """
    places: list[list[int]] = []
    roots: list[int] = []
    lengths: list[int] = []
    starts = [0]
    for phrases in constraints:
        kept = list(dict.fromkeys(tuple(map(int, phrase)) for phrase in phrases if len(phrase)))
        count = sum(map(len, kept))
        if len(kept) > kernels.MAX_PHRASES or count > MAX_IDS:
            raise SeqtoolError(
                f"{len(kept):,} phrases of {count:,} tokens must appear in one output: "
                f"name at most {kernels.MAX_PHRASES} of {MAX_IDS:,} tokens"
            )
        for phrase in kept:
            checked_ids(phrase, vocab_size)
        roots.append(len(places))
        _add_trie(places, kept)
        lengths += map(len, kept)
        starts.append(len(lengths))
    return ConstraintTries(
        np.array(places, np.int64).reshape(-1),
        np.array(roots, np.int64),
        np.array(starts, np.int64),
        np.array(lengths, np.int64),
    )


def _add_trie(places: list[list[int]], phrases: Phrases) -> None:
    """Add the places of one input, the root first."""
    root = len(places)
    places.append([-1, -1, -1, root, 0, 0, 0])
    for number, phrase in enumerate(phrases):
        place = root
        for token in phrase:
            place = _child(places, place, token) or _new_child(places, place, token)
            places[place][kernels.BEGIN] |= 1 << number
        places[place][kernels.COMPLETE] |= 1 << number
    # Shallow places first: the links that a link is found by are there already.
    for place in sorted(range(root, len(places)), key=lambda at: places[at][kernels.DEPTH]):
        for child in _children(places, place):
            _link(places, place, child)


def _link(places: list[list[int]], place: int, child: int) -> None:
    """Let a child of a place fall back to the longest shorter end of its ids."""
    token = places[child][kernels.LABEL]
    fall = None
    while fall is None and places[place][kernels.DEPTH] > 0:
        place = places[place][kernels.FALL]
        fall = _child(places, place, token)
    places[child][kernels.FALL] = place if fall is None else fall
    places[child][kernels.COMPLETE] |= places[places[child][kernels.FALL]][kernels.COMPLETE]


def _children(places: list[list[int]], place: int) -> Iterator[int]:
    child = places[place][kernels.CHILD]
    while child >= 0:
        yield child
        child = places[child][kernels.SIBLING]


def _child(places: list[list[int]], place: int, token: int) -> int | None:
    """The place behind another and a token; never 0, which is a root."""
    children = _children(places, place)
    return next((child for child in children if places[child][kernels.LABEL] == token), None)


def _new_child(places: list[list[int]], place: int, token: int) -> int:
    parent = places[place]
    places.append([token, -1, parent[kernels.CHILD], -1, parent[kernels.DEPTH] + 1, 0, 0])
    parent[kernels.CHILD] = len(places) - 1
    return len(places) - 1
