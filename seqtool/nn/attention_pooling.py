"""A mean over time that learns where to look."""

from __future__ import annotations

import numpy as np

from seqtool.nn.dense import Dense
from seqtool.nn.initial import uniform
from seqtool.nn.layer import Layer
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.types import Lengths
from seqtool.nn.workspace import Workspace


class AttentionPooling(Layer):
    """The mean of states h weighted by attention (Yang et al. 2016, equations 5 to 7):

        u = tanh(h W + b),  weights = softmax over time of (u . v),  output = sum of weights * h

    The weights of the layer are ``project.weight`` (size, size), ``project.bias`` and ``query``,
    the v above, both of shape (size,). Steps behind a row's length have no weight.
    """

    def __init__(self, name: str, parameters: Parameters, size: int) -> None:
        super().__init__(name, parameters)
        self.project = Dense(f"{name}.project", parameters, size, size)
        self.declare("query", (size,))

    def initialise(self, random: np.random.Generator) -> None:
        """Draw all but the bias."""
        self.project.initialise(random)
        query = self.weight("query")
        uniform(query, len(query) ** -0.5, random)

    def forward(self, work: Workspace, states: Floats, lengths: Lengths) -> Floats:
        """From (time, batch, size) to (batch, size)."""
        hidden = self.project.forward(work, states)
        np.tanh(hidden, out=hidden)
        scores = hidden @ self.weight("query")
        inside = np.arange(len(states))[:, None] < lengths
        most = np.max(scores, axis=0, initial=-np.inf, where=inside)
        attention = np.where(inside, np.exp(np.where(inside, scores - most, 0)), 0)
        attention /= np.maximum(attention.sum(axis=0), np.finfo(work.dtype).tiny)
        work.saved[self.name] = states, hidden, attention
        return _weighted_sum(attention, states)

    def attention(self, work: Workspace) -> Floats:
        """The weights (time, batch) of the last forward pass."""
        attention: Floats = work.saved[self.name][2]
        return attention

    def backward(self, work: Workspace, grad: Floats) -> Floats:
        """The gradient of the states, (time, batch, size)."""
        states, hidden, attention = work.saved[self.name]
        slopes = np.einsum("tbk,bk->tb", states, grad)
        slopes = attention * (slopes - (attention * slopes).sum(axis=0))
        work.add_gradient(f"{self.name}.query", np.einsum("tb,tbk->k", slopes, hidden))
        through = work.buffer(f"{self.name}/through", hidden.shape)
        np.multiply(hidden, hidden, out=through)
        np.subtract(1, through, out=through)
        through *= self.weight("query")
        through *= slopes[:, :, None]
        outputs = self.project.backward(work, through)
        outputs += attention[:, :, None] * grad
        return outputs


def _weighted_sum(weights: Floats, states: Floats) -> Floats:
    """The sum over time of weights (time, batch) times states (time, batch, size)."""
    total: Floats = np.einsum("tb,tbk->bk", weights, states)
    return total
