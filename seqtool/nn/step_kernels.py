"""A language model that reads one token and chooses the next, again and again, in one loop.

At one row a product is bound by reading the weights, so they may be given as float16, which halves
that. A model is described by flat arrays:

* ``plan`` (layers, PLAN): for each layer its cell, sizes, and where its parts begin;
* ``single`` or ``half``, the other being empty: packed matrices (`product_kernels.pack`), float32
  or the bits of float16: W and U of each layer, and at the end those of the outputs;
* ``biases``: of each layer (and peepholes, or the bias of the reset gate), and of the outputs;
* ``state``: hidden state and, for an LSTM, memory of each layer.
"""

from __future__ import annotations

from typing import Any

from seqtool.decode.sampling_kernels import choose, remember
from seqtool.decode.types import Ints
from seqtool.kernels import helper, kernel
from seqtool.kernels.instructions import (
    PANEL,
    add_half_tile_1x1,
    add_half_tile_1x4,
)
from seqtool.nn.gate_kernels import Row, clear_row, copy_row, sigmoid_row, tanh_row
from seqtool.nn.gru_kernels import activate as activate_gru
from seqtool.nn.gru_kernels import mix
from seqtool.nn.lstm_kernels import activate as activate_lstm
from seqtool.nn.lstm_kernels import expose
from seqtool.nn.product_kernels import add_packed_row
from seqtool.nn.rnn_kernels import relu_row

# Places in a layer's plan.
CELL, INPUTS, HIDDEN, WIDTH, INPUT_WEIGHTS, RECURRENT_WEIGHTS, BIAS, EXTRA, EXTRAS, STATE = range(
    10
)
PLAN = 10
# Cells.
TANH_RNN, RELU_RNN, SIMPLE_GRU, GRU, LSTM = range(5)


@helper
def add_row_product(
    left: Row, depth: int, single: Row, half: Any, first: int, width: int, out: Row
) -> None:
    """out += left @ the packed matrix (depth, width) that begins at ``first``."""
    panels = width // PANEL
    fours = panels - panels % 4
    if len(half) > 0:
        for p in range(0, fours, 4):
            at = first + p * depth * PANEL
            add_half_tile_1x4(left, 0, depth, half, at, out, p * PANEL, width, depth)
        for p in range(fours, panels):
            at = first + p * depth * PANEL
            add_half_tile_1x1(left, 0, depth, half, at, out, p * PANEL, width, depth)
    else:
        add_packed_row(left, 0, depth, single, first, panels, out, 0)


@helper
def cell_step(
    layer: Ints, inputs: Row, single: Row, half: Any, biases: Row, state: Row, sums: Row,
    product: Row, before: Row,
) -> None:  # fmt: skip
    """One step of one layer; its part of ``state`` is replaced."""
    n, width, cell = layer[HIDDEN], layer[WIDTH], layer[CELL]
    bias = biases[layer[BIAS] : layer[EXTRA]]
    extra = biases[layer[EXTRA] : layer[EXTRA] + layer[EXTRAS]]
    hidden = state[layer[STATE] : layer[STATE] + n]
    copy_row(hidden, before[:n])
    clear_row(sums[:width])
    add_row_product(inputs, layer[INPUTS], single, half, layer[INPUT_WEIGHTS], width, sums[:width])
    if cell == GRU:
        clear_row(product[:width])
    target = product[:width] if cell == GRU else sums[:width]
    add_row_product(hidden, n, single, half, layer[RECURRENT_WEIGHTS], width, target)
    if cell == GRU:
        activate_gru(sums[: 3 * n], product[: 3 * n], bias, extra, before[:n], hidden, n)
    elif cell == LSTM:
        memory = state[layer[STATE] + n : layer[STATE] + 2 * n]
        copy_row(memory, before[n : 2 * n])
        activate_lstm(sums[: 4 * n], bias, extra, before[n : 2 * n], memory, n)
        expose(sums[2 * n : 3 * n], memory, product[:n], hidden)
    elif cell == SIMPLE_GRU:
        sigmoid_row(sums[:n], bias[:n])
        tanh_row(sums[n : 2 * n], bias[n:])
        mix(before[:n], sums[:n], sums[n : 2 * n], hidden)
    else:
        if cell == RELU_RNN:
            relu_row(sums[:n], bias)
        else:
            tanh_row(sums[:n], bias)
        copy_row(sums[:n], hidden)


@kernel(
    "i8(i4[::1], i8, f4[::1], i8, i8, i8[::1], f4[::1], u2[::1], i8, f4[::1], i8, f4[::1],"
    " f4[::1], i8, f8[::1], i4[::1], i4[::1], i8[::1], i4[::1], f8[::1])"
)
def sample_loop(
    tokens: Ints, known: int, table: Row, size: int, vocab: int, plan: Ints, single: Row, half: Any,
    output_weights: int, biases: Row, output_bias: int, state: Row, scratch: Row, end: int,
    settings: Any, banned: Ints, recent: Ints, random: Ints, ids: Ints, work: Any,
) -> int:  # fmt: skip
    """Read ``known`` tokens, then choose the rest of ``tokens``, which is filled in.

    Every chosen token but the last is read, too; the token ``end`` stops the loop, as does a
    place where no token can be chosen. Returns how many tokens are there.

    ``table``: embeddings (vocab, size). ``scratch``: 4 parts, each as long as the widest of sums,
    states and padded logits. ``end``: -1 for none. The rest is described in this module and in
    `seqtool.decode.sampling_kernels.choose`.
    """
    part = len(scratch) // 4
    sums, product = scratch[:part], scratch[part : 2 * part]
    before, logits = scratch[2 * part : 3 * part], scratch[3 * part :]
    padded = (vocab + PANEL - 1) // PANEL * PANEL
    layers = len(plan) // PLAN
    for place in range(1, len(tokens)):
        token = int(tokens[place - 1])
        inputs = table[token * size : token * size + size]
        for number in range(layers):
            layer = plan[number * PLAN : number * PLAN + PLAN]
            cell_step(layer, inputs, single, half, biases, state, sums, product, before)
            inputs = state[layer[STATE] : layer[STATE] + layer[HIDDEN]]
        if place < known:
            continue
        copy_row(biases[output_bias : output_bias + padded], logits[:padded])
        add_row_product(inputs, len(inputs), single, half, output_weights, padded, logits[:padded])
        chosen = choose(logits[:vocab], settings, banned, recent, random, ids, work)
        if chosen < 0:
            return place
        remember(recent, chosen)
        tokens[place] = chosen
        if chosen == end:
            return place + 1
    return len(tokens)
