"""A product with a matrix."""

from __future__ import annotations

import numpy as np

from seqtool.nn.initial import glorot_uniform
from seqtool.nn.layer import Layer
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.workspace import Workspace


class Dense(Layer):
    """outputs = inputs W + b, for vectors in arrays of any shape.

    The weights are ``weight`` of shape (inputs, outputs) and ``bias`` of shape (outputs,). With
    ``tied_to`` W is the transpose of another layer's table of shape (outputs, inputs), such as
    ``"embedding.table"``: words that mean alike are then predicted alike (Press & Wolf 2017).
    """

    def __init__(
        self,
        name: str,
        parameters: Parameters,
        inputs: int,
        outputs: int,
        bias: bool = True,
        tied_to: str | None = None,
    ) -> None:
        super().__init__(name, parameters)
        self.inputs = inputs
        self.outputs = outputs
        self.has_bias = bias
        self.tied_to = tied_to
        if tied_to is None:
            self.declare("weight", (inputs, outputs))
        if bias:
            self.declare("bias", (outputs,))

    def initialise(self, random: np.random.Generator) -> None:
        """Draw the matrix, unless it is another layer's; the bias begins at 0."""
        if self.tied_to is None:
            glorot_uniform(self.weight("weight"), random)
        if self.has_bias:
            self.weight("bias").fill(0)

    def matrix(self) -> Floats:
        """W, of shape (inputs, outputs)."""
        if self.tied_to is None:
            return self.weight("weight")
        transposed: Floats = self.parameters[self.tied_to].T
        return transposed

    def forward(self, work: Workspace, inputs: Floats, add_bias: bool = True) -> Floats:
        """From (..., inputs) to (..., outputs); without ``add_bias`` the bias is left to others."""
        shape = inputs.shape[:-1]
        rows = inputs.reshape(-1, self.inputs)
        outputs: Floats = work.buffer(f"{self.name}/outputs", (len(rows), self.outputs))
        work.multiply(self.name, rows, self.matrix(), outputs)
        if self.has_bias and add_bias:
            outputs += self.weight("bias")
        if work.training:
            work.saved[self.name] = rows
        return outputs.reshape(*shape, self.outputs)

    def backward(self, work: Workspace, grad: Floats) -> Floats:
        """From the gradient of the outputs to that of the inputs."""
        shape = grad.shape[:-1]
        rows: Floats = work.saved[self.name]
        grad = grad.reshape(-1, self.outputs)
        if self.tied_to is None:
            work.add_product(f"{self.name}.weight", rows.T, grad)
        else:
            work.add_product(self.tied_to, grad.T, rows)
        if self.has_bias:
            ones = work.buffer(f"{self.name}/ones", (len(rows),))
            ones.fill(1)
            work.add_gradient(f"{self.name}.bias", ones @ grad)
        grad_inputs: Floats = work.buffer(f"{self.name}/grad_inputs", rows.shape)
        np.matmul(grad, self.matrix().T, out=grad_inputs)
        return grad_inputs.reshape(*shape, self.inputs)
