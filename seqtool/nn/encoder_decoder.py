"""Sequence to sequence: an encoder reads, a decoder with attention writes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from seqtool.nn.decoder import DecoderSettings
from seqtool.nn.dropout import Dropout
from seqtool.nn.embedding import Embedding
from seqtool.nn.parameters import Parameters
from seqtool.nn.stack import Stack, StackSettings
from seqtool.nn.types import Ids, Lengths, Shard
from seqtool.nn.workspace import Workspace
from seqtool.nn.writer import Encoded, Forced, Writer


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


class EncoderDecoder:
    """Embeddings, recurrent encoder, `Writer`; a `seqtool.nn.types.Model`."""

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
        table = "source.table" if settings.shared else "target.table"
        self.writer = Writer(
            parameters,
            DecoderSettings(
                size, hidden, self.encoder.outputs, settings.layers, settings.cell,
                settings.attention, settings.feeding, settings.coverage, rate,
            ),
            self.target, table if settings.tied else None, settings.smoothing,
        )  # fmt: skip
        self.dropout = Dropout("dropout.source", rate)
        parameters.allocate(dtype)

    def initialise(self, seed: int) -> None:
        """Fill the weights."""
        random = np.random.default_rng(seed)
        self.source.initialise(random)
        self.target.initialise(random)
        self.encoder.initialise(random)
        self.writer.initialise(random)

    def loss(self, work: Workspace, shard: Shard) -> float:
        """The summed loss (nats) of a shard, and in training its gradients."""
        loss = self.writer.loss(work, shard, self._encode(work, shard))
        if work.training:
            self._backward(work)
        return loss

    def forced(self, work: Workspace, shard: Shard) -> Forced:
        """Probabilities of the shard's targets and where the model looks; ``work`` is not one for
        training."""
        return self.writer.forced(work, shard, self._encode(work, shard))

    def encode(self, work: Workspace, source: Ids, lengths: Lengths | None) -> Encoded:
        """What the decoder needs of sources (source time, rows)."""
        if lengths is None:
            lengths = np.full(source.shape[1], len(source), np.int64)
        embedded = self.dropout.forward(work, self.source.forward(work, source))
        outputs, finals = self.encoder.forward(work, embedded, lengths)
        return self.writer.begin(work, outputs, lengths, finals)

    def _encode(self, work: Workspace, shard: Shard) -> Encoded:
        assert shard.source is not None
        return self.encode(work, shard.source, shard.source_lengths)

    def _backward(self, work: Workspace) -> None:
        values, finals = self.writer.backward(work)
        if values is None:
            first = work.saved[self.encoder.layers[0].name]
            values = work.zeros("grad_outputs", (first.time, first.rows, self.encoder.outputs))
        source, _ = self.encoder.backward(work, values, finals)
        assert source is not None
        self.source.backward(work, self.dropout.backward(work, source))
