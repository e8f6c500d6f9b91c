"""The plain recurrent network."""

from __future__ import annotations

from seqtool.nn import rnn_kernels
from seqtool.nn.recurrent import OneSumLayer


class RNN(OneSumLayer):
    """The plain recurrent network, h = tanh(x W + h' U + b)."""

    kernels = (rnn_kernels.forward, rnn_kernels.backward)
    extra = (0,)


class ReluRNN(OneSumLayer):
    """The plain recurrent network with max(0, ·) for tanh."""

    kernels = (rnn_kernels.forward, rnn_kernels.backward)
    extra = (1,)
