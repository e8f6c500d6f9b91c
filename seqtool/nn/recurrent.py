"""What all recurrent layers share: weights, the product with all inputs, states, gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from seqtool.nn.initial import glorot_uniform, orthogonal
from seqtool.nn.layer import Layer
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.types import Lengths
from seqtool.nn.workspace import Workspace, padded

State = tuple[Floats, ...]


@dataclass
class Run:
    """One pass of a layer over a sequence, kept for the way back.

    Attributes:
        inputs: (time, rows, inputs).
        lengths: of the rows.
        sums: (time, rows, width); in, x W; what a cell leaves there is its own, until the way back
            has made it the gradient of the sums x W + h' U + b.
        hidden: (time + 1, rows, hidden), see `RecurrentLayer.states`.
        packed: the recurrent weights, laid out for the products of the steps.
        packed_back: their transpose, for the way back.
        parts: what else a cell keeps.
        grad_state: gradients of the state at the step that the way back has reached; the first,
            that of the hidden state, is (rows, padded hidden).
    """

    inputs: Floats
    lengths: Lengths
    sums: Floats
    hidden: Floats
    packed: Floats
    packed_back: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    parts: dict[str, Floats] = field(default_factory=dict)
    grad_state: State = ()

    @property
    def time(self) -> int:
        """Steps."""
        return len(self.sums)

    @property
    def rows(self) -> int:
        """Sequences."""
        return int(self.sums.shape[1])


class RecurrentLayer(Layer):
    """One recurrent layer in one direction: ``h[t] = cell(x[t], h[t - 1])``.

    A cell with G gates has input weights (inputs, G hidden), recurrent weights (hidden, G hidden)
    and a bias (G hidden). Sub-classes run it over a sequence: `prepare`, `advance`, `retreat` and
    `add_cell_gradients`. A state is a tuple of arrays (rows, hidden), ``parts`` of them, the first
    being the hidden state.

    `forward` and `backward` go over a whole sequence. Where an input depends on what the layers
    above made of the step before, `start` and `advance` go step by step, and `turn`, `retreat`
    and `finish` lead back.

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
        run = self.start(work, inputs, lengths, state)
        weights = self.weight("input_weights")
        rows = inputs.reshape(-1, self.inputs)
        work.multiply(f"{self.name}.input_weights", rows, weights, self.column_part(run.sums))
        self.advance(work, run, 0, run.time)
        return self.now(run.hidden), self.finals(run)

    def start(
        self,
        work: Workspace,
        inputs: Floats,
        lengths: Lengths | None = None,
        state: State | None = None,
    ) -> Run:
        """Memory for a pass, whose sums are to be filled in; arguments are those of `forward`."""
        time, rows, _ = inputs.shape
        if lengths is None:
            lengths = np.full(rows, time, np.int64)
        make = work.buffer if self.width == self.columns else work.zeros
        sums = make(f"{self.name}/sums", (time, rows, self.width))
        initial = state if state is not None else (None,) * self.parts
        hidden = self.states(work, "hidden", time, rows, initial[0])
        run = Run(inputs, lengths, sums, hidden, self.packed(work))
        self.prepare(work, run, initial)
        work.saved[self.name] = run
        return run

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
        run = self.turn(work, grad_state)
        self.retreat(work, run, grad_outputs, 0, run.time)
        initial = self.finish(work, run)
        if not needs_inputs:
            return None, initial
        grad_inputs = work.buffer(f"{self.name}/grad_inputs", run.inputs.shape)
        np.matmul(
            self.column_part(run.sums),
            self.weight("input_weights").T,
            out=grad_inputs.reshape(-1, self.inputs),
        )
        return grad_inputs, initial

    def turn(self, work: Workspace, grad_state: State | None = None) -> Run:
        """Begin the way back, from the gradient of the final state."""
        run: Run = work.saved[self.name]
        run.packed_back = self.packed(work, transposed=True)
        grad_hidden = work.zeros(f"{self.name}/grad_hidden", (run.rows, padded(self.hidden)))
        others = [
            work.zeros(f"{self.name}/grad_state{part}", (run.rows, self.hidden))
            for part in range(1, self.parts)
        ]
        if grad_state is not None:
            grad_hidden[:, : self.hidden] = grad_state[0]
            for array, grad in zip(others, grad_state[1:], strict=True):
                array[:] = grad
        run.grad_state = (grad_hidden, *others)
        return run

    def finish(self, work: Workspace, run: Run) -> State:
        """End the way back: add the gradients of the weights; returns that of the initial state."""
        grad_sums = self.column_part(run.sums)
        if work.diagnose:
            norms = np.linalg.norm(grad_sums, axis=1).reshape(run.time, run.rows)
            work.saved[f"{self.name}/gradient_norms"] = np.sqrt((norms**2).sum(axis=1))
        flat_inputs = run.inputs.reshape(-1, self.inputs)
        work.add_product(f"{self.name}.input_weights", flat_inputs.T, grad_sums)
        work.add_gradient(f"{self.name}.bias", grad_sums.sum(axis=0))
        self.add_cell_gradients(work, run)
        return run.grad_state[0][:, : self.hidden], *run.grad_state[1:]

    @abstractmethod
    def prepare(self, work: Workspace, run: Run, initial: Sequence[Floats | None]) -> None:
        """Make what a pass needs beside sums and hidden states; ``initial`` is its state."""

    @abstractmethod
    def advance(self, work: Workspace, run: Run, begin: int, end: int) -> None:
        """Go on from step ``begin`` to step ``end``, whose sums hold x W.

        A reversed layer goes over the whole sequence at once.
        """

    @abstractmethod
    def retreat(
        self, work: Workspace, run: Run, grad_outputs: Floats, begin: int, end: int
    ) -> None:
        """Go back over these steps: the sums become their gradients.

        ``grad_outputs`` (end - begin, rows, hidden); ``run.grad_state`` moves along.
        """

    @abstractmethod
    def add_cell_gradients(self, work: Workspace, run: Run) -> None:
        """Add the gradients of all weights but input weights and bias."""

    def finals(self, run: Run) -> State:
        """The state behind the last step."""
        return (self.final(run.hidden),)

    def states(
        self, work: Workspace, part: str, time: int, rows: int, initial: Floats | None
    ) -> Floats:
        """A buffer for a state at all steps and before them: (time + 1, rows, hidden)."""
        states = work.buffer(f"{self.name}/{part}", (time + 1, rows, self.hidden))
        states[time if self.reverse else 0] = 0 if initial is None else initial
        return states

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
        name = f"{self.name}.recurrent_weights"
        return work.packed(name, self.weight("recurrent_weights"), transposed)

    def add_recurrent_gradient(self, work: Workspace, hidden: Floats, grad_sums: Floats) -> None:
        """Add the gradient of the recurrent weights; ``hidden`` is a buffer of `states`."""
        flat = self.before(hidden).reshape(-1, self.hidden)
        work.add_product(f"{self.name}.recurrent_weights", flat.T, grad_sums)

    def sizes(self, run: Run, begin: int, end: int) -> tuple[Lengths, int, int, int, bool]:
        """What all kernels end with: lengths, time, rows, hidden, reverse."""
        lengths = run.lengths - begin if begin else run.lengths
        return lengths, end - begin, run.rows, self.hidden, self.reverse

    def column_part(self, sums: Floats) -> Floats:
        """(time * rows, gates * hidden) of an array (time, rows, width)."""
        return sums.reshape(-1, self.width)[:, : self.columns]


