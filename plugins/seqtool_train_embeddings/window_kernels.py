"""Skip-gram and CBOW (Mikolov et al. 2013) over a stream of word ids, as one kernel.

Negatives are drawn once for a word and used with all words of its window, which turns the step
into small matrix products; see `seqtool_train_embeddings.update_kernels`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqtool.kernels import helper, kernel
from seqtool_train_embeddings.update_kernels import (
    Doubles,
    Floats,
    Ints,
    hidden_gradient,
    logistic_gradient,
    next_random,
    random_below,
    score_pairs,
    softmax_gradient,
    update_targets,
)

Ids = npt.NDArray[np.int32]

SKIPGRAM = 0
CBOW = 1

NEGATIVES = 0
HIERARCHY = 1
SOFTMAX = 2

END_OF_SENTENCE = -1
LONGEST_SENTENCE = 1000


@helper
def read_sentence(ids: Ids, at: int, keep: Ints, state: Ints, sentence: Ints, length: Ints) -> int:
    """Copy a sentence from ``ids[at:]`` without the words that subsampling drops.

    ``keep`` is the chance of each word to stay, in units of 2**-32. ``length[0]`` becomes the
    number of words; returns the place behind the sentence.
    """
    n = 0
    while at < len(ids) and ids[at] != END_OF_SENTENCE and n < LONGEST_SENTENCE:
        word = int(ids[at])
        at += 1
        if next_random(state) < keep[word]:
            sentence[n] = word
            n += 1
    if at < len(ids) and ids[at] == END_OF_SENTENCE:
        at += 1
    length[0] = n
    return at


@helper
def choose_targets(
    objective: int,
    word: int,
    vocabulary: int,
    negatives: int,
    chances: Ints,
    others: Ints,
    path_starts: Ints,
    path_nodes: Ints,
    path_signs: Floats,
    state: Ints,
    targets: Ints,
    labels: Floats,
) -> int:
    """Fill ``targets`` and ``labels`` (1 or -1) for a word; returns how many there are.

    Negatives come from an alias table (Vose 1991): column c is itself with ``chances[c]`` in
    units of 2**-32, else ``others[c]``.
    """
    if objective == HIERARCHY:
        n = 0
        for k in range(path_starts[word], path_starts[word + 1]):
            targets[n] = path_nodes[k]
            labels[n] = path_signs[k]
            n += 1
        return n
    if objective == SOFTMAX:
        return vocabulary  # targets and labels never change: the caller filled them
    targets[0] = word
    labels[0] = 1
    n = 1
    for _ in range(negatives):
        other = random_below(state, vocabulary)
        if next_random(state) >= chances[other]:
            other = others[other]
        if other != word:
            targets[n] = other
            labels[n] = -1
            n += 1
    return n


@helper
def collect_members(
    word: int, subword_starts: Ints, subword_rows: Ints, members: Ints, n: int
) -> int:
    """Append a word's row of the input table, and those of its character n-grams."""
    members[n] = word
    n += 1
    if len(subword_starts) > 0:
        for k in range(subword_starts[word], subword_starts[word + 1]):
            members[n] = subword_rows[k]
            n += 1
    return n


@helper
def collect_rows(
    method: int,
    sentence: Ints,
    first: int,
    center: int,
    last: int,
    subword_starts: Ints,
    subword_rows: Ints,
    members: Ints,
    bounds: Ints,
) -> int:
    """Collect the members of every hidden row of a window; returns how many rows there are.

    Row i is the mean of ``members[bounds[i]:bounds[i + 1]]``: SKIPGRAM has a row a word, CBOW one.
    """
    rows = 0
    used = 0
    bounds[0] = 0
    for k in range(first, last):
        if k != center:
            used = collect_members(sentence[k], subword_starts, subword_rows, members, used)
            if method == SKIPGRAM:
                rows += 1
                bounds[rows] = used
    if method == CBOW:
        rows = 1
        bounds[1] = used
    return rows


