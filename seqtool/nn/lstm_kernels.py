"""The LSTM over a sequence (Hochreiter & Schmidhuber 1997; Gers et al. 2000, 2002).

    i, f, o = sigmoid(x W + h' U + b [+ p c'])    input (update), forget and output gate
    g       = tanh(x W + h' U + b)                candidate
    c       = f c' + i g                          memory
    h       = o tanh(c)                           hidden state

where ' marks the step before, and the output gate peeps at c instead of c'. Gates lie side by
side, in the order i, f, o, g. Slot 0 of the states is what the sequence starts from (for a reversed
sequence, the last slot); rows that have ended keep their state.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel
from seqtool.kernels.elementary import tanh
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
def _new_memory(forget: Row, before: Row, write: Row, candidate: Row, memory: Row) -> None:
    """Equation of c."""
    for j in range(len(memory)):
        memory[j] = forget[j] * before[j] + write[j] * candidate[j]


@helper
def expose(gate: Row, memory: Row, squashed: Row, hidden: Row) -> None:
    """Equation of h; ``squashed`` keeps tanh(c)."""
    for j in range(len(squashed)):
        squashed[j] = tanh(memory[j])
    for j in range(len(hidden)):
        hidden[j] = gate[j] * squashed[j]


@helper
def activate(gates: Row, bias: Row, peepholes: Row, before: Row, memory: Row, n: int) -> None:
    """From the sums of one row to the activations, and the new memory."""
    peeps = len(peepholes) > 0
    if peeps:
        add_scaled_row(peepholes[:n], before, gates[:n])
        add_scaled_row(peepholes[n : 2 * n], before, gates[n : 2 * n])
    sigmoid_row(gates[: 2 * n], bias[: 2 * n])
    tanh_row(gates[3 * n : 4 * n], bias[3 * n : 4 * n])
    _new_memory(gates[n : 2 * n], before, gates[:n], gates[3 * n : 4 * n], memory)
    if peeps:
        add_scaled_row(peepholes[2 * n : 3 * n], memory, gates[2 * n : 3 * n])
    sigmoid_row(gates[2 * n : 3 * n], bias[2 * n : 3 * n])


@kernel(
    "void(f4[::1], i8, f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], i8[::1],"
    " i8, i8, i8, i8)"
)
def forward(
    gates: Row, width: int, packed: Row, bias: Row, peepholes: Row, hidden: Row, memory: Row,
    squashed: Row, lengths: Ints, time: int, rows: int, n: int, reverse: int,
) -> None:  # fmt: skip
    """All time steps of one layer in one direction.

    ``gates`` (time, rows, width): in, x W; out, the activations i, f, o, g. ``packed``: U, see
    `product_kernels.pack`. ``peepholes`` (3 n) of i, f, o, or empty. ``hidden`` and ``memory``
    (time + 1, rows, n). ``squashed`` (time, rows, n): tanh(c).
    """
    for step in range(time):
        t = time - 1 - step if reverse else step
        last = t + 1 if reverse else t
        here = t if reverse else t + 1
        add_packed_product(
            hidden, last * rows * n, rows, n, packed, width // 32, gates, t * rows * width
        )
        for row in range(rows):
            before, now = (last * rows + row) * n, (here * rows + row) * n
            if t >= lengths[row]:
                copy_row(hidden[before : before + n], hidden[now : now + n])
                copy_row(memory[before : before + n], memory[now : now + n])
                continue
            at, side = (t * rows + row) * width, (t * rows + row) * n
            mine = gates[at : at + 4 * n]
            activate(mine, bias, peepholes, memory[before : before + n], memory[now : now + n], n)
            expose(
                mine[2 * n : 3 * n],
                memory[now : now + n],
                squashed[side : side + n],
                hidden[now : now + n],
            )


@helper
def _output_gradient(gate: Row, squashed: Row, grad_hidden: Row, grad_memory: Row) -> None:
    for j in range(len(gate)):
        o, s, d = gate[j], squashed[j], grad_hidden[j]
        grad_memory[j] += d * o * (ONE - s * s)
        gate[j] = d * s * o * (ONE - o)


@helper
def _write_gradient(write: Row, candidate: Row, grad_memory: Row) -> None:
    for j in range(len(write)):
        i, g, d = write[j], candidate[j], grad_memory[j]
        write[j] = d * g * i * (ONE - i)
        candidate[j] = d * i * (ONE - g * g)


@helper
def _forget_gradient(forget: Row, before: Row, grad_memory: Row) -> None:
    for j in range(len(forget)):
        f, d = forget[j], grad_memory[j]
        forget[j] = d * before[j] * f * (ONE - f)
        grad_memory[j] = d * f


@helper
def _gate_gradients(
    gates: Row, peepholes: Row, before: Row, squashed: Row, grad_hidden: Row, grad_memory: Row,
    n: int,
) -> None:  # fmt: skip
    """Activations become gradients of the sums before them; grad_memory goes one step back."""
    peeps = len(peepholes) > 0
    _output_gradient(gates[2 * n : 3 * n], squashed, grad_hidden, grad_memory)
    if peeps:
        add_scaled_row(peepholes[2 * n : 3 * n], gates[2 * n : 3 * n], grad_memory)
    _write_gradient(gates[:n], gates[3 * n : 4 * n], grad_memory)
    _forget_gradient(gates[n : 2 * n], before, grad_memory)
    if peeps:
        add_scaled_row(peepholes[:n], gates[:n], grad_memory)
        add_scaled_row(peepholes[n : 2 * n], gates[n : 2 * n], grad_memory)


@kernel(
    "void(f4[::1], i8, f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], i8, f4[::1],"
    " i8[::1], i8, i8, i8, i8)"
)
def backward(
    gates: Row, width: int, packed: Row, peepholes: Row, memory: Row, squashed: Row,
    grad_outputs: Row, grad_hidden: Row, hidden_width: int, grad_memory: Row, lengths: Ints,
    time: int, rows: int, n: int, reverse: int,
) -> None:  # fmt: skip
    """The way back through all time steps.

    ``gates``: in, what `forward` left; out, the gradient of the sums (0 where a row has ended).
    ``packed``: the transpose of U. ``grad_outputs`` (time, rows, n). ``grad_hidden`` (rows,
    hidden_width) and ``grad_memory`` (rows, n): in, the gradient of the final state; out, that of
    the initial one.
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
                continue
            before = (last * rows + row) * n
            _gate_gradients(
                gates[at : at + 4 * n],
                peepholes,
                memory[before : before + n],
                squashed[side : side + n],
                grad,
                grad_memory[row * n : row * n + n],
                n,
            )
            clear_row(grad)
        add_packed_product(
            gates, t * rows * width, rows, width, packed, hidden_width // 32, grad_hidden, 0
        )
