"""The kernels of layers and losses against plain Python."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import nn_layers as plain

from seqtool.nn.attention_pooling import AttentionPooling
from seqtool.nn.dense import Dense
from seqtool.nn.dropout import Dropout
from seqtool.nn.dropout_kernels import place_hash
from seqtool.nn.embedding import Embedding
from seqtool.nn.initial import glorot_uniform, orthogonal, rows_from_vectors
from seqtool.nn.losses import CrossEntropy
from seqtool.nn.normalise import LayerNorm
from seqtool.nn.parameters import Parameters
from seqtool.nn.pooling import make_pooling
from seqtool.nn.workspace import Workspace
from seqtool.vectors import WordVectors

Singles = npt.NDArray[np.float32]


def singles(*shape: int, seed: int = 1) -> Singles:
    """Normal numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def ids(shape: tuple[int, ...], below: int) -> npt.NDArray[np.int32]:
    """Tokens."""
    return np.random.default_rng(2).integers(0, below, shape).astype(np.int32)


def workspace(parameters: Parameters | None = None, training: bool = True) -> Workspace:
    """A workspace in which a batch has begun."""
    if parameters is None:
        parameters = Parameters()
        parameters.allocate()
    work = Workspace(parameters, training)
    work.begin(seed=5, scale=1.0)
    return work


# --- embedding and dense ----------------------------------------------------------------------


@pytest.mark.kernel
def test_embedding() -> None:
    parameters = Parameters()
    embedding = Embedding("words", parameters, 7, 20, vectors=singles(7, 20))
    parameters.allocate()
    embedding.initialise(np.random.default_rng(1))
    work, tokens = workspace(parameters), ids((5, 4), 7)
    assert np.array_equal(embedding.forward(work, tokens), singles(7, 20)[tokens])
    grad = singles(5, 4, 20, seed=3)
    embedding.backward(work, grad)
    flat = grad.reshape(-1, 20).astype(np.float64)
    wanted = plain.embedding_gradient(tokens.ravel().tolist(), flat, 7)
    np.testing.assert_allclose(work.gradients["words.table"], wanted, rtol=1e-5, atol=1e-6)


def test_a_token_outside_the_table() -> None:
    parameters = Parameters()
    embedding = Embedding("words", parameters, 7, 2)
    parameters.allocate()
    for wrong in (-1, 7):
        with pytest.raises(IndexError, match="words: token ids are not all from 0 to 6"):
            embedding.forward(workspace(parameters), np.array([[0, wrong]], np.int32))


def test_vectors_of_the_wrong_shape() -> None:
    with pytest.raises(ValueError, match=r"\(3, 2\) for a table of \(7, 2\)"):
        Embedding("words", Parameters(), 7, 2, vectors=singles(3, 2))


def test_tied_weights_are_the_table() -> None:
    parameters = Parameters()
    embedding = Embedding("words", parameters, 7, 3)
    output = Dense("output", parameters, 3, 7, bias=False, tied_to="words.table")
    parameters.allocate()
    embedding.initialise(np.random.default_rng(1))
    output.initialise(np.random.default_rng(1))
    assert list(parameters) == ["words.table"]
    inputs = singles(2, 4, 3)
    found = output.forward(workspace(parameters), inputs)
    np.testing.assert_allclose(found, inputs @ parameters["words.table"].T, rtol=1e-5, atol=1e-6)


# --- initial weights --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (6, 6)])
def test_orthogonal(shape: tuple[int, int]) -> None:
    weight = np.zeros(shape)
    orthogonal(weight, np.random.default_rng(1))
    product = weight @ weight.T if shape[0] < shape[1] else weight.T @ weight
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-12)


def test_glorot_keeps_the_variance() -> None:
    weight = np.zeros((300, 200))
    glorot_uniform(weight, np.random.default_rng(1))
    assert weight.var() == pytest.approx(2 / 500, rel=0.02)


def test_rows_from_vectors() -> None:
    vectors = WordVectors(["the", "cat"], np.array([[1, 2], [3, -4]]))
    words = ["<unk>", "The", "cat", "dog"]
    matrix, found = rows_from_vectors(words, vectors, np.random.default_rng(1))
    assert found == 2
    assert matrix.dtype == np.float32
    assert matrix[[1, 2]].tolist() == [[1, 2], [3, -4]]
    many, found = rows_from_vectors(["x"] * 5000, vectors, np.random.default_rng(1))
    assert found == 0
    assert many.var() == pytest.approx(vectors.matrix.var(), rel=0.05)


