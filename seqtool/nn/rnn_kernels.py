"""The plain recurrent network over a sequence (Elman 1990): h = tanh or relu (x W + h' U + b).

Slot 0 of the states is what the sequence starts from (for a reversed one, the last slot); rows
that have ended keep their state.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel
from seqtool.nn.gate_kernels import ONE, ZERO, Row, add_row, clear_row, copy_row, tanh_row
from seqtool.nn.product_kernels import add_packed_product


@helper
def relu_row(values: Row, bias: Row) -> None:
    """values = max(0, values + bias)."""
    for j in range(len(values)):
        s = values[j] + bias[j]
        values[j] = s if s > ZERO else ZERO


@kernel("void(f4[::1], i8, f4[::1], f4[::1], f4[::1], i8[::1], i8, i8, i8, i8, i8)")
def forward(
    sums: Row, width: int, packed: Row, bias: Row, hidden: Row, lengths: Ints, time: int, rows: int,
    n: int, reverse: int, relu: int,
) -> None:  # fmt: skip
    """All time steps of one layer in one direction.

    ``sums`` (time, rows, width): in, x W; afterwards scratch. ``packed``: U, see
    `product_kernels.pack`. ``hidden`` (time + 1, rows, n).
    """
    for step in range(time):
        t = time - 1 - step if reverse else step
        last = t + 1 if reverse else t
        here = t if reverse else t + 1
        add_packed_product(
            hidden, last * rows * n, rows, n, packed, width // 32, sums, t * rows * width
        )
        for row in range(rows):
            before, at = (last * rows + row) * n, (t * rows + row) * width
            now = hidden[(here * rows + row) * n : (here * rows + row) * n + n]
            mine = sums[at : at + n]
            if t >= lengths[row]:
                copy_row(hidden[before : before + n], now)
                continue
            if relu:
                relu_row(mine, bias)
            else:
                tanh_row(mine, bias)
            copy_row(mine, now)


@helper
def _relu_gradient(hidden: Row, grad_hidden: Row, sums: Row) -> None:
    for j in range(len(sums)):
        sums[j] = grad_hidden[j] if hidden[j] > ZERO else ZERO


@helper
def _tanh_gradient(hidden: Row, grad_hidden: Row, sums: Row) -> None:
    for j in range(len(sums)):
        sums[j] = grad_hidden[j] * (ONE - hidden[j] * hidden[j])


@kernel("void(f4[::1], i8, f4[::1], f4[::1], f4[::1], f4[::1], i8, i8[::1], i8, i8, i8, i8, i8)")
def backward(
    sums: Row, width: int, packed: Row, hidden: Row, grad_outputs: Row, grad_hidden: Row,
    hidden_width: int, lengths: Ints, time: int, rows: int, n: int, reverse: int, relu: int,
) -> None:  # fmt: skip
    """The way back through all time steps.

    ``sums``: out, the gradient of the sums (0 where a row has ended). ``packed``: the transpose of
    U. ``grad_outputs`` (time, rows, n). ``grad_hidden`` (rows, hidden_width): in, the gradient of
    the final state; out, that of the initial one.
    """
    for step in range(time):
        t = step if reverse else time - 1 - step
        here = t if reverse else t + 1
        for row in range(rows):
            at, side = (t * rows + row) * width, (t * rows + row) * n
            grad = grad_hidden[row * hidden_width : row * hidden_width + n]
            add_row(grad_outputs[side : side + n], grad)
            clear_row(sums[at : at + width])
            if t >= lengths[row]:
                continue
            now = hidden[(here * rows + row) * n : (here * rows + row) * n + n]
            if relu:
                _relu_gradient(now, grad, sums[at : at + n])
            else:
                _tanh_gradient(now, grad, sums[at : at + n])
            clear_row(grad)
        add_packed_product(
            sums, t * rows * width, rows, width, packed, hidden_width // 32, grad_hidden, 0
        )
