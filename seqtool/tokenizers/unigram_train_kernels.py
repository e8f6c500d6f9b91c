"""Kernels of unigram training: expected counts, best segmentations, what a piece is worth.

Text is runs of symbols, see `unigram_seed_kernels`. The pieces of two symbols and more that begin
at place i are ``edge_ids[edge_starts[i]:edge_starts[i + 1]]`` with their ``edge_lengths``; besides
there is at each place the piece of its one symbol, which may be unknown. Piece numbers are those
of symbols up to ``len(symbol weights)``, in arrays of their own.
"""

from __future__ import annotations

import math

from seqtool.kernels import Floats, Ints, helper, kernel

UNUSED = -1e300
_LOWEST = -1e300


@kernel("i8(i4[::1], u1[::1], i8[::1], i4[::1])")
def drop_edges(edge_ids: Ints, edge_lengths: Ints, edge_starts: Ints, new_ids: Ints) -> int:
    """Give pieces their new ids and leave out those with -1; returns how many edges are left."""
    kept = 0
    begin = 0
    for place in range(len(edge_starts) - 1):
        end = int(edge_starts[place + 1])
        for edge in range(begin, end):
            piece = int(new_ids[edge_ids[edge]])
            if piece >= 0:
                edge_ids[kept] = piece
                edge_lengths[kept] = edge_lengths[edge]
                kept += 1
        begin = end
        edge_starts[place + 1] = kept
    return kept


@kernel(
    "f8(i4[::1], i8[::1], i8[::1], i8, i8, i8[::1], i4[::1], u1[::1], f8[::1], f8[::1], f8[::1],"
    " f8[::1], f8[::1], f8[::1])"
)
def expect_counts(
    symbols: Ints,
    run_starts: Ints,
    run_counts: Ints,
    first: int,
    last: int,
    edge_starts: Ints,
    edge_ids: Ints,
    edge_lengths: Ints,
    weights: Floats,
    symbol_weights: Floats,
    expected: Floats,
    symbol_expected: Floats,
    forward: Floats,
    backward: Floats,
) -> float:
    """Add the expected counts of pieces in some runs (forward-backward algorithm).

    ``weights`` are probabilities times a factor for each symbol, the same for all, that keeps
    the products of a run within the numbers that there are. Returns the sum of the logarithms of
    the runs' weights. ``forward`` and ``backward`` have room for the longest run and one more.
    """
    likelihood = 0.0
    for run in range(first, last):
        begin = int(run_starts[run])
        length = int(run_starts[run + 1]) - 1 - begin
        for i in range(length + 1):
            forward[i] = 0.0
            backward[i] = 0.0
        forward[0] = 1.0
        for i in range(length):
            before = forward[i]
            forward[i + 1] += before * symbol_weights[symbols[begin + i]]
            for edge in range(edge_starts[begin + i], edge_starts[begin + i + 1]):
                forward[i + int(edge_lengths[edge])] += before * weights[edge_ids[edge]]
        likelihood += run_counts[run] * math.log(forward[length])
        scale = run_counts[run] / forward[length]
        backward[length] = 1.0
        for i in range(length - 1, -1, -1):
            before = scale * forward[i]
            symbol = int(symbols[begin + i])
            after = backward[i + 1] * symbol_weights[symbol]
            symbol_expected[symbol] += before * after
            total = after
            for edge in range(edge_starts[begin + i], edge_starts[begin + i + 1]):
                piece = int(edge_ids[edge])
                after = backward[i + int(edge_lengths[edge])] * weights[piece]
                expected[piece] += before * after
                total += after
            backward[i] = total
    return likelihood


