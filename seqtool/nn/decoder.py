"""A recurrent decoder with attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqtool.nn.attention import Attention, Glance, GlanceBack, Memory
from seqtool.nn.attention_kernels import squash_outputs, squash_outputs_back
from seqtool.nn.cells import find_cell
from seqtool.nn.dropout import Dropout
from seqtool.nn.initial import glorot_uniform
from seqtool.nn.layer import Layer
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.recurrent import RecurrentLayer, Run, State
from seqtool.nn.types import Lengths
from seqtool.nn.workspace import Workspace


class DecoderSettings(NamedTuple):
    """The shape of a decoder.

    Attributes:
        inputs: size of an embedding, and of what comes out.
        hidden: size of a state.
        memory: size of the values that are looked at.
        layers: recurrent layers.
        cell: name of the recurrent cell, see `seqtool.nn.cells`.
        attention: "none", or a kind of `seqtool.nn.attention`.
        feeding: whether the output of a step is an input of the next (Luong et al. 2015, section
            3.3), so that the decoder knows where it looked.
        coverage: see `seqtool.nn.attention.Attention`.
        dropout: rate of the outputs, and between layers.
    """

    inputs: int
    hidden: int
    memory: int
    layers: int = 1
    cell: str = "lstm"
    attention: str = "general"
    feeding: bool = True
    coverage: bool = False
    dropout: float = 0.0


class DecoderState(NamedTuple):
    """Where a decoder is.

    Attributes:
        cells: a state a layer.
        feed: the last output, (rows, inputs); None for zero, or without feeding.
        seen: the attention that each position of the source has had, (rows, source time), or None.
    """

    cells: Sequence[State | None]
    feed: Floats | None = None
    seen: Floats | None = None


@dataclass
class _Pass:
    """One pass over a target sequence, kept for the way back; arrays are (time, rows, ...)."""

    embedded: Floats
    lengths: Lengths
    runs: list[Run]
    glance: Glance | None
    joined: Floats  # [state of the top layer; context]
    squashed: Floats  # outputs before dropout
    outputs: Floats
    masks: list[Floats]  # dropout: of the inputs of each layer but the first, of the outputs
    packed: dict[str, Floats]


class Decoder(Layer):
    """Embeddings of what was written -> vectors that tell what comes next (Luong et al. 2015).

        s_t  = cells([y_t; o_(t-1)], s_(t-1))      o only with feeding
        z_t  = attention(s_t)                      equation 8
        o_t  = tanh([s_t; z_t] W)                  equation 5; z only with attention

    The outputs o have the size of an embedding, so that a product with the table of embeddings
    makes them logits. Weights: ``cells.N``, ``attention`` and ``combine`` (W).
    """

    def __init__(self, name: str, parameters: Parameters, settings: DecoderSettings) -> None:
        super().__init__(name, parameters)
        self.settings = settings
        size, hidden = settings.inputs, settings.hidden
        attends = settings.attention != "none"
        if settings.feeding and not attends:
            raise ValueError("feeding is a part of attention")
        cell = find_cell(settings.cell)
        first = size * (2 if settings.feeding else 1)
        self.layers: list[RecurrentLayer] = [
            cell(f"{name}.cells.{number}", parameters, hidden if number else first, hidden)
            for number in range(settings.layers)
        ]
        self.attention: Attention | None = None
        if attends:
            self.attention = Attention(
                f"{name}.attention", parameters, settings.attention, hidden, settings.memory,
                settings.coverage,
            )  # fmt: skip
        self.width = hidden + (settings.memory if attends else 0)
        self.declare("combine", (self.width, size))
        self.dropouts = [
            Dropout(f"{name}.dropout.{number}", settings.dropout)
            for number in range(1, settings.layers + 1)
        ]

    @property
    def step_products(self) -> int:
        """Multiplications of one step of one row, attention left out."""
        size = self.settings.inputs
        cells = sum(layer.columns * (layer.inputs + layer.hidden) for layer in self.layers)
        return cells + self.width * size

    def initialise(self, random: np.random.Generator) -> None:
        """Fill the weights."""
        for layer in self.layers:
            layer.initialise(random)
        if self.attention:
            self.attention.initialise(random)
        glorot_uniform(self.weight("combine"), random)

    def forward(
        self,
        work: Workspace,
        embedded: Floats,
        lengths: Lengths,
        state: DecoderState,
        memory: Memory | None,
    ) -> tuple[Floats, DecoderState]:
        """(outputs (time, rows, inputs), state behind the last step).

        ``embedded`` (time, rows, inputs), with the ``lengths`` of the rows; ``memory`` is None
        without attention.
        """
        passed = self._start(work, embedded, lengths, state, memory)
        work.saved[self.name] = passed
        for begin, end in self._stretches(len(embedded)):
            self._advance_cells(work, passed, begin, end)
            self._advance_outputs(work, passed, begin, end)
        cells = [layer.finals(run) for layer, run in zip(self.layers, passed.runs, strict=True)]
        feed = passed.outputs[-1] if self.settings.feeding else None
        seen = passed.glance.seen[-1] if passed.glance and self.settings.coverage else None
        return passed.outputs, DecoderState(cells, feed, seen)

    def attention_weights(self, work: Workspace) -> Floats | None:
        """The weights (time, rows, source time) of the last pass."""
        passed: _Pass = work.saved[self.name]
        return passed.glance.weights if passed.glance else None

    def _stretches(self, time: int) -> Iterator[tuple[int, int]]:
        """The steps that are done at once: a single one if it needs the one before."""
        if not self.settings.feeding:
            return iter([(0, time)])
        return ((t, t + 1) for t in range(time))

    def _start(
        self,
        work: Workspace,
        embedded: Floats,
        lengths: Lengths,
        state: DecoderState,
        memory: Memory | None,
    ) -> _Pass:
        """Memory for a pass; the part of the first layer's sums that is known beforehand."""
        time, rows, size = embedded.shape
        shape = (time, rows, size)
        masks = [
            dropout.mask(work, (time, rows, self.settings.hidden)) for dropout in self.dropouts[:-1]
        ]
        masks.append(self.dropouts[-1].mask(work, shape))
        inputs = [self._first_inputs(work, embedded, state.feed)]
        for number in range(1, len(self.layers)):
            name = f"{self.name}/inputs{number}"
            inputs.append(work.buffer(name, (time, rows, self.settings.hidden)))
        runs = [
            layer.start(work, array, lengths, initial)
            for layer, array, initial in zip(self.layers, inputs, state.cells, strict=True)
        ]
        glance = None
        if self.attention:
            assert memory is not None
            glance = self.attention.start(work, memory, time, lengths, state.seen)
        first = self.layers[0]
        name = f"{first.name}.input_weights"
        work.multiply(
            name, embedded.reshape(-1, size), first.weight("input_weights")[:size],
            first.column_part(runs[0].sums),
        )  # fmt: skip
        return _Pass(
            embedded, lengths, runs, glance,
            work.buffer(f"{self.name}/joined", (time, rows, self.width)),
            work.buffer(f"{self.name}/squashed", shape),
            work.buffer(f"{self.name}/outputs", shape),
            masks, self._packed(work),
        )  # fmt: skip

    def _first_inputs(self, work: Workspace, embedded: Floats, feed: Floats | None) -> Floats:
        """[embedding; output before] at all steps, as far as it is known."""
        if not self.settings.feeding:
            return embedded
        time, rows, size = embedded.shape
        inputs = work.buffer(f"{self.name}/inputs0", (time, rows, 2 * size))
        inputs[:, :, :size] = embedded
        inputs[0, :, size:] = 0 if feed is None else feed
        return inputs

    def _packed(self, work: Workspace, transposed: bool = False) -> dict[str, Floats]:
        """The matrices of every step, by name: "feed", "combine", and a layer's number."""
        packed = {
            str(number): work.packed(
                f"{layer.name}.input_weights", layer.weight("input_weights"), transposed
            )
            for number, layer in enumerate(self.layers)
            if number
        }
        if self.settings.feeding:
            matrix = self.layers[0].weight("input_weights")[self.settings.inputs :]
            packed["feed"] = work.packed(f"{self.name}.feed", matrix, transposed)
        combine = self.weight("combine")
        packed["combine"] = work.packed(f"{self.name}.combine", combine, transposed)
        return packed

    def _advance_cells(self, work: Workspace, passed: _Pass, begin: int, end: int) -> None:
        """The recurrent layers, over some steps."""
        size = self.settings.inputs
        for number, (layer, run) in enumerate(zip(self.layers, passed.runs, strict=True)):
            sums = run.sums[begin:end].reshape(-1, layer.width)
            if number:
                below = layer_outputs(passed.runs[number - 1], begin, end)
                inputs, mask = run.inputs[begin:end], passed.masks[number - 1]
                np.multiply(below, mask[begin:end] if len(mask) else 1, out=inputs)
                packed = passed.packed[str(number)]
                work.product(inputs.reshape(-1, layer.inputs), packed, sums[:, : layer.columns])
            elif self.settings.feeding:
                feed = run.inputs[begin, :, size:]
                work.product(feed, passed.packed["feed"], sums[:, : layer.columns], add=True)
            layer.advance(work, run, begin, end)

    def _advance_outputs(self, work: Workspace, passed: _Pass, begin: int, end: int) -> None:
        """Attention and outputs, over some steps."""
        size, hidden = self.settings.inputs, self.settings.hidden
        states = layer_outputs(passed.runs[-1], begin, end)
        joined = passed.joined[begin:end]
        joined[:, :, :hidden] = states
        if self.attention:
            assert passed.glance is not None
            joined[:, :, hidden:] = self.attention.advance(work, passed.glance, states, begin, end)
        squashed = passed.squashed[begin:end]
        flat = squashed.reshape(-1, size)
        work.product(joined.reshape(-1, self.width), passed.packed["combine"], flat)
        outputs, mask = passed.outputs[begin:end], passed.masks[-1][begin:end]
        squash_outputs(squashed.reshape(-1), mask.reshape(-1), outputs.reshape(-1))
        if self.settings.feeding and end < len(passed.outputs):
            passed.runs[0].inputs[end, :, size:] = outputs[-1]

    def backward(self, work: Workspace, grad: Floats) -> tuple[Floats, list[State], Floats | None]:
        """From the gradient of the outputs, which is overwritten, to those of (the embeddings, the
        cells' initial states, the memory's values)."""
        passed: _Pass = work.saved[self.name]
        packed = self._packed(work, transposed=True)
        for layer in self.layers:
            layer.turn(work)
        back = self.attention.turn(work) if self.attention else None
        grad_feed: Floats | None = None
        for begin, end in reversed(list(self._stretches(len(grad)))):
            if grad_feed is not None:
                grad[end - 1] += grad_feed
            states = self._retreat_outputs(work, passed, back, packed, grad, begin, end)
            self._retreat_cells(work, passed, packed, states, begin, end)
            if self.settings.feeding and begin:
                grad_feed = work.buffer(f"{self.name}/grad_feed", grad[0].shape)
                sums = passed.runs[0].sums[begin]
                work.product(sums, packed["feed"], grad_feed)
        return self._finish(work, passed, back)

    def _retreat_outputs(
        self, work: Workspace, passed: _Pass, back: GlanceBack | None, packed: dict[str, Floats],
        grad: Floats, begin: int, end: int,
    ) -> Floats:  # fmt: skip
        """The gradient of the top layer's states; ``squashed`` becomes that of its sums."""
        size, hidden = self.settings.inputs, self.settings.hidden
        sums, mask = passed.squashed[begin:end], passed.masks[-1][begin:end]
        squash_outputs_back(grad[begin:end].reshape(-1), mask.reshape(-1), sums.reshape(-1))
        joined = work.buffer(f"{self.name}/grad_joined", (end - begin, sums.shape[1], self.width))
        work.product(sums.reshape(-1, size), packed["combine"], joined.reshape(-1, self.width))
        states = work.buffer(f"{self.name}/grad_states", (*joined.shape[:2], hidden))
        states[...] = joined[:, :, :hidden]
        if self.attention:
            assert back is not None
            back.grad_contexts[begin:end] = joined[:, :, hidden:]
            states += self.attention.retreat(work, back, begin, end)
        return states

    def _retreat_cells(
        self, work: Workspace, passed: _Pass, packed: dict[str, Floats], grad: Floats,
        begin: int, end: int,
    ) -> None:  # fmt: skip
        """The recurrent layers, from the top to the bottom."""
        for number in range(len(self.layers) - 1, -1, -1):
            layer, run = self.layers[number], passed.runs[number]
            layer.retreat(work, run, grad, begin, end)
            if number:
                sums = run.sums[begin:end].reshape(-1, layer.width)
                work.product(sums, packed[str(number)], grad.reshape(-1, layer.inputs))
                mask = passed.masks[number - 1]
                if len(mask):
                    grad *= mask[begin:end]

    def _finish(
        self, work: Workspace, passed: _Pass, back: GlanceBack | None
    ) -> tuple[Floats, list[State], Floats | None]:
        """The gradients of the weights, and what `backward` returns."""
        size = self.settings.inputs
        sums = passed.squashed.reshape(-1, size)
        work.add_product(f"{self.name}.combine", passed.joined.reshape(-1, self.width).T, sums)
        values = None
        if self.attention:
            assert back is not None
            states = layer_outputs(passed.runs[-1], 0, len(passed.outputs))
            values = self.attention.finish(work, back, states)
        initial = [
            layer.finish(work, run) for layer, run in zip(self.layers, passed.runs, strict=True)
        ]
        first = self.layers[0]
        embedded = work.buffer(f"{self.name}/grad_embedded", passed.embedded.shape)
        matrix = first.weight("input_weights")[:size].T
        grad_sums = first.column_part(passed.runs[0].sums)
        np.matmul(grad_sums, matrix, out=embedded.reshape(-1, size))
        return embedded, initial, values


def layer_outputs(run: Run, begin: int, end: int) -> Floats:
    """The outputs of a layer that runs forwards, at some steps."""
    return run.hidden[begin + 1 : end + 1]
