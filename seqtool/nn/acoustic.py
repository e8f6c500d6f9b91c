"""What listens: convolutions over frames of sound, a recurrent stack, a score for each symbol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from seqtool.nn.convolution import Convolution
from seqtool.nn.dense import Dense
from seqtool.nn.dropout import Dropout
from seqtool.nn.normalise import LayerNorm
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.recurrent import State
from seqtool.nn.stack import Stack, StackSettings
from seqtool.nn.types import Lengths
from seqtool.nn.workspace import Workspace

Count = TypeVar("Count", int, Lengths)


class AcousticSettings(NamedTuple):
    """The shape of a network that listens.

    Attributes:
        features: numbers of a frame.
        symbols: scores of a step.
        stack: the recurrent layers; a network for streams has one direction.
        channels, kernel, stride: of each convolution: its outputs, how many frames it sees, and
            of how many frames it makes one step.
        convolutions: how many there are; without any, steps are frames.
        causal: whether a step sees no frames that come after its own.
        dropout: rate behind each convolution, and in front of the scores.
    """

    features: int
    symbols: int
    stack: StackSettings
    channels: int = 64
    kernel: int = 5
    stride: int = 2
    convolutions: int = 1
    causal: bool = False
    dropout: float = 0.0


def fewest_numbers(settings: AcousticSettings) -> int:
    """How many numbers the weights have at least; to be asked before memory is taken for them."""
    stack, inputs = settings.stack, settings.features
    width = stack.hidden * (2 if stack.bidirectional else 1)
    count = 0
    for _ in range(settings.convolutions):
        count += settings.kernel * inputs * settings.channels
        inputs = settings.channels
    count += stack.hidden * inputs + stack.layers * stack.hidden**2
    return count + settings.symbols * width


class Heard(NamedTuple):
    """Where a stream is: what convolutions have in memory, and the stack's states."""

    frames: list[Floats]
    states: list[State] | None


class AcousticModel:
    """Convolutions with layer norm and ReLU, a recurrent stack, a dense layer for the scores."""

    def __init__(self, name: str, parameters: Parameters, settings: AcousticSettings) -> None:
        if settings.causal and settings.stack.bidirectional:
            raise ValueError("a causal network has one direction")
        self.settings = settings
        self.blocks = []
        size = settings.features
        for number in range(settings.convolutions):
            self.blocks.append(_Block(f"{name}.{number}", parameters, size, settings))
            size = settings.channels
        self.stack = Stack(f"{name}.cells", parameters, size, settings.stack)
        self.dropout = Dropout(f"{name}.dropout", settings.dropout)
        self.output = Dense(f"{name}.output", parameters, self.stack.outputs, settings.symbols)

    @property
    def reduction(self) -> int:
        """Frames of a step."""
        return int(self.settings.stride**self.settings.convolutions)

    def steps(self, frames: Count) -> Count:
        """Steps of so many frames, a number or an array of them."""
        return -(-frames // self.reduction)

    def initialise(self, random: np.random.Generator) -> None:
        """Fill the weights."""
        for block in self.blocks:
            block.initialise(random)
        self.stack.initialise(random)
        self.output.initialise(random)

    def states(
        self, work: Workspace, features: Floats, lengths: Lengths
    ) -> tuple[Floats, list[State]]:
        """(outputs (steps, rows, size), final states) of the stack.

        For features (frames, rows, features), of which each row has as many as ``lengths`` says.
        """
        for block in self.blocks:
            features = block.forward(work, features, lengths)
            lengths = block.convolution.lengths(lengths)
        outputs, finals = self.stack.forward(work, features, lengths)
        return self.dropout.forward(work, outputs), finals

    def states_backward(
        self, work: Workspace, grad: Floats, grad_finals: Sequence[State | None] | None = None
    ) -> None:
        """Gradients of the weights, from those of what `states` gave."""
        grad = self.dropout.backward(work, grad)
        below, _ = self.stack.backward(work, grad, grad_finals, needs_inputs=bool(self.blocks))
        for number, block in reversed(list(enumerate(self.blocks))):
            assert below is not None
            below = block.backward(work, below, needs_inputs=number > 0)

    def logits(self, work: Workspace, features: Floats, lengths: Lengths) -> Floats:
        """Scores (steps, rows, symbols) for features (frames, rows, features)."""
        return self.output.forward(work, self.states(work, features, lengths)[0])

    def backward(self, work: Workspace, grad: Floats) -> None:
        """Gradients of the weights, from that of the logits."""
        self.states_backward(work, self.output.backward(work, grad))

    def silence(self) -> Heard:
        """Where a stream begins."""
        return Heard([np.zeros(block.memory, np.float32) for block in self.blocks], None)

    def go_on(self, work: Workspace, features: Floats, heard: Heard) -> tuple[Floats, Heard]:
        """(logits (steps, symbols), where the stream then is) of features (frames, features).

        The number of frames is a multiple of `reduction`. With ``work.constant`` the result does
        not depend on how a stream is cut, bit for bit.
        """
        below = features[:, np.newaxis]
        kept = []
        for block, frames in zip(self.blocks, heard.frames, strict=True):
            joined = np.concatenate([frames, below])
            kept.append(joined[len(joined) - len(frames) :].copy())
            below = block.forward(work, below, np.array([len(below)]), frames)
        outputs, states = self.stack.forward(work, below, states=heard.states)
        copies = [tuple(part.copy() for part in state) for state in states]
        return self.output.forward(work, outputs)[:, 0], Heard(kept, copies)


class _Block:
    """Convolution, layer norm, ReLU, dropout."""

    def __init__(
        self, name: str, parameters: Parameters, inputs: int, settings: AcousticSettings
    ) -> None:
        self.name = name
        self.convolution = Convolution(
            f"{name}.convolution", parameters, inputs, settings.channels,
            settings.kernel, settings.stride, settings.causal,
        )  # fmt: skip
        self.norm = LayerNorm(f"{name}.norm", parameters, settings.channels)
        self.dropout = Dropout(f"{name}.dropout", settings.dropout)

    @property
    def memory(self) -> Sequence[int]:
        """Shape of the inputs that a stream keeps."""
        return self.convolution.left, 1, self.convolution.inputs

    def initialise(self, random: np.random.Generator) -> None:
        """Fill the weights."""
        self.convolution.initialise(random)
        self.norm.initialise(random)

    def forward(
        self, work: Workspace, inputs: Floats, lengths: Lengths, before: Floats | None = None
    ) -> Floats:
        outputs = self.norm.forward(work, self.convolution.forward(work, inputs, lengths, before))
        np.maximum(outputs, 0, out=outputs)
        if work.training:
            work.saved[self.name] = outputs, self.convolution.lengths(lengths)
        return self.dropout.forward(work, outputs)

    def backward(self, work: Workspace, grad: Floats, needs_inputs: bool) -> Floats | None:
        outputs, lengths = work.saved[self.name]
        grad = self.dropout.backward(work, grad)
        grad *= outputs > 0
        for row in np.flatnonzero(lengths < len(grad)):
            grad[lengths[row] :, row] = 0
        return self.convolution.backward(work, self.norm.backward(work, grad), needs_inputs)
