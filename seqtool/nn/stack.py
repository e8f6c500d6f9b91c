"""Recurrent layers on top of each other, in one direction or in both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from seqtool.nn.cells import find_cell
from seqtool.nn.dropout import Dropout
from seqtool.nn.normalise import LayerNorm
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.recurrent import RecurrentLayer, State
from seqtool.nn.types import Lengths
from seqtool.nn.workspace import Workspace


class StackSettings(NamedTuple):
    """The shape of a stack.

    Attributes:
        cell: name of the recurrent cell, see `seqtool.nn.cells`.
        hidden: size of a state.
        layers: how many lie on top of each other.
        bidirectional: whether each layer also runs from the end to the beginning (Schuster &
            Paliwal 1997); outputs are then twice as wide.
        dropout: rate between layers.
        variational: whether dropout is the same at every step (Gal & Ghahramani 2016).
        layer_norm: whether the outputs of each layer are normalised (Ba et al. 2016).
        residual: whether a layer's input is added to its output where they are equally wide.
        options: further arguments of the cell, such as ``{"peepholes": True}``.
    """

    cell: str = "lstm"
    hidden: int = 256
    layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    variational: bool = False
    layer_norm: bool = False
    residual: bool = False
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


class Stack:
    """Several recurrent layers; ``outputs`` is how wide what comes out is.

    States are lists, a state for each layer and direction, from the bottom to the top.
    """

    def __init__(
        self, name: str, parameters: Parameters, inputs: int, settings: StackSettings
    ) -> None:
        self.levels = []
        for number in range(settings.layers):
            level = _Level(f"{name}.{number}", parameters, inputs, settings)
            last = number == settings.layers - 1
            level.dropout.rate = 0.0 if last else settings.dropout
            self.levels.append(level)
            inputs = level.outputs
        self.outputs = inputs

    @property
    def layers(self) -> list[RecurrentLayer]:
        """All recurrent layers, in the order of their states."""
        return [layer for level in self.levels for layer in level.directions]

    def initialise(self, random: np.random.Generator) -> None:
        """Fill the weights."""
        for level in self.levels:
            level.initialise(random)

    def forward(
        self,
        work: Workspace,
        inputs: Floats,
        lengths: Lengths | None = None,
        states: Sequence[State] | None = None,
    ) -> tuple[Floats, list[State]]:
        """(outputs (time, rows, outputs), final states) of inputs (time, rows, inputs)."""
        finals: list[State] = []
        for level in self.levels:
            count = len(level.directions)
            first = states[len(finals) : len(finals) + count] if states else [None] * count
            inputs, reached = level.forward(work, inputs, lengths, first)
            finals += reached
        return inputs, finals

    def backward(
        self,
        work: Workspace,
        grad: Floats,
        grad_states: Sequence[State | None] | None = None,
        needs_inputs: bool = True,
    ) -> tuple[Floats | None, list[State]]:
        """(gradient of the inputs, gradients of the initial states), from those of the results."""
        initial: list[State] = []
        below: Floats | None = grad
        end = len(self.layers)
        for number, level in reversed(list(enumerate(self.levels))):
            assert below is not None
            begin = end - len(level.directions)
            finals = grad_states[begin:end] if grad_states else [None] * (end - begin)
            below, reached = level.backward(work, below, finals, needs_inputs or number > 0)
            initial = reached + initial
            end = begin
        return below, initial


class _Level:
    """One layer of a stack, in its one or two directions, and what follows it."""

    def __init__(
        self, name: str, parameters: Parameters, inputs: int, settings: StackSettings
    ) -> None:
        cell = find_cell(settings.cell)
        hidden, options = settings.hidden, settings.options
        self.name, self.hidden = name, hidden
        self.directions = [cell(f"{name}.forward", parameters, inputs, hidden, **options)]
        if settings.bidirectional:
            self.directions.append(
                cell(f"{name}.backward", parameters, inputs, hidden, reverse=True, **options)
            )
        self.outputs = hidden * len(self.directions)
        self.norm = (
            LayerNorm(f"{name}.norm", parameters, self.outputs) if settings.layer_norm else None
        )
        self.residual = settings.residual and inputs == self.outputs
        self.dropout = Dropout(f"{name}.dropout", settings.dropout, settings.variational)

    def initialise(self, random: np.random.Generator) -> None:
        for layer in self.directions:
            layer.initialise(random)
        if self.norm:
            self.norm.initialise(random)

    def forward(
        self,
        work: Workspace,
        inputs: Floats,
        lengths: Lengths | None,
        states: Sequence[State | None],
    ) -> tuple[Floats, list[State]]:
        results = [
            layer.forward(work, inputs, lengths, state)
            for layer, state in zip(self.directions, states, strict=True)
        ]
        outputs = results[0][0]
        if len(results) > 1:
            outputs = work.buffer(f"{self.name}/both", (*outputs.shape[:2], self.outputs))
            np.concatenate([result[0] for result in results], axis=2, out=outputs)
        if self.norm:
            outputs = self.norm.forward(work, outputs)
        if self.residual:
            total = work.buffer(f"{self.name}/total", outputs.shape)
            outputs = np.add(outputs, inputs, out=total)
        return self.dropout.forward(work, outputs), [final for _, final in results]

    def backward(
        self,
        work: Workspace,
        grad: Floats,
        grad_states: Sequence[State | None],
        needs_inputs: bool,
    ) -> tuple[Floats | None, list[State]]:
        grad = self.dropout.backward(work, grad)
        through = grad
        if self.residual:  # what follows overwrites the gradient
            through = work.buffer(f"{self.name}/grad_total", grad.shape)
            through[:] = grad
        if self.norm:
            grad = self.norm.backward(work, grad)
        results = []
        for number, (layer, state) in enumerate(zip(self.directions, grad_states, strict=True)):
            part = grad
            if len(self.directions) > 1:
                part = work.buffer(f"{layer.name}/grad_outputs", (*grad.shape[:2], self.hidden))
                part[:] = grad[:, :, number * self.hidden : (number + 1) * self.hidden]
            results.append(layer.backward(work, part, state, needs_inputs))
        return self._sum_inputs(results, through), [state for _, state in results]

    def _sum_inputs(
        self, results: list[tuple[Floats | None, State]], through: Floats
    ) -> Floats | None:
        """The gradient of the inputs: that of both directions and of the residual path."""
        total = results[0][0]
        if total is None:
            return None
        for grad, _ in results[1:]:
            assert grad is not None
            total += grad
        if self.residual:
            total += through
        return total
