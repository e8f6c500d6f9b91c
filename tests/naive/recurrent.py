"""Recurrent cells as the textbook writes them: one row, one step at a time, in double precision.

``before`` and what is returned are states: a list of vectors, the hidden state first. Weights are
a dictionary of the names that layers use, without the layer's own.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Weights = Mapping[str, npt.NDArray[Any]]
Cell = Callable[[Vector, list[Vector], Weights], list[Vector]]


def sigmoid(x: Vector) -> Vector:
    """The logistic function."""
    return np.asarray(1 / (1 + np.exp(-x)))


def sums(x: Vector, hidden: Vector, weights: Weights, gates: int) -> list[Vector]:
    """What goes into each gate."""
    total = x @ weights["input_weights"] + hidden @ weights["recurrent_weights"] + weights["bias"]
    return np.split(total, gates)


def rnn(x: Vector, before: list[Vector], weights: Weights) -> list[Vector]:
    """Elman 1990."""
    (total,) = sums(x, before[0], weights, 1)
    return [np.tanh(total)]


def relu_rnn(x: Vector, before: list[Vector], weights: Weights) -> list[Vector]:
    """The same with a rectifier."""
    (total,) = sums(x, before[0], weights, 1)
    return [np.maximum(total, 0)]


def simple_gru(x: Vector, before: list[Vector], weights: Weights) -> list[Vector]:
    """With an update gate only."""
    update, candidate = sums(x, before[0], weights, 2)
    u = sigmoid(update)
    return [(1 - u) * before[0] + u * np.tanh(candidate)]


def gru(x: Vector, before: list[Vector], weights: Weights) -> list[Vector]:
    """Cho et al. 2014, the reset gate acting on the product."""
    inputs = np.split(x @ weights["input_weights"] + weights["bias"], 3)
    recurrent = np.split(before[0] @ weights["recurrent_weights"], 3)
    r = sigmoid(inputs[0] + recurrent[0])
    u = sigmoid(inputs[1] + recurrent[1])
    g = np.tanh(inputs[2] + r * (recurrent[2] + weights["reset_bias"]))
    return [(1 - u) * before[0] + u * g]


def lstm(x: Vector, before: list[Vector], weights: Weights) -> list[Vector]:
    """Hochreiter & Schmidhuber 1997, Gers et al. 2000; with peepholes, 2002."""
    hidden, memory = before
    write, forget, output, candidate = sums(x, hidden, weights, 4)
    peep_i, peep_f, peep_o = np.split(weights.get("peepholes", np.zeros(3 * len(memory))), 3)
    i = sigmoid(write + peep_i * memory)
    f = sigmoid(forget + peep_f * memory)
    c = f * memory + i * np.tanh(candidate)
    o = sigmoid(output + peep_o * c)
    return [o * np.tanh(c), c]


CELLS: dict[str, Cell] = {
    "rnn": rnn,
    "relu-rnn": relu_rnn,
    "simple-gru": simple_gru,
    "gru": gru,
    "lstm": lstm,
}


def run(
    cell: Cell,
    inputs: npt.NDArray[Any],
    lengths: npt.NDArray[np.int64],
    states: list[npt.NDArray[Any]],
    weights: Weights,
    reverse: bool = False,
) -> tuple[npt.NDArray[np.float64], list[npt.NDArray[np.float64]]]:
    """(outputs (time, rows, hidden), final states (rows, hidden)); a row that ended holds still."""
    time, rows, _ = inputs.shape
    outputs = np.zeros((time, rows, states[0].shape[1]))
    finals = [np.array(state, np.float64) for state in states]
    for row in range(rows):
        state = [part[row] for part in finals]
        for t in reversed(range(time)) if reverse else range(time):
            if t < lengths[row]:
                state = cell(inputs[t, row], state, weights)
            outputs[t, row] = state[0]
        for part, value in zip(finals, state, strict=True):
            part[row] = value
    return outputs, finals
