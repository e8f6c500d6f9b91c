"""Attention: at every step of the target, a weighted mean of the source."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.nn.attention_kernels import attend, attend_back, gather_gradients
from seqtool.nn.dense import Dense
from seqtool.nn.initial import uniform
from seqtool.nn.layer import Layer
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.types import Lengths
from seqtool.nn.workspace import Workspace

KINDS = ("additive", "dot", "general")


class Memory(NamedTuple):
    """What an encoder left for the attention.

    Attributes:
        values: (source time, sources, size).
        keys: what queries are compared with, (source time, sources, key size).
        lengths: of the sources.
        owners: int64 (rows,), the source that a row of the target looks at.
    """

    values: Floats
    keys: Floats
    lengths: Lengths
    owners: NDArray[np.int64]


class Glance(NamedTuple):
    """One pass over a target sequence, kept for the way back.

    Attributes:
        memory: what is looked at.
        lengths: of the rows.
        queries: (time, rows, key size).
        weights: (time, rows, source time).
        seen: (time + 1, rows, source time), attention before each step; empty without coverage.
        contexts: (time, rows, size).
        packed: the matrix of queries (additive attention), laid out for `Workspace.product`.
    """

    memory: Memory
    lengths: Lengths
    queries: Floats
    weights: Floats
    seen: Floats
    contexts: Floats
    packed: Floats


class GlanceBack(NamedTuple):
    """The way back through a `Glance`: gradients, shaped as what they belong to."""

    glance: Glance
    grad_contexts: Floats
    grad_queries: Floats
    grad_scores: Floats
    grad_keys: Floats
    grad_score: Floats
    grad_cover: Floats
    grad_seen: Floats
    packed: Floats


class Attention(Layer):
    """Looks at a memory with the state h of a decoder; equations in `attention_kernels`.

    ``kind``: "dot" compares h with the values themselves (so both have one size), "general" with
    their product with a matrix, "additive" by a small network. ``coverage`` (additive only) lets
    the network know how much attention each position has had.
    """

    def __init__(
        self,
        name: str,
        parameters: Parameters,
        kind: str,
        hidden: int,
        size: int,
        coverage: bool = False,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"no attention '{kind}': there are {', '.join(KINDS)}")
        if kind == "dot" and hidden != size:
            raise ValueError(f"dot attention of {hidden} numbers to {size}")
        if coverage and kind != "additive":
            raise ValueError("coverage is a part of additive attention")
        super().__init__(name, parameters)
        self.hidden, self.size, self.coverage = hidden, size, coverage
        additive = kind == "additive"
        self.project = (
            None if kind == "dot" else Dense(f"{name}.keys", parameters, size, hidden, additive)
        )
        self.additive = additive
        if additive:
            self.declare("query", (hidden, hidden))
            self.declare("score", (hidden,))
        if coverage:
            self.declare("cover", (hidden,))

    def initialise(self, random: np.random.Generator) -> None:
        """Draw the matrices and vectors."""
        if self.project:
            self.project.initialise(random)
        if self.additive:
            uniform(self.weight("query"), (3 / self.hidden) ** 0.5, random)
            uniform(self.weight("score"), (3 / self.hidden) ** 0.5, random)
        if self.coverage:
            uniform(self.weight("cover"), 0.1, random)

    def memorise(
        self, work: Workspace, values: Floats, lengths: Lengths, owners: NDArray[np.int64]
    ) -> Memory:
        """The memory of an encoder's outputs (source time, sources, size)."""
        keys = self.project.forward(work, values) if self.project else values
        return Memory(values, keys, lengths, owners)

    def start(
        self, work: Workspace, memory: Memory, time: int, lengths: Lengths, seen: Floats | None
    ) -> Glance:
        """Memory for a pass over ``time`` steps; ``seen`` is what was looked at before them."""
        rows, sources = len(memory.owners), len(memory.values)
        shape = (time, rows, self.hidden)
        steps = time + 1 if self.coverage else 0
        glance = Glance(
            memory,
            lengths,
            work.buffer(f"{self.name}/queries", shape),
            work.buffer(f"{self.name}/weights", (time, rows, sources)),
            work.buffer(f"{self.name}/seen", (steps, rows, sources)),
            work.buffer(f"{self.name}/contexts", (time, rows, self.size)),
            self._packed(work),
        )
        if self.coverage:
            glance.seen[0] = 0 if seen is None else seen
        work.saved[self.name] = glance
        return glance

    def _packed(self, work: Workspace, transposed: bool = False) -> Floats:
        if not self.additive:
            return self.parameters.flat[:0]
        return work.packed(f"{self.name}.query", self.weight("query"), transposed)

    def advance(
        self, work: Workspace, glance: Glance, states: Floats, begin: int, end: int
    ) -> Floats:
        """The contexts (end - begin, rows, size) of some steps, whose decoder states are given."""
        queries = glance.queries[begin:end]
        if self.additive:
            rows = states.reshape(-1, self.hidden)
            work.product(rows, glance.packed, queries.reshape(-1, self.hidden))
        else:
            queries[...] = states
        contexts = glance.contexts[begin:end]
        scratch = work.buffer(f"{self.name}/scratch", (self.hidden,))
        arguments = [*self._arguments(glance, begin, end), contexts.reshape(-1), scratch]
        attend(*arguments)
        return contexts

    def _arguments(self, glance: Glance, begin: int, end: int) -> tuple[Any, ...]:
        """What both kernels begin with."""
        memory = glance.memory
        none = self.parameters.flat[:0]
        return (
            glance.queries[begin:end].reshape(-1),
            memory.keys.reshape(-1),
            memory.values.reshape(-1),
            self.hidden,
            self.size,
            self.weight("score") if self.additive else none,
            self.weight("cover") if self.coverage else none,
            glance.seen[begin : end + 1].reshape(-1),
            memory.owners,
            memory.lengths,
            glance.lengths - begin if begin else glance.lengths,
            end - begin,
            len(memory.owners),
            len(memory.values),
            memory.values.shape[1],
            glance.weights[begin:end].reshape(-1),
        )

    def turn(self, work: Workspace) -> GlanceBack:
        """Begin the way back."""
        glance: Glance = work.saved[self.name]
        memory = glance.memory
        seen = (len(memory.owners) if self.coverage else 0, len(memory.values))
        return GlanceBack(
            glance,
            work.buffer(f"{self.name}/grad_contexts", glance.contexts.shape),
            work.buffer(f"{self.name}/grad_queries", glance.queries.shape),
            work.buffer(f"{self.name}/grad_scores", glance.weights.shape),
            work.zeros(f"{self.name}/grad_keys", memory.keys.shape),
            work.zeros(f"{self.name}/grad_score", (self.hidden if self.additive else 0,)),
            work.zeros(f"{self.name}/grad_cover", (self.hidden if self.coverage else 0,)),
            work.zeros(f"{self.name}/grad_seen", seen),
            self._packed(work, transposed=True),
        )

    def retreat(self, work: Workspace, back: GlanceBack, begin: int, end: int) -> Floats:
        """The gradient of the decoder's states, from that of the contexts of some steps.

        The latter is in ``back.grad_contexts``.
        """
        glance = back.glance
        grad_queries = back.grad_queries[begin:end]
        arguments = [
            *self._arguments(glance, begin, end),
            back.grad_contexts[begin:end].reshape(-1),
            work.buffer(f"{self.name}/scratch", (self.hidden,)),
            grad_queries.reshape(-1),
            back.grad_scores[begin:end].reshape(-1),
            back.grad_keys.reshape(-1),
            back.grad_score,
            back.grad_cover,
            back.grad_seen.reshape(-1),
        ]
        attend_back(*arguments)
        if not self.additive:
            return grad_queries
        grad_states = work.buffer(f"{self.name}/grad_states", grad_queries.shape)
        flat = grad_states.reshape(-1, self.hidden)
        work.product(grad_queries.reshape(-1, self.hidden), back.packed, flat)
        return grad_states

    def finish(self, work: Workspace, back: GlanceBack, states: Floats) -> Floats:
        """Add the gradients of the weights; returns that of the memory's values.

        ``states`` of the decoder at all steps, (time, rows, hidden).
        """
        if self.additive:
            rows = states.reshape(-1, self.hidden)
            grad = back.grad_queries.reshape(-1, self.hidden)
            work.add_product(f"{self.name}.query", rows.T, grad)
            work.add_gradient(f"{self.name}.score", back.grad_score)
        if self.coverage:
            work.add_gradient(f"{self.name}.cover", back.grad_cover)
        glance = back.glance
        values = work.zeros(f"{self.name}/grad_values", glance.memory.values.shape)
        _gather(glance, glance.weights, back.grad_contexts, values)
        if not self.additive:
            _gather(glance, back.grad_scores, glance.queries, back.grad_keys)
        through = back.grad_keys
        if self.project:
            through = self.project.backward(work, back.grad_keys)
        values += through
        return values


def _gather(glance: Glance, shares: Floats, vectors: Floats, gradients: Floats) -> None:
    """See `gather_gradients`."""
    memory = glance.memory
    time, rows, size = vectors.shape
    gather_gradients(
        shares.reshape(-1), vectors.reshape(-1), size, memory.owners, memory.lengths,
        glance.lengths, time, rows, len(memory.values), memory.values.shape[1],
        gradients.reshape(-1),
    )  # fmt: skip
