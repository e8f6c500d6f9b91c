"""Convolution over time."""

from __future__ import annotations

import numpy as np

from seqtool.nn.initial import glorot_uniform
from seqtool.nn.layer import Layer
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.types import Lengths
from seqtool.nn.workspace import Workspace


class Convolution(Layer):
    """Each output is a product with ``kernel`` neighbouring inputs, ``stride`` of them apart.

    The weights are ``weight`` (kernel inputs, outputs), the first ``inputs`` rows of which belong
    to the earliest input, and ``bias`` (outputs,). A sequence of n gives ceil(n / stride) outputs;
    around it there are zeros. If ``causal``, output t sees inputs up to stride t + stride - 1, so
    that a stream needs no more than it has; otherwise what it sees lies around the middle of those.

    Raises ValueError for a kernel that is shorter than the stride.
    """

    def __init__(
        self,
        name: str,
        parameters: Parameters,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        causal: bool = False,
    ) -> None:
        super().__init__(name, parameters)
        if not 1 <= stride <= kernel:
            raise ValueError(f"a kernel of {kernel} leaves inputs out at a stride of {stride}")
        self.inputs, self.outputs = inputs, outputs
        self.kernel, self.stride = kernel, stride
        self.left = (kernel - stride) if causal else (kernel - stride) // 2
        self.declare("weight", (kernel * inputs, outputs))
        self.declare("bias", (outputs,))

    def initialise(self, random: np.random.Generator) -> None:
        """Draw the weights; the bias begins at 0."""
        glorot_uniform(self.weight("weight"), random)
        self.weight("bias").fill(0)

    def lengths(self, lengths: Lengths) -> Lengths:
        """How many outputs sequences of these lengths have."""
        return -(-lengths // self.stride)

    def forward(
        self, work: Workspace, inputs: Floats, lengths: Lengths, before: Floats | None = None
    ) -> Floats:
        """From (time, rows, inputs) to (ceil(time / stride), rows, outputs).

        Inputs behind the ``lengths`` (rows,) of the sequences count as zeros. ``before`` (left,
        rows, inputs) is what came before the first input, zeros by default.
        """
        time, rows, size = inputs.shape
        steps = -(-time // self.stride)
        shape = (self.stride * (steps - 1) + self.kernel, rows, size)
        surrounded = work.zeros(f"{self.name}/surrounded", shape)
        if before is not None:
            surrounded[: self.left] = before
        end = min(self.left + time, len(surrounded))
        surrounded[self.left : end] = inputs[: end - self.left]
        for row in np.flatnonzero(lengths < time):
            surrounded[self.left + lengths[row] :, row] = 0
        unfolded = work.buffer(f"{self.name}/unfolded", (steps, rows, self.kernel * size))
        for place in range(self.kernel):
            columns = slice(place * size, (place + 1) * size)
            unfolded[:, :, columns] = self._at(surrounded, place, steps)
        outputs: Floats = work.buffer(f"{self.name}/outputs", (steps, rows, self.outputs))
        flat = unfolded.reshape(steps * rows, -1)
        flat_outputs = outputs.reshape(-1, self.outputs)
        work.multiply(f"{self.name}.weight", flat, self.weight("weight"), flat_outputs)
        outputs += self.weight("bias")
        if work.training:
            work.saved[self.name] = flat, lengths, shape, time
        return outputs

    def backward(self, work: Workspace, grad: Floats, needs_inputs: bool = True) -> Floats | None:
        """From the gradient of the outputs to that of the inputs; None if it is not needed.

        The gradient of outputs behind a row's end must be 0.
        """
        flat, lengths, shape, time = work.saved[self.name]
        steps, rows, _ = grad.shape
        flat_grad = grad.reshape(-1, self.outputs)
        work.add_product(f"{self.name}.weight", flat.T, flat_grad)
        work.add_gradient(f"{self.name}.bias", flat_grad.sum(axis=0))
        if not needs_inputs:
            return None
        np.matmul(flat_grad, self.weight("weight").T, out=flat)  # the inputs have done their work
        unfolded = flat.reshape(steps, rows, -1)
        surrounded = work.zeros(f"{self.name}/surrounded", shape)
        for place in range(self.kernel):
            columns = slice(place * self.inputs, (place + 1) * self.inputs)
            part = self._at(surrounded, place, steps)
            part += unfolded[:, :, columns]
        grad_inputs: Floats = work.zeros(f"{self.name}/grad_inputs", (time, rows, self.inputs))
        end = min(self.left + time, len(surrounded))
        grad_inputs[: end - self.left] = surrounded[self.left : end]
        for row in np.flatnonzero(lengths < time):
            grad_inputs[lengths[row] :, row] = 0
        return grad_inputs

    def _at(self, surrounded: Floats, place: int, steps: int) -> Floats:
        """What each output sees at one place of the kernel: a view (steps, rows, inputs)."""
        return surrounded[place : place + self.stride * (steps - 1) + 1 : self.stride]
