"""How gradients change weights.

Weights are cut into pieces that depend on the model alone. Threads take pieces; what is summed
over pieces is summed in their order. So the number of threads changes no bit of the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqtool.nn import optimiser_kernels as kernels
from seqtool.nn.clipping import Clipping
from seqtool.nn.parameters import Floats, Parameters
from seqtool.parallel import for_each

_PIECE = 1 << 17  # numbers: the gradients of a few shards fit the second cache

State = Mapping[str, NDArray[Any]]
_NO_CLIPPING = Clipping()


class Piece(NamedTuple):
    """A part of one parameter: where it is, which piece it is, whether it is a matrix's."""

    number: int
    place: slice
    matrix: bool


def pieces_of(parameters: Parameters) -> list[Piece]:
    """The trained parameters in pieces of at most _PIECE numbers."""
    pieces: list[Piece] = []
    for name, (start, end) in parameters.places.items():
        if parameters.is_frozen(name):
            continue
        matrix = parameters[name].ndim > 1
        for begin in range(start, end, _PIECE):
            place = slice(begin, min(begin + _PIECE, end))
            pieces.append(Piece(len(pieces), place, matrix))
    return pieces


class Optimiser:
    """Base of all optimisers: sums gradients, clips, and has `update` change the weights.

    ``array_names``: of what is kept for each weight, in ``arrays``; ``steps``: how many were taken.
    """

    array_names: tuple[str, ...] = ()

    def __init__(self, parameters: Parameters, clipping: Clipping = _NO_CLIPPING) -> None:
        self.clipping = clipping
        self.steps = 0
        self.arrays = {name: np.zeros_like(parameters.trained) for name in self.array_names}
        self._pieces = pieces_of(parameters)

    def step(
        self,
        parameters: Parameters,
        gradients: Sequence[Floats],
        rate: float,
        threads: int,
    ) -> float:
        """Change the weights by the sum of the shards' flat gradients, added in their order.

        The first of the gradients becomes the sum, clipped by value if that is asked for. Returns
        its length before it is clipped by norm. If that is not finite, nothing else happens.
        """
        total = gradients[0]
        squares = np.zeros(len(self._pieces))

        def add_up(piece: Piece) -> None:
            part = total[piece.place]
            for gradient in gradients[1:]:
                kernels.add(part, gradient[piece.place])
            if self.clipping.value is not None:
                kernels.clip(part, self.clipping.value)
            squares[piece.number] = kernels.sum_of_squares(part)

        self._for_pieces(add_up, threads)
        norm = math.sqrt(float(squares.sum()))
        if not math.isfinite(norm):
            return norm
        self.steps += 1
        scale = self.clipping.scale(norm)
        weights = parameters.trained

        def update(piece: Piece) -> None:
            self.update(piece, weights[piece.place], total[piece.place], scale, rate)

        self._for_pieces(update, threads)
        return norm

    def _for_pieces(self, work: Callable[[Piece], None], threads: int) -> None:
        for_each(self._pieces, lambda: work, min(threads, len(self._pieces)))

    def update(
        self, piece: Piece, weights: Floats, gradient: Floats, scale: float, rate: float
    ) -> None:
        """Change the weights of a piece, in place, by its gradient times ``scale``."""
        raise NotImplementedError

    def state(self) -> dict[str, NDArray[Any]]:
        """All that the next step depends on, by name."""
        return {**self.arrays, "steps": np.array([self.steps])}

    def load_state(self, state: State) -> None:
        """Go on where `state` was taken. Raises ValueError if it is of another optimiser or
        model."""
        mine = self.state()
        if {name: array.shape for name, array in state.items()} != {
            name: array.shape for name, array in mine.items()
        }:
            raise ValueError("the state is of another optimiser or of another model")
        for name, array in self.arrays.items():
            array[...] = state[name]
        self.steps = int(state["steps"][0])


class Sgd(Optimiser):
    """Stochastic gradient descent that keeps a part of its velocity."""

    array_names = ("velocity",)

    def __init__(
        self, parameters: Parameters, clipping: Clipping = _NO_CLIPPING, momentum: float = 0.9
    ) -> None:
        super().__init__(parameters, clipping)
        self.momentum = momentum

    def update(
        self, piece: Piece, weights: Floats, gradient: Floats, scale: float, rate: float
    ) -> None:
        """See the kernel."""
        velocity = self.arrays["velocity"][piece.place]
        kernels.descend(weights, gradient, scale, rate, velocity, self.momentum)


class AdaGrad(Optimiser):
    """Smaller steps for weights that have had large gradients."""

    array_names = ("squares",)

    def __init__(
        self, parameters: Parameters, clipping: Clipping = _NO_CLIPPING, epsilon: float = 1e-10
    ) -> None:
        super().__init__(parameters, clipping)
        self.epsilon = epsilon

    def update(
        self, piece: Piece, weights: Floats, gradient: Floats, scale: float, rate: float
    ) -> None:
        """See the kernel."""
        squares = self.arrays["squares"][piece.place]
        kernels.adagrad(weights, gradient, scale, rate, squares, self.epsilon)


class Adam(Optimiser):
    """Running means of the gradient and of its square.

    With ``decay`` (AdamW) every step also makes the weights of matrices smaller by the factor
    1 - rate * decay; biases and gains are left alone.
    """

    array_names = ("first", "second")

    def __init__(
        self,
        parameters: Parameters,
        clipping: Clipping = _NO_CLIPPING,
        first: float = 0.9,
        second: float = 0.999,
        epsilon: float = 1e-8,
        decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, clipping)
        self.first = first
        self.second = second
        self.epsilon = epsilon
        self.decay = decay

    def update(
        self, piece: Piece, weights: Floats, gradient: Floats, scale: float, rate: float
    ) -> None:
        """See the kernel."""
        kernels.adam(
            weights,
            gradient,
            scale,
            rate / (1 - self.first**self.steps),
            self.arrays["first"][piece.place],
            self.arrays["second"][piece.place],
            self.first,
            1 - self.first,
            self.second,
            1 - self.second,
            1 / math.sqrt(1 - self.second**self.steps),
            self.epsilon,
            1 - rate * self.decay if piece.matrix else 1.0,
        )


class AdamW(Adam):
    """Adam with decoupled weight decay."""

    def __init__(
        self,
        parameters: Parameters,
        clipping: Clipping = _NO_CLIPPING,
        first: float = 0.9,
        second: float = 0.999,
        epsilon: float = 1e-8,
        decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, clipping, first, second, epsilon, decay)


OPTIMISERS: dict[str, Callable[..., Optimiser]] = {
    "sgd": Sgd,
    "adagrad": AdaGrad,
    "adam": Adam,
    "adamw": AdamW,
}


def make_optimiser(
    name: str,
    parameters: Parameters,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    **settings: float,
) -> Optimiser:
    """One of the OPTIMISERS for these parameters, which must be allocated.

    ``settings`` are the further arguments of its class.
    """
    return OPTIMISERS[name](parameters, Clipping(clip_norm, clip_value), **settings)
