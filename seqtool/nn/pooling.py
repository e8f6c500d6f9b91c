"""From the states of a sequence to one vector: the end of a many-to-one model.

Only steps before a row's length count; an empty row gives zeros.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from seqtool.nn.attention_pooling import AttentionPooling
from seqtool.nn.layer import Layer
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.pooling_kernels import pool_maxima, pool_means, pool_means_backward
from seqtool.nn.types import Lengths
from seqtool.nn.workspace import Workspace


class Pooling(Protocol):
    """What pools."""

    def initialise(self, random: np.random.Generator) -> None:
        """Fill the weights, if there are any."""

    def forward(self, work: Workspace, states: Floats, lengths: Lengths) -> Floats:
        """Vectors (batch, size) from states (time, batch, size)."""

    def backward(self, work: Workspace, grad: Floats) -> Floats:
        """The gradient of all states from that of the vectors."""


class LastPooling(Layer):
    """The state at the last step.

    ``bidirectional`` says that the second half of every state was computed from the end to the
    beginning: its last step is the first.
    """

    def __init__(
        self, name: str, parameters: Parameters, size: int, bidirectional: bool = False
    ) -> None:
        super().__init__(name, parameters)
        self.middle = size // 2 if bidirectional else size

    def forward(self, work: Workspace, states: Floats, lengths: Lengths) -> Floats:
        """Copies the states that were last."""
        steps, batch, size = states.shape
        last, rows = np.maximum(lengths - 1, 0), np.arange(batch)
        outputs: Floats = work.buffer(f"{self.name}/outputs", (batch, size))
        outputs[:, : self.middle] = states[last, rows, : self.middle]
        outputs[:, self.middle :] = states[0, :, self.middle :]
        outputs[lengths == 0] = 0
        work.saved[self.name] = steps, lengths
        return outputs

    def backward(self, work: Workspace, grad: Floats) -> Floats:
        """Zero but where the states were copied from."""
        steps, lengths = work.saved[self.name]
        batch, size = grad.shape
        outputs: Floats = work.zeros(f"{self.name}/grad_inputs", (steps, batch, size))
        outputs[np.maximum(lengths - 1, 0), np.arange(batch), : self.middle] = grad[
            :, : self.middle
        ]
        outputs[0, :, self.middle :] = grad[:, self.middle :]
        outputs[0, lengths == 0] = 0
        return outputs


class MeanPooling(Layer):
    """The mean of the states."""

    def forward(self, work: Workspace, states: Floats, lengths: Lengths) -> Floats:
        """Adds up and divides by the lengths."""
        steps, batch, size = states.shape
        outputs: Floats = work.buffer(f"{self.name}/outputs", (batch, size))
        pool_means(states.ravel(), lengths, size, outputs.reshape(-1))
        work.saved[self.name] = steps, lengths
        return outputs

    def backward(self, work: Workspace, grad: Floats) -> Floats:
        """Each step gets the same share."""
        steps, lengths = work.saved[self.name]
        batch, size = grad.shape
        outputs: Floats = work.buffer(f"{self.name}/grad_inputs", (steps, batch, size))
        pool_means_backward(grad.ravel(), lengths, size, outputs.reshape(-1))
        return outputs


class MaxPooling(Layer):
    """The largest value of each number of the states (Collobert & Weston 2008)."""

    def forward(self, work: Workspace, states: Floats, lengths: Lengths) -> Floats:
        """Remembers at which steps the maxima are."""
        steps, batch, size = states.shape
        outputs: Floats = work.buffer(f"{self.name}/outputs", (batch, size))
        places = work.buffer(f"{self.name}/places", (batch, size), np.int32)
        pool_maxima(states.ravel(), lengths, size, outputs.reshape(-1), places.reshape(-1))
        work.saved[self.name] = steps, places
        return outputs

    def backward(self, work: Workspace, grad: Floats) -> Floats:
        """Only the maxima get a gradient."""
        steps, places = work.saved[self.name]
        batch, size = grad.shape
        outputs: Floats = work.zeros(f"{self.name}/grad_inputs", (steps, batch, size))
        rows, columns = np.nonzero(places >= 0)
        outputs[places[rows, columns], rows, columns] = grad[rows, columns]
        return outputs


POOLINGS = ("last", "mean", "max", "attention")


def make_pooling(
    kind: str, name: str, parameters: Parameters, size: int, bidirectional: bool = False
) -> Pooling:
    """A pooling layer of one of the POOLINGS for states of ``size``; see `LastPooling`."""
    if kind == "last":
        return LastPooling(name, parameters, size, bidirectional)
    if kind == "mean":
        return MeanPooling(name, parameters)
    if kind == "max":
        return MaxPooling(name, parameters)
    if kind == "attention":
        return AttentionPooling(name, parameters, size)
    raise ValueError(f"no pooling is called {kind!r}: there are {', '.join(POOLINGS)}")
