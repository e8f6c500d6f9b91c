"""What kernels can call that is no Python: instructions of the processor.

The functions here are what an interpreted kernel runs; `seqtool.kernels.intrinsics` holds the
code that takes their place when a kernel is compiled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from seqtool.kernels import Floats, Ints, instruction

PANEL = 32  # columns that a tile has: two registers of 16


@instruction
def prefetch(array: Floats | Ints, index: int) -> None:
    """Have the processor fetch the memory around ``array[index]``, which is needed soon."""


@instruction
def nearest(x: float) -> float:
    """The integer nearest to x, as a float; the even one of two."""
    return float(np.rint(x))


@instruction
def power_of_two(n: float) -> float:
    """2 to the n, for a float32 that holds an integer between -126 and 127."""
    return float(np.exp2(n))


def _tile(rows: int, panels: int, half: bool = False, ahead: bool = False) -> Callable[..., None]:
    def add_tile(
        left: Any, at: int, stride: int, packed: Any, first: int, out: Any, to: int, width: int,
        depth: int,
    ) -> None:  # fmt: skip
        for panel in range(panels):
            begin = first + panel * depth * PANEL
            matrix = packed[begin : begin + depth * PANEL].reshape(depth, PANEL)
            if half:
                matrix = matrix.view(np.float16).astype(np.float32)
            for row in range(rows):
                place = to + row * width + panel * PANEL
                start = at + row * stride
                out[place : place + PANEL] += left[start : start + depth] @ matrix

    kind = "half_" if half else ""
    add_tile.__name__ = f"add_{kind}tile_{rows}x{panels}{'_ahead' if ahead else ''}"
    add_tile.__doc__ = f"""Add the product of {rows} rows and {panels} panels of a packed matrix.

        out[to + r width + c] += sum over k < depth of
            left[at + r stride + k] * packed[first + (c // PANEL depth + k) PANEL + c % PANEL]

    All arrays are float32; in the forms called half, the packed matrix holds the bits of float16,
    which is read twice as fast where it does not fit the caches. Compiled, the sums run over k in
    order, one fused multiply-add after the other, so an element does not depend on which rows are
    multiplied together. The form called ahead has the next panel fetched meanwhile.
    """
    return instruction(add_tile)


# Eight sums or more are under way at once, as the processor needs to be busy, but for the last.
add_tile_8x1 = _tile(8, 1)
add_tile_8x1_ahead = _tile(8, 1, ahead=True)
add_tile_4x1 = _tile(4, 1)
add_tile_1x4 = _tile(1, 4)
add_tile_1x1 = _tile(1, 1)
add_half_tile_1x4 = _tile(1, 4, half=True)
add_half_tile_1x1 = _tile(1, 1, half=True)
