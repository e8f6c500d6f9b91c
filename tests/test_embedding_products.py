"""The arithmetic of training word vectors, against numpy in double precision."""

import math
from typing import Any

import embedding_helper_kernels as compiled
import numpy as np
import numpy.typing as npt
import pytest
from embedding_numbers import numbers

from seqtool.kernels.memory import aligned_zeros
from seqtool_train_embeddings.targets import padded
from seqtool_train_embeddings.update_kernels import exp_negative

pytestmark = pytest.mark.kernel

Array = npt.NDArray[np.float64]


# --- exponentials -----------------------------------------------------------------------------


def exp_of(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """``exp_negative``, compiled."""
    array = np.array(x, np.float32)
    out = np.zeros_like(array)
    compiled.exp_all(array, out)
    return out


def test_exp_negative_is_accurate() -> None:
    x = np.concatenate([-np.geomspace(1e-30, 83, 2000), -np.linspace(0, 83, 2000)])
    x = x.astype(np.float32)
    expected = np.exp(x.astype(np.float64))
    # x * log2(e) is a rounded product with a rounded constant, and exp magnifies by x.
    tolerance = 2e-7 + np.abs(x) * 7.5e-8
    assert (np.abs(exp_of(x) / expected - 1) < tolerance).all()
    near = np.abs(x) < 1
    assert (np.abs(exp_of(x[near]) / expected[near] - 1) < 2e-7).all()


def test_exp_negative_at_the_ends() -> None:
    assert exp_of([0.0, -0.0]) == pytest.approx(1, abs=1e-7)
    lowest = exp_of([-84, -100, -1e6, -1e38, -np.inf, np.nan])
    np.testing.assert_allclose(lowest, 2.0**-120, rtol=2e-7)
    assert (np.diff(exp_of(-np.linspace(0, 100, 1000))) <= 1e-7).all()
    assert exp_negative(np.float32(-1)) == pytest.approx(math.exp(-1), rel=2e-7)


# --- products of tiles ------------------------------------------------------------------------

WIDTH = 16


def assert_close(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    """The two are equal up to rounding in single precision."""
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 6])
@pytest.mark.parametrize("columns", [0, 1, 2, 6, 7, 8, 13, 14, 15])
def test_scores_of_tiles(rows: int, columns: int) -> None:
    left, right = numbers(6, WIDTH), numbers(15, WIDTH, seed=2)
    stride = columns + 2
    scores = np.full((6, stride), 99, np.float32)
    compiled.all_scores(
        left.reshape(-1), rows, right.reshape(-1), columns, WIDTH, scores.reshape(-1), stride
    )
    expected = np.full((6, stride), 99.0)
    expected[:rows, :columns] = left[:rows].astype(np.float64) @ right[:columns].T
    assert_close(scores, expected)


@pytest.mark.parametrize("transposed", [False, True], ids=["plain", "transposed"])
@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize("columns", [0, 1, 2, 6, 7, 8, 13, 14, 15])
def test_sums_of_products(rows: int, columns: int, transposed: bool) -> None:
    weights, pitch = numbers(rows, columns, seed=2), WIDTH + 16
    tile, result = numbers(15, pitch), numbers(4, WIDTH, seed=3)
    stored = np.ascontiguousarray(weights.T if transposed else weights).reshape(-1)
    row_step, column_step = (1, rows) if transposed else (columns, 1)
    expected = result.astype(np.float64)
    expected[:rows] += weights @ tile[:columns, :WIDTH].astype(np.float64)
    compiled.all_products(
        stored, row_step, column_step, rows, columns, tile.reshape(-1), pitch, WIDTH,
        result.reshape(-1),
    )  # fmt: skip
    assert_close(result, expected)


def test_rows_through_a_tile() -> None:
    """Every row is gathered before one is added to; a row that comes twice is added to twice."""
    table, tile = numbers(5, WIDTH), np.full((5, WIDTH), 99, np.float32)
    rows = np.array([3, 0, 3, 4])
    expected = table.astype(np.float64)
    for row in rows:
        expected[row] += 0.5 * table[row]
    gathered = table[rows] * 0.5
    compiled.through_tile(table.reshape(-1), rows, WIDTH, 0.5, tile.reshape(-1), WIDTH)
    np.testing.assert_allclose(table, expected, rtol=1e-6)
    np.testing.assert_allclose(tile[1:4], gathered[1:], rtol=1e-6)
    assert not tile[0].any()
    assert (tile[4] == 99).all()


