"""A recurrent language model: what comes next, given what came before."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.nn.dense import Dense
from seqtool.nn.dropout import Dropout
from seqtool.nn.embedding import Embedding
from seqtool.nn.losses import CrossEntropy
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.recurrent import State
from seqtool.nn.stack import Stack, StackSettings
from seqtool.nn.types import Ids, Lengths, Shard
from seqtool.nn.workspace import Workspace


class LanguageModelSettings(NamedTuple):
    """The shape of a language model.

    Attributes:
        vocab: the number of tokens.
        embedding: size of a token's vector.
        stack: the recurrent layers; their dropout is also that of the outputs.
        tied: whether the outputs use the table of the embeddings (Press & Wolf 2017); where the
            stack's outputs are wider or narrower, they are first brought to its size.
        smoothing: of labels, see `seqtool.nn.losses.CrossEntropy`.
        input_dropout: rate of the embeddings' dropout, which helps where there are many tokens.
    """

    vocab: int
    embedding: int
    stack: StackSettings
    tied: bool = False
    smoothing: float = 0.0
    input_dropout: float = 0.0


class LanguageModel:
    """Embedding, recurrent stack, dense layer, softmax; a `seqtool.nn.types.Model`."""

    def __init__(
        self,
        settings: LanguageModelSettings,
        vectors: Floats | None = None,
        dtype: type[np.floating[Any]] = np.float32,
    ) -> None:
        self.settings = settings
        self.parameters = parameters = Parameters()
        stack, size = settings.stack, settings.embedding
        self.embedding = Embedding("embedding", parameters, settings.vocab, size, vectors=vectors)
        self.stack = Stack("cells", parameters, size, stack)
        self.dropout = Dropout("dropout.inputs", settings.input_dropout, stack.variational)
        self.dropout_outputs = Dropout("dropout.outputs", stack.dropout, stack.variational)
        width = self.stack.outputs
        self.bridge: Dense | None = None
        if settings.tied and width != size:
            self.bridge = Dense("bridge", parameters, width, size, bias=False)
            width = size
        tied_to = "embedding.table" if settings.tied else None
        self.output = Dense("output", parameters, width, settings.vocab, tied_to=tied_to)
        self.cost = CrossEntropy("loss", settings.smoothing)
        parameters.allocate(dtype)
        self._step_work: Workspace | None = None

    def initialise(self, seed: int) -> None:
        """Fill the weights."""
        random = np.random.default_rng(seed)
        for layer in (self.embedding, self.stack, self.bridge, self.output):
            if layer is not None:
                layer.initialise(random)

    def loss(self, work: Workspace, shard: Shard) -> float:
        """The summed loss (nats) of a shard, and in training its gradients."""
        states = list(work.carried.values()) if shard.carries else None
        logits, finals = self._logits(work, shard.inputs, shard.lengths, states)
        work.carried = {
            layer.name: tuple(part.copy() for part in state)
            for layer, state in zip(self.stack.layers, finals, strict=True)
        }
        loss = self.cost.forward(work, logits, shard.targets, shard.lengths, shard.weights)
        if work.training:
            self._backward(work, logits)
        return loss

    def _logits(
        self,
        work: Workspace,
        ids: Ids,
        lengths: Lengths | None,
        states: list[State] | None,
    ) -> tuple[Floats, list[State]]:
        inputs = self.dropout.forward(work, self.embedding.forward(work, ids))
        outputs, finals = self.stack.forward(work, inputs, lengths, states)
        outputs = self.dropout_outputs.forward(work, outputs)
        if self.bridge:
            outputs = self.bridge.forward(work, outputs)
        return self.output.forward(work, outputs), finals

    def _backward(self, work: Workspace, grad: Floats) -> None:
        grad = self.output.backward(work, grad)
        if self.bridge:
            grad = self.bridge.backward(work, grad)
        inputs, _ = self.stack.backward(work, self.dropout_outputs.backward(work, grad))
        assert inputs is not None
        self.embedding.backward(work, self.dropout.backward(work, inputs))

    def log_probabilities(
        self,
        work: Workspace,
        inputs: Ids,
        targets: Ids,
        lengths: Lengths | None = None,
        states: list[State] | None = None,
    ) -> tuple[NDArray[np.float64], list[State]]:
        """(log-probability (nats) of each target (time, rows), final states), without dropout."""
        logits, finals = self._logits(work, inputs, lengths, states)
        scores = self.cost.log_probabilities(work, logits, targets, lengths)
        return scores, [tuple(part.copy() for part in state) for state in finals]

    # What decoding asks for: see seqtool.decode.types.StepModel.

    @property
    def vocab_size(self) -> int:
        """How many ids there are."""
        return self.settings.vocab

    def start(self, rows: int) -> list[State]:
        """The state of ``rows`` sequences of which nothing was read."""
        shape = (rows, self.settings.stack.hidden)
        dtype = self.parameters.flat.dtype
        return [
            tuple(np.zeros(shape, dtype) for _ in range(layer.parts)) for layer in self.stack.layers
        ]

    def step(self, ids: Ids, state: list[State]) -> tuple[Floats, list[State]]:
        """(logits (rows, vocab), new state) after reading one id of each sequence.

        The weights must not change any more.
        """
        work = self._step_work
        if work is None:
            work = self._step_work = Workspace(self.parameters, training=False)
            work.constant = True
        logits, finals = self._logits(work, ids[None], None, state)
        return logits[0].copy(), [tuple(part.copy() for part in parts) for parts in finals]

    def select(self, state: list[State], rows: NDArray[np.int64]) -> list[State]:
        """The state of some of the sequences."""
        return [tuple(part[rows] for part in parts) for parts in state]
