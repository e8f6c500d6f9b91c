"""Every layer and every loss against finite differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from nn_gradients import Checkable, check_layer, check_loss, double_parameters

from seqtool.nn.attention_pooling import AttentionPooling
from seqtool.nn.dense import Dense
from seqtool.nn.dropout import Dropout
from seqtool.nn.embedding import Embedding
from seqtool.nn.losses import CrossEntropy
from seqtool.nn.normalise import LayerNorm
from seqtool.nn.parameters import Parameters
from seqtool.nn.pooling import POOLINGS, make_pooling
from seqtool.nn.workspace import Workspace

STEPS, BATCH, SIZE = 4, 3, 5
LENGTHS = np.array([4, 2, 1])


def states(seed: int = 3) -> npt.NDArray[np.float64]:
    """Inputs of most layers, (time, batch, size)."""
    return np.random.default_rng(seed).normal(size=(STEPS, BATCH, SIZE))


def ids(shape: tuple[int, ...], below: int) -> npt.NDArray[np.int32]:
    """Tokens, some of them more than once."""
    return np.random.default_rng(5).integers(0, below, shape).astype(np.int32)


LAYERS: dict[str, Callable[[Parameters], Checkable]] = {
    "dense": lambda parameters: Dense("dense", parameters, SIZE, 2),
    "dense without bias": lambda parameters: Dense("dense", parameters, SIZE, 2, bias=False),
    "normalise": lambda parameters: LayerNorm("normalise", parameters, SIZE),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str) -> None:
    check_layer(LAYERS[name], states())


def test_embedding() -> None:
    check_layer(lambda parameters: Embedding("embedding", parameters, 4, SIZE), ids((6, 2), 4))


class Weightless:
    """Dropout as a layer: there is nothing to fill."""

    def __init__(self, rate: float, variational: bool) -> None:
        dropout = Dropout("dropout", rate, variational)
        self.forward, self.backward = dropout.forward, dropout.backward

    def initialise(self, random: np.random.Generator) -> None:
        """Nothing."""


@pytest.mark.parametrize("variational", [False, True])
def test_dropout(variational: bool) -> None:
    check_layer(lambda _: Weightless(0.4, variational), states())


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", POOLINGS)
def test_pooling(kind: str, bidirectional: bool) -> None:
    check_layer(
        lambda parameters: make_pooling(kind, "pooling", parameters, SIZE, bidirectional),
        states(),
        LENGTHS,
    )


@pytest.mark.parametrize(
    ("classes", "smoothing", "weighted"),
    [(3, 0.0, False), (3, 0.1, False), (3, 0.0, True), (3, 0.1, True), (130, 0.1, True)],
)
def test_cross_entropy(classes: int, smoothing: float, weighted: bool) -> None:
    loss = CrossEntropy("loss", smoothing)
    random = np.random.default_rng(7)
    logits = random.normal(size=(2, 2, classes))
    targets, lengths = ids((2, 2), classes), np.array([2, 1])
    weights = random.uniform(0.5, 2, size=(2, 2)) if weighted else None
    parameters = Parameters()
    parameters.allocate(np.float64)
    found: dict[str, Any] = {}

    def run(work: Workspace) -> float:
        found["gradient"] = logits.copy()
        return loss.forward(work, found["gradient"], targets, lengths, weights)

    check_loss(parameters, run, [(logits, lambda: found["gradient"])])


def test_a_model_with_tied_weights() -> None:
    """Embedding, dropout, normalisation, attention, and the embedding's table once more."""
    parameters = Parameters()
    embedding = Embedding("embedding", parameters, 6, SIZE)
    dropout = Dropout("dropout", 0.3, variational=True)
    normalise = LayerNorm("normalise", parameters, SIZE)
    pooling = AttentionPooling("pooling", parameters, SIZE)
    output = Dense("output", parameters, SIZE, 6, tied_to="embedding.table")
    loss = CrossEntropy("loss", 0.2)
    double_parameters(parameters, [embedding, normalise, pooling, output])
    tokens, targets = ids((STEPS, BATCH), 6), ids((BATCH,), 6)

    def run(work: Workspace) -> float:
        hidden = dropout.forward(work, embedding.forward(work, tokens))
        logits = output.forward(
            work, pooling.forward(work, normalise.forward(work, hidden), LENGTHS)
        )
        value = loss.forward(work, logits, targets)
        grad = normalise.backward(work, pooling.backward(work, output.backward(work, logits)))
        embedding.backward(work, dropout.backward(work, grad))
        return value

    check_loss(parameters, run)


def test_frozen_weights_have_no_gradient() -> None:
    parameters = Parameters()
    embedding = Embedding("embedding", parameters, 6, SIZE, frozen=True)
    output = Dense("output", parameters, SIZE, 6, tied_to="embedding.table")
    double_parameters(parameters, [embedding, output])

    def run(work: Workspace) -> float:
        logits = output.forward(work, embedding.forward(work, ids((2, 3), 6)))
        value = CrossEntropy("loss").forward(work, logits, ids((2, 3), 6))
        embedding.backward(work, output.backward(work, logits))
        assert list(work.gradients) == ["output.bias"]
        return value

    check_loss(parameters, run)


def test_a_wrong_gradient_is_found() -> None:
    class Wrong(Dense):
        def backward(self, work: Workspace, grad: Any) -> Any:
            return super().backward(work, grad) * 1.00001

    with pytest.raises(AssertionError, match="but numerically"):
        check_layer(lambda parameters: Wrong("dense", parameters, SIZE, 2), states())
