"""Recurrent layers and stacks: against the textbook, finite differences and PyTorch."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from naive import recurrent as naive
from nn_gradients import check_layer, check_loss, double_parameters, interpreted

from seqtool import plugins
from seqtool.errors import SeqtoolError
from seqtool.nn.cells import CELLS, find_cell
from seqtool.nn.gru import GRU
from seqtool.nn.language_model import LanguageModel, LanguageModelSettings
from seqtool.nn.lstm import LSTM
from seqtool.nn.parameters import Parameters
from seqtool.nn.recurrent import RecurrentLayer
from seqtool.nn.stack import Stack, StackSettings
from seqtool.nn.types import Shard
from seqtool.nn.workspace import Workspace

pytestmark = pytest.mark.kernel

REFERENCES = Path(__file__).parent / "data/torch_references.npz"
TIME, ROWS, INPUTS = 5, 4, 3
LENGTHS = np.array([5, 3, 0, 1])
NAMES = [*CELLS, "lstm with peepholes"]

Array = npt.NDArray[Any]


def make_layer(name: str, parameters: Parameters, hidden: int, reverse: bool) -> RecurrentLayer:
    if name == "lstm with peepholes":
        return LSTM("cell", parameters, INPUTS, hidden, reverse, peepholes=True)
    return CELLS[name]("cell", parameters, INPUTS, hidden, reverse)


def random_weights(parameters: Parameters) -> None:
    random = np.random.default_rng(5)
    for name in parameters:
        parameters[name][...] = random.normal(scale=0.3, size=parameters[name].shape)


# 5 and 9 hidden units fill no panel of a packed product, 32 do.
@pytest.mark.parametrize("hidden", [1, 5, 9, 32])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_cell_is_that_of_the_textbook(name: str, reverse: bool, hidden: int) -> None:
    parameters = Parameters()
    layer = make_layer(name, parameters, hidden, reverse)
    parameters.allocate()
    random_weights(parameters)
    random = np.random.default_rng(6)
    inputs = random.normal(size=(TIME, ROWS, INPUTS)).astype(np.float32)
    state = tuple(random.normal(size=(ROWS, hidden)).astype(np.float32) for _ in range(layer.parts))
    weights = {key.removeprefix("cell."): value for key, value in parameters.items()}
    cell = naive.CELLS[name.partition(" ")[0]]

    work = Workspace(parameters)
    for first in (state, None):
        outputs, final = layer.forward(work, inputs, LENGTHS, first)
        begin = [np.zeros((ROWS, hidden))] * layer.parts if first is None else list(first)
        expected, expected_final = naive.run(cell, inputs, LENGTHS, begin, weights, reverse)
        np.testing.assert_allclose(outputs, expected, rtol=3e-5, atol=3e-6)
        for found, wanted in zip(final, expected_final, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=3e-5, atol=3e-6)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_a_cell(name: str, reverse: bool) -> None:
    """Of weights, inputs, and the states it starts from, also through the final state."""
    hidden = 2
    parameters = Parameters()
    layer = make_layer(name, parameters, hidden, reverse)
    double_parameters(parameters, [layer])
    random = np.random.default_rng(7)
    inputs = random.normal(size=(TIME, ROWS, INPUTS))
    state = tuple(random.normal(size=(ROWS, hidden)) for _ in range(layer.parts))
    factors = random.normal(size=(TIME, ROWS, hidden))
    final_factors = tuple(random.normal(size=(ROWS, hidden)) for _ in range(layer.parts))
    found: dict[str, Any] = {}

    def loss(work: Workspace) -> float:
        outputs, final = layer.forward(work, inputs, LENGTHS, state)
        value = float((outputs * factors).sum())
        value += sum(float((f * g).sum()) for f, g in zip(final, final_factors, strict=True))
        grad_state = tuple(factor * work.scale for factor in final_factors)
        found["inputs"], found["state"] = layer.backward(work, factors * work.scale, grad_state)
        return value

    arrays: list[Any] = [(inputs, lambda: found["inputs"])]
    for k, part in enumerate(state):
        arrays.append((part, partial(lambda place: found["state"][place], k)))
    check_loss(parameters, loss, arrays)


class Whole:
    """A stack as `check_layer` takes it."""

    def __init__(self, parameters: Parameters, settings: StackSettings) -> None:
        self.stack = Stack("stack", parameters, INPUTS, settings)
        self.initialise = self.stack.initialise

    def forward(self, work: Workspace, inputs: Array) -> Array:
        return self.stack.forward(work, inputs, np.minimum(LENGTHS, 3))[0]

    def backward(self, work: Workspace, grad: Array) -> Any:
        return self.stack.backward(work, grad)[0]


@pytest.mark.parametrize(
    "settings",
    [
        StackSettings("gru", 2, layers=2, bidirectional=True),
        StackSettings("lstm", 3, layers=2, residual=True),
        StackSettings("rnn", 3, layers=2, residual=True, layer_norm=True),
        StackSettings("simple-gru", 2, layers=2, layer_norm=True, bidirectional=True),
        StackSettings("gru", 2, layers=2, dropout=0.4),
        StackSettings("lstm", 2, layers=2, dropout=0.4, variational=True),
    ],
    ids=str,
)
def test_gradients_of_a_stack(settings: StackSettings) -> None:
    inputs = np.random.default_rng(8).normal(size=(3, ROWS, INPUTS))
    check_layer(lambda parameters: Whole(parameters, settings), inputs)


def torch_gates(cell: str, array: Array) -> Array:
    """Weights of PyTorch (gates * hidden, ...), their gates in our order and sense.

    PyTorch has i, f, g, o where we have i, f, o, g; its z is our 1 - u.
    """
    if cell == "lstm":
        i, f, g, o = np.split(array, 4)
        return np.concatenate([i, f, o, g])
    if cell == "gru":
        r, z, n = np.split(array, 3)
        return np.concatenate([r, -z, n])
    return array


def torch_bias(cell: str, data: Any, case: str, name: str) -> tuple[Array, Array]:
    """(bias, bias of the reset gate's product)."""
    inputs, recurrent = data[f"{case}/bias_ih_{name}"], data[f"{case}/bias_hh_{name}"]
    if cell != "gru":
        return torch_gates(cell, inputs + recurrent), np.zeros(0)
    hidden = len(inputs) // 3
    total = np.concatenate([inputs[: 2 * hidden] + recurrent[: 2 * hidden], inputs[2 * hidden :]])
    return torch_gates(cell, total), recurrent[2 * hidden :]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lengths", ["", "_lengths"])
@pytest.mark.parametrize(
    ("cell", "torch_name"),
    [("lstm", "lstm"), ("gru", "gru"), ("rnn", "rnn_tanh"), ("relu-rnn", "rnn_relu")],
)
def test_a_stack_is_that_of_pytorch(cell: str, torch_name: str, lengths: str, dtype: Any) -> None:
    """Two bidirectional layers: outputs, final states and all gradients."""
    case, exact = f"{torch_name}{lengths}", dtype is np.float64
    tolerance = 1e-10 if exact else 2e-5
    with np.load(REFERENCES) as file:
        data = {name: file[name] for name in file if name.startswith(f"{case}/")}
    inputs = data[f"{case}/inputs"].astype(dtype)
    hidden = data[f"{case}/hn"].shape[2]
    parameters = Parameters()
    stack = Stack("s", parameters, inputs.shape[2], StackSettings(cell, hidden, 2, True))
    parameters.allocate(dtype)
    names = ["l0", "l0_reverse", "l1", "l1_reverse"]
    for layer, name in zip(stack.layers, names, strict=True):
        layer.weight("input_weights")[:] = torch_gates(cell, data[f"{case}/weight_ih_{name}"]).T
        layer.weight("recurrent_weights")[:] = torch_gates(cell, data[f"{case}/weight_hh_{name}"]).T
        bias, reset = torch_bias(cell, data, case, name)
        layer.weight("bias")[:] = bias
        if isinstance(layer, GRU):
            layer.weight("reset_bias")[:] = reset
    parts = ["h", "c"] if cell == "lstm" else ["h"]
    states = [tuple(data[f"{case}/{p}0"][k].astype(dtype) for p in parts) for k in range(4)]
    grad_states = [
        tuple(data[f"{case}/{p}n_factors"][k].astype(dtype) for p in parts) for k in range(4)
    ]
    mask = np.arange(len(inputs))[:, None, None] < data[f"{case}/lengths"][:, None]
    work = Workspace(parameters)

    def run() -> tuple[Any, ...]:
        outputs, finals = stack.forward(work, inputs, data[f"{case}/lengths"], states)
        outputs = outputs * mask
        grad = (data[f"{case}/factors"] * mask).astype(dtype)
        return outputs, finals, *stack.backward(work, grad, grad_states)

    if exact:
        with interpreted():
            outputs, finals, grad_inputs, grad_initial = run()
    else:
        outputs, finals, grad_inputs, grad_initial = run()

    def close(found: Array, name: str) -> None:
        np.testing.assert_allclose(found, data[f"{case}/{name}"], atol=tolerance, err_msg=name)

    close(outputs, "outputs")
    close(grad_inputs * mask, "grad.inputs")
    for part, name in enumerate(parts):
        close(np.stack([final[part] for final in finals]), f"{name}n")
        close(np.stack([grad[part] for grad in grad_initial]), f"grad.{name}0")
    for layer, name in zip(stack.layers, names, strict=True):
        for ours, theirs in (("input", "ih"), ("recurrent", "hh")):
            wanted = torch_gates(cell, data[f"{case}/grad.weight_{theirs}_{name}"]).T
            found = work.gradients[f"{layer.name}.{ours}_weights"]
            np.testing.assert_allclose(found, wanted, atol=tolerance)
        bias = work.gradients[f"{layer.name}.bias"]
        wanted = torch_gates(cell, data[f"{case}/grad.bias_ih_{name}"])
        np.testing.assert_allclose(bias, wanted, atol=tolerance)


def test_padding_changes_nothing() -> None:
    """Neither what stands in it, nor how much there is."""
    parameters = Parameters()
    stack = Stack("s", parameters, INPUTS, StackSettings("lstm", 6, 2, bidirectional=True))
    parameters.allocate()
    random_weights(parameters)
    random = np.random.default_rng(9)
    inputs = random.normal(size=(4, 2, INPUTS)).astype(np.float32)
    lengths = np.array([4, 2])
    padded = np.full((7, 2, INPUTS), 1e6, np.float32)
    padded[:4, 0], padded[:2, 1] = inputs[:, 0], inputs[:2, 1]
    alone, final_alone = stack.forward(Workspace(parameters), inputs, lengths)
    longer, final_longer = stack.forward(Workspace(parameters), padded, lengths)
    assert np.array_equal(alone[:, 0], longer[:4, 0])
    assert np.array_equal(alone[:2, 1], longer[:2, 1])
    for a, b in zip(final_alone, final_longer, strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("cell", list(CELLS))
def test_a_sequence_in_windows_is_the_whole_sequence(cell: str) -> None:
    """Carried states: losses are the same to the last digit that float32 has."""
    model = LanguageModel(LanguageModelSettings(11, 4, StackSettings(cell, 8, 2)))
    model.initialise(3)
    ids = np.random.default_rng(1).integers(0, 11, (13, 3)).astype(np.int32)
    whole = model.loss(
        Workspace(model.parameters, training=False), Shard(ids[:-1], ids[1:], None, 36)
    )
    work = Workspace(model.parameters, training=False)
    first = model.loss(work, Shard(ids[:5], ids[1:6], None, 15))
    second = model.loss(work, Shard(ids[5:-1], ids[6:], None, 21, carries=True))
    assert first + second == pytest.approx(whole, rel=1e-6)
    forgotten = model.loss(work, Shard(ids[5:-1], ids[6:], None, 21, carries=False))
    assert forgotten != pytest.approx(second, rel=1e-6)


@pytest.mark.parametrize("tied", [False, True])
def test_gradients_of_a_language_model(tied: bool) -> None:
    settings = LanguageModelSettings(5, 2, StackSettings("gru", 3, 1, dropout=0.3), tied, 0.1, 0.2)
    model = LanguageModel(settings, dtype=np.float64)
    random = np.random.default_rng(2)
    model.parameters.flat[:] = random.normal(size=model.parameters.flat.shape)
    ids = random.integers(0, 5, (4, 3)).astype(np.int32)
    shard = Shard(ids[:-1], ids[1:], np.array([3, 1, 2]), 6)
    with interpreted():
        check_loss(model.parameters, lambda work: model.loss(work, shard))


def test_steps_are_the_sequence() -> None:
    """`LanguageModel.step`, which decoding uses, and the scores of a whole sequence."""
    model = LanguageModel(LanguageModelSettings(11, 4, StackSettings("lstm", 8, 2)))
    model.initialise(3)
    ids = np.random.default_rng(1).integers(0, 11, (6, 2)).astype(np.int32)
    work = Workspace(model.parameters, training=False)
    scores, _ = model.log_probabilities(work, ids[:-1], ids[1:])
    state = model.start(2)
    for t in range(5):
        logits, state = model.step(ids[t], state)
        logits = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(logits[[0, 1], ids[t + 1]], scores[t], atol=1e-5)
    swapped = model.select(state, np.array([1, 0, 1]))
    assert np.array_equal(swapped[0][0], state[0][0][[1, 0, 1]])


def test_initial_weights() -> None:
    parameters = Parameters()
    layer = LSTM("cell", parameters, 7, 16)
    parameters.allocate()
    layer.initialise(np.random.default_rng(1))
    recurrent = layer.weight("recurrent_weights")
    for gate in range(4):
        square = recurrent[:, gate * 16 : (gate + 1) * 16]
        np.testing.assert_allclose(square @ square.T, np.eye(16), atol=1e-6)
    assert (layer.weight("bias")[16:32] == 1).all()
    assert layer.weight("bias").sum() == 16


def test_unknown_cells_are_named() -> None:
    with pytest.raises(SeqtoolError, match="no recurrent cell 'lstn': there are gru, lstm"):
        find_cell("lstn")


def test_a_plugin_brings_a_cell(make_plugin: Callable[..., Path]) -> None:
    """The one of the documentation: its gradients are right, in both directions."""
    page = (Path(__file__).parents[1] / "docs/write-a-plugin.md").read_text(encoding="utf-8")
    code = page[page.index("## A recurrent cell") :].split("```python\n")[1].split("```")[0]
    make_plugin("half", f"from seqtool.hookspecs import hookimpl\n{code}")
    plugins.set_host(None)
    settings = StackSettings("half", 2, layers=2, bidirectional=True)
    inputs = np.random.default_rng(8).normal(size=(3, ROWS, INPUTS))
    check_layer(lambda parameters: Whole(parameters, settings), inputs)
    with pytest.raises(SeqtoolError, match="there are gru, half, lstm"):
        find_cell("haf")


def test_gradients_of_an_encoder_and_a_decoder() -> None:
    """Sequences of unequal length: the decoder starts from the encoder's final states."""
    parameters = Parameters()
    settings = StackSettings("lstm", 2, layers=2)
    encoder = Stack("encoder", parameters, INPUTS, settings)
    decoder = Stack("decoder", parameters, INPUTS, settings)
    double_parameters(parameters, [encoder, decoder])
    random = np.random.default_rng(11)
    source, target = (random.normal(size=(time, 2, INPUTS)) for time in (4, 2))
    source_lengths, target_lengths = np.array([4, 1]), np.array([1, 2])
    factors = random.normal(size=(2, 2, 2))
    found: dict[str, Any] = {}

    def loss(work: Workspace) -> float:
        _, states = encoder.forward(work, source, source_lengths)
        outputs, _ = decoder.forward(work, target, target_lengths, states)
        found["target"], grad = decoder.backward(work, factors * work.scale)
        through = np.zeros((4, 2, 2))
        found["source"], _ = encoder.backward(work, through, grad)
        return float((outputs * factors).sum())

    arrays = [(source, lambda: found["source"]), (target, lambda: found["target"])]
    check_loss(parameters, loss, arrays)


def test_gradients_of_one_to_many() -> None:
    """Each output is the next input, as when a sequence is written from one vector."""
    parameters = Parameters()
    layer = CELLS["gru"]("cell", parameters, 2, 2)
    double_parameters(parameters, [layer])
    first = np.random.default_rng(12).normal(size=(1, 3, 2))
    works: list[Workspace] = []
    found: dict[str, Any] = {}

    def loss(work: Workspace) -> float:
        while len(works) < 3:
            works.append(Workspace(parameters))
        inputs: Array = first
        state: Any = None
        for step in works:
            step.begin(0, work.scale)
            inputs, state = layer.forward(step, inputs, None, state)
        value = float((inputs**2).sum())
        grad, grad_state = 2 * inputs * work.scale, None
        for step in reversed(works):
            grad_inputs, grad_state = layer.backward(step, grad, grad_state)
            assert grad_inputs is not None
            grad = grad_inputs.copy()
            for name, gradient in step.gradients.items():
                work.add_gradient(name, gradient)
        found["first"] = grad
        return value

    check_loss(parameters, loss, [(first, lambda: found["first"])])
