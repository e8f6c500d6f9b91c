"""Kernels around the helpers of word vectors, so that tests run the helpers compiled, too."""

from seqtool.kernels import kernel
from seqtool_train_embeddings.group_kernels import gather_words, update_words
from seqtool_train_embeddings.nnlm_kernels import choose_context
from seqtool_train_embeddings.row_kernels import add_to_rows, score_rows, sum_rows
from seqtool_train_embeddings.target_kernels import (
    choose_targets,
    copy_rows,
    draw_negatives,
    exchange_rows,
    near_row,
    prefetch_targets,
)
from seqtool_train_embeddings.tile_kernels import (
    Floats,
    Ints,
    add_products,
    add_row,
    clear,
    gather_row,
    prefetch_rows,
    scale_row,
    score_tiles,
)
from seqtool_train_embeddings.update_kernels import (
    Doubles,
    exp_negative,
    logistic_gradient,
    next_random,
    random_below,
    softmax_gradient,
)
from seqtool_train_embeddings.window_kernels import (
    Ids,
    choose_windows,
    collect_members,
    mark_windows,
    read_sentence,
)


@kernel("void(f4[::1], f4[::1])", relaxed=True)
def exp_all(x: Floats, out: Floats) -> None:
    """``exp_negative`` of every number."""
    for i in range(len(x)):
        out[i] = exp_negative(x[i])


@kernel("void(i8[::1], i8, i8[::1])")
def draw(state: Ints, limit: int, out: Ints) -> None:
    """Random numbers; below ``limit`` unless it is 0."""
    for i in range(len(out)):
        out[i] = random_below(state, limit) if limit > 0 else next_random(state)


@kernel("void(i8, i8[::1], i8[::1], i8[::1], i8[::1])")
def negatives_of(
    vocabulary: int, chances: Ints, others: Ints, state: Ints, negatives: Ints
) -> None:
    """``draw_negatives``."""
    draw_negatives(vocabulary, len(negatives), chances, others, state, negatives)


@kernel("i8(i4[::1], i8, i8[::1], i8[::1], i8[::1], i8[::1])")
def one_sentence(ids: Ids, at: int, keep: Ints, state: Ints, sentence: Ints, length: Ints) -> int:
    """``read_sentence``."""
    return read_sentence(ids, at, keep, state, sentence, length)


@kernel("i8(i8, i8, i8, i8, i8[::1], i8[::1], i8[::1], f4[::1], i8[::1])")
def group_windows(
    begin: int,
    end: int,
    n: int,
    window: int,
    state: Ints,
    firsts: Ints,
    lasts: Ints,
    inside: Floats,
    span: Ints,
) -> int:
    """``choose_windows``, whose result ``span`` becomes, and ``mark_windows``."""
    low, high = choose_windows(begin, end, n, window, state, firsts, lasts)
    span[0] = low
    span[1] = high
    return mark_windows(begin, end - begin, low, high - low, firsts, lasts, inside)


@kernel("i8(i8[::1], i8, i8, i8, i8, i8, i8, i8[::1], i8[::1])")
def one_context(
    sentence: Ints,
    n: int,
    place: int,
    left: int,
    right: int,
    nearby: int,
    padding: int,
    state: Ints,
    context: Ints,
) -> int:
    """``choose_context``."""
    return choose_context(sentence, n, place, left, right, nearby, padding, state, context)


@kernel("i8(i8[::1], i8[::1], i8[::1], i8[::1])")
def members_of(words: Ints, subword_starts: Ints, subword_rows: Ints, members: Ints) -> int:
    """``collect_members`` of every word."""
    n = 0
    for k in range(len(words)):
        n = collect_members(words[k], subword_starts, subword_rows, n, members)
    return n


@kernel(
    "i8(i8, i8[::1], i8, i8, i8, i8[::1], f4, i8[::1], i8[::1], f4[::1], i8[::1], i8, i8, i8, i8,"
    " f4[::1], f4[::1])"
)
def targets_of(
    objective: int,
    words: Ints,
    begin: int,
    end: int,
    vocabulary: int,
    negatives: Ints,
    share: float,
    path_starts: Ints,
    path_nodes: Ints,
    path_signs: Floats,
    targets: Ints,
    hot_begin: int,
    hot_end: int,
    hot_shift: int,
    most: int,
    positive: Floats,
    total: Floats,
) -> int:
    """``choose_targets``; ``prefetch_targets`` has nothing to show."""
    prefetch_targets(objective, words, begin, end, path_starts, path_nodes, positive, most)
    return choose_targets(
        objective, words, begin, end, vocabulary, negatives, len(negatives), share, path_starts,
        path_nodes, path_signs, targets, hot_begin, hot_end, hot_shift, most, positive, total,
    )  # fmt: skip


