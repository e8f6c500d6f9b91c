"""A recurrent classifier: one label for a whole sequence (many-to-one)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from seqtool.nn.dense import Dense
from seqtool.nn.dropout import Dropout
from seqtool.nn.embedding import Embedding
from seqtool.nn.losses import CrossEntropy
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.pooling import make_pooling
from seqtool.nn.stack import Stack, StackSettings
from seqtool.nn.types import Ids, Lengths, Shard
from seqtool.nn.workspace import Workspace


class SequenceClassifierSettings(NamedTuple):
    """The shape of a classifier.

    Attributes:
        vocab: the number of tokens.
        classes: the number of labels.
        embedding: size of a token's vector.
        stack: the recurrent layers; their dropout is that between them.
        pooling: how a sequence of states becomes one vector, see `seqtool.nn.pooling`.
        frozen: whether the table of embeddings stays as it is.
        projection: size that a learned matrix brings the embeddings to before the stack; None for
            none. See `SequenceClassifier.folded`.
        word_dropout: chance of a whole token to become zero.
        input_dropout: rate of the numbers of embeddings.
        output_dropout: rate of the pooled vector.
        smoothing: of labels, see `seqtool.nn.losses.CrossEntropy`.
    """

    vocab: int
    classes: int
    embedding: int
    stack: StackSettings
    pooling: str = "max"
    frozen: bool = False
    projection: int | None = None
    word_dropout: float = 0.0
    input_dropout: float = 0.0
    output_dropout: float = 0.0
    smoothing: float = 0.0


class SequenceClassifier:
    """Embedding, recurrent stack, pooling, dense layer, softmax; a `seqtool.nn.types.Model`."""

    def __init__(
        self,
        settings: SequenceClassifierSettings,
        vectors: Floats | None = None,
        dtype: type[np.floating[Any]] = np.float32,
    ) -> None:
        self.settings = settings
        self.parameters = parameters = Parameters()
        stack, size = settings.stack, settings.embedding
        self.embedding = Embedding(
            "embedding", parameters, settings.vocab, size, settings.frozen, vectors
        )
        self.word_dropout = WordDropout("dropout.words", settings.word_dropout)
        self.input_dropout = Dropout("dropout.inputs", settings.input_dropout)
        self.projection: Dense | None = None
        if settings.projection is not None:
            self.projection = Dense("projection", parameters, size, settings.projection, bias=False)
            size = settings.projection
        self.stack = Stack("cells", parameters, size, stack)
        width = self.stack.outputs
        self.pooling = make_pooling(
            settings.pooling, "pooling", parameters, width, stack.bidirectional
        )
        self.output_dropout = Dropout("dropout.outputs", settings.output_dropout)
        self.output = Dense("output", parameters, width, settings.classes)
        self.cost = CrossEntropy("loss", settings.smoothing)
        parameters.allocate(dtype)

    def initialise(self, seed: int) -> None:
        """Fill the weights."""
        random = np.random.default_rng(seed)
        for layer in (self.embedding, self.projection, self.stack, self.pooling, self.output):
            if layer is not None:
                layer.initialise(random)

    def folded(self) -> SequenceClassifier:
        """The same classifier without a projection: its table holds what comes out of it.

        This is for large frozen tables of word vectors: training sees all of their numbers, what is
        kept is as small as the projection.
        """
        if self.projection is None:
            return self
        settings = self.settings
        size = self.projection.outputs
        small = SequenceClassifier(
            settings._replace(embedding=size, projection=None),
            dtype=self.parameters.flat.dtype.type,
        )
        for name, weight in small.parameters.items():
            if name == "embedding.table":
                np.matmul(self.parameters[name], self.projection.matrix(), out=weight)
            else:
                weight[...] = self.parameters[name]
        return small

    def loss(self, work: Workspace, shard: Shard) -> float:
        """The summed loss (nats) of a shard, and in training its gradients."""
        logits = self._logits(work, shard.inputs, shard.lengths)
        loss = self.cost.forward(work, logits, shard.targets, weights=shard.weights)
        if work.training:
            self._backward(work, logits)
        return loss

    def probabilities(self, work: Workspace, inputs: Ids, lengths: Lengths | None = None) -> Floats:
        """The probability of each label, (rows, classes), for token ids (time, rows).

        The workspace is one that is not for training; the result is not overwritten.
        """
        logits = self._logits(work, inputs, lengths)
        logits = np.exp(logits - logits.max(axis=1, keepdims=True))
        result: Floats = logits / logits.sum(axis=1, keepdims=True)
        return result

    def _logits(self, work: Workspace, inputs: Ids, lengths: Lengths | None) -> Floats:
        if lengths is None:
            lengths = np.full(inputs.shape[1], inputs.shape[0], np.int64)
        embedded = self.word_dropout.forward(work, self.embedding.forward(work, inputs))
        embedded = self.input_dropout.forward(work, embedded)
        if self.projection:
            embedded = self.projection.forward(work, embedded)
        states, _ = self.stack.forward(work, embedded, lengths)
        pooled = self.pooling.forward(work, states, lengths)
        return self.output.forward(work, self.output_dropout.forward(work, pooled))

    def _backward(self, work: Workspace, grad: Floats) -> None:
        pooled = self.output_dropout.backward(work, self.output.backward(work, grad))
        states = self.pooling.backward(work, pooled)
        trained = not self.settings.frozen
        needs_inputs = trained or self.projection is not None
        inputs, _ = self.stack.backward(work, states, needs_inputs=needs_inputs)
        if inputs is not None and self.projection:
            inputs = self.projection.backward(work, inputs)
        if inputs is not None and trained:
            inputs = self.input_dropout.backward(work, inputs)
            self.embedding.backward(work, self.word_dropout.backward(work, inputs))


class WordDropout(Dropout):
    """Sets the whole vectors of tokens to zero with probability ``rate`` (Iyyer et al. 2015).

    The others stay as they are: how many words a text has says little of how large states are.
    """

    def forward(self, work: Workspace, inputs: Floats) -> Floats:
        """Inputs (time, batch, feature) times a mask (time, batch)."""
        if not work.training or self.rate == 0 or inputs.size == 0:
            return inputs
        mask = np.random.default_rng(self.keys(work)).random(inputs.shape[:2]) >= self.rate
        work.saved[self.name] = mask
        outputs = work.buffer(f"{self.name}/outputs", inputs.shape)
        np.multiply(inputs, mask[:, :, None], out=outputs)
        return outputs

    def backward(self, work: Workspace, grad: Floats) -> Floats:
        """The gradient of the inputs, in the memory of that of the outputs."""
        if work.training and self.rate > 0 and grad.size > 0:
            grad *= work.saved[self.name][:, :, None]
        return grad
