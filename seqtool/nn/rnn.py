"""The plain recurrent network."""

from __future__ import annotations

from typing import ClassVar

from seqtool.nn import rnn_kernels
from seqtool.nn.parameters import Floats
from seqtool.nn.recurrent import RecurrentLayer, Run, State, padded
from seqtool.nn.workspace import Workspace


class RNN(RecurrentLayer):
    """The plain recurrent network, h = tanh(x W + h' U + b)."""

    relu: ClassVar[bool] = False

    def forward_steps(self, work: Workspace, run: Run, state: State | None) -> tuple[Floats, State]:
        """(outputs, final state): one loop over time, compiled."""
        sums = self.project(work, run)
        hidden = self.states(work, "hidden", run, state[0] if state else None)
        rnn_kernels.forward(
            sums.reshape(-1),
            self.width,
            self.packed(work),
            self.weight("bias"),
            hidden.reshape(-1),
            run.lengths,
            run.time,
            run.rows,
            self.hidden,
            self.relu,
            self.reverse,
        )
        work.saved[f"{self.name}/states"] = (sums, hidden)
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
        sums, hidden = work.saved[f"{self.name}/states"]
        rnn_kernels.backward(
            sums.reshape(-1),
            self.width,
            self.packed(work, transposed=True),
            hidden.reshape(-1),
            grad_outputs.reshape(-1),
            grad_hidden.reshape(-1),
            padded(self.hidden),
            run.lengths,
            run.time,
            run.rows,
            self.hidden,
            self.relu,
            self.reverse,
        )
        grad_sums = self.column_part(sums)
        self.add_recurrent_gradient(work, hidden, grad_sums)
        return grad_sums, (grad_hidden[:, : self.hidden],)


class ReluRNN(RNN):
    """The plain recurrent network with max(0, ·) for tanh."""

    relu: ClassVar[bool] = True
