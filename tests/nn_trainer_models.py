"""A small model of plain numpy for tests of the trainer, and a training that runs as a process."""

import json
import os
import sys
from typing import Any

import numpy as np

from seqtool.nn.batches import StreamBatches
from seqtool.nn.optimisers import make_optimiser
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.schedules import make_schedule
from seqtool.nn.shards import Validation
from seqtool.nn.trainer import Events, Measured, Place, Settings, Step, Training
from seqtool.nn.types import Ids, Shard
from seqtool.nn.workspace import Workspace

_LEAK = 0.5
_KEPT = 0.9  # of the states, in training


class LeakyModel:
    """h(t) = h(t - 1) / 2 + E[x(t)], and softmax over h W; with dropout of states.

    One target a row is predicted from the row's last state.
    """

    def __init__(self, vocab: int, hidden: int, seed: int = 1) -> None:
        self.parameters = Parameters()
        self.parameters.declare("table.weights", (vocab, hidden))
        self.parameters.declare("output.weights", (hidden, vocab))
        self.parameters.declare("fixed.weights", (3,), frozen=True)
        self.parameters.allocate()
        random = np.random.default_rng(seed)
        self.parameters.flat[:] = random.normal(0, 0.1, len(self.parameters.flat))

    def loss(self, work: Workspace, shard: Shard) -> float:
        """See `seqtool.nn.types.Model`."""
        time, rows = shard.inputs.shape
        table, output = self.parameters["table.weights"], self.parameters["output.weights"]
        state = np.zeros((rows, table.shape[1]), np.float32)
        if shard.carries:
            state = work.carried["table"][0]
        states = np.zeros((time, *state.shape), np.float32)
        for t in range(time):
            state = states[t] = np.float32(_LEAK) * state + table[shard.inputs[t]]
        work.carried["table"] = (state.copy(),)
        lengths = np.full(rows, time) if shard.lengths is None else shard.lengths
        steps = np.arange(time)[:, np.newaxis]
        many = shard.targets.ndim == 2
        counts = (steps < lengths) if many else (steps == lengths - 1)
        targets = np.broadcast_to(shard.targets, (time, rows))[counts]
        kept = np.ones_like(states)
        if work.training:
            drawn = np.random.default_rng(work.seed).random(states.shape)
            kept = ((drawn < _KEPT) / _KEPT).astype(np.float32)
        inputs = (states * kept)[counts]
        logits = inputs @ output
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        chosen = (np.arange(len(targets)), targets)
        if work.training:
            grad = np.exp(logits)
            grad[chosen] -= 1
            grad *= np.float32(work.scale)
            work.add_gradient("output.weights", inputs.T @ grad)
            grad_states = np.zeros_like(states)
            grad_states[counts] = grad @ output.T
            self._backward(work, shard, grad_states * kept)
        return -float(logits[chosen].sum(dtype=np.float64))

    def _backward(self, work: Workspace, shard: Shard, grads: Floats) -> None:
        for t in range(len(grads) - 2, -1, -1):
            grads[t] += np.float32(_LEAK) * grads[t + 1]
        if work.diagnose:
            norms = np.sqrt((grads.astype(np.float64) ** 2).sum(axis=(1, 2)))
            work.saved["table/gradient_norms"] = norms
        np.add.at(work.gradients["table.weights"], shard.inputs, grads)


def corpus(length: int = 3000, vocab: int = 12, seed: int = 3) -> Ids:
    """Mostly x, 3 x + 1, ... modulo the vocabulary, so that the next number can be learnt."""
    random = np.random.default_rng(seed)
    ids = np.zeros(length, np.int32)
    for i in range(1, length):
        ids[i] = (3 * ids[i - 1] + 1) % vocab if random.random() < 0.8 else random.integers(vocab)
    return ids


def make_training(
    threads: int = 1,
    epochs: int = 3,
    events: Events | None = None,
    rate: float = 0.5,
    rows: int = 40,
    **settings: Any,
) -> Training:
    """A training on `corpus` with every part that has a state."""
    model = LeakyModel(12, 8)
    ids = corpus()
    return Training(
        model,
        StreamBatches(ids[:2500], rows, 7, seed=5),
        make_optimiser("sgd", model.parameters),
        make_schedule("plateau", rate, 0, 0),
        Settings(epochs, 7, threads, **settings),
        events or Events(),
        Validation(model, StreamBatches(ids[2500:], 4, 50, seed=5), threads),
    )


class Recorder(Events):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.validations: list[float] = []
        self.epoch_losses: list[float] = []

    def step_done(self, place: Place, step: Step) -> None:
        """See `Events`."""
        self.steps.append(step)

    def validated(self, place: Place, measured: Measured) -> None:
        """See `Events`."""
        self.validations.append(measured.loss)

    def epoch_done(self, place: Place, diagnosis: object) -> None:
        """See `Events`."""
        self.epoch_losses.append(place.loss / place.targets)


def train_to(output: str, resume: bool, threads: int, log: str | None, epochs: int = 6) -> None:
    """What a command does: train, write the weights, drop the checkpoint.

    With the environment variable ``STEP`` it waits so many seconds at every step.
    """
    import time

    from seqtool.modelfile import write_model
    from seqtool.nn.checkpoint import Checkpoint
    from seqtool.nn.training_log import TrainingLog

    seconds = float(os.environ.get("STEP", "0"))

    class Log(TrainingLog):
        checkpoint_seconds = 0.02

        def step_done(self, place: Place, step: Step) -> None:
            super().step_done(place, step)
            time.sleep(seconds)

    checkpoint = Checkpoint(output, {"epochs": epochs, "corpus": "sha256 of the corpus"})
    checkpoint.begin(resume)
    training = make_training(threads, epochs, Log(checkpoint, log, quiet=False))
    if resume:
        checkpoint.load(training)
    training.run()
    weights = {"weights": training.model.parameters.flat}
    write_model(output, weights, {"kind": "test"})
    checkpoint.remove()


if __name__ == "__main__":
    train_to(**json.loads(sys.argv[1]))
