"""Kernels around the helpers of word vectors, so that tests run the helpers compiled, too."""

from seqtool.kernels import kernel
from seqtool_train_embeddings.nnlm_kernels import choose_context
from seqtool_train_embeddings.update_kernels import (
    Doubles,
    Floats,
    Ints,
    exp_negative,
    hidden_gradient,
    logistic_gradient,
    next_random,
    random_below,
    score_pairs,
    softmax_gradient,
    update_targets,
)
from seqtool_train_embeddings.window_kernels import Ids, add_to_rows, mean_rows, read_sentence


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


@kernel("i8(i4[::1], i8, i8[::1], i8[::1], i8[::1], i8[::1])")
def one_sentence(ids: Ids, at: int, keep: Ints, state: Ints, sentence: Ints, length: Ints) -> int:
    """``read_sentence``."""
    return read_sentence(ids, at, keep, state, sentence, length)


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


@kernel("void(f4[::1], i8[::1], i8, f4[::1], i8[::1], i8, i8, f4[::1])", relaxed=True)
def all_scores(
    hidden: Floats,
    rows: Ints,
    n_rows: int,
    output: Floats,
    targets: Ints,
    n_targets: int,
    width: int,
    scores: Floats,
) -> None:
    """``score_pairs``."""
    score_pairs(hidden, rows, n_rows, output, targets, n_targets, width, scores)


@kernel("void(f4[::1], f4[::1], i8[::1], i8, f4[::1], i8[::1], i8, i8, f4[::1])", relaxed=True)
def both_sides(
    gradients: Floats,
    hidden: Floats,
    rows: Ints,
    n_rows: int,
    output: Floats,
    targets: Ints,
    n_targets: int,
    width: int,
    result: Floats,
) -> None:
    """``hidden_gradient`` and then ``update_targets``."""
    hidden_gradient(gradients, n_rows, output, targets, n_targets, width, result)
    update_targets(gradients, hidden, rows, n_rows, output, targets, n_targets, width)


@kernel("void(f4[::1], i8[::1], i8, i8, i8, f4[::1], i8)", relaxed=True)
def mean_and_back(
    table: Floats, members: Ints, begin: int, end: int, width: int, hidden: Floats, row: int
) -> None:
    """``mean_rows`` and then ``add_to_rows`` of the mean."""
    mean_rows(table, members, begin, end, width, hidden, row)
    add_to_rows(table, members, begin, end, width, hidden, row)


@kernel("void(f4[::1], i8, f4[::1], i8, f4, f8[::1])", relaxed=True)
def logistic(
    scores: Floats, n_rows: int, labels: Floats, n_targets: int, rate: float, loss: Doubles
) -> None:
    """``logistic_gradient``."""
    logistic_gradient(scores, n_rows, labels, n_targets, rate, loss)


@kernel("void(f4[::1], i8, i8, i8, f4, f8[::1])", relaxed=True)
def softmax(
    scores: Floats, n_rows: int, word: int, n_targets: int, rate: float, loss: Doubles
) -> None:
    """``softmax_gradient``."""
    softmax_gradient(scores, n_rows, word, n_targets, rate, loss)
