"""The gated recurrent unit over a sequence (Cho et al. 2014; Chung et al. 2014, section 3.2).

    r, u = sigmoid(x W + h' U + b)          reset and update gate
    g    = tanh(x W + b + r (h' U + q))     candidate
    h    = (1 - u) h' + u g                 hidden state

where ' marks the step before. The reset gate acts on the product with the recurrent weights, so
that there is one product a step; q is a bias of its own there. Without a reset gate, r is 1 and q
is left out: the simplified unit. Gates lie side by side, in the order r, u, g or u, g. Slot 0 of
the states is what the sequence starts from (for a reversed one, the last slot); rows that have
ended keep their state.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel
from seqtool.nn.gate_kernels import (
    ONE,
    Row,
    add_row,
    add_scaled_row,
    clear_row,
    copy_row,
    sigmoid_row,
    tanh_row,
)
from seqtool.nn.product_kernels import add_packed_product


@helper
def mix(before: Row, update: Row, candidate: Row, hidden: Row) -> None:
    """Equation of h."""
    for j in range(len(hidden)):
        hidden[j] = before[j] + update[j] * (candidate[j] - before[j])


@helper
def activate(
    gates: Row, product: Row, bias: Row, reset_bias: Row, before: Row, hidden: Row, n: int
) -> None:
    """From the sums of one row to the activations, and the new state."""
    add_row(product[: 2 * n], gates[: 2 * n])
    sigmoid_row(gates[: 2 * n], bias[: 2 * n])
    add_row(reset_bias, product[2 * n :])
    add_scaled_row(gates[:n], product[2 * n :], gates[2 * n :])
    tanh_row(gates[2 * n :], bias[2 * n :])
    mix(before, gates[n : 2 * n], gates[2 * n :], hidden)


@kernel("void(f4[::1], f4[::1], i8, f4[::1], f4[::1], f4[::1], f4[::1], i8[::1], i8, i8, i8, i8)")
def forward(
    gates: Row, recurrent: Row, width: int, packed: Row, bias: Row, reset_bias: Row, hidden: Row,
    lengths: Ints, time: int, rows: int, n: int, reverse: int,
) -> None:  # fmt: skip
    """All time steps of one layer in one direction.

    ``gates`` (time, rows, width): in, x W; out, the activations r, u, g. ``recurrent``, of the same
    shape: in, zeros; out, h' U, and h' U + q in the candidate's part. ``packed``: U, see
    `product_kernels.pack`. ``reset_bias`` (n): q. ``hidden`` (time + 1, rows, n).
    """
    for step in range(time):
        t = time - 1 - step if reverse else step
        last = t + 1 if reverse else t
        here = t if reverse else t + 1
        add_packed_product(
            hidden, last * rows * n, rows, n, packed, width // 32, recurrent, t * rows * width
        )
        for row in range(rows):
            before = hidden[(last * rows + row) * n : (last * rows + row) * n + n]
            now = hidden[(here * rows + row) * n : (here * rows + row) * n + n]
            if t >= lengths[row]:
                copy_row(before, now)
                continue
            at = (t * rows + row) * width
            mine, product = gates[at : at + 3 * n], recurrent[at : at + 3 * n]
            activate(mine, product, bias, reset_bias, before, now, n)


@helper
def _update_gradients(update: Row, candidate: Row, before: Row, grad_hidden: Row) -> None:
    """Gradients of the sums of u and g; grad_hidden keeps the part that bypasses the unit."""
    for j in range(len(update)):
        u, g, d = update[j], candidate[j], grad_hidden[j]
        update[j] = d * (g - before[j]) * u * (ONE - u)
        candidate[j] = d * u * (ONE - g * g)
        grad_hidden[j] = d * (ONE - u)


@helper
def _reset_gradient(reset: Row, grad_candidate: Row, product: Row) -> None:
    """Gradients of the sum of r and of the product that it scaled."""
    for j in range(len(reset)):
        r, d = reset[j], grad_candidate[j]
        reset[j] = d * product[j] * r * (ONE - r)
        product[j] = d * r


@kernel(
    "void(f4[::1], f4[::1], i8, f4[::1], f4[::1], f4[::1], f4[::1], i8, i8[::1], i8, i8, i8, i8)"
)
def backward(
    gates: Row, recurrent: Row, width: int, packed: Row, hidden: Row, grad_outputs: Row,
    grad_hidden: Row, hidden_width: int, lengths: Ints, time: int, rows: int, n: int, reverse: int,
) -> None:  # fmt: skip
    """The way back through all time steps.

    ``gates`` and ``recurrent``: in, what `forward` left; out, the gradients of x W and of h' U (0
    where a row has ended). ``packed``: the transpose of U. ``grad_outputs`` (time, rows, n).
    ``grad_hidden`` (rows, hidden_width): in, the gradient of the final state; out, that of the
    initial one.
    """
    for step in range(time):
        t = step if reverse else time - 1 - step
        last = t + 1 if reverse else t
        for row in range(rows):
            at, side = (t * rows + row) * width, (t * rows + row) * n
            grad = grad_hidden[row * hidden_width : row * hidden_width + n]
            add_row(grad_outputs[side : side + n], grad)
            if t >= lengths[row]:
                clear_row(gates[at : at + width])
                clear_row(recurrent[at : at + width])
                continue
            before = hidden[(last * rows + row) * n : (last * rows + row) * n + n]
            mine, product = gates[at : at + 3 * n], recurrent[at : at + 3 * n]
            _update_gradients(mine[n : 2 * n], mine[2 * n :], before, grad)
            _reset_gradient(mine[:n], mine[2 * n :], product[2 * n :])
            copy_row(mine[: 2 * n], product[: 2 * n])
        add_packed_product(
            recurrent, t * rows * width, rows, width, packed, hidden_width // 32, grad_hidden, 0
        )


@kernel("void(f4[::1], i8, f4[::1], f4[::1], f4[::1], i8[::1], i8, i8, i8, i8)")
def forward_simple(
    gates: Row, width: int, packed: Row, bias: Row, hidden: Row, lengths: Ints, time: int,
    rows: int, n: int, reverse: int,
) -> None:  # fmt: skip
    """`forward` without a reset gate; ``gates`` holds u, g."""
    for step in range(time):
        t = time - 1 - step if reverse else step
        last = t + 1 if reverse else t
        here = t if reverse else t + 1
        add_packed_product(
            hidden, last * rows * n, rows, n, packed, width // 32, gates, t * rows * width
        )
        for row in range(rows):
            before = hidden[(last * rows + row) * n : (last * rows + row) * n + n]
            now = hidden[(here * rows + row) * n : (here * rows + row) * n + n]
            if t >= lengths[row]:
                copy_row(before, now)
                continue
            at = (t * rows + row) * width
            sigmoid_row(gates[at : at + n], bias[:n])
            tanh_row(gates[at + n : at + 2 * n], bias[n:])
            mix(before, gates[at : at + n], gates[at + n : at + 2 * n], now)


@kernel("void(f4[::1], i8, f4[::1], f4[::1], f4[::1], f4[::1], i8, i8[::1], i8, i8, i8, i8)")
def backward_simple(
    gates: Row, width: int, packed: Row, hidden: Row, grad_outputs: Row, grad_hidden: Row,
    hidden_width: int, lengths: Ints, time: int, rows: int, n: int, reverse: int,
) -> None:  # fmt: skip
    """`backward` without a reset gate."""
    for step in range(time):
        t = step if reverse else time - 1 - step
        last = t + 1 if reverse else t
        for row in range(rows):
            at, side = (t * rows + row) * width, (t * rows + row) * n
            grad = grad_hidden[row * hidden_width : row * hidden_width + n]
            add_row(grad_outputs[side : side + n], grad)
            if t >= lengths[row]:
                clear_row(gates[at : at + width])
                continue
            before = hidden[(last * rows + row) * n : (last * rows + row) * n + n]
            _update_gradients(gates[at : at + n], gates[at + n : at + 2 * n], before, grad)
        add_packed_product(
            gates, t * rows * width, rows, width, packed, hidden_width // 32, grad_hidden, 0
        )
