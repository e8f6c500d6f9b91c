"""Long short-term memory."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from seqtool.nn import lstm_kernels
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.recurrent import RecurrentLayer, Run, State, padded
from seqtool.nn.workspace import Workspace


class LSTM(RecurrentLayer):
    """Long short-term memory (Hochreiter & Schmidhuber 1997); equations in `lstm_kernels`.

    ``peepholes``: the gates see the memory, too (Gers et al. 2002). ``forget_bias``: what the bias
    of the forget gate starts from; 1 lets gradients through at first (Jozefowicz et al. 2015).
    """

    gates: ClassVar[int] = 4
    parts: ClassVar[int] = 2

    def __init__(
        self,
        name: str,
        parameters: Parameters,
        inputs: int,
        hidden: int,
        reverse: bool = False,
        peepholes: bool = False,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(name, parameters, inputs, hidden, reverse)
        self.peepholes, self.forget_bias = peepholes, forget_bias
        if peepholes:
            self.declare("peepholes", (3 * hidden,))

    def initialise(self, random: np.random.Generator) -> None:
        """As other cells; the forget gate starts open, peepholes start at 0."""
        super().initialise(random)
        self.weight("bias")[self.hidden : 2 * self.hidden] = self.forget_bias

    def _peepholes(self) -> Floats:
        return self.weight("peepholes") if self.peepholes else self.weight("bias")[:0]

    def forward_steps(self, work: Workspace, run: Run, state: State | None) -> tuple[Floats, State]:
        """(outputs, final state): one loop over time, compiled."""
        gates = self.project(work, run)
        first = state if state is not None else (None, None)
        hidden = self.states(work, "hidden", run, first[0])
        memory = self.states(work, "memory", run, first[1])
        squashed = work.buffer(f"{self.name}/squashed", (run.time, run.rows, self.hidden))
        lstm_kernels.forward(
            gates.reshape(-1),
            self.width,
            self.packed(work),
            self.weight("bias"),
            self._peepholes(),
            hidden.reshape(-1),
            memory.reshape(-1),
            squashed.reshape(-1),
            *self.sizes(run),
        )
        work.saved[f"{self.name}/states"] = (gates, hidden, memory, squashed)
        return self.now(hidden), (self.final(hidden), self.final(memory))

    def backward_steps(
        self,
        work: Workspace,
        run: Run,
        grad_outputs: Floats,
        grad_hidden: Floats,
        grad_state: State | None,
    ) -> tuple[Floats, State]:
        """The loop backwards; see `RecurrentLayer.backward_steps`."""
        gates, hidden, memory, squashed = work.saved[f"{self.name}/states"]
        grad_memory = work.zeros(f"{self.name}/grad_memory", (run.rows, self.hidden))
        if grad_state is not None:
            grad_memory[:] = grad_state[1]
        lstm_kernels.backward(
            gates.reshape(-1),
            self.width,
            self.packed(work, transposed=True),
            self._peepholes(),
            memory.reshape(-1),
            squashed.reshape(-1),
            grad_outputs.reshape(-1),
            grad_hidden.reshape(-1),
            padded(self.hidden),
            grad_memory.reshape(-1),
            *self.sizes(run),
        )
        grad_sums = self.column_part(gates)
        self.add_recurrent_gradient(work, hidden, grad_sums)
        if self.peepholes:
            self._add_peephole_gradient(work, grad_sums, memory)
        return grad_sums, (grad_hidden[:, : self.hidden], grad_memory)

    def _add_peephole_gradient(self, work: Workspace, grad_sums: Floats, memory: Floats) -> None:
        n = self.hidden
        before, now = self.before(memory).reshape(-1, n), self.now(memory).reshape(-1, n)
        seen = (before, before, now)  # by the gates i, f and o
        parts = [
            np.einsum("tn,tn->n", grad_sums[:, k * n : (k + 1) * n], seen[k]) for k in (0, 1, 2)
        ]
        work.add_gradient(f"{self.name}.peepholes", np.concatenate(parts))