@pytest.mark.parametrize("subwords", [False, True], ids=["words", "subwords"])
def test_vectors_of_words(subwords: bool) -> None:
    words = np.array([1, 0, 2, 0])  # from the second on
    ngrams = [[3, 5], [4], []] if subwords else [[], [], []]
    starts = np.cumsum([0, *map(len, ngrams)]) if subwords else np.zeros(0, np.int64)
    flat = np.array([row for rows in ngrams for row in rows], np.int64)
    inputs, tile = numbers(6, WIDTH), np.full((4, WIDTH), 99, np.float32)
    members = [[word, *ngrams[word]] for word in words[1:]]
    means = np.array([inputs[rows].mean(axis=0, dtype=np.float64) for rows in members])
    expected = inputs.astype(np.float64)
    for rows, mean in zip(members, means, strict=True):
        for row in rows:
            expected[row] += mean
    compiled.through_words(
        words, starts, flat, inputs.reshape(-1), WIDTH,
        tile.reshape(-1),
    )  # fmt: skip
    assert_close(tile[:3], means)
    assert_close(inputs, expected)
    assert (tile[3] == 99).all()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 8, 9])
def test_a_vector_and_scattered_rows(n: int) -> None:
    vector, table = numbers(WIDTH), numbers(6, WIDTH, seed=2)
    rows, weights = np.array([4, 1, 4, 0, 5, 1, 1, 3, 2][:n], np.int64), numbers(n, seed=3)
    scores, result = np.full(n + 1, 99, np.float32), np.full(WIDTH + 1, 99, np.float32)
    before = table.astype(np.float64)
    expected = before.copy()
    for row, weight in zip(rows, weights, strict=True):
        expected[row] += weight * vector
    compiled.with_rows(vector, table.reshape(-1), rows, WIDTH, weights, scores, result)
    assert_close(scores[:n], before[rows] @ vector)
    assert_close(result[:WIDTH], weights @ before[rows])
    assert_close(table, expected)
    assert scores[n] == result[WIDTH] == 99


# --- rows in memory ---------------------------------------------------------------------------


def test_rows_are_padded() -> None:
    assert [padded(n) for n in (1, 15, 16, 17, 100)] == [16, 16, 16, 32, 112]


def test_tables_begin_where_a_line_of_the_cache_does() -> None:
    kept = []
    for shape in [(1,), (3, 16), (5, 7), (2, 3, 4), (1000, 112)] * 5:
        array = aligned_zeros(*shape)
        kept.append(array)
        assert array.ctypes.data % 64 == 0
        assert array.shape == shape
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
        assert not array.any()
    for array in kept:
        array += 1
    assert all((array == 1).all() for array in kept)  # none overlap
    assert aligned_zeros(2, 0).shape == (2, 0)


# --- hot rows ---------------------------------------------------------------------------------


def test_near_rows() -> None:
    rows = np.arange(7)
    compiled.near_rows(rows, 2, 5, 10)
    assert rows.tolist() == [0, 1, 12, 13, 14, 5, 6]
    compiled.near_rows(rows, 3, 3, 10)
    assert rows.tolist() == [0, 1, 12, 13, 14, 5, 6]


@pytest.mark.parametrize(("begin", "end"), [(0, 3), (2, 5), (4, 4)])
def test_threads_exchange_their_rows(begin: int, end: int) -> None:
    """In the end the common rows hold the changes of all threads, and so does each thread."""
    hot, words, threads = end - begin, 6, 2
    table = numbers(words + threads * hot, WIDTH)
    seen = np.zeros((threads, hot, WIDTH), np.float32)
    flat = table.reshape(-1)
    shifts = [words + thread * hot - begin for thread in range(threads)]
    expected = table[:words].astype(np.float64)
    for thread, shift in enumerate(shifts):
        compiled.copy_hot(flat, begin, end, shift, WIDTH, seen[thread].reshape(-1))
        np.testing.assert_array_equal(table[begin + shift : end + shift], table[begin:end])
        np.testing.assert_array_equal(seen[thread], table[begin:end])
    for turn in range(3):
        for thread, shift in enumerate(shifts):
            change = numbers(hot, WIDTH, seed=10 * turn + thread)
            table[begin + shift : end + shift] += change
            expected[begin:end] += change
            compiled.exchange_hot(flat, begin, end, shift, WIDTH, seen[thread].reshape(-1))
            np.testing.assert_array_equal(table[begin + shift : end + shift], table[begin:end])
            np.testing.assert_array_equal(seen[thread], table[begin:end])
    assert_close(table[:words], expected)


