"""CBOW (Mikolov et al. 2013) over a stream of word ids, as one kernel."""

from __future__ import annotations

import numpy as np

from seqtool.kernels import kernel
from seqtool_train_embeddings.row_kernels import add_to_rows, sum_rows
from seqtool_train_embeddings.target_kernels import (
    choose_targets,
    copy_rows,
    draw_negatives,
    exchange_rows,
    prefetch_targets,
)
from seqtool_train_embeddings.tile_kernels import LANES, Floats, Ints, prefetch_row, prefetch_rows
from seqtool_train_embeddings.update_kernels import Doubles, random_below, update_rows
from seqtool_train_embeddings.window_kernels import EXCHANGE, Ids, collect_members, read_sentence


@kernel(
    "i8(i4[::1], i8, i8, i8, i8, i8, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], f4[::1],"
    " i8[::1], i8[::1], i8, f4, f4[::1], f4[::1], i8, i8, i8, i8, i8, i8[::1], i8[::1], i8[::1],"
    " i8[::1], i8[::1], i8[::1], f4[::1], f4[::1], f4[::1], f4[::1], f8[::1])",
    relaxed=True,
)
def train_cbow(
    ids: Ids, at: int, stop: int, objective: int, window: int, draws: int, keep: Ints,
    chances: Ints, others: Ints, path_starts: Ints, path_nodes: Ints, path_signs: Floats,
    subword_starts: Ints, subword_rows: Ints, vocabulary: int, rate: float, inputs: Floats,
    output: Floats, width: int, most: int, hot_begin: int, hot_end: int, hot_shift: int,
    state: Ints, sentence: Ints, length: Ints, members: Ints, negatives: Ints, targets: Ints,
    weights: Floats, counts: Floats, hidden: Floats, seen: Floats, loss: Doubles,
) -> int:  # fmt: skip
    """Train on whole sentences from ``ids[at:]`` until ``stop`` is reached; returns the place.

    Each word is predicted from the mean of the words around it, at most a random 1 to ``window``
    away. As in word2vec and fastText, every row under the mean gets the whole gradient of the
    mean and not its share. The output rows from ``hot_begin`` to before ``hot_end`` stand once
    more, for this thread alone, ``hot_shift`` further down. The arrays from ``sentence`` on are
    scratch for at most ``most`` targets: ``length`` (1), ``members`` (input rows of a window),
    ``negatives`` (draws), ``targets`` (most; SOFTMAX has the rows in order there), ``weights``
    like ``members``, ``counts`` (3, most), ``hidden`` (2, width), ``seen`` (hot rows, width).
    ``loss`` gets the sum of the losses and their number.
    """
    positive, total, scores = counts[:most], counts[most : 2 * most], counts[2 * most :]
    change = hidden[width:]
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
        prefetch_rows(inputs, sentence, 0, min(window, n), width)
        for center in range(n):
            reach = 1 + random_below(state, window)
            used = 0
            for place in range(max(center - reach, 0), min(center + reach + 1, n)):
                if place != center:
                    used = collect_members(
                        sentence[place], subword_starts, subword_rows, used, members
                    )
            if used == 0:
                continue
            n_targets = choose_targets(
                objective, sentence, center, center + 1, vocabulary, negatives, draws,
                np.float32(1), path_starts, path_nodes, path_signs, targets, hot_begin,
                hot_end, hot_shift, most, positive, total,
            )  # fmt: skip
            draw_negatives(vocabulary, draws, chances, others, state, negatives)
            prefetch_rows(output, negatives, 0, draws, width)
            if center + 1 < n:
                prefetch_targets(
                    objective, sentence, center + 1, center + 2, path_starts, path_nodes, output,
                    width,
                )  # fmt: skip
            if center + window + 1 < n:
                prefetch_row(inputs, sentence[center + window + 1], width)
            for k in range(used):
                weights[k] = np.float32(1) / np.float32(used)
            sum_rows(weights, inputs, members, used, width, hidden)
            loss[1] += 1
            stride = (n_targets + LANES - 1) // LANES * LANES
            update_rows(
                objective, hidden, output, targets, n_targets, stride, width, positive, total,
                rate, scores, change, loss,
            )  # fmt: skip
            for k in range(used):
                weights[k] = 1
            add_to_rows(inputs, members, used, width, weights, change)
    exchange_rows(output, hot_begin, hot_end, hot_shift, width, seen)
    return at