@kernel("void(i8[::1], i8, i8, i8)")
def near_rows(rows: Ints, begin: int, end: int, shift: int) -> None:
    """``near_row`` of every row."""
    for k in range(len(rows)):
        rows[k] = near_row(rows[k], begin, end, shift)


@kernel("void(f4[::1], i8, i8, i8, i8, f4[::1])")
def copy_hot(table: Floats, begin: int, end: int, shift: int, width: int, seen: Floats) -> None:
    """``copy_rows``."""
    copy_rows(table, begin, end, shift, width, seen)


@kernel("void(f4[::1], i8, i8, i8, i8, f4[::1])")
def exchange_hot(table: Floats, begin: int, end: int, shift: int, width: int, seen: Floats) -> None:
    """``exchange_rows``."""
    exchange_rows(table, begin, end, shift, width, seen)


@kernel("void(f4[::1], i8, f4[::1], i8, i8, f4[::1], i8)", relaxed=True)
def all_scores(
    left: Floats, n_left: int, right: Floats, n_right: int, width: int, scores: Floats, stride: int
) -> None:
    """``score_tiles``."""
    score_tiles(left, n_left, right, n_right, width, scores, stride)


@kernel("void(f4[::1], i8, i8, i8, i8, f4[::1], i8, i8, f4[::1])", relaxed=True)
def all_products(
    weights: Floats,
    row_step: int,
    column_step: int,
    n_rows: int,
    n_columns: int,
    tile: Floats,
    pitch: int,
    width: int,
    result: Floats,
) -> None:
    """``add_products``."""
    add_products(weights, row_step, column_step, n_rows, n_columns, tile, pitch, width, result)


@kernel("void(f4[::1], i8[::1], i8, f4, f4[::1], i8)")
def through_tile(
    table: Floats, rows: Ints, width: int, factor: float, tile: Floats, cleared: int
) -> None:
    """Rows are gathered, scaled and added back; then some numbers of the tile are cleared."""
    prefetch_rows(table, rows, 0, len(rows), width)
    for k in range(len(rows)):
        gather_row(table, rows[k], width, tile, k)
        scale_row(tile, k, width, factor)
    for k in range(len(rows)):
        add_row(table, rows[k], width, tile, k)
    clear(tile, cleared)


@kernel("void(i8[::1], i8[::1], i8[::1], f4[::1], i8, f4[::1])", relaxed=True)
def through_words(
    words: Ints, subword_starts: Ints, subword_rows: Ints, inputs: Floats, width: int, tile: Floats
) -> None:
    """``gather_words`` behind the first of ``words``, then ``update_words`` by what they are."""
    rows = len(words) - 1
    gather_words(words, 1, rows, subword_starts, subword_rows, inputs, width, tile)
    update_words(words, 1, rows, subword_starts, subword_rows, inputs, width, tile)


@kernel("void(f4[::1], f4[::1], i8[::1], i8, f4[::1], f4[::1], f4[::1])", relaxed=True)
def with_rows(
    vector: Floats,
    table: Floats,
    rows: Ints,
    width: int,
    weights: Floats,
    scores: Floats,
    result: Floats,
) -> None:
    """``score_rows``, ``sum_rows`` and then ``add_to_rows``."""
    score_rows(vector, table, rows, len(rows), width, scores)
    sum_rows(weights, table, rows, len(rows), width, result)
    add_to_rows(table, rows, len(rows), width, weights, vector)


@kernel("void(f4[::1], f4[::1], f4[::1], i8, f4, f8[::1])", relaxed=True)
def logistic(
    scores: Floats, positive: Floats, total: Floats, size: int, rate: float, loss: Doubles
) -> None:
    """``logistic_gradient``."""
    logistic_gradient(scores, positive, total, size, rate, loss)


@kernel("void(f4[::1], f4[::1], i8, i8, i8, f4, f8[::1])", relaxed=True)
def softmax(
    scores: Floats,
    positive: Floats,
    n_rows: int,
    n_targets: int,
    stride: int,
    rate: float,
    loss: Doubles,
) -> None:
    """``softmax_gradient``."""
    softmax_gradient(scores, positive, n_rows, n_targets, stride, rate, loss)
