"""Samples from a language model, a loop of compiled code at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqtool.decode.candidates import no_candidate
from seqtool.decode.sampling import Sampler, SamplingOptions
from seqtool.decode.types import Ids
from seqtool.kernels.memory import aligned_zeros
from seqtool.nn import step_kernels as kernels
from seqtool.nn.gru import GRU, SimpleGRU
from seqtool.nn.language_model import LanguageModel
from seqtool.nn.lstm import LSTM
from seqtool.nn.parameters import Floats
from seqtool.nn.product_kernels import pack
from seqtool.nn.recurrent import RecurrentLayer
from seqtool.nn.rnn import RNN, ReluRNN
from seqtool.nn.workspace import padded

_CELLS: dict[type[RecurrentLayer], int] = {
    RNN: kernels.TANH_RNN,
    ReluRNN: kernels.RELU_RNN,
    SimpleGRU: kernels.SIMPLE_GRU,
    GRU: kernels.GRU,
    LSTM: kernels.LSTM,
}
_AT_ONCE = 16  # tokens chosen before they are shown


def has_loop(model: LanguageModel) -> bool:
    """Whether a model is made of what `SamplingLoop` knows; others go step by step."""
    stack = model.settings.stack
    plain = not (stack.layer_norm or stack.residual or stack.bidirectional or model.bridge)
    return plain and all(type(layer) in _CELLS for layer in model.stack.layers)


class SamplingLoop:
    """A language model laid out for sampling one sequence at a time; see `step_kernels`.

    Weights that are all float16 numbers, as those of a model stored so, are read as such: the
    results are the same, twice as fast.
    """

    def __init__(self, model: LanguageModel) -> None:
        layers = model.stack.layers
        self._vocab = model.settings.vocab
        self._table = np.ascontiguousarray(model.embedding.weight("table"), np.float32)
        matrices: list[Floats] = []
        biases: list[Floats] = []
        plan = np.zeros((len(layers), kernels.PLAN), np.int64)
        states = 0
        for row, layer in zip(plan, layers, strict=True):
            row[kernels.CELL] = _CELLS[type(layer)]
            row[kernels.INPUTS], row[kernels.HIDDEN] = layer.inputs, layer.hidden
            row[kernels.WIDTH] = layer.width
            row[kernels.INPUT_WEIGHTS] = _append(matrices, _packed(layer.weight("input_weights")))
            row[kernels.RECURRENT_WEIGHTS] = _append(
                matrices, _packed(layer.weight("recurrent_weights"))
            )
            extra = _extra(layer)
            row[kernels.BIAS] = _append(biases, layer.weight("bias"))
            row[kernels.EXTRA], row[kernels.EXTRAS] = _append(biases, extra), len(extra)
            row[kernels.STATE] = states
            states += layer.parts * layer.hidden
        self._output_weights = _append(matrices, _packed(model.output.matrix()))
        self._output_bias = _append(biases, np.zeros(padded(self._vocab), np.float32))
        biases[-1][: self._vocab] = model.output.weight("bias")
        self._plan = plan.reshape(-1)
        self._single, self._half = _narrowest(np.concatenate(matrices))
        self._biases = np.concatenate(biases).astype(np.float32)
        self._states = states
        widest = max(padded(self._vocab), int(plan[:, kernels.WIDTH].max()))
        self._scratch = aligned_zeros(4 * max(widest, 2 * int(plan[:, kernels.HIDDEN].max())))

    def sample(
        self, first: Ids, options: SamplingOptions, stream: int, end: int | None = None
    ) -> Iterator[Ids]:
        """Tokens after ``first`` (at least one), some at a time, without end or up to ``end``.

        All of ``first`` but its first, which every text begins with, counts for the repetition
        penalty.
        The random numbers are stream number ``stream`` of the options' seed. Raises SeqtoolError
        where no token has a finite logit.
        """
        sampler = Sampler(options, self._vocab, [stream])
        sampler.read(first[1:])
        state = aligned_zeros(self._states)
        tokens = np.concatenate([first, np.zeros(1, np.int32)]).astype(np.int32)
        known = len(first)
        while True:
            found = self._run(tokens, known, state, sampler, -1 if end is None else int(end))
            if found > known:
                yield tokens[known:found]
            if found < len(tokens) or tokens[-1] == end:
                if found == 0 or tokens[found - 1] != end:
                    raise no_candidate()
                return
            tokens = np.concatenate([tokens[-1:], np.zeros(_AT_ONCE, np.int32)])
            known = 1

    def _run(self, tokens: Ids, known: int, state: Floats, sampler: Sampler, end: int) -> int:
        return kernels.sample_loop(
            tokens,
            known,
            self._table.reshape(-1),
            self._table.shape[1],
            self._vocab,
            self._plan,
            self._single,
            self._half,
            self._output_weights,
            self._biases,
            self._output_bias,
            state,
            self._scratch,
            end,
            sampler.settings,
            sampler.banned,
            sampler.recent.reshape(-1),
            sampler.random.reshape(-1),
            sampler.ids,
            sampler.work,
        )


def _append(arrays: list[Any], array: NDArray[Any]) -> int:
    """Add an array; returns where it begins when all are put together."""
    begin = sum(len(before) for before in arrays)
    arrays.append(array)
    return begin


def _packed(matrix: Floats) -> Floats:
    """A matrix (depth, columns), packed with whole panels."""
    depth, columns = matrix.shape
    packed = aligned_zeros(depth * padded(columns))
    pack(np.ascontiguousarray(matrix, np.float32).reshape(-1), depth, columns, packed)
    return packed


def _extra(layer: RecurrentLayer) -> Floats:
    """What a cell has beside weights and bias."""
    if isinstance(layer, GRU):
        return layer.weight("reset_bias")
    if isinstance(layer, LSTM) and layer.peepholes:
        return layer.weight("peepholes")
    return np.zeros(0, np.float32)


def _narrowest(weights: Floats) -> tuple[Floats, NDArray[np.uint16]]:
    """(float32 weights, bits of float16 weights), one of which is empty."""
    with np.errstate(over="ignore"):
        half = weights.astype(np.float16)
    if np.array_equal(half.astype(np.float32), weights):
        bits = aligned_zeros(len(half), dtype=np.uint16)
        bits[:] = half.view(np.uint16)
        return np.zeros(0, np.float32), bits
    single = aligned_zeros(len(weights))
    single[:] = weights
    return single, np.zeros(0, np.uint16)