@helper
def mean_rows(
    table: Floats, members: Ints, begin: int, end: int, width: int, hidden: Floats, row: int
) -> None:
    """Row ``row`` of ``hidden`` becomes the mean of some rows of a table."""
    out = hidden[row * width : row * width + width]
    for d in range(width):
        out[d] = 0
    for k in range(begin, end):
        source = table[members[k] * width : members[k] * width + width]
        for d in range(width):
            out[d] += source[d]
    scale = np.float32(1) / np.float32(end - begin)
    for d in range(width):
        out[d] *= scale


@helper
def add_to_rows(
    table: Floats, members: Ints, begin: int, end: int, width: int, change: Floats, row: int
) -> None:
    """Add one row of ``change`` to some rows of a table."""
    source = change[row * width : row * width + width]
    for k in range(begin, end):
        out = table[members[k] * width : members[k] * width + width]
        for d in range(width):
            out[d] += source[d]


@kernel(
    "i8(i4[::1], i8, i8, i8, i8, i8, i8, i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], f4[::1],"
    " i8[::1], i8[::1], i8, f4, f4[::1], f4[::1], i8, i8[::1], i8[::1], i8[::1], i8[::1],"
    " i8[::1], i8[::1], f4[::1], f4[::1], f4[::1], f4[::1], f8[::1])",
    relaxed=True,
)
def train_windows(
    ids: Ids,
    at: int,
    stop: int,
    method: int,
    objective: int,
    window: int,
    negatives: int,
    keep: Ints,
    chances: Ints,
    others: Ints,
    path_starts: Ints,
    path_nodes: Ints,
    path_signs: Floats,
    subword_starts: Ints,
    subword_rows: Ints,
    vocabulary: int,
    rate: float,
    inputs: Floats,
    output: Floats,
    width: int,
    state: Ints,
    sentence: Ints,
    length: Ints,
    members: Ints,
    bounds: Ints,
    targets: Ints,
    labels: Floats,
    scores: Floats,
    hidden: Floats,
    change: Floats,
    loss: Doubles,
) -> int:
    """Train on whole sentences from ``ids[at:]`` until ``stop`` is reached; returns the place.

    Each word is predicted from the words around it, at most a random 1 to ``window`` away:
    SKIPGRAM from each of them, CBOW from their mean. As in word2vec and fastText, every row
    under a mean gets the whole gradient of the mean and not its share. The arrays from
    ``sentence`` on are scratch; ``loss`` gets the sum of the losses and their number.
    """
    direct = method == SKIPGRAM and len(subword_starts) == 0
    while at < stop:
        at = read_sentence(ids, at, keep, state, sentence, length)
        n = length[0]
        for center in range(n):
            reach = 1 + random_below(state, window)
            first = center - reach if center > reach else 0
            last = center + reach + 1 if center + reach + 1 < n else n
            if last - first < 2:
                continue
            rows = collect_rows(
                method, sentence, first, center, last, subword_starts, subword_rows, members, bounds
            )
            n_targets = choose_targets(
                objective, sentence[center], vocabulary, negatives, chances, others,
                path_starts, path_nodes, path_signs, state, targets, labels,
            )  # fmt: skip
            source = inputs if direct else hidden
            if not direct:
                for row in range(rows):
                    mean_rows(inputs, members, bounds[row], bounds[row + 1], width, hidden, row)
                    sentence[LONGEST_SENTENCE + row] = row
            places = members if direct else sentence[LONGEST_SENTENCE:]
            score_pairs(source, places, rows, output, targets, n_targets, width, scores)
            if objective == SOFTMAX:
                softmax_gradient(scores, rows, sentence[center], n_targets, rate, loss)
            else:
                logistic_gradient(scores, rows, labels, n_targets, rate, loss)
            hidden_gradient(scores, rows, output, targets, n_targets, width, change)
            update_targets(scores, source, places, rows, output, targets, n_targets, width)
            for row in range(rows):
                add_to_rows(inputs, members, bounds[row], bounds[row + 1], width, change, row)
    return at
