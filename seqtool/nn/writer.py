"""What writes: a decoder that begins where an encoder ended, and looks at what it read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.nn.attention import Memory
from seqtool.nn.decoder import Decoder, DecoderSettings, DecoderState
from seqtool.nn.dense import Dense
from seqtool.nn.dropout import Dropout
from seqtool.nn.embedding import Embedding
from seqtool.nn.losses import CrossEntropy
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.recurrent import State
from seqtool.nn.types import Ids, Lengths, Shard
from seqtool.nn.workspace import Workspace


class Encoded(NamedTuple):
    """What a decoder needs of its sources; rows are the sources.

    Attributes: ``memory`` to look at (None without attention), ``cells`` to begin with.
    """

    memory: Memory | None
    cells: list[State]


class Forced(NamedTuple):
    """What a model makes of given targets.

    Attributes:
        log_probs: natural logs of the targets' probabilities, (time, rows); 0 behind a row's end.
        attention: weights (time, rows, source time), or None without attention.
    """

    log_probs: NDArray[np.float64]
    attention: Floats | None


class Writer:
    """`Decoder`, its bridge from an encoder, and a softmax over what may be written.

    The decoder's states begin as tanh(f W + b) of the encoder's final ones f, those of both
    directions side by side (Bahdanau et al. 2015, appendix A.2.2), layer by layer.

    Args:
        parameters: gets the weights ``decoder``, ``bridge.N.M`` and ``output``.
        settings: of the decoder; its ``memory`` is the size of the encoder's outputs.
        target: the table of what may be written.
        tied_to: name of a table whose transpose makes logits of outputs (Press & Wolf 2017).
        smoothing: of labels, see `seqtool.nn.losses.CrossEntropy`.
    """

    def __init__(
        self,
        parameters: Parameters,
        settings: DecoderSettings,
        target: Embedding,
        tied_to: str | None = None,
        smoothing: float = 0.0,
    ) -> None:
        self.settings = settings
        self.target = target
        self.decoder = Decoder("decoder", parameters, settings)
        self.bridges = [
            [
                Dense(f"bridge.{number}.{part}", parameters, settings.memory, settings.hidden)
                for part in range(layer.parts)
            ]
            for number, layer in enumerate(self.decoder.layers)
        ]
        self.output = Dense("output", parameters, settings.inputs, target.vocab, tied_to=tied_to)
        self.dropouts = {
            name: Dropout(f"dropout.{name}", settings.dropout) for name in ("target", "memory")
        }
        self.cost = CrossEntropy("loss", smoothing)

    def initialise(self, random: np.random.Generator) -> None:
        """Fill the weights; the table is filled by who made it."""
        self.decoder.initialise(random)
        for bridges in self.bridges:
            for bridge in bridges:
                bridge.initialise(random)
        self.output.initialise(random)

    def begin(
        self, work: Workspace, outputs: Floats, lengths: Lengths, finals: Sequence[State]
    ) -> Encoded:
        """What the decoder needs of an encoder's outputs (source time, rows, memory).

        ``finals`` are the encoder's final states, as many layers as the decoder has, each in its
        one or two directions.
        """
        memory = None
        if self.decoder.attention:
            values = self.dropouts["memory"].forward(work, np.ascontiguousarray(outputs))
            rows = np.arange(outputs.shape[1])
            memory = self.decoder.attention.memorise(work, values, lengths, rows)
        return Encoded(memory, self._cross(work, finals))

    def loss(self, work: Workspace, shard: Shard, encoded: Encoded) -> float:
        """The summed loss (nats) of the shard's targets.

        In training `backward` leads back from here.
        """
        logits = self._logits(work, shard, encoded)
        bias = self.output.weight("bias")
        loss = self.cost.forward(work, logits, shard.targets, shard.lengths, shard.weights, bias)
        work.saved["writer"] = logits
        return loss

    def forced(self, work: Workspace, shard: Shard, encoded: Encoded) -> Forced:
        """Probabilities of the shard's targets and where the decoder looks; ``work`` is not one
        for training."""
        logits = self._logits(work, shard, encoded)
        bias = self.output.weight("bias")
        log_probs = self.cost.log_probabilities(work, logits, shard.targets, shard.lengths, bias)
        weights = self.decoder.attention_weights(work)
        return Forced(log_probs, None if weights is None else weights.copy())

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

    def backward(self, work: Workspace) -> tuple[Floats | None, list[State]]:
        """The gradients of the encoder's outputs (None without attention) and final states."""
        grad = self.output.backward(work, work.saved["writer"])
        embedded, cells, values = self.decoder.backward(work, grad)
        self.target.backward(work, self.dropouts["target"].backward(work, embedded))
        finals = self._cross_back(work, cells)
        if values is not None:
            values = self.dropouts["memory"].backward(work, values)
        return values, finals

    def _logits(self, work: Workspace, shard: Shard, encoded: Encoded) -> Floats:
        """Logits (time, rows, vocab) to which the bias is yet to be added."""
        lengths = shard.lengths
        if lengths is None:
            lengths = np.full(shard.inputs.shape[1], len(shard.inputs), np.int64)
        state = DecoderState(encoded.cells)
        outputs, _ = self.decode(work, shard.inputs, lengths, state, encoded.memory)
        return self.output.forward(work, outputs, add_bias=False)

    def _cross(self, work: Workspace, finals: Sequence[State]) -> list[State]:
        """The decoder's first states, from the encoder's last ones."""
        directions = len(finals) // len(self.bridges)
        states = []
        for number, bridges in enumerate(self.bridges):
            mine = finals[number * directions : (number + 1) * directions]
            parts = []
            for part, bridge in enumerate(bridges):
                both = np.concatenate([final[part] for final in mine], axis=1)
                crossed = bridge.forward(work, both)
                parts.append(np.tanh(crossed, out=crossed))
            states.append(tuple(parts))
        work.saved["bridge"] = states, directions
        return states

    def _cross_back(self, work: Workspace, grads: list[State]) -> list[State]:
        """The gradients of the encoder's final states."""
        crossed, directions = work.saved["bridge"]
        width = self.settings.memory // directions
        finals: list[State] = []
        for bridges, states, grad_states in zip(self.bridges, crossed, grads, strict=True):
            parts = []
            for bridge, state, grad in zip(bridges, states, grad_states, strict=True):
                parts.append(bridge.backward(work, grad * (1 - state**2)))
            for side in range(directions):
                columns = slice(side * width, (side + 1) * width)
                finals.append(tuple(part[:, columns] for part in parts))
        return finals
