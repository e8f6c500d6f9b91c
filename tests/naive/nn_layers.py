"""Layers of neural networks one number at a time, in double precision.

Ba et al. 2016, "Layer normalization"; Szegedy et al. 2016, "Rethinking the Inception architecture"
(label smoothing); Srivastava et al. 2014, "Dropout"; Wellons 2018, "Prospecting for hash functions"
(its two-round 32-bit hash, here with a key before each round). Optimisers: Polyak 1964; Duchi et
al. 2011, "Adaptive subgradient methods"; Kingma & Ba 2015, "Adam"; Loshchilov & Hutter 2019,
"Decoupled weight decay regularization".
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def embedding_gradient(ids: Sequence[int], gradients: Array, vocab: int) -> Array:
    """The table's gradient: for every word the sum over the places where it stands."""
    table = np.zeros((vocab, gradients.shape[1]))
    for token, gradient in zip(ids, gradients, strict=True):
        table[token] += gradient
    return table


def layer_norm(vector: Array, gain: Array, bias: Array, epsilon: float = 1e-5) -> Array:
    """Equation 4 of the paper, with epsilon beside the variance."""
    deviation = math.sqrt(float(np.mean((vector - vector.mean()) ** 2)) + epsilon)
    return np.asarray((vector - vector.mean()) / deviation * gain + bias)


def softmax(logits: Array) -> Array:
    """Probabilities of one row."""
    exponentials = np.exp(logits - logits.max())
    return np.asarray(exponentials / exponentials.sum())


def cross_entropy(logits: Array, target: int, smoothing: float = 0.0) -> float:
    """The cross-entropy (nats) of the smoothed target and the softmax."""
    wanted = smoothed(len(logits), target, smoothing)
    return float(-(wanted * np.log(softmax(logits))).sum())


def smoothed(classes: int, target: int, smoothing: float) -> Array:
    """A target's distribution: a part of it is spread over all classes."""
    wanted = np.full(classes, smoothing / classes)
    wanted[target] += 1 - smoothing
    return wanted


def keeps(place: int, first_key: int, second_key: int, rate: float) -> bool:
    """Whether dropout keeps the number at a place."""
    x = place ^ first_key
    x ^= x // 2**16
    x = x * 0x21F0AAAD % 2**32
    x = (x + second_key) % 2**32
    x ^= x // 2**15
    x = x * 0x735A2D97 % 2**32
    x ^= x // 2**15
    return x >= rate * 2**32


def mean_pooling(states: Array, lengths: Sequence[int]) -> Array:
    """Means (batch, size) of states (time, batch, size) over the steps before the lengths."""
    rows = [states[:n, row].mean(axis=0) if n else 0 * states[0, row] for row, n in pairs(lengths)]
    return np.array(rows)


def max_pooling(states: Array, lengths: Sequence[int]) -> Array:
    """Maxima likewise; of no steps, 0."""
    rows = [states[:n, row].max(axis=0) if n else 0 * states[0, row] for row, n in pairs(lengths)]
    return np.array(rows)


def pairs(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """Rows and their lengths."""
    return list(enumerate(lengths))


def clipped(gradient: Array, norm: float | None, value: float | None) -> Array:
    """Numbers cut off at ``value``, then the whole shortened to ``norm``."""
    if value is not None:
        gradient = np.clip(gradient, -value, value)
    length = math.sqrt(float((gradient**2).sum()))
    if norm is not None and length > norm:
        gradient = gradient * norm / length
    return gradient


def descend(
    name: str, weights: Array, gradients: Sequence[Array], rate: float, decay: float = 0.0
) -> Array:
    """Weights after a step with each of the gradients, with the usual settings of PyTorch."""
    weights = weights.copy()
    velocity, first, second = np.zeros((3, *weights.shape))
    for step, gradient in enumerate(gradients, start=1):
        if name == "sgd":
            velocity = 0.9 * velocity + gradient
            weights -= rate * velocity
        elif name == "adagrad":
            second += gradient**2
            weights -= rate * gradient / (np.sqrt(second) + 1e-10)
        else:
            weights *= 1 - rate * decay
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            mean, square = first / (1 - 0.9**step), second / (1 - 0.999**step)
            weights -= rate * mean / (np.sqrt(square) + 1e-8)
    return weights
