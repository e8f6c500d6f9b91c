"""What recurrent layers are built of: exponentials, packed products, and the sampling loop."""

import itertools
from collections.abc import Callable
from typing import Any

import elementary_kernels as elementary
import numpy as np
import numpy.typing as npt
import pytest

from seqtool.decode.sampling import Sampler, SamplingOptions, sample
from seqtool.errors import SeqtoolError
from seqtool.kernels.instructions import PANEL
from seqtool.nn.cells import CELLS
from seqtool.nn.language_model import LanguageModel, LanguageModelSettings
from seqtool.nn.product_kernels import add_product, pack, pack_transposed
from seqtool.nn.sampling_loop import SamplingLoop, has_loop
from seqtool.nn.stack import StackSettings

pytestmark = pytest.mark.kernel

Array = npt.NDArray[Any]


@pytest.mark.parametrize(
    ("kernel", "exact", "limit"),
    [
        (elementary.exp_all, np.exp, 86.0),
        (elementary.sigmoid_all, lambda x: 1 / (1 + np.exp(-x)), 86.0),
        (elementary.tanh_all, np.tanh, 20.0),
    ],
)
def test_elementary_functions(
    kernel: Callable[..., None], exact: Callable[[Array], Array], limit: float
) -> None:
    near = np.geomspace(1e-30, limit, 3000)
    x = np.concatenate([-near[::-1], [0.0], near]).astype(np.float32)
    found = np.empty_like(x)
    kernel(x, found)
    wanted = exact(x.astype(np.float64))
    error = np.abs(found - wanted) / np.maximum(np.abs(wanted), 1e-38)
    assert error.max() < 4e-7


def test_logarithm_of_numbers_near_one() -> None:
    near = np.geomspace(1e-30, 2, 3000)
    x = np.concatenate([-near[near < 2 / 3], [0.0], near]).astype(np.float32)
    found = np.empty_like(x)
    elementary.log1p_all(x, found)
    np.testing.assert_allclose(found, np.log1p(x.astype(np.float64)), rtol=3e-7)


def test_elementary_functions_at_the_ends() -> None:
    x = np.array([np.nan, -np.inf, np.inf, -1e30, 1e30], np.float32)
    found = np.empty_like(x)
    elementary.tanh_all(x, found)
    np.testing.assert_allclose(found, [np.nan, -1, 1, -1, 1], atol=1e-7)
    with np.errstate(over="ignore"):  # the interpreted form is numpy's
        elementary.sigmoid_all(x, found)
        np.testing.assert_allclose(found, [np.nan, 0, 1, 0, 1], atol=1e-7)
        elementary.exp_all(x, found)
    assert np.isnan(found[0])
    assert (found[[1, 3]] < 1e-37).all()
    assert (found[[2, 4]] > 1e38).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 8, 11, 16, 21])
@pytest.mark.parametrize(("depth", "columns"), [(1, 1), (3, 32), (5, 33), (40, 130), (7, 256)])
def test_packed_products(rows: int, depth: int, columns: int) -> None:
    random = np.random.default_rng(rows)
    left = random.normal(size=(rows, depth)).astype(np.float32)
    matrix = random.normal(size=(depth, columns)).astype(np.float32)
    panels = -(-columns // PANEL)
    start = random.normal(size=(rows, panels * PANEL)).astype(np.float32)
    packed = np.full(panels * PANEL * depth, np.nan, np.float32)
    pack(matrix.reshape(-1), depth, columns, packed)
    out = start.copy()
    add_product(left.reshape(-1), rows, depth, packed, panels, out.reshape(-1))
    wanted = start.astype(np.float64)
    wanted[:, :columns] += left.astype(np.float64) @ matrix
    np.testing.assert_allclose(out, wanted, rtol=1e-5, atol=1e-5)

    again = np.full_like(packed, np.nan)
    pack_transposed(np.ascontiguousarray(matrix.T).reshape(-1), columns, depth, again)
    assert np.array_equal(packed, again)


def test_a_row_of_a_product_does_not_depend_on_the_others() -> None:
    """So a batch may be cut in any way. Only compiled code promises it to the last bit."""
    random = np.random.default_rng(1)
    left = random.normal(size=(21, 40)).astype(np.float32)
    packed = random.normal(size=40 * 5 * PANEL).astype(np.float32)
    whole = np.zeros((21, 5 * PANEL), np.float32)
    add_product(left.reshape(-1), 21, 40, packed, 5, whole.reshape(-1))
    for row in range(21):
        alone = np.zeros(5 * PANEL, np.float32)
        add_product(left[row], 1, 40, packed, 5, alone)
        np.testing.assert_allclose(alone, whole[row], rtol=1e-5, atol=1e-5)


def some_model(cell: str, half: bool, **options: Any) -> LanguageModel:
    stack = StackSettings(cell, 12, 2, options=options)
    model = LanguageModel(LanguageModelSettings(37, 6, stack))
    model.initialise(3)
    flat = model.parameters.flat
    flat += np.random.default_rng(4).normal(scale=0.3, size=flat.shape).astype(np.float32)
    if half:
        flat[:] = flat.astype(np.float16)
    return model


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("cell", [*CELLS, "lstm with peepholes"])
def test_the_sampling_loop_does_what_steps_do(cell: str, half: bool) -> None:
    name, _, peepholes = cell.partition(" ")
    model = some_model(name, half, **({"peepholes": True} if peepholes else {}))
    options = SamplingOptions(
        temperature=0.9, top_k=20, top_p=0.9, min_p=0.01, repetition_penalty=1.2, seed=7, banned=[4]
    )
    first = np.array([5, 1, 30], np.int32)
    pieces = SamplingLoop(model).sample(first, options, 2)
    found = list(itertools.islice(itertools.chain.from_iterable(pieces), 60))
    state = model.start(1)
    for token in first[:-1]:
        _, state = model.step(np.array([token], np.int32), state)
    sampler = Sampler(options, 37, [2])
    sampler.read(first[1:])
    steps = sample(model, state, first[-1:], sampler)
    assert found == [int(ids[0]) for ids in itertools.islice(steps, 60)]
    assert 4 not in found


def test_the_sampling_loop_stops_at_the_end() -> None:
    model = some_model("gru", True)
    first = np.array([2], np.int32)
    options = SamplingOptions(seed=1)
    endless = list(
        itertools.islice(
            itertools.chain.from_iterable(SamplingLoop(model).sample(first, options, 0)), 200
        )
    )
    end = endless[40]
    pieces = list(SamplingLoop(model).sample(first, options, 0, end=end))
    tokens = np.concatenate(pieces).tolist()
    assert tokens == endless[: endless.index(end) + 1]


def test_the_sampling_loop_says_when_nothing_can_be_chosen() -> None:
    model = some_model("rnn", False)
    model.output.weight("bias")[:] = np.nan
    with pytest.raises(SeqtoolError, match="finite"):
        next(SamplingLoop(model).sample(np.array([2], np.int32), SamplingOptions(), 0))


def test_models_without_a_loop() -> None:
    plain = StackSettings("gru", 8)
    assert has_loop(LanguageModel(LanguageModelSettings(5, 4, plain)))
    for other in (plain._replace(layer_norm=True), plain._replace(layers=2, residual=True)):
        assert not has_loop(LanguageModel(LanguageModelSettings(5, 4, other)))
    assert not has_loop(LanguageModel(LanguageModelSettings(5, 4, plain, tied=True)))
    assert has_loop(LanguageModel(LanguageModelSettings(5, 8, plain, tied=True)))
