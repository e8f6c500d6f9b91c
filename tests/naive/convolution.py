"""Convolution over time, as its definition says."""

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def convolution(
    inputs: Doubles, weight: Doubles, bias: Doubles, kernel: int, stride: int, causal: bool
) -> Doubles:
    """Outputs (ceil(time / stride), outputs) of one sequence (time, inputs).

    ``weight`` (kernel inputs, outputs) begins with the rows of the earliest input.
    """
    time, size = inputs.shape
    first = -(kernel - stride if causal else (kernel - stride) // 2)
    outputs = []
    for start in range(first, first + time, stride):
        total = bias.copy()
        for place in range(kernel):
            if 0 <= start + place < time:
                total = total + inputs[start + place] @ weight[place * size : (place + 1) * size]
        outputs.append(total)
    return np.array(outputs).reshape(-1, len(bias))
