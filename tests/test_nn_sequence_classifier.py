"""The recurrent classifier of whole sequences."""

from typing import Any

import numpy as np
import pytest
from nn_gradients import check_loss, double_parameters

from seqtool.nn.batches import SequenceBatches
from seqtool.nn.optimisers import make_optimiser
from seqtool.nn.pooling import POOLINGS
from seqtool.nn.schedules import make_schedule
from seqtool.nn.sequence_classifier import (
    SequenceClassifier,
    SequenceClassifierSettings,
    WordDropout,
)
from seqtool.nn.stack import StackSettings
from seqtool.nn.trainer import Settings, Training
from seqtool.nn.types import Shard
from seqtool.nn.workspace import Workspace

IDS = np.array([[1, 2, 3], [4, 0, 2], [3, 1, 0], [2, 0, 0]], np.int32)  # (time, rows)
LENGTHS = np.array([4, 3, 2])
TARGETS = np.array([0, 2, 1], np.int32)


def small(layers: int = 2, **settings: Any) -> SequenceClassifier:
    """Five tokens, three labels."""
    stack = StackSettings("gru", hidden=2, layers=layers, bidirectional=True)
    model = SequenceClassifier(SequenceClassifierSettings(5, 3, 2, stack, **settings))
    model.initialise(1)
    return model


@pytest.mark.parametrize(
    ("pooling", "dropout"),
    [("last", 0.0), ("mean", 0.3), ("max", 0.0), ("attention", 0.3)],
)
def test_gradients(pooling: str, dropout: float) -> None:
    model = small(
        layers=1,
        pooling=pooling,
        word_dropout=dropout,
        input_dropout=dropout,
        output_dropout=dropout,
        smoothing=0.1,
    )
    layers = (model.embedding, model.stack, model.pooling, model.output)
    double_parameters(model.parameters, layers)
    weights = np.array([1, 0.5, 2], np.float32)
    shard = Shard(IDS, TARGETS, LENGTHS, 3, weights=weights)
    check_loss(model.parameters, lambda work: model.loss(work, shard))


def test_gradients_through_a_projection() -> None:
    model = small(layers=1, projection=3, input_dropout=0.2)
    assert model.projection
    layers = (model.embedding, model.projection, model.stack, model.pooling, model.output)
    double_parameters(model.parameters, layers)
    shard = Shard(IDS, TARGETS, LENGTHS, 3)
    check_loss(model.parameters, lambda work: model.loss(work, shard))


@pytest.mark.parametrize("frozen", [False, True])
def test_a_folded_classifier_is_the_same(frozen: bool) -> None:
    model = small(projection=3, frozen=frozen)
    work = Workspace(model.parameters)
    work.begin(1, 1.0)
    model.loss(work, Shard(IDS, TARGETS, LENGTHS, 3))
    assert np.abs(work.gradients["projection.weight"]).sum() > 0
    assert ("embedding.table" in work.gradients) is not frozen
    folded = model.folded()
    assert folded.settings.projection is None
    assert folded.parameters["embedding.table"].shape == (5, 3)
    both = [
        network.probabilities(Workspace(network.parameters, training=False), IDS, LENGTHS)
        for network in (model, folded)
    ]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-5)
    assert folded.folded() is folded


def test_a_frozen_table_gets_no_gradient() -> None:
    model = small(frozen=True)
    work = Workspace(model.parameters)
    work.begin(1, 1.0)
    model.loss(work, Shard(IDS, TARGETS, LENGTHS, 3))
    assert "embedding.table" not in work.gradients
    assert all(np.abs(gradient).sum() > 0 for gradient in work.gradients.values())


def test_frozen_or_not_the_other_gradients_are_the_same() -> None:
    found = []
    for frozen in (False, True):
        model = small(frozen=frozen, input_dropout=0.2)
        work = Workspace(model.parameters)
        work.begin(1, 1.0)
        model.loss(work, Shard(IDS, TARGETS, LENGTHS, 3))
        found.append({name: array.copy() for name, array in work.gradients.items()})
    for name, gradient in found[1].items():
        np.testing.assert_array_equal(gradient, found[0][name], err_msg=name)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_row_does_not_depend_on_the_others(pooling: str) -> None:
    model = small(pooling=pooling)
    work = Workspace(model.parameters, training=False)
    together = model.probabilities(work, IDS, LENGTHS).copy()
    np.testing.assert_allclose(together.sum(axis=1), 1, rtol=1e-6)
    for row, length in enumerate(LENGTHS):
        alone = model.probabilities(work, IDS[:length, row : row + 1])
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-5)


def test_the_loss_is_that_of_the_probabilities() -> None:
    model = small(word_dropout=0.5, smoothing=0.2)  # neither counts outside of training
    work = Workspace(model.parameters, training=False)
    chances = model.probabilities(work, IDS, LENGTHS)[np.arange(3), TARGETS]
    loss = model.loss(work, Shard(IDS, TARGETS, LENGTHS, 3))
    assert loss == pytest.approx(-np.log(chances).sum(), rel=1e-5)


def test_word_dropout() -> None:
    model = small()
    work = Workspace(model.parameters)
    dropout = WordDropout("words", 0.25)
    inputs = np.random.default_rng(1).uniform(1, 2, (50, 40, 3)).astype(np.float32)
    outputs = dropout.forward(work, inputs)
    kept = outputs[:, :, 0] != 0
    assert kept.mean() == pytest.approx(0.75, abs=0.04)
    np.testing.assert_array_equal(outputs, inputs * kept[:, :, None])
    gradient = dropout.backward(work, np.ones_like(inputs))
    np.testing.assert_array_equal(gradient, np.ones_like(inputs) * kept[:, :, None])
    still = Workspace(model.parameters, training=False)
    assert dropout.forward(still, inputs) is inputs


@pytest.mark.parametrize("cell", ["rnn", "simple-gru", "gru", "lstm"])
def test_learns_which_token_came_first(cell: str) -> None:
    """Whether 1 stands before 2: their mean does not tell."""
    random = np.random.default_rng(2)
    rows, steps = 200, 5
    ids = random.integers(3, 5, (rows, steps)).astype(np.int32)
    labels = random.integers(0, 2, rows).astype(np.int32)
    for row in range(rows):
        first, second = sorted(random.choice(steps, 2, replace=False))
        ids[row, first], ids[row, second] = (1, 2) if labels[row] else (2, 1)
    starts = np.arange(rows + 1) * steps
    batches = SequenceBatches(ids.ravel(), starts, 32, 1, labels=labels)
    stack = StackSettings(cell, hidden=16)
    model = SequenceClassifier(SequenceClassifierSettings(5, 2, 8, stack, "last"))
    model.initialise(1)
    epochs = 12
    schedule = make_schedule("constant", 0.02, 0, epochs * batches.start_epoch(0))
    optimiser = make_optimiser("adam", model.parameters, clip_norm=1.0)
    Training(model, batches, optimiser, schedule, Settings(epochs, 1, 2)).run()
    work = Workspace(model.parameters, training=False)
    chances = model.probabilities(work, np.ascontiguousarray(ids.T))
    assert (chances.argmax(axis=1) == labels).mean() > 0.97
