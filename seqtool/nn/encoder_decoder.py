"""Sequence to sequence: an encoder reads, a decoder with attention writes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.nn.attention import Memory
from seqtool.nn.decoder import Decoder, DecoderSettings, DecoderState
from seqtool.nn.dense import Dense
from seqtool.nn.dropout import Dropout
from seqtool.nn.embedding import Embedding
from seqtool.nn.layer import Layer
from seqtool.nn.losses import CrossEntropy
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.recurrent import State
from seqtool.nn.stack import Stack, StackSettings
from seqtool.nn.types import Ids, Lengths, Shard
from seqtool.nn.workspace import Workspace


class EncoderDecoderSettings(NamedTuple):
    """The shape of a translation model.

    Attributes:
        source_vocab, target_vocab: how many tokens there are.
        embedding: size of a token's vector, and of the decoder's outputs.
        hidden: size of the decoder's states and of the encoder's outputs; each direction of a
            bidirectional encoder has half of it.
        layers: recurrent layers of the encoder, and of the decoder.
        cell: name of the recurrent cell, see `seqtool.nn.cells`.
        bidirectional: whether the encoder also reads from the end to the beginning.
        attention: "none", "additive", "dot" or "general", see `seqtool.nn.attention`.
        feeding, coverage: see `seqtool.nn.decoder.DecoderSettings`.
        shared: whether source and target have one table of embeddings (a joint vocabulary).
        tied: whether the logits use the target's table of embeddings (Press & Wolf 2017).
        dropout: rate of embeddings and outputs, and between layers.
        smoothing: of labels, see `seqtool.nn.losses.CrossEntropy`.

    `EncoderDecoder` raises ValueError for a combination that there is not.
    """

    source_vocab: int
    target_vocab: int
    embedding: int = 256
    hidden: int = 512
    layers: int = 1
    cell: str = "lstm"
    bidirectional: bool = True
    attention: str = "general"
    feeding: bool = True
    coverage: bool = False
    shared: bool = False
    tied: bool = True
    dropout: float = 0.0
    smoothing: float = 0.0


class Forced(NamedTuple):
    """What a model makes of given translations.

    Attributes:
        log_probs: natural logs of the targets' probabilities, (time, rows); 0 behind a row's end.
        attention: weights (time, rows, source time), or None without attention.
    """

    log_probs: NDArray[np.float64]
    attention: Floats | None


class Encoded(NamedTuple):
    """What a decoder needs of its sources; rows are the sources.

    Attributes: ``memory`` to look at (None without attention), ``cells`` to begin with.
    """

    memory: Memory | None
    cells: list[State]


class EncoderDecoder:
    """Embeddings, recurrent encoder, `Decoder`, softmax; a `seqtool.nn.types.Model`.

    The decoder's states begin as tanh(f W + b) of the encoder's final ones f, those of both
    directions side by side (Bahdanau et al. 2015, appendix A.2.2), layer by layer.
    """

    def __init__(
        self, settings: EncoderDecoderSettings, dtype: type[np.floating[Any]] = np.float32
    ) -> None:
        if settings.shared and settings.source_vocab != settings.target_vocab:
            raise ValueError("a shared table is one of a joint vocabulary")
        if settings.bidirectional and settings.hidden % 2:
            raise ValueError(f"two directions cannot share {settings.hidden} numbers")
        self.settings = settings
        self.parameters = parameters = Parameters()
        size, hidden, rate = settings.embedding, settings.hidden, settings.dropout
        self.source = Embedding("source", parameters, settings.source_vocab, size)
        self.target = Embedding(
            "target", parameters, settings.target_vocab, size,
            tied_to="source.table" if settings.shared else None,
        )  # fmt: skip
        directions = 2 if settings.bidirectional else 1
        self.encoder = Stack(
            "encoder", parameters, size,
            StackSettings(
                settings.cell, hidden // directions, settings.layers, settings.bidirectional, rate
            ),
        )  # fmt: skip
        self.decoder = Decoder(
            "decoder", parameters,
            DecoderSettings(
                size, hidden, self.encoder.outputs, settings.layers, settings.cell,
                settings.attention, settings.feeding, settings.coverage, rate,
            ),
        )  # fmt: skip
        self.bridges = [
            [
                Dense(f"bridge.{number}.{part}", parameters, hidden, hidden)
                for part in range(layer.parts)
            ]
            for number, layer in enumerate(self.decoder.layers)
        ]
        table = "source.table" if settings.shared else "target.table"
        self.output = Dense(
            "output", parameters, size, settings.target_vocab,
            tied_to=table if settings.tied else None,
        )  # fmt: skip
        self.dropouts = {
            name: Dropout(f"dropout.{name}", rate) for name in ("source", "target", "memory")
        }
        self.cost = CrossEntropy("loss", settings.smoothing)
        parameters.allocate(dtype)

    def initialise(self, seed: int) -> None:
        """Fill the weights."""
        random = np.random.default_rng(seed)
        bridges = [bridge for bridges in self.bridges for bridge in bridges]
        layers: list[Layer | Stack] = [self.source, self.target, self.encoder, self.decoder]
        for layer in (*layers, *bridges, self.output):
            layer.initialise(random)

    def loss(self, work: Workspace, shard: Shard) -> float:
        """The summed loss (nats) of a shard, and in training its gradients."""
        logits = self._logits(work, shard)
        bias = self.output.weight("bias")
        loss = self.cost.forward(work, logits, shard.targets, shard.lengths, shard.weights, bias)
        if work.training:
            self._backward(work, logits)
        return loss

    def forced(self, work: Workspace, shard: Shard) -> Forced:
        """Probabilities of the shard's targets and where the model looks; ``work`` is not one for
        training."""
        logits = self._logits(work, shard)
        bias = self.output.weight("bias")
        log_probs = self.cost.log_probabilities(work, logits, shard.targets, shard.lengths, bias)
        weights = self.decoder.attention_weights(work)
        return Forced(log_probs, None if weights is None else weights.copy())

    def encode(self, work: Workspace, source: Ids, lengths: Lengths | None) -> Encoded:
        """What the decoder needs of sources (source time, rows)."""
        rows = source.shape[1]
        if lengths is None:
            lengths = np.full(rows, len(source), np.int64)
        embedded = self.dropouts["source"].forward(work, self.source.forward(work, source))
        outputs, finals = self.encoder.forward(work, embedded, lengths)
        memory = None
        if self.decoder.attention:
            values = self.dropouts["memory"].forward(work, np.ascontiguousarray(outputs))
            memory = self.decoder.attention.memorise(work, values, lengths, np.arange(rows))
        return Encoded(memory, self._cross(work, finals))

    def decode(
        self,
        work: Workspace,
        ids: Ids,
        lengths: Lengths,
        state: DecoderState,
        memory: Memory | None,
    ) -> tuple[Floats, DecoderState]:
        """(outputs (time, rows, embedding), new state) of target ids (time, rows)."""
        embedded = self.dropouts["target"].forward(work, self.target.forward(work, ids))
        return self.decoder.forward(work, embedded, lengths, state, memory)

    def _logits(self, work: Workspace, shard: Shard) -> Floats:
        """Logits (time, rows, target_vocab) to which the bias is yet to be added."""
        assert shard.source is not None
        lengths = shard.lengths
        if lengths is None:
            lengths = np.full(shard.inputs.shape[1], len(shard.inputs), np.int64)
        encoded = self.encode(work, shard.source, shard.source_lengths)
        state = DecoderState(encoded.cells)
        outputs, _ = self.decode(work, shard.inputs, lengths, state, encoded.memory)
        return self.output.forward(work, outputs, add_bias=False)

    def _cross(self, work: Workspace, finals: list[State]) -> list[State]:
        """The decoder's first states, from the encoder's last ones."""
        directions = len(finals) // self.settings.layers
        states = []
        for number, bridges in enumerate(self.bridges):
            mine = finals[number * directions : (number + 1) * directions]
            parts = []
            for part, bridge in enumerate(bridges):
                both = np.concatenate([final[part] for final in mine], axis=1)
                crossed = bridge.forward(work, both)
                parts.append(np.tanh(crossed, out=crossed))
            states.append(tuple(parts))
        work.saved["bridge"] = states
        return states

    def _cross_back(self, work: Workspace, grads: list[State]) -> list[State]:
        """The gradients of the encoder's final states."""
        directions = len(self.encoder.layers) // self.settings.layers
        width = self.settings.hidden // directions
        finals: list[State] = []
        for number, bridges in enumerate(self.bridges):
            parts = []
            for bridge, state, grad in zip(
                bridges, work.saved["bridge"][number], grads[number], strict=True
            ):
                parts.append(bridge.backward(work, grad * (1 - state**2)))
            for side in range(directions):
                columns = slice(side * width, (side + 1) * width)
                finals.append(tuple(part[:, columns] for part in parts))
        return finals

    def _backward(self, work: Workspace, grad: Floats) -> None:
        grad = self.output.backward(work, grad)
        embedded, cells, values = self.decoder.backward(work, grad)
        self.target.backward(work, self.dropouts["target"].backward(work, embedded))
        finals = self._cross_back(work, cells)
        if values is None:
            time = work.saved[self.encoder.layers[0].name].time
            shape = (time, embedded.shape[1], self.encoder.outputs)
            values = work.zeros("grad_outputs", shape)
        else:
            values = self.dropouts["memory"].backward(work, values)
        source, _ = self.encoder.backward(work, values, finals)
        assert source is not None
        self.source.backward(work, self.dropouts["source"].backward(work, source))
