"""Long short-term memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from seqtool.nn import lstm_kernels
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.recurrent import RecurrentLayer, Run, State, flat
from seqtool.nn.workspace import Workspace, padded


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

    def prepare(self, work: Workspace, run: Run, initial: Sequence[Floats | None]) -> None:
        """The memory, and what is seen of it."""
        run.parts["memory"] = self.states(work, "memory", run.time, run.rows, initial[1])
        shape = (run.time, run.rows, self.hidden)
        run.parts["squashed"] = work.buffer(f"{self.name}/squashed", shape)

    def advance(self, work: Workspace, run: Run, begin: int, end: int) -> None:
        """One loop over time, compiled."""
        lstm_kernels.forward(
            flat(run.sums, begin, end),
            self.width,
            run.packed,
            self.weight("bias"),
            self._peepholes(),
            flat(run.hidden, begin, end + 1),
            flat(run.parts["memory"], begin, end + 1),
            flat(run.parts["squashed"], begin, end),
            *self.sizes(run, begin, end),
        )

    def finals(self, run: Run) -> State:
        """Hidden state and memory."""
        return self.final(run.hidden), self.final(run.parts["memory"])

    def retreat(
        self, work: Workspace, run: Run, grad_outputs: Floats, begin: int, end: int
    ) -> None:
        """The loop backwards."""
        grad_hidden, grad_memory = run.grad_state
        lstm_kernels.backward(
            flat(run.sums, begin, end),
            self.width,
            run.packed_back,
            self._peepholes(),
            flat(run.parts["memory"], begin, end + 1),
            flat(run.parts["squashed"], begin, end),
            grad_outputs.reshape(-1),
            grad_hidden.reshape(-1),
            padded(self.hidden),
            grad_memory.reshape(-1),
            *self.sizes(run, begin, end),
        )

    def add_cell_gradients(self, work: Workspace, run: Run) -> None:
        """Those of recurrent weights and peepholes."""
        grad_sums = self.column_part(run.sums)
        self.add_recurrent_gradient(work, run.hidden, grad_sums)
        if self.peepholes:
            self._add_peephole_gradient(work, grad_sums, run.parts["memory"])

    def _add_peephole_gradient(self, work: Workspace, grad_sums: Floats, memory: Floats) -> None:
        n = self.hidden
        before, now = self.before(memory).reshape(-1, n), self.now(memory).reshape(-1, n)
        seen = (before, before, now)  # by the gates i, f and o
        parts = [
            np.einsum("tn,tn->n", grad_sums[:, k * n : (k + 1) * n], seen[k]) for k in (0, 1, 2)
        ]
        work.add_gradient(f"{self.name}.peepholes", np.concatenate(parts))
