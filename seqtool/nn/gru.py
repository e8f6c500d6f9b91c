"""Gated recurrent units."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seqtool.nn import gru_kernels
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.recurrent import OneSumLayer, RecurrentLayer, Run, State, padded
from seqtool.nn.workspace import Workspace


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

    def forward_steps(self, work: Workspace, run: Run, state: State | None) -> tuple[Floats, State]:
        """(outputs, final state): one loop over time, compiled."""
        gates = self.project(work, run)
        recurrent = work.zeros(f"{self.name}/recurrent", gates.shape)
        hidden = self.states(work, "hidden", run, state[0] if state else None)
        gru_kernels.forward(
            gates.reshape(-1),
            recurrent.reshape(-1),
            self.width,
            self.packed(work),
            self.weight("bias"),
            self.weight("reset_bias"),
            hidden.reshape(-1),
            *self.sizes(run),
        )
        work.saved[f"{self.name}/states"] = (gates, recurrent, hidden)
        return self.now(hidden), (self.final(hidden),)

    def backward_steps(
        self,
        work: Workspace,
        run: Run,
        grad_outputs: Floats,
        grad_hidden: Floats,
        grad_state: State | None,
    ) -> tuple[Floats, State]:
        """The loop backwards; see `RecurrentLayer.backward_steps`."""
        gates, recurrent, hidden = work.saved[f"{self.name}/states"]
        gru_kernels.backward(
            gates.reshape(-1),
            recurrent.reshape(-1),
            self.width,
            self.packed(work, transposed=True),
            hidden.reshape(-1),
            grad_outputs.reshape(-1),
            grad_hidden.reshape(-1),
            padded(self.hidden),
            *self.sizes(run),
        )
        grad_recurrent = self.column_part(recurrent)
        self.add_recurrent_gradient(work, hidden, grad_recurrent)
        candidate = grad_recurrent[:, 2 * self.hidden :]
        work.add_gradient(f"{self.name}.reset_bias", candidate.sum(axis=0))
        return self.column_part(gates), (grad_hidden[:, : self.hidden],)


class SimpleGRU(OneSumLayer):
    """The simplified gated recurrent unit, with an update gate only."""

    gates: ClassVar[int] = 2
    kernels = (gru_kernels.forward_simple, gru_kernels.backward_simple)
