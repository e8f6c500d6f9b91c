"""What unigram training starts from: runs of characters and their frequent substrings."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.types import Offsets, WordCounts
from seqtool.tokenizers.unigram_seed_kernels import (
    ANY,
    LEFT_OUT,
    LETTER,
    OTHER,
    common_prefixes,
    count_edges,
    cut_runs,
    fill_edges,
    join_equal_runs,
    repeated_substrings,
    weigh_places,
)
from seqtool.tokenizers.word_model_kernels import count_characters
from seqtool.word_classes import INVALID

Numbers = npt.NDArray[np.int32]
Small = npt.NDArray[np.uint8]

_SPACES = " ▁"


class Runs(NamedTuple):
    """Counted runs of characters, see `unigram_seed_kernels`.

    ``characters`` are the code points of the symbols 1, 2, ..., the most frequent first, and
    ``character_counts`` how often each occurs.
    """

    symbols: Numbers
    starts: Offsets
    counts: Offsets
    characters: Numbers
    character_counts: Offsets


class Seeds(NamedTuple):
    """Substrings of two symbols and more that begin with the same ones sorted.

    Each occurs at ``places`` (among others), has a length and a weight: how often it occurs.
    The arrays of edges are those of `unigram_train_kernels`.
    """

    places: Numbers
    lengths: Small
    weights: Offsets
    edge_starts: Offsets
    edge_ids: Numbers
    edge_lengths: Small


def make_runs(counts: WordCounts, coverage: float) -> Runs:
    """Cut words into runs of letters and of other characters.

    The rarest characters are left out, as many as leave the share ``coverage`` of the text.
    """
    characters, character_counts = _required(counts, coverage)
    symbol_of = np.zeros(INVALID + 1, np.int32)
    symbol_of[characters] = np.arange(1, len(characters) + 1)
    class_of = np.full(INVALID + 1, LEFT_OUT, np.uint8)
    for code in characters.tolist():
        class_of[code] = _class(chr(code))
    room = len(counts.data) + len(counts.counts) + 2
    # A word of n characters has at most n runs, each with its end.
    symbols = np.empty(2 * room, np.int32)
    starts, run_counts = np.zeros(room, np.int64), np.empty(room, np.int64)
    found = cut_runs(
        counts.data, counts.starts, counts.counts, symbol_of, class_of, symbols, starts, run_counts
    )
    slots = np.zeros(2 << max(found, 1).bit_length(), np.int32)
    kept = join_equal_runs(symbols, starts, run_counts, found, slots, len(slots) - 1)
    return Runs(
        symbols[: int(starts[kept])].copy(), starts[: kept + 1].copy(), run_counts[:kept].copy(),
        characters, character_counts,
    )  # fmt: skip


def _class(character: str) -> int:
    category = unicodedata.category(character)
    if category[0] == "M" or character in _SPACES:
        return ANY
    return LETTER if category[0] == "L" else OTHER


def _required(counts: WordCounts, coverage: float) -> tuple[Numbers, Offsets]:
    """The characters that are not left out, the most frequent first, and their counts."""
    totals = np.zeros(INVALID + 1, np.int64)
    count_characters(counts.data, counts.starts, counts.counts, totals)
    codes = np.flatnonzero(totals[:INVALID])
    codes = codes[np.argsort(-totals[codes], kind="stable")]
    share = np.cumsum(totals[codes]) / max(int(totals[codes].sum()), 1)
    needed = int(np.searchsorted(share, coverage)) + 1 if coverage < 1 else len(codes)
    codes = codes[:needed]
    if len(codes) == 0:
        raise SeqtoolError("the corpus has no text: nothing to train on")
    return codes.astype(np.int32), totals[codes]


def make_seeds(runs: Runs, longest: int, most: int) -> Seeds:
    """The ``most`` substrings of at most ``longest`` symbols that cover most of the text.

    What a substring covers is its weight times its length; ties keep the order of the symbols.
    """
    total = len(runs.symbols)
    left, weights = np.empty(total, np.uint8), np.empty(total, np.int64)
    weigh_places(runs.symbols, runs.starts, runs.counts, left, weights)
    order = _sorted_suffixes(runs.symbols, left, longest)
    common = np.empty(total, np.uint8)
    common_prefixes(runs.symbols, left, order, longest, common)
    sums = np.zeros(total + 1, np.int64)
    np.cumsum(weights[order], out=sums[1:])
    nodes, node_weights = np.empty(6 * total, np.int32), np.empty(2 * total, np.int64)
    stack = np.empty(2 * (longest + 2), np.int32)
    found = repeated_substrings(common, left, order, sums, longest, stack, nodes, node_weights)
    table, node_weights = nodes[: 3 * found].reshape(-1, 3), node_weights[:found]
    best = np.argsort(-node_weights * table[:, 2], kind="stable")[:most]
    best = best[np.argsort(table[best, 2], kind="stable")]  # shorter edges come first
    firsts, lasts = table[best, 0].copy(), table[best, 1].copy()
    return _with_edges(order, firsts, lasts, table[best, 2].astype(np.uint8), node_weights[best])


def _sorted_suffixes(symbols: Numbers, left: Small, longest: int) -> Numbers:
    """Places in the order of what follows them in their run (Manber and Myers 1993).

    Only as many symbols count as the smallest power of two that is not under ``longest``.
    """
    ranks = symbols.astype(np.int64)
    order = np.argsort(ranks, kind="stable")
    length = 1
    while length < longest:
        further = np.zeros(len(ranks), np.int64)
        further[:-length] = ranks[length:]
        further[left < length] = 0
        keys = ranks * (int(ranks.max()) + 1) + further
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        ranks[order] = np.cumsum(np.concatenate(([0], keys[1:] != keys[:-1])))
        length *= 2
    return order.astype(np.int32)


def _with_edges(
    order: Numbers, firsts: Numbers, lasts: Numbers, lengths: Small, weights: Offsets
) -> Seeds:
    edge_starts = np.zeros(len(order) + 1, np.int64)
    count_edges(order, firsts, lasts, edge_starts)
    np.cumsum(edge_starts, out=edge_starts)
    edge_ids = np.empty(int(edge_starts[-1]), np.int32)
    edge_lengths = np.empty(int(edge_starts[-1]), np.uint8)
    fill_edges(order, firsts, lasts, lengths, edge_starts[:-1].copy(), edge_ids, edge_lengths)
    return Seeds(order[firsts], lengths, weights, edge_starts, edge_ids, edge_lengths)