# --- dropout ----------------------------------------------------------------------------------


@pytest.mark.kernel
@settings(deadline=None, max_examples=20)
@given(*[st.integers(0, 2**32 - 1)] * 3)
def test_the_hash_stays_in_range(place: int, first: int, second: int) -> None:
    assert 0 <= place_hash(place, first, second) < 2**32


@pytest.mark.kernel
@pytest.mark.parametrize("variational", [False, True])
def test_dropout(variational: bool) -> None:
    inputs = singles(3, 4, 50)
    work, dropout = workspace(), Dropout("noise", 0.25, variational)
    outputs, keys = dropout.forward(work, inputs), dropout.keys(work)
    places = np.arange(inputs.size).reshape(inputs.shape)
    if variational:
        places = np.broadcast_to(places[0], inputs.shape)
    keep = np.array([plain.keeps(place, *keys, 0.25) for place in places.ravel().tolist()])
    wanted = np.where(keep.reshape(inputs.shape), inputs / 0.75, 0)
    np.testing.assert_allclose(outputs, wanted, rtol=1e-6)
    assert (keep.mean() - 0.75) ** 2 < 9 * 0.75 * 0.25 / 200


@pytest.mark.kernel
def test_the_backward_pass_has_the_same_mask() -> None:
    work, dropout = workspace(), Dropout("noise", 0.5)
    kept = dropout.forward(work, np.ones((5, 30), np.float32)).copy()
    assert set(kept.ravel().tolist()) == {0.0, 2.0}
    assert np.array_equal(dropout.backward(work, np.ones((5, 30), np.float32)), kept)


def mask(name: str, seed: int) -> npt.NDArray[np.bool_]:
    """What a layer drops of ten thousand numbers."""
    work = workspace()
    work.seed = seed
    return np.equal(Dropout(name, 0.5).forward(work, np.ones(10_000, np.float32)), 0)


def test_masks_of_layers_and_seeds_have_nothing_in_common() -> None:
    masks = [mask("a", 1), mask("b", 1), mask("a", 2), mask("a", 2**64 - 1)]
    assert np.array_equal(mask("a", 1), masks[0])
    deviation = 0.5 / math.sqrt(10_000)
    for i, one in enumerate(masks):
        assert abs(one.mean() - 0.5) < 5 * deviation
        assert abs((one[1:] == one[:-1]).mean() - 0.5) < 5 * deviation, "neighbours"
        for other in masks[:i]:
            assert abs((one == other).mean() - 0.5) < 5 * deviation


def test_dropout_is_off_outside_of_training() -> None:
    inputs = singles(3, 4)
    assert Dropout("noise", 0.5).forward(workspace(training=False), inputs) is inputs
    assert Dropout("noise", 0.0).forward(workspace(), inputs) is inputs
    for rate in (-0.1, 1.0):
        with pytest.raises(ValueError, match="at least 0 and below 1"):
            Dropout("noise", rate)


# --- normalisation ----------------------------------------------------------------------------


@pytest.mark.kernel
@pytest.mark.parametrize("size", [1, 5, 40])
def test_layer_norm(size: int) -> None:
    parameters = Parameters()
    layer = LayerNorm("normalise", parameters, size)
    parameters.allocate()
    layer.initialise(np.random.default_rng(1))
    gain, bias = singles(size, seed=2), singles(size, seed=3)
    parameters["normalise.gain"][...] = gain
    parameters["normalise.bias"][...] = bias
    inputs = singles(3, 2, size) * 10 + 5
    outputs = layer.forward(workspace(parameters), inputs)
    for place in np.ndindex(3, 2):
        row = inputs[place].astype(np.float64)
        wanted = plain.layer_norm(row, gain.astype(np.float64), bias.astype(np.float64))
        np.testing.assert_allclose(outputs[place], wanted, rtol=2e-5, atol=2e-5)


# --- losses -----------------------------------------------------------------------------------


@pytest.mark.kernel
@pytest.mark.parametrize("classes", [1, 3, 64, 65, 200])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy(classes: int, smoothing: float) -> None:
    work = workspace()
    work.scale = 0.25
    logits, targets = singles(3, 2, classes) * 5, ids((3, 2), classes)
    lengths = np.array([3, 1])
    weights = np.random.default_rng(4).uniform(0.5, 2, (3, 2)).astype(np.float32)
    gradient = logits.copy()
    found = CrossEntropy("loss", smoothing).forward(work, gradient, targets, lengths, weights)
    total = 0.0
    for step, row in np.ndindex(3, 2):
        place, target = logits[step, row].astype(np.float64), int(targets[step, row])
        if step >= lengths[row]:
            assert not gradient[step, row].any()
            continue
        weight = float(weights[step, row])
        total += weight * plain.cross_entropy(place, target, smoothing)
        wanted = plain.softmax(place) - plain.smoothed(classes, target, smoothing)
        np.testing.assert_allclose(
            gradient[step, row], 0.25 * weight * wanted, rtol=1e-5, atol=1e-6
        )
    assert found == pytest.approx(total, rel=1e-6, abs=1e-6)


