"""Helpers of kernels: which phrases a hypothesis has, which it may go on with.

The phrases of an input are a trie with links to fall back along, the automaton of Aho and
Corasick (1975, "Efficient string matching"). Its place after some ids is the longest end of
these ids that begins a phrase, so no phrase is overlooked, however phrases overlap.
"""

from __future__ import annotations

from seqtool.decode.types import Ints
from seqtool.kernels import helper

# Numbers of a place, int64 (places, PLACE); places of all inputs are in one array.
LABEL = 0  # the id that leads here
CHILD = 1  # one of the places that follow; -1 for none
SIBLING = 2  # another place that follows the same one; -1 for none
FALL = 3  # the place of the longest shorter end of the ids; of a root it is the root
DEPTH = 4  # how many ids lead here
BEGIN = 5  # bits of the phrases that begin with these ids
COMPLETE = 6  # bits of the phrases that end with the last of these ids
PLACE = 7

MAX_PHRASES = 62  # bits of an int64 without its sign


@helper
def follow(trie: Ints, place: int, token: int) -> int:
    """The place after one more id."""
    while True:
        child = int(trie[place * PLACE + CHILD])
        while child >= 0:
            if trie[child * PLACE + LABEL] == token:
                return child
            child = int(trie[child * PLACE + SIBLING])
        if trie[place * PLACE + DEPTH] == 0:
            return place
        place = int(trie[place * PLACE + FALL])


@helper
def is_unmet(trie: Ints, place: int, met: int) -> bool:
    """Whether the ids that lead to a place begin a phrase that is not met yet."""
    begin = trie[place * PLACE + BEGIN]
    return bool((begin & met) != begin)


@helper
def met_ids(lengths: Ints, met: int) -> int:
    """How many ids the phrases have together that are met: ``met`` is their bits."""
    count = 0
    for i in range(len(lengths)):
        count += int(lengths[i]) if (met >> i) & 1 else 0
    return count


@helper
def begun_ids(trie: Ints, place: int, met: int) -> int:
    """How many ids of an unmet phrase are there at the end of a hypothesis."""
    while trie[place * PLACE + DEPTH] > 0:
        if is_unmet(trie, place, met):
            return int(trie[place * PLACE + DEPTH])
        place = int(trie[place * PLACE + FALL])
    return 0


@helper
def wanted_ids(trie: Ints, place: int, met: int, wanted: Ints) -> int:
    """List the ids that go on with an unmet phrase, or begin one; returns how many.

    ``wanted`` has room for as many numbers as an input has places. An id may come twice.
    """
    count = 0
    while True:
        child = int(trie[place * PLACE + CHILD])
        while child >= 0:
            if is_unmet(trie, child, met):
                wanted[count] = trie[child * PLACE + LABEL]
                count += 1
            child = int(trie[child * PLACE + SIBLING])
        if trie[place * PLACE + DEPTH] == 0:
            return count
        place = int(trie[place * PLACE + FALL])
