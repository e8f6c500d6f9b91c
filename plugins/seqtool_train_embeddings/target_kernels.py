"""What the words of a group are to be predicted among: negatives, paths in a tree, or all words."""

from __future__ import annotations

from seqtool.kernels import helper
from seqtool_train_embeddings.tile_kernels import Floats, Ints, clear, prefetch_row
from seqtool_train_embeddings.update_kernels import (
    HIERARCHY,
    LOW_32_BITS,
    NEGATIVES,
    RANDOM_BITS,
    SOFTMAX,
    next_random,
)


@helper
def draw_negatives(
    vocabulary: int, draws: int, chances: Ints, others: Ints, state: Ints, negatives: Ints
) -> None:
    """Fill ``negatives`` from an alias table (Vose 1991).

    Column c stands for itself with ``chances[c]`` in units of 2**-32, else for ``others[c]``. One
    random number decides both: its product with the number of columns has the column above and
    the chance below 32 bits.
    """
    for k in range(draws):
        drawn = next_random(state) * vocabulary
        column = drawn >> RANDOM_BITS
        negatives[k] = column if (drawn & LOW_32_BITS) < chances[column] else others[column]


@helper
def near_row(row: int, hot_begin: int, hot_end: int, hot_shift: int) -> int:
    """Where this thread has a row: the hot ones, which every step needs, it has for itself."""
    return row + hot_shift if hot_begin <= row < hot_end else row


@helper
def copy_rows(table: Floats, begin: int, end: int, shift: int, width: int, seen: Floats) -> None:
    """Give this thread hot rows of its own, as the common ones are now; see `exchange_rows`."""
    for k in range((end - begin) * width):
        seen[k] = table[begin * width + k]
        table[(begin + shift) * width + k] = seen[k]


@helper
def exchange_rows(
    table: Floats, begin: int, end: int, shift: int, width: int, seen: Floats
) -> None:
    """Add what this thread has changed in its hot rows to the common ones, and see those anew.

    Threads that write the same row at every step wait for each other's caches more than they
    compute (Vuurens et al. 2016, "Efficient Parallel Learning of Word2Vec"). ``seen``,
    (hot rows, width), are the common rows as they were the last time.
    """
    size = (end - begin) * width
    common = table[begin * width : end * width]
    own = table[(begin + shift) * width : (end + shift) * width]
    for k in range(size):
        value = common[k] + (own[k] - seen[k])
        common[k] = value
        own[k] = value
        seen[k] = value


@helper
def choose_targets(
    objective: int, words: Ints, begin: int, end: int, vocabulary: int, negatives: Ints,
    draws: int, share: float, path_starts: Ints, path_nodes: Ints, path_signs: Floats,
    targets: Ints, hot_begin: int, hot_end: int, hot_shift: int, most: int, positive: Floats,
    total: Floats,
) -> int:  # fmt: skip
    """Choose the output rows that ``words[begin:end]`` share; returns how many there are.

    ``positive`` and ``total``, (words, most), become what each counts for each word: see
    `seqtool_train_embeddings.update_kernels`. NEGATIVES has the words and those of ``negatives``
    that are none of them, which weigh ``share``; HIERARCHY, one word at a time, the nodes on its
    path. SOFTMAX has all rows as targets, in their order, and needs no ``total``.
    """
    size = end - begin
    clear(positive, size * most)
    clear(total, size * most)
    n = 0
    if objective == SOFTMAX:
        for i in range(size):
            positive[i * most + words[begin + i]] = 1
        n = vocabulary  # the caller has filled ``targets``, which never change
    elif objective == HIERARCHY:
        for k in range(path_starts[words[begin]], path_starts[words[begin] + 1]):
            targets[n] = near_row(path_nodes[k], hot_begin, hot_end, hot_shift)
            total[n] = 1
            positive[n] = 1 if path_signs[k] > 0 else 0
            n += 1
    else:
        for i in range(size):
            targets[i] = near_row(words[begin + i], hot_begin, hot_end, hot_shift)
            total[i * most + i] = 1
            positive[i * most + i] = 1
        n = size
        for d in range(draws):
            row = near_row(negatives[d], hot_begin, hot_end, hot_shift)
            known = False
            for i in range(size):
                known = known or targets[i] == row
            if not known:
                for i in range(size):
                    total[i * most + n] = share
                targets[n] = row
                n += 1
    return n


@helper
def prefetch_targets(
    objective: int,
    words: Ints,
    begin: int,
    end: int,
    path_starts: Ints,
    path_nodes: Ints,
    output: Floats,
    width: int,
) -> None:
    """Have the output rows that predict ``words[begin:end]`` brought into the cache."""
    for place in range(begin, end):
        if objective == HIERARCHY:
            for k in range(path_starts[words[place]], path_starts[words[place] + 1]):
                prefetch_row(output, path_nodes[k], width)
        elif objective == NEGATIVES:
            prefetch_row(output, words[place], width)
