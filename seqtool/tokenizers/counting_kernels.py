"""Counting the words of texts while they are found."""

from __future__ import annotations

from seqtool.kernels import Ints, kernel
from seqtool.tokenizers.pretokenize_kernels import next_word
from seqtool.words.table_kernels import FIRST_HASH, add_word, hash_step


@kernel(
    "i8(u1[::1], i8[::1], i8, i8[::1], i8, u1[::1], u1[::1], i8[::1], i8[::1], i8[::1], i8,"
    " i8[::1])"
)
def count_words_of_texts(
    data: Ints,
    text_starts: Ints,
    at: int,
    place: Ints,
    kind: int,
    classes: Ints,
    arena: Ints,
    starts: Ints,
    counts: Ints,
    slots: Ints,
    mask: int,
    state: Ints,
) -> int:
    """Count words from ``at`` on, which lies in or at the end of the text ``place[0]``.

    Returns the length of the data, or where to go on when the table has room again.
    """
    text = place[0]
    while at < len(data):
        while at >= text_starts[text + 1]:
            text += 1
        end = next_word(data, at, text_starts[text + 1], kind, classes)
        hashed = FIRST_HASH
        for i in range(at, end):
            hashed = hash_step(hashed, data[i])
        if not add_word(
            data, at, end, hashed, 1, arena, starts, counts, slots, mask, state
        ):  # fmt: skip
            place[0] = text
            return at
        at = end
    return at


@kernel("void(u1[::1], i8[::1], i8[::1], u1[::1], i8[::1])")
def gather_words(arena: Ints, starts: Ints, order: Ints, data: Ints, data_starts: Ints) -> None:
    """Copy the words ``order`` of a table one after another; ``data_starts`` begins with 0."""
    at = 0
    for i in range(len(order)):
        for j in range(starts[order[i]], starts[order[i] + 1]):
            data[at] = arena[j]
            at += 1
        data_starts[i + 1] = at
