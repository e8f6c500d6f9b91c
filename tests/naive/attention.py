"""Attention and the attention decoder as the papers write them: one row, one step at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from naive.recurrent import Cell

Vector = npt.NDArray[Any]
Weights = Mapping[str, npt.NDArray[Any]]


def softmax(scores: Vector) -> Vector:
    """Probabilities."""
    powers = np.exp(scores - scores.max())
    return np.asarray(powers / powers.sum())


def attention(
    kind: str, state: Vector, values: Vector, weights: Weights, seen: Vector | None = None
) -> tuple[Vector, Vector]:
    """(weights (source,), context) of one decoder state over one source (source, size).

    Luong et al. 2015, section 3.1, and Bahdanau et al. 2015, appendix A.1.2; with ``seen``, the
    coverage of Tu et al. 2016.
    """
    scores = np.zeros(len(values))
    for s, value in enumerate(values):
        if kind == "dot":
            scores[s] = state @ value
        elif kind == "general":
            scores[s] = state @ (value @ weights["keys.weight"])
        else:
            inner = state @ weights["query"] + value @ weights["keys.weight"] + weights["keys.bias"]
            if seen is not None:
                inner = inner + seen[s] * weights["cover"]
            scores[s] = weights["score"] @ np.tanh(inner)
    shares = softmax(scores)
    return shares, shares @ values


def decode(
    cells: Sequence[tuple[Cell, Weights]],
    states: list[list[Vector]],
    embedded: Vector,
    values: Vector,
    combine: Vector,
    kind: str,
    weights: Weights,
    feeding: bool,
    coverage: bool,
) -> tuple[Vector, Vector]:
    """(outputs (time, size), attention (time, source)) for one row; Luong et al. 2015.

    ``cells`` from the bottom to the top, each with its weights; ``states`` are what they start
    from; ``weights`` are those of the attention, ``combine`` the matrix before the last tanh.
    """
    output = np.zeros(embedded.shape[1])
    seen = np.zeros(len(values))
    outputs, looked = [], []
    for vector in embedded:
        inputs = np.concatenate([vector, output]) if feeding else vector
        for number, (cell, mine) in enumerate(cells):
            states[number] = cell(inputs, states[number], mine)
            inputs = states[number][0]
        joined, shares = inputs, np.zeros(len(values))
        if kind != "none":
            shares, context = attention(kind, inputs, values, weights, seen if coverage else None)
            joined = np.concatenate([inputs, context])
        seen = seen + shares
        output = np.tanh(joined @ combine)
        outputs.append(output)
        looked.append(shares)
    return np.array(outputs), np.array(looked)
