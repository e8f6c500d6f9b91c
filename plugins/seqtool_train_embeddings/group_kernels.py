"""Skip-gram (Mikolov et al. 2013) over a stream of word ids, a few words at a time.

The windows of neighbouring words overlap, so a *group* of words shares its input rows, and it
shares its targets, too: one product of small matrices scores all pairs of the group. To keep the
variety of negatives, more are drawn for a group than a pair is to have, and each counts for that
much less.
"""

from __future__ import annotations

import numpy as np

from seqtool.kernels import helper, kernel
from seqtool_train_embeddings.target_kernels import (
    choose_targets,
    copy_rows,
    draw_negatives,
    exchange_rows,
    prefetch_targets,
)
from seqtool_train_embeddings.tile_kernels import (
    LANES,
    Floats,
    Ints,
    add_products,
    add_row,
    clear,
    gather_row,
    prefetch_rows,
    scale_row,
)
from seqtool_train_embeddings.update_kernels import Doubles, update_tiles
from seqtool_train_embeddings.window_kernels import (
    EXCHANGE,
    Ids,
    choose_windows,
    mark_windows,
    read_sentence,
)


@helper
def gather_words(
    sentence: Ints,
    low: int,
    rows: int,
    subword_starts: Ints,
    subword_rows: Ints,
    inputs: Floats,
    width: int,
    tile: Floats,
) -> None:
    """The tile's rows become the vectors of the words from place ``low``.

    A word's vector is its own input row, or the mean of it and those of its character n-grams.
    """
    for r in range(rows):
        word = sentence[low + r]
        gather_row(inputs, word, width, tile, r)
        if len(subword_starts) > 0:
            begin, end = subword_starts[word], subword_starts[word + 1]
            out = tile[r * width : r * width + width]
            for k in range(begin, end):
                source = inputs[subword_rows[k] * width : subword_rows[k] * width + width]
                for d in range(width):
                    out[d] += source[d]
            scale_row(tile, r, width, np.float32(1) / np.float32(1 + end - begin))


@helper
def update_words(
    sentence: Ints,
    low: int,
    rows: int,
    subword_starts: Ints,
    subword_rows: Ints,
    inputs: Floats,
    width: int,
    change: Floats,
) -> None:
    """Add the rows of ``change`` to all input rows of their words."""
    for r in range(rows):
        word = sentence[low + r]
        add_row(inputs, word, width, change, r)
        if len(subword_starts) > 0:
            for k in range(subword_starts[word], subword_starts[word + 1]):
                add_row(inputs, subword_rows[k], width, change, r)


@helper
def count_pairs(
    inside: Floats, rows: int, size: int, counts: Floats, most: int, stride: int, pairs: Floats
) -> None:
    """``pairs``, (places, stride), becomes how much each target counts for each place.

    ``counts``, (words of the group, most), is how much it counts for a word; a pair counts once
    for each window of the group that it is in.
    """
    clear(pairs, rows * stride)
    add_products(inside, 1, rows, rows, size, counts, most, stride, pairs)


