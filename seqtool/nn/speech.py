"""Speech to text: a network that listens, and what is made of what it hears."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from seqtool.ctc.loss import CtcLoss
from seqtool.nn.acoustic import AcousticModel, AcousticSettings
from seqtool.nn.decoder import DecoderSettings
from seqtool.nn.embedding import Embedding
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.types import Lengths, Shard
from seqtool.nn.workspace import Workspace
from seqtool.nn.writer import Encoded, Writer
from seqtool.nn.writer_steps import WriterState, WriterSteps

LOSSES = ("ctc", "attention", "both")


class SpeechSettings(NamedTuple):
    """The shape of a speech recogniser.

    Attributes:
        acoustic: what listens; its symbol 0 is the blank, and begins and ends what is written.
        loss: "ctc" says symbols where it hears them; "attention" writes them one after the other
            while it looks at all that was heard (Chan et al. 2016); "both" learns both at once
            from the same states, which keeps attention from losing its way (Kim et al. 2017).
        embedding, hidden: sizes of the writing decoder, which has one layer and the cell of the
            listening stack.
        attention: see `seqtool.nn.attention`.
        share: of the loss that is CTC with "both".
        smoothing: of the labels that are written.
    """

    acoustic: AcousticSettings
    loss: str = "ctc"
    embedding: int = 64
    hidden: int = 256
    attention: str = "additive"
    share: float = 0.3
    smoothing: float = 0.0


class SpeechModel:
    """`AcousticModel` with CTC, a `Writer`, or both; a `seqtool.nn.types.Model`.

    The labels of a shard are its targets, without anything that begins or ends them.
    """

    def __init__(
        self, settings: SpeechSettings, dtype: type[np.floating[Any]] = np.float32
    ) -> None:
        if settings.loss not in LOSSES:
            raise ValueError(f"a loss is one of {', '.join(LOSSES)}, not {settings.loss}")
        self.settings = settings
        self.parameters = parameters = Parameters()
        self.acoustic = AcousticModel("acoustic", parameters, settings.acoustic)
        self.ctc_share = {"ctc": 1.0, "attention": 0.0, "both": settings.share}[settings.loss]
        self.cost = CtcLoss("ctc")
        self.writer = None if settings.loss == "ctc" else _writer(parameters, settings)
        parameters.allocate(dtype)

    def initialise(self, seed: int) -> None:
        """Fill the weights."""
        random = np.random.default_rng(seed)
        self.acoustic.initialise(random)
        if self.writer:
            self.writer.target.initialise(random)
            self.writer.initialise(random)

    def loss(self, work: Workspace, shard: Shard) -> float:
        """The summed loss (nats) of a shard, and in training its gradients."""
        assert shard.features is not None
        assert shard.source_lengths is not None
        states, finals = self.acoustic.states(work, shard.features, shard.source_lengths)
        steps = self.acoustic.steps(shard.source_lengths)
        scale, loss = work.scale, 0.0
        grad = work.zeros("speech/grad", states.shape) if work.training else states
        if self.ctc_share:
            assert shard.lengths is not None
            work.scale = scale * self.ctc_share
            logits = self.acoustic.output.forward(work, states)
            found = self.cost.forward(work, logits, steps, shard.targets, shard.lengths)
            loss += self.ctc_share * found
            if work.training:
                grad += self.acoustic.output.backward(work, logits)
        grad_finals = None
        if self.writer:
            work.scale = scale * (1 - self.ctc_share)
            encoded = self.writer.begin(work, states, steps, finals[-self.directions :])
            loss += (1 - self.ctc_share) * self.writer.loss(work, _written(shard), encoded)
            if work.training:
                grad_values, top = self.writer.backward(work)
                assert grad_values is not None
                grad += grad_values
                grad_finals = [None] * (len(finals) - len(top)) + top
        work.scale = scale
        if work.training:
            self.acoustic.states_backward(work, grad, grad_finals)
        return loss

    @property
    def directions(self) -> int:
        """In how many directions the network listens."""
        return 2 if self.settings.acoustic.stack.bidirectional else 1

    def log_probs(self, work: Workspace, features: Floats, frames: Lengths) -> Floats:
        """Natural logs of the symbols' probabilities, (steps, rows, symbols), by CTC.

        For features (frames, rows, size), of which each row has as many as ``frames`` (rows,)
        says; what lies behind a row's steps means nothing.
        """
        logits = self.acoustic.logits(work, features, frames)
        logits -= logits.max(axis=2, keepdims=True)
        result: Floats = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
        return result

    def encode(self, work: Workspace, features: Floats, frames: Lengths) -> Encoded:
        """What the writer needs of features (frames, rows, size)."""
        assert self.writer is not None
        states, finals = self.acoustic.states(work, features, frames)
        steps = self.acoustic.steps(frames)
        return self.writer.begin(work, states, steps, finals[-self.directions :])


class SpeechSteps(WriterSteps):
    """A `SpeechModel` that writes, as a `seqtool.decode.types.StepModel`; see `WriterSteps`."""

    def __init__(self, model: SpeechModel) -> None:
        assert model.writer is not None
        super().__init__(model.parameters, model.writer)
        self._model = model

    def encode(self, features: Floats, frames: Lengths) -> WriterState:
        """The state of a row for each of features (frames, rows, size): nothing is written."""
        return self.begin(self._model.encode(self.work, features, frames))


def _writer(parameters: Parameters, settings: SpeechSettings) -> Writer:
    acoustic = settings.acoustic
    stack = acoustic.stack
    shape = DecoderSettings(
        inputs=settings.embedding,
        hidden=settings.hidden,
        memory=stack.hidden * (2 if stack.bidirectional else 1),
        cell=stack.cell,
        attention=settings.attention,
        dropout=acoustic.dropout,
    )
    target = Embedding("target", parameters, acoustic.symbols, settings.embedding)
    return Writer(parameters, shape, target, smoothing=settings.smoothing)


def _written(shard: Shard) -> Shard:
    """The shard of a writer: symbol 0 before the labels, and behind them."""
    assert shard.lengths is not None
    edge = np.zeros((1, shard.targets.shape[1]), np.int32)
    return shard._replace(
        inputs=np.concatenate([edge, shard.targets]),
        targets=np.concatenate([shard.targets, edge]),
        lengths=shard.lengths + 1,
    )
