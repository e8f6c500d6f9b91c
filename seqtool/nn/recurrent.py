"""What all recurrent layers share: weights, the product with all inputs, states, gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import numpy as np

from seqtool.kernels.instructions import PANEL
from seqtool.nn.initial import glorot_uniform, orthogonal
from seqtool.nn.layer import Layer
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.product_kernels import pack, pack_transposed
from seqtool.nn.types import Lengths
from seqtool.nn.workspace import Workspace

State = tuple[Floats, ...]


class Run(NamedTuple):
    """One pass of a layer over a sequence, kept for the way back."""

    inputs: Floats
    lengths: Lengths
    time: int
    rows: int


class RecurrentLayer(Layer):
    """One recurrent layer in one direction: ``h[t] = cell(x[t], h[t - 1])``.

    A cell with G gates has input weights (inputs, G hidden), recurrent weights (hidden, G hidden)
    and a bias (G hidden). Sub-classes run it over a sequence: `forward_steps` and
    `backward_steps`. A state is a tuple of arrays (rows, hidden), ``parts`` of them, the first
    being the hidden state.

    Sequences that are shorter than the longest hold their state behind their end, so that the last
    output is that of their own last step; reversed sequences begin there.
    """

    gates: ClassVar[int] = 1
    parts: ClassVar[int] = 1

    def __init__(
        self, name: str, parameters: Parameters, inputs: int, hidden: int, reverse: bool = False
    ) -> None:
        super().__init__(name, parameters)
        self.inputs, self.hidden, self.reverse = inputs, hidden, reverse
        self.columns = self.gates * hidden
        self.width = padded(self.columns)
        self.declare("input_weights", (inputs, self.columns))
        self.declare("recurrent_weights", (hidden, self.columns))
        self.declare("bias", (self.columns,))

    def initialise(self, random: np.random.Generator) -> None:
        """Uniform input weights (Glorot & Bengio 2010), orthogonal recurrent ones (Saxe 2014)."""
        for gate in range(self.gates):
            columns = slice(gate * self.hidden, (gate + 1) * self.hidden)
            glorot_uniform(self.weight("input_weights")[:, columns], random)
            orthogonal(self.weight("recurrent_weights")[:, columns], random)
        self.weight("bias")[:] = 0

    def forward(
        self,
        work: Workspace,
        inputs: Floats,
        lengths: Lengths | None = None,
        state: State | None = None,
    ) -> tuple[Floats, State]:
        """(outputs (time, rows, hidden), final state) of inputs (time, rows, inputs).

        ``lengths`` (rows,) of the sequences; ``state`` is what they start from, by default zero.
        """
        time, rows, _ = inputs.shape
        if lengths is None:
            lengths = np.full(rows, time, np.int64)
        run = Run(inputs, lengths, time, rows)
        if work.training:
            work.saved[self.name] = run
        return self.forward_steps(work, run, state)

    def backward(
        self,
        work: Workspace,
        grad_outputs: Floats,
        grad_state: State | None = None,
        needs_inputs: bool = True,
    ) -> tuple[Floats | None, State]:
        """(gradient of the inputs, gradient of the initial state).

        ``grad_state``, that of the final state, is zero by default. ``needs_inputs`` false leaves
        the gradient of the inputs out.
        """
        run: Run = work.saved[self.name]
        grad_hidden = work.zeros(f"{self.name}/grad_hidden", (run.rows, padded(self.hidden)))
        if grad_state is not None:
            grad_hidden[:, : self.hidden] = grad_state[0]
        grad_sums, grad_initial = self.backward_steps(
            work, run, grad_outputs, grad_hidden, grad_state
        )
        if work.diagnose:
            norms = np.linalg.norm(grad_sums, axis=1).reshape(run.time, run.rows)
            work.saved[f"{self.name}/gradient_norms"] = np.sqrt((norms**2).sum(axis=1))
        flat_inputs = run.inputs.reshape(-1, self.inputs)
        work.add_product(f"{self.name}.input_weights", flat_inputs.T, grad_sums)
        work.add_gradient(f"{self.name}.bias", grad_sums.sum(axis=0))
        if not needs_inputs:
            return None, grad_initial
        grad_inputs = work.buffer(f"{self.name}/grad_inputs", run.inputs.shape)
        np.matmul(
            grad_sums, self.weight("input_weights").T, out=grad_inputs.reshape(-1, self.inputs)
        )
        return grad_inputs, grad_initial

    @abstractmethod
    def forward_steps(self, work: Workspace, run: Run, state: State | None) -> tuple[Floats, State]:
        """(outputs (time, rows, hidden), final state) of a sequence."""

    @abstractmethod
    def backward_steps(
        self,
        work: Workspace,
        run: Run,
        grad_outputs: Floats,
        grad_hidden: Floats,
        grad_state: State | None,
    ) -> tuple[Floats, State]:
        """(gradient of x W + b (time * rows, gates * hidden), gradient of the initial state).

        ``grad_hidden`` (rows, padded hidden) is the gradient of the final hidden state, to be
        overwritten. The gradient of the recurrent weights is added here.
        """

    def project(self, work: Workspace, run: Run) -> Floats:
        """x W for all steps in one product: (time, rows, width), zeros behind the columns."""
        shape = (run.time, run.rows, self.width)
        make = work.buffer if self.width == self.columns else work.zeros
        sums = make(f"{self.name}/sums", shape)
        flat = sums.reshape(-1, self.width)[:, : self.columns]
        np.matmul(run.inputs.reshape(-1, self.inputs), self.weight("input_weights"), out=flat)
        return sums

    def states(self, work: Workspace, part: str, run: Run, initial: Floats | None) -> Floats:
        """A buffer for a state at all steps and before them: (time + 1, rows, hidden)."""
        states = work.buffer(f"{self.name}/{part}", (run.time + 1, run.rows, self.hidden))
        states[self._first(run)] = 0 if initial is None else initial
        return states

    def _first(self, run: Run) -> int:
        return run.time if self.reverse else 0

    def now(self, states: Floats) -> Floats:
        """The part of such a buffer that lies at the steps: (time, rows, hidden)."""
        return states[:-1] if self.reverse else states[1:]

    def before(self, states: Floats) -> Floats:
        """The part that lies one step before: (time, rows, hidden)."""
        return states[1:] if self.reverse else states[:-1]

    def final(self, states: Floats) -> Floats:
        """The state behind the last step: (rows, hidden)."""
        final: Floats = states[0] if self.reverse else states[-1]
        return final

    def packed(self, work: Workspace, transposed: bool = False) -> Floats:
        """The recurrent weights, or their transpose, laid out for the products of the steps."""
        name = f"{self.name}/packed{'_transposed' if transposed else ''}"
        if work.constant and name in work.saved:
            kept: Floats = work.saved[name]
            return kept
        weights = self.weight("recurrent_weights")
        if self.width != self.columns:
            wide = work.zeros("recurrent", (self.hidden, self.width))
            wide[:, : self.columns] = weights
            weights = wide
        if transposed:
            packed = work.buffer(name, (self.width * padded(self.hidden),))
            pack_transposed(weights.reshape(-1), self.hidden, self.width, packed)
        else:
            packed = work.buffer(name, (self.hidden * self.width,))
            pack(weights.reshape(-1), self.hidden, self.width, packed)
        work.saved[name] = packed
        return packed

    def add_recurrent_gradient(self, work: Workspace, hidden: Floats, grad_sums: Floats) -> None:
        """Add the gradient of the recurrent weights; ``hidden`` is a buffer of `states`."""
        flat = self.before(hidden).reshape(-1, self.hidden)
        work.add_product(f"{self.name}.recurrent_weights", flat.T, grad_sums)

    def sizes(self, run: Run) -> tuple[Lengths, int, int, int, bool]:
        """What all kernels end with: lengths, time, rows, hidden, reverse."""
        return run.lengths, run.time, run.rows, self.hidden, self.reverse

    def column_part(self, sums: Floats) -> Floats:
        """(time * rows, gates * hidden) of an array (time, rows, width)."""
        return sums.reshape(-1, self.width)[:, : self.columns]


class OneSumLayer(RecurrentLayer):
    """A cell whose gates all look at the sum x W + h' U + b, and whose state is one vector.

    Sub-classes name the kernels that run over time and back, and what else these take.
    """

    kernels: ClassVar[tuple[Callable[..., None], Callable[..., None]]]
    extra: ClassVar[tuple[int, ...]] = ()

    def forward_steps(self, work: Workspace, run: Run, state: State | None) -> tuple[Floats, State]:
        """(outputs, final state): one loop over time, compiled."""
        sums = self.project(work, run)
        hidden = self.states(work, "hidden", run, state[0] if state else None)
        self.kernels[0](
            sums.reshape(-1),
            self.width,
            self.packed(work),
            self.weight("bias"),
            hidden.reshape(-1),
            *self.sizes(run),
            *self.extra,
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
        self.kernels[1](
            sums.reshape(-1),
            self.width,
            self.packed(work, transposed=True),
            hidden.reshape(-1),
            grad_outputs.reshape(-1),
            grad_hidden.reshape(-1),
            padded(self.hidden),
            *self.sizes(run),
            *self.extra,
        )
        grad_sums = self.column_part(sums)
        self.add_recurrent_gradient(work, hidden, grad_sums)
        return grad_sums, (grad_hidden[:, : self.hidden],)


def padded(columns: int) -> int:
    """Columns in whole panels of a packed product."""
    return -(-columns // PANEL) * PANEL