class OneSumLayer(RecurrentLayer):
    """A cell whose gates all look at the sum x W + h' U + b, and whose state is one vector.

    Sub-classes name the kernels that run over time and back, and what else these take.
    """

    kernels: ClassVar[tuple[Callable[..., None], Callable[..., None]]]
    extra: ClassVar[tuple[int, ...]] = ()

    def prepare(self, work: Workspace, run: Run, initial: Sequence[Floats | None]) -> None:
        """There is nothing else."""

    def advance(self, work: Workspace, run: Run, begin: int, end: int) -> None:
        """One loop over time, compiled."""
        self.kernels[0](
            flat(run.sums, begin, end),
            self.width,
            run.packed,
            self.weight("bias"),
            flat(run.hidden, begin, end + 1),
            *self.sizes(run, begin, end),
            *self.extra,
        )

    def retreat(
        self, work: Workspace, run: Run, grad_outputs: Floats, begin: int, end: int
    ) -> None:
        """The loop backwards."""
        self.kernels[1](
            flat(run.sums, begin, end),
            self.width,
            run.packed_back,
            flat(run.hidden, begin, end + 1),
            grad_outputs.reshape(-1),
            run.grad_state[0].reshape(-1),
            padded(self.hidden),
            *self.sizes(run, begin, end),
            *self.extra,
        )

    def add_cell_gradients(self, work: Workspace, run: Run) -> None:
        """That of the recurrent weights."""
        self.add_recurrent_gradient(work, run.hidden, self.column_part(run.sums))


def flat(array: Floats, begin: int, end: int) -> Floats:
    """Some steps of an array whose first axis is time, as kernels take it."""
    return array[begin:end].reshape(-1)
