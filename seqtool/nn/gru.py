"""Gated recurrent units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from seqtool.nn import gru_kernels
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.recurrent import OneSumLayer, RecurrentLayer, Run, flat
from seqtool.nn.workspace import Workspace, padded


class GRU(RecurrentLayer):
    """The full gated recurrent unit, with update and reset gate; equations in `gru_kernels`."""

    gates: ClassVar[int] = 3

    def __init__(
        self, name: str, parameters: Parameters, inputs: int, hidden: int, reverse: bool = False
    ) -> None:
        super().__init__(name, parameters, inputs, hidden, reverse)
        self.declare("reset_bias", (hidden,))

    def initialise(self, random: np.random.Generator) -> None:
        """As other cells."""
        super().initialise(random)
        self.weight("reset_bias")[:] = 0

    def prepare(self, work: Workspace, run: Run, initial: Sequence[Floats | None]) -> None:
        """The product with the recurrent weights, which the reset gate scales."""
        run.parts["recurrent"] = work.zeros(f"{self.name}/recurrent", run.sums.shape)

    def advance(self, work: Workspace, run: Run, begin: int, end: int) -> None:
        """One loop over time, compiled."""
        gru_kernels.forward(
            flat(run.sums, begin, end),
            flat(run.parts["recurrent"], begin, end),
            self.width,
            run.packed,
            self.weight("bias"),
            self.weight("reset_bias"),
            flat(run.hidden, begin, end + 1),
            *self.sizes(run, begin, end),
        )

    def retreat(
        self, work: Workspace, run: Run, grad_outputs: Floats, begin: int, end: int
    ) -> None:
        """The loop backwards."""
        gru_kernels.backward(
            flat(run.sums, begin, end),
            flat(run.parts["recurrent"], begin, end),
            self.width,
            run.packed_back,
            flat(run.hidden, begin, end + 1),
            grad_outputs.reshape(-1),
            run.grad_state[0].reshape(-1),
            padded(self.hidden),
            *self.sizes(run, begin, end),
        )

    def add_cell_gradients(self, work: Workspace, run: Run) -> None:
        """Those of recurrent weights and of the bias behind the reset gate."""
        grad_recurrent = self.column_part(run.parts["recurrent"])
        self.add_recurrent_gradient(work, run.hidden, grad_recurrent)
        candidate = grad_recurrent[:, 2 * self.hidden :]
        work.add_gradient(f"{self.name}.reset_bias", candidate.sum(axis=0))


class SimpleGRU(OneSumLayer):
    """The simplified gated recurrent unit, with an update gate only."""

    gates: ClassVar[int] = 2
    kernels = (gru_kernels.forward_simple, gru_kernels.backward_simple)
