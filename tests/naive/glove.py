"""GloVe (Pennington et al. 2014): the cost of a cell, its gradient, and AdaGrad's step."""

import math
from collections.abc import Sequence


def cell_weight(x: float, x_max: float, alpha: float) -> float:
    """How much a cell counts: f(x) of equation 9."""
    return min(1.0, (x / x_max) ** alpha)


def cell_error(word: Sequence[float], context: Sequence[float], x: float) -> float:
    """By how much a product and its biases, which stand last, miss the logarithm."""
    product = sum(a * b for a, b in zip(word[:-1], context[:-1], strict=True))
    return product + word[-1] + context[-1] - math.log(x)


def cell_cost(
    word: Sequence[float], context: Sequence[float], x: float, x_max: float, alpha: float
) -> float:
    """Half of a term of equation 8."""
    return cell_weight(x, x_max, alpha) / 2 * cell_error(word, context, x) ** 2


def cell_gradients(
    word: Sequence[float], context: Sequence[float], x: float, x_max: float, alpha: float
) -> tuple[list[float], list[float]]:
    """Derivatives of the cost by the word's numbers and by the context's."""
    step = cell_weight(x, x_max, alpha) * cell_error(word, context, x)
    return [step * c for c in context[:-1]] + [step], [step * w for w in word[:-1]] + [step]


def adagrad(
    parameters: Sequence[float], sums: Sequence[float], gradient: Sequence[float], rate: float
) -> tuple[list[float], list[float]]:
    """Parameters and sums of squares after one step; ``rate`` scales what is summed, too."""
    steps = [rate * g for g in gradient]
    moved = [p - step / math.sqrt(s) for p, step, s in zip(parameters, steps, sums, strict=True)]
    return moved, [s + step * step for s, step in zip(sums, steps, strict=True)]