# --- gradients of scores ----------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.1, 3.0, 40.0])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 300])
def test_logistic_gradient(size: int, scale: float) -> None:
    scores = numbers(size + 1, scale=scale)
    random = np.random.default_rng(7)
    positive = random.integers(0, 3, size).astype(np.float32)
    negative = (random.integers(0, 4, size) / 2).astype(np.float32)
    found, loss = scores.copy(), np.array([10.0, 20.0])
    compiled.logistic(found, positive, positive + negative, size, 0.5, loss)
    exact = scores[:size].astype(np.float64)
    expected = 0.5 * (positive / (1 + np.exp(exact)) - negative / (1 + np.exp(-exact)))
    np.testing.assert_allclose(found[:size], expected, rtol=1e-5, atol=1e-7)
    assert found[size] == scores[size]
    costs = positive * np.logaddexp(0, -exact) + negative * np.logaddexp(0, exact)
    assert loss[0] - 10 == pytest.approx(costs.sum(), rel=2e-6, abs=1e-9)
    assert loss[1] == 20


def test_the_logistic_loss_is_accurate() -> None:
    for x in np.concatenate([np.linspace(-20, 20, 401), [-80, 80, 0, -1e-6, 1e-6]]):
        for positive in (0.0, 1.0):
            loss, one = np.zeros(2), np.ones(1, np.float32)
            score = np.array([x], np.float32)
            compiled.logistic(score.copy(), one * np.float32(positive), one, 1, 0.5, loss)
            exact = np.logaddexp(0, float(score[0]) * (-1 if positive else 1))
            assert loss[0] == pytest.approx(exact, rel=3e-6, abs=1e-30)


@pytest.mark.parametrize("scale", [0.1, 3.0, 40.0])
@pytest.mark.parametrize(("rows", "words"), [(1, 1), (1, 40), (3, 7), (4, 16)])
def test_softmax_gradient(rows: int, words: int, scale: float) -> None:
    """A row may be wanted several times and for several words, or not at all."""
    stride = padded(words)
    scores, positive = numbers(rows, stride, scale=scale), np.zeros((rows, stride), np.float32)
    positive[0, words - 1] = 1
    for row in range(1, rows - 1):
        positive[row, [0, words // 2]] = [row, 2]
    found, loss = scores.copy(), np.array([10.0, 20.0])
    compiled.softmax(found.reshape(-1), positive.reshape(-1), rows, words, stride, 0.5, loss)
    exact, wanted = scores[:, :words].astype(np.float64), positive[:, :words]
    chances = np.exp(exact - exact.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    expected = 0.5 * (wanted - wanted.sum(axis=1, keepdims=True) * chances)
    np.testing.assert_allclose(found[:, :words], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found[:, words:], scores[:, words:])
    np.testing.assert_allclose(
        loss[0] - 10, -(wanted * np.log(chances)).sum(), rtol=1e-5, atol=1e-6
    )
    assert loss[1] == 20


@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_shows_in_the_loss(place: int) -> None:
    scores, positive = np.arange(3, dtype=np.float32), np.array([0, 1, 0], np.float32)
    scores[place] = np.nan
    loss = np.zeros(2)
    compiled.logistic(scores.copy(), positive, np.ones(3, np.float32), 3, 0.1, loss)
    assert math.isnan(loss[0])
    loss = np.zeros(2)
    compiled.softmax(scores.copy(), positive, 1, 3, 3, 0.1, loss)
    assert place != 1 or math.isnan(loss[0])