@kernel(
    "i8(i4[::1], i8, i8, i8, i8, i8, i8, f4, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], f4[::1],"
    " i8[::1], i8[::1], i8, f4, f4[::1], f4[::1], i8, i8, i8, i8, i8, i8[::1], i8[::1], i8[::1],"
    " i8[::1], i8[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f8[::1])",
    relaxed=True,
)
def train_groups(
    ids: Ids, at: int, stop: int, objective: int, window: int, group: int, draws: int,
    share: float, keep: Ints, chances: Ints, others: Ints, path_starts: Ints, path_nodes: Ints,
    path_signs: Floats, subword_starts: Ints, subword_rows: Ints, vocabulary: int, rate: float,
    inputs: Floats, output: Floats, width: int, most: int, hot_begin: int, hot_end: int,
    hot_shift: int, state: Ints, sentence: Ints, places: Ints, negatives: Ints, targets: Ints,
    inside: Floats, counts: Floats, pairs: Floats, tiles: Floats, target_tiles: Floats,
    seen: Floats, loss: Doubles,
) -> int:  # fmt: skip
    """Train on whole sentences from ``ids[at:]`` until ``stop`` is reached; returns the place.

    Each word is predicted from each of the words around it, at most a random 1 to ``window``
    away. ``group`` words share ``draws`` negatives, which weigh ``share``; HIERARCHY has groups
    of one word. The output rows from ``hot_begin`` to before ``hot_end`` stand once more, for
    this thread alone, ``hot_shift`` further down. The arrays from ``sentence`` on are scratch,
    for at most ``most`` targets and R = group + 2 ``window`` words: ``places`` (1 + 2 group),
    ``negatives`` (draws), ``targets`` (most; SOFTMAX has the rows in order there), ``inside``
    (group, R), ``counts`` (2, group, most), ``pairs`` (3, R, most), ``tiles`` (2, R, width),
    ``target_tiles`` (2, most, width; empty for SOFTMAX), ``seen`` (hot rows, width). ``loss``
    gets the sum of the losses and their number.
    """
    limit = group + 2 * window
    length, firsts, lasts = places[:1], places[1 : 1 + group], places[1 + group :]
    positive_counts, total_counts = counts[: group * most], counts[group * most :]
    positive, total = pairs[: limit * most], pairs[limit * most : 2 * limit * most]
    scores = pairs[2 * limit * most :]
    words, word_changes = tiles[: limit * width], tiles[limit * width :]
    target_rows, target_changes = target_tiles[: most * width], target_tiles[most * width :]
    draw_negatives(vocabulary, draws, chances, others, state, negatives)
    copy_rows(output, hot_begin, hot_end, hot_shift, width, seen)
    since = 0
    while at < stop:
        if since > EXCHANGE:
            exchange_rows(output, hot_begin, hot_end, hot_shift, width, seen)
            since = 0
        at = read_sentence(ids, at, keep, state, sentence, length)
        n = length[0]
        since += n
        prefetch_rows(inputs, sentence, 0, min(group + window, n), width)
        prefetch_targets(
            objective, sentence, 0, min(group, n), path_starts, path_nodes, output, width
        )
        if n < 2:
            continue
        for begin in range(0, n, group):
            end = begin + group if begin + group < n else n
            size = end - begin
            n_targets = choose_targets(
                objective, sentence, begin, end, vocabulary, negatives, draws, share, path_starts,
                path_nodes, path_signs, targets, hot_begin, hot_end, hot_shift, most,
                positive_counts, total_counts,
            )  # fmt: skip
            draw_negatives(vocabulary, draws, chances, others, state, negatives)
            prefetch_rows(output, negatives, 0, draws, width)
            ahead = end + window
            prefetch_rows(inputs, sentence, min(ahead, n), min(ahead + group, n), width)
            prefetch_targets(
                objective, sentence, end, min(end + group, n), path_starts, path_nodes, output,
                width,
            )  # fmt: skip
            low, high = choose_windows(begin, end, n, window, state, firsts, lasts)
            rows = high - low
            loss[1] += mark_windows(begin, size, low, rows, firsts, lasts, inside)
            stride = (n_targets + LANES - 1) // LANES * LANES
            count_pairs(inside, rows, size, positive_counts, most, stride, positive)
            count_pairs(inside, rows, size, total_counts, most, stride, total)
            gather_words(sentence, low, rows, subword_starts, subword_rows, inputs, width, words)
            update_tiles(
                objective, words, rows, output, targets, n_targets, stride, width, positive,
                total, rate, scores, target_rows, target_changes, word_changes, loss,
            )  # fmt: skip
            update_words(
                sentence, low, rows, subword_starts, subword_rows, inputs, width, word_changes
            )
    exchange_rows(output, hot_begin, hot_end, hot_shift, width, seen)
    return at
