"""Layer normalisation."""

from __future__ import annotations

import numpy as np

from seqtool.nn.layer import Layer
from seqtool.nn.normalise_kernels import normalise_rows, normalise_rows_backward
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.workspace import Workspace

_EPSILON = 1e-5  # keeps a constant vector from being divided by 0


class LayerNorm(Layer):
    """Gives every vector mean 0 and variance 1, then a learned gain and bias (Ba et al. 2016).

    The weights are ``gain`` and ``bias``, both of shape (size,).
    """

    def __init__(self, name: str, parameters: Parameters, size: int) -> None:
        super().__init__(name, parameters)
        self.size = size
        self.declare("gain", (size,))
        self.declare("bias", (size,))

    def initialise(self, random: np.random.Generator) -> None:
        """Gain 1, bias 0."""
        self.weight("gain").fill(1)
        self.weight("bias").fill(0)

    def forward(self, work: Workspace, inputs: Floats) -> Floats:
        """From (..., size) to the same shape."""
        inputs = np.ascontiguousarray(inputs)
        outputs = work.buffer(f"{self.name}/outputs", inputs.shape)
        moments = work.buffer(f"{self.name}/moments", (inputs.size // self.size * 2,))
        normalise_rows(
            inputs.reshape(-1),
            self.size,
            1 / self.size,
            self.weight("gain"),
            self.weight("bias"),
            _EPSILON,
            outputs.reshape(-1),
            moments,
        )
        if work.training:
            work.saved[self.name] = inputs, moments
        return outputs

    def backward(self, work: Workspace, grad: Floats) -> Floats:
        """The gradient of the inputs, in the memory of that of the outputs."""
        inputs, moments = work.saved[self.name]
        grad = np.ascontiguousarray(grad)
        gradients = work.gradients
        normalise_rows_backward(
            inputs.reshape(-1),
            self.size,
            1 / self.size,
            self.weight("gain"),
            moments,
            grad.reshape(-1),
            gradients[f"{self.name}.gain"],
            gradients[f"{self.name}.bias"],
        )
        return grad