@pytest.mark.kernel
def test_log_probabilities() -> None:
    work = workspace(training=False)
    logits, targets = singles(3, 2, 9), ids((3, 2), 9)
    chances = logits.copy()
    found = CrossEntropy("loss", 0.1).log_probabilities(work, chances, targets, np.array([2, 3]))
    for step, row in np.ndindex(3, 2):
        wanted = plain.softmax(logits[step, row].astype(np.float64))
        if step == 2 and row == 0:
            assert found[step, row] == 0
            continue
        assert found[step, row] == pytest.approx(math.log(wanted[targets[step, row]]), rel=1e-5)
        np.testing.assert_allclose(chances[step, row], wanted, rtol=1e-5)


@pytest.mark.kernel
@pytest.mark.parametrize("size", [3, 100])
def test_extreme_logits(size: int) -> None:
    work = workspace()
    logits = np.zeros((2, size), np.float32)
    logits[:, 0], logits[:, 1] = 1.6e38, -1.6e38
    found = CrossEntropy("loss").forward(work, logits, np.array([0, 0], np.int32))
    assert found == 0
    assert np.abs(logits).max() < 1e-30
    for column in (0, size - 1):
        broken = np.zeros((1, size), np.float32)
        broken[0, column] = np.nan
        assert math.isnan(CrossEntropy("loss").forward(work, broken, np.array([1], np.int32)))


def test_a_target_that_is_no_class() -> None:
    loss, logits = CrossEntropy("loss"), singles(2, 2, 4)
    targets = np.array([[0, 1], [3, 99]], np.int32)
    loss.forward(workspace(), logits, targets, np.array([2, 1]))
    with pytest.raises(IndexError, match="not all from 0 to 3"):
        loss.forward(workspace(), logits, targets, np.array([2, 2]))
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        CrossEntropy("loss", 1.0)
    with pytest.raises(ValueError, match="contiguous"):
        loss.forward(workspace(), singles(2, 4, 2).transpose(0, 2, 1), targets)


# --- pooling ----------------------------------------------------------------------------------

SOME_LENGTHS = np.array([4, 1, 0, 3])


@pytest.mark.kernel
def test_mean_and_max() -> None:
    states, lengths = singles(4, 4, 20), SOME_LENGTHS.tolist()
    parameters = Parameters()
    for kind, reference in [("mean", plain.mean_pooling), ("max", plain.max_pooling)]:
        pooling = make_pooling(kind, "pool", parameters, 20)
        found = pooling.forward(workspace(), states, SOME_LENGTHS)
        wanted = reference(states.astype(np.float64), lengths)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_last_states_of_both_directions() -> None:
    states = singles(4, 4, 6)
    pooling = make_pooling("last", "pool", Parameters(), 6, bidirectional=True)
    found = pooling.forward(workspace(), states, SOME_LENGTHS)
    assert np.array_equal(found[:, :3], [*states[[3, 0], [0, 1], :3], [0] * 3, states[2, 3, :3]])
    assert np.array_equal(found[[0, 1, 3], 3:], states[0, [0, 1, 3], 3:])
    assert not found[2].any()


def test_attention_looks_at_real_steps_only() -> None:
    parameters = Parameters()
    pooling = AttentionPooling("pool", parameters, 5)
    parameters.allocate()
    pooling.initialise(np.random.default_rng(1))
    work, states = workspace(parameters), singles(4, 4, 5)
    found = pooling.forward(work, states, SOME_LENGTHS).copy()
    attention = pooling.attention(work)
    assert np.array_equal(attention > 0, np.arange(4)[:, None] < SOME_LENGTHS)
    np.testing.assert_allclose(attention.sum(axis=0), [1, 1, 0, 1], rtol=1e-6)
    states[np.arange(4)[:, None] >= SOME_LENGTHS] = 1e9
    assert np.array_equal(pooling.forward(work, states, SOME_LENGTHS), found)


def test_a_pooling_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="last, mean, max, attention"):
        make_pooling("median", "pool", Parameters(), 3)
