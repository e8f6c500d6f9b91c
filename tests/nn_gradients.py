"""Backward passes against finite differences in double precision.

Kernels run as plain Python, so that they compute in the precision of their arrays.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import pytest

from seqtool.kernels import Kernel
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.workspace import Workspace

_STEP = 1e-3  # the formula's error is of its fourth power
_SMALL = 1e-3  # gradients below this are compared with it
SEED = 17


class Checkable(Protocol):
    """A layer; its passes take what `check_layer` is given."""

    @property
    def forward(self) -> Callable[..., Any]: ...

    @property
    def backward(self) -> Callable[..., Any]: ...

    def initialise(self, random: np.random.Generator) -> None: ...


@contextmanager
def interpreted() -> Iterator[None]:
    """Kernels are plain Python inside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kernel, "__call__", lambda self, *args: self.function(*args))
        yield


def slope(function: Callable[[], float], array: Floats, index: tuple[int, ...]) -> float:
    """The derivative for one number of an array, by the five-point formula."""
    before = float(array[index])
    values = []
    for steps in (-2, -1, 1, 2):
        array[index] = before + steps * _STEP
        values.append(function())
    array[index] = before
    return (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * _STEP)


def check_slopes(
    function: Callable[[], float], array: Floats, gradient: Floats, name: str, tolerance: float
) -> None:
    """Assert that ``gradient`` is that of ``function`` for every number of ``array``."""
    assert gradient.shape == array.shape, name
    for index in np.ndindex(array.shape):
        wanted, found = slope(function, array, index), float(gradient[index])
        error = abs(found - wanted) / max(abs(wanted), _SMALL)
        assert error <= tolerance, f"{name}{list(index)}: {found}, but numerically {wanted}"


def double_parameters(parameters: Parameters, layers: Sequence[Any]) -> None:
    """Allocate in double precision; every weight is moved away from where it begins.

    What begins at 0 would otherwise hide a gradient that is wrong.
    """
    parameters.allocate(np.float64)
    random = np.random.default_rng(SEED)
    for layer in layers:
        layer.initialise(random)
    for name in parameters:
        parameters[name][...] += random.normal(scale=0.3, size=parameters[name].shape)


def check_loss(
    parameters: Parameters,
    loss: Callable[[Workspace], float],
    inputs: Sequence[tuple[Floats, Callable[[], Floats]]] = (),
    tolerance: float = 1e-6,
    scale: float = 0.5,
) -> None:
    """Check all trained weights, and arrays that the loss depends on.

    ``loss(work)`` runs a forward pass and, since ``work`` is one for training, a backward pass; its
    gradient is that of its value times ``scale``. The second of each of ``inputs`` gives the
    gradient of the first after that.
    """
    work = Workspace(parameters)

    def value() -> float:
        work.begin(SEED, scale)
        work.carried.clear()
        return scale * loss(work)

    with interpreted():
        value()
        gradients = {name: gradient.copy() for name, gradient in work.gradients.items()}
        input_gradients = [np.array(gradient()) for _, gradient in inputs]
        for name, gradient in gradients.items():
            check_slopes(value, parameters[name], gradient, name, tolerance)
        for number, (array, _) in enumerate(inputs):
            check_slopes(value, array, input_gradients[number], f"input {number}", tolerance)


def check_layer(
    build: Callable[[Parameters], Checkable],
    *inputs: Any,
    tolerance: float = 1e-6,
    grad_arguments: Sequence[Any] = (),
) -> None:
    """Check a layer: its weights, and its first input if that is an array of float64.

    Its passes are ``forward(work, *inputs)`` and ``backward(work, grad, *grad_arguments)``. The
    loss is the sum of the outputs, each times a random number.
    """
    parameters = Parameters()
    layer = build(parameters)
    double_parameters(parameters, [layer])
    found: dict[str, Any] = {}

    def loss(work: Workspace) -> float:
        outputs = layer.forward(work, *inputs)
        factors = np.random.default_rng(SEED).normal(size=outputs.shape)
        value = float((outputs * factors).sum())
        found["gradient"] = layer.backward(work, factors * work.scale, *grad_arguments)
        return value

    first = inputs[0]
    if first.dtype == np.float64:
        check_loss(parameters, loss, [(first, lambda: found["gradient"])], tolerance)
    else:
        check_loss(parameters, loss, tolerance=tolerance)