@helper
def find_best_pieces(
    symbols: Ints,
    begin: int,
    length: int,
    left_out: int,
    edge_starts: Ints,
    edge_ids: Ints,
    edge_lengths: Ints,
    scores: Floats,
    symbol_scores: Floats,
    best: Floats,
    path: Ints,
) -> None:
    """The best segmentation of some symbols without one piece (-1: with all).

    ``path`` holds for each place where the piece that ends there begins, and its id, or -1 for
    that of a symbol.
    """
    for i in range(1, length + 1):
        best[i] = _LOWEST
    best[0] = 0.0
    for i in range(length):
        score = best[i] + symbol_scores[symbols[begin + i]]
        if score > best[i + 1]:
            best[i + 1] = score
            path[2 * i + 2] = i
            path[2 * i + 3] = -1
        for edge in range(edge_starts[begin + i], edge_starts[begin + i + 1]):
            end = i + int(edge_lengths[edge])
            if end > length:
                break
            piece = int(edge_ids[edge])
            score = best[i] + scores[piece]
            if score > best[end] and piece != left_out:
                best[end] = score
                path[2 * end] = i
                path[2 * end + 1] = piece


@kernel(
    "void(i4[::1], i8[::1], i8[::1], i8, i8, i8[::1], i4[::1], u1[::1], f8[::1], f8[::1], i8[::1],"
    " i8[::1], f8[::1], i4[::1])"
)
def count_best(
    symbols: Ints,
    run_starts: Ints,
    run_counts: Ints,
    first: int,
    last: int,
    edge_starts: Ints,
    edge_ids: Ints,
    edge_lengths: Ints,
    scores: Floats,
    symbol_scores: Floats,
    used: Ints,
    symbols_used: Ints,
    best: Floats,
    path: Ints,
) -> None:
    """Add how often pieces are in the best segmentations of some runs."""
    for run in range(first, last):
        begin = int(run_starts[run])
        length = int(run_starts[run + 1]) - 1 - begin
        find_best_pieces(
            symbols, begin, length, -1, edge_starts, edge_ids, edge_lengths, scores,
            symbol_scores, best, path,
        )  # fmt: skip
        end = length
        while end > 0:
            piece = int(path[2 * end + 1])
            end = int(path[2 * end])
            if piece >= 0:
                used[piece] += run_counts[run]
            else:
                symbols_used[symbols[begin + end]] += run_counts[run]


@kernel(
    "void(i4[::1], i4[::1], u1[::1], i8, i8, i8[::1], i4[::1], u1[::1], f8[::1], f8[::1], i8[::1],"
    " i8[::1], f8, f8[::1], i4[::1], f8[::1])"
)
def find_losses(
    symbols: Ints,
    places: Ints,
    lengths: Ints,
    first: int,
    last: int,
    edge_starts: Ints,
    edge_ids: Ints,
    edge_lengths: Ints,
    scores: Floats,
    symbol_scores: Floats,
    used: Ints,
    symbols_used: Ints,
    total: float,
    best: Floats,
    path: Ints,
    losses: Floats,
) -> None:
    """How much log likelihood is lost when a piece gives way to the best pieces in its place.

    A piece occurs at ``places``. ``total`` is the sum of ``used``. The loss is UNUSED for a piece
    that is not used, or that is worse than what it would give way to.
    """
    for piece in range(first, last):
        losses[piece] = UNUSED
        if used[piece] == 0:
            continue
        begin = int(places[piece])
        length = int(lengths[piece])
        find_best_pieces(
            symbols, begin, length, piece, edge_starts, edge_ids, edge_lengths, scores,
            symbol_scores, best, path,
        )  # fmt: skip
        if best[length] > scores[piece]:
            continue
        count = float(used[piece])
        parts = 0
        end = length
        while end > 0:
            end = int(path[2 * end])
            parts += 1
        log_total = math.log(total + count * (parts - 1))
        loss = math.log(count) - math.log(total)
        end = length
        while end > 0:
            part = int(path[2 * end + 1])
            end = int(path[2 * end])
            others = float(used[part]) if part >= 0 else float(symbols_used[symbols[begin + end]])
            loss -= math.log(others + count) - log_total
        losses[piece] = count * loss
