"""Gradients that vanish or explode: their norms by layer and by time step.

In a recurrent network the gradient of a loss reaches an input k steps back through a product of k
Jacobians, so it shrinks or grows about exponentially in k (Bengio, Simard and Frasconi 1994,
"Learning long-term dependencies with gradient descent is difficult").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.workspace import Workspace

Norms = NDArray[np.float64]

_SAVED = "/gradient_norms"  # what recurrent layers leave in ``work.saved``, behind their name
_BAR = 40  # characters of the longest bar
_DECADES = 8  # that bars span at most; what is smaller has none
_NAMED = 3  # parameters that an error names
_FAR = 100.0  # a gradient that changes by more than this over a window vanishes or explodes


def layer_of(parameter: str) -> str:
    """The layer that a parameter ``LAYER.NAME`` belongs to."""
    return parameter.rpartition(".")[0] or parameter


def layer_norms(parameters: Parameters, gradients: Sequence[Floats]) -> dict[str, float]:
    """Norm of the gradient of each layer's weights; ``gradients`` are the flat ones of shards."""
    squares: dict[str, float] = {}
    for name, (start, end) in parameters.places.items():
        if not parameters.is_frozen(name):
            total = np.sum([gradient[start:end] for gradient in gradients], axis=0)
            layer = layer_of(name)
            squares[layer] = squares.get(layer, 0.0) + float(
                np.square(total, dtype=np.float64).sum()
            )
    return {layer: math.sqrt(square) for layer, square in squares.items()}


def step_norms(works: Sequence[Workspace]) -> dict[str, Norms]:
    """Norms of the gradients that reached a recurrent layer's cells, for each that left them.

    Returns float64 (time,) by layer, the last time step first: shards of unequal length are
    aligned at their ends.
    """
    squares: dict[str, Norms] = {}
    for work in works:
        for key, norms in work.saved.items():
            if key.endswith(_SAVED):
                layer = key.removesuffix(_SAVED)
                backwards = np.asarray(norms, np.float64)[::-1] ** 2
                squares[layer] = _add(squares.get(layer), backwards)
    return {layer: np.sqrt(square) for layer, square in squares.items()}


def _add(total: Norms | None, more: Norms) -> Norms:
    """Sum of two arrays, the shorter one filled up with zeros."""
    result = np.zeros(max(len(more), 0 if total is None else len(total)))
    result[: len(more)] += more
    if total is not None:
        result[: len(total)] += total
    return result


class Diagnosis:
    """Root mean squares of gradient norms over batches."""

    def __init__(self) -> None:
        self._batches = 0
        self._layers: dict[str, float] = {}
        self._steps: dict[str, Norms] = {}
        self._counts: dict[str, Norms] = {}

    def add(self, parameters: Parameters, works: Sequence[Workspace]) -> dict[str, float]:
        """Take in a batch; returns the norms of its layers."""
        self._batches += 1
        layers = layer_norms(parameters, [work.flat_gradient for work in works])
        for layer, norm in layers.items():
            self._layers[layer] = self._layers.get(layer, 0.0) + norm**2
        for layer, norms in step_norms(works).items():
            self._steps[layer] = _add(self._steps.get(layer), norms**2)
            self._counts[layer] = _add(self._counts.get(layer), np.ones(len(norms)))
        return layers

    @property
    def layers(self) -> dict[str, float]:
        """By layer, the norm of the gradient of its weights."""
        return {name: math.sqrt(s / self._batches) for name, s in self._layers.items()}

    @property
    def steps(self) -> dict[str, list[float]]:
        """By recurrent layer, the norm of its cells' gradient; the last time step first."""
        return {n: np.sqrt(s / self._counts[n]).tolist() for n, s in self._steps.items()}

    def lines(self) -> Iterator[str]:
        """Bar charts of both, with logarithmic bars."""
        if self._layers:
            yield "gradient norm by layer:"
            yield from _chart(self.layers)
        for layer, norms in self.steps.items():
            yield f"gradient norm of the cells of {layer}, by steps before the end of a window:"
            shown = {0, len(norms) - 1, *(2**power for power in range(len(norms).bit_length()))}
            places = sorted(place for place in shown if place < len(norms))
            yield from _chart({str(place): norms[place] for place in places})
            yield from _verdict(layer, norms)


def _chart(values: Mapping[str, float]) -> Iterator[str]:
    """A line a value: name, number, bar."""
    width = max(map(len, values))
    logarithms = [math.log10(value) for value in values.values() if value > 0]
    top = max(logarithms, default=0.0)
    bottom = max(min(logarithms, default=0.0) - 1, top - _DECADES)
    for name, value in values.items():
        share = (math.log10(value) - bottom) / (top - bottom) if value > 0 else 0.0
        bar = "#" * max(round(share * _BAR), 0)
        yield f"  {name:>{width}}  {value:9.2e}  {bar}".rstrip()


def _verdict(layer: str, norms: Sequence[float]) -> Iterator[str]:
    """A line if the gradient vanishes or explodes on its way back."""
    last, first = norms[0], norms[-1]
    if first * _FAR < last:
        yield f"  it vanishes: {first / last:.1e} of it is left after {len(norms) - 1} steps"
    elif first > last * _FAR:
        growth = f"{first / last:.1e} times" if last > 0 else "from nothing"
        yield f"  it explodes: it grows {growth} in {len(norms) - 1} steps"


def not_finite(
    parameters: Parameters, gradients: Sequence[Floats], weights_first: bool = False
) -> str:
    """Say which weights, or else whose gradients, hold NaN or infinity; "" if none do.

    Weights are looked at when there are no gradients, or with ``weights_first``.
    """
    if weights_first or not gradients:
        bad = [name for name, weight in parameters.items() if not np.isfinite(weight).all()]
        if bad:
            return f"nor are the weights {_some(bad)}"
    bad = [
        name
        for name, (start, end) in parameters.places.items()
        if not all(np.isfinite(gradient[start:end]).all() for gradient in gradients)
    ]
    return f"nor is the gradient of {_some(bad)}" if bad else ""


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
