"""What every layer is."""

from __future__ import annotations

import numpy as np

from seqtool.nn.parameters import Floats, Parameters


class Layer:
    """A part of a model with weights, a forward pass and a backward pass.

    A layer declares its weights in the constructor, under names that begin with its own, and
    fills them in `initialise`. It holds no other state: what the backward pass needs lies in the
    workspace, so that threads share a layer. By convention the passes are

        forward(work, inputs, ...) -> outputs
        backward(work, grad_outputs, ...) -> grad_inputs

    where the backward pass belongs to the last forward pass in the same workspace, adds the
    gradients of the weights to the workspace's and may overwrite ``grad_outputs``. Arrays that
    a layer returns are buffers of the workspace: the next call overwrites them.
    """

    def __init__(self, name: str, parameters: Parameters) -> None:
        self.name = name
        self.parameters = parameters

    def declare(self, name: str, shape: tuple[int, ...], frozen: bool = False) -> None:
        """Add a weight ``LAYER.name``."""
        self.parameters.declare(f"{self.name}.{name}", shape, frozen)

    def weight(self, name: str) -> Floats:
        """The weight ``LAYER.name``."""
        return self.parameters[f"{self.name}.{name}"]

    def initialise(self, random: np.random.Generator) -> None:
        """Fill the weights; layers without any do nothing."""
