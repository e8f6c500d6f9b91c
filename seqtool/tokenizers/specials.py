"""Special tokens: what they are for, and finding them in text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqtool.tokenizers.types import Batch, Encoded

UNKNOWN, BEGIN, END, PADDING = "<unk>", "<s>", "</s>", "<pad>"
STANDARD = (UNKNOWN, BEGIN, END, PADDING)


class Special(NamedTuple):
    """A token that no model makes.

    ``always``: it is found wherever its text stands (an "added token" that is not special);
    else only when that is asked for.
    """

    text: str
    id: int
    always: bool = False


class Found(NamedTuple):
    """A batch cut at special tokens.

    ``batch`` holds what is between them; ``owners`` the number of the text of each segment, and
    ``ids`` the special token behind each segment (-1: none, the text ends), ``ends`` where that
    token ends in the batch that was cut.
    """

    batch: Batch
    owners: list[int]
    ids: list[int]
    begins: list[int]
    ends: list[int]


class Finder:
    """Finds special tokens in text, the longest where several begin."""

    def __init__(self, specials: Sequence[Special]) -> None:
        self._ids = {special.text.encode(): special.id for special in specials if special.text}
        longest_first = sorted(self._ids, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)))

    def find(self, batch: Batch) -> Found | None:
        """The batch cut at special tokens; None if there are none."""
        data = batch.data.tobytes()
        if not self._ids or not self._pattern.search(data):
            return None
        found = Found(batch, [], [], [], [])
        parts: list[bytes] = []
        bounds = batch.starts.tolist()
        for text, (begin, end) in enumerate(itertools.pairwise(bounds)):
            for match in self._pattern.finditer(data, begin, end):
                parts.append(data[begin : match.start()])
                self._add(found, text, self._ids[match[0]], begin, match.end())
                begin = match.end()
            parts.append(data[begin:end])
            self._add(found, text, -1, begin, end)
        starts = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=starts[1:])
        return found._replace(batch=Batch(np.frombuffer(b"".join(parts), np.uint8), starts))

    @staticmethod
    def _add(found: Found, text: int, number: int, begin: int, end: int) -> None:
        found.owners.append(text)
        found.ids.append(number)
        found.begins.append(begin)
        found.ends.append(end)


def join_segments(found: Found, encoded: Encoded, texts: int) -> Encoded:
    """Ids of segments and of the special tokens between them, as those of the whole texts."""
    special = np.array(found.ids, np.int32)
    has_special = special >= 0
    after = encoded.starts[1:][has_special]  # a special token stands behind its segment
    ids = np.insert(encoded.ids, after, special[has_special]).astype(np.int32, copy=False)
    sizes = np.diff(encoded.starts) + has_special
    starts = np.zeros(texts + 1, np.int64)
    np.add.at(starts, np.array(found.owners) + 1, sizes)
    np.cumsum(starts, out=starts)
    ends = None
    if encoded.ends is not None:
        shift = np.array(found.begins, np.int64) - found.batch.starts[:-1]
        moved = encoded.ends + np.repeat(shift, np.diff(encoded.starts))
        ends = np.insert(moved, after, np.array(found.ends, np.int64)[has_special])
    return Encoded(ids, starts, ends)


def surround(encoded: Encoded, first: int | None, last: int | None, starts_at: Batch) -> Encoded:
    """Put the id ``first`` before and ``last`` behind the ids of every text; None: nothing.

    Such a token stands at no bytes: it ends where its text begins, or ends.
    """
    ids, starts, ends = encoded
    texts = np.arange(len(starts) - 1)
    if last is not None:
        places = starts[1:]
        ids = np.insert(ids, places, np.int32(last))
        ends = None if ends is None else np.insert(ends, places, starts_at.starts[1:])
        starts = starts + np.append(0, texts + 1)
    if first is not None:
        places = starts[:-1]
        ids = np.insert(ids, places, np.int32(first))
        ends = None if ends is None else np.insert(ends, places, starts_at.starts[:-1])
        starts = starts + np.append(0, texts + 1)
    return Encoded(ids, starts, ends)
