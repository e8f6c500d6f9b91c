"""Optimisers, clipping and schedules."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from naive import nn_layers as plain

from seqtool.nn import optimisers as module
from seqtool.nn.optimisers import OPTIMISERS, Optimiser, make_optimiser
from seqtool.nn.parameters import Parameters
from seqtool.nn.schedules import SCHEDULES, make_schedule

Singles = npt.NDArray[np.float32]
SHAPES = {"matrix": (7, 9), "bias": (9,), "table": (30, 3)}


def model() -> Parameters:
    """Some weights, one of them frozen."""
    parameters = Parameters()
    for name, shape in SHAPES.items():
        parameters.declare(name, shape)
    parameters.declare("frozen", (3, 3), frozen=True)
    parameters.allocate()
    random = np.random.default_rng(1)
    for name in parameters:
        parameters[name][...] = random.normal(size=parameters[name].shape)
    return parameters


def gradient(parameters: Parameters, seed: int) -> Singles:
    """A flat gradient; what lies between parameters is 0."""
    flat = np.zeros_like(parameters.trained)
    random = np.random.default_rng(seed)
    for view in parameters.views(flat).values():
        view[...] = random.normal(size=view.shape)
    return flat


def weights_after(
    optimiser: Optimiser, parameters: Parameters, steps: range, threads: int = 1, shards: int = 3
) -> Singles:
    """The weights after steps, whose gradients follow from their numbers."""
    for step in steps:
        parts = [gradient(parameters, 100 * step + shard) for shard in range(shards)]
        optimiser.step(parameters, parts, 0.01, threads)
    return parameters.flat.astype(np.float32)


@pytest.mark.kernel
@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize(("norm", "value"), [(None, None), (3.0, None), (None, 0.5), (3.0, 0.5)])
def test_optimisers(name: str, norm: float | None, value: float | None) -> None:
    parameters = model()
    before = {name: parameters[name].astype(np.float64) for name in parameters}
    gradients = []
    for step in range(3):
        flat = sum(gradient(parameters, 100 * step + shard).astype(float) for shard in range(3))
        gradients.append(plain.clipped(np.asarray(flat), norm, value))
    weights_after(make_optimiser(name, parameters, norm, value), parameters, range(3))
    for weight in SHAPES:
        mine = [parameters.views(flat)[weight].astype(np.float64) for flat in gradients]
        decay = 0.01 if name == "adamw" and weight != "bias" else 0.0
        wanted = plain.descend(name, before[weight], mine, 0.01, decay)
        np.testing.assert_allclose(parameters[weight], wanted, rtol=2e-5, atol=2e-6)
    assert np.array_equal(parameters["frozen"], before["frozen"])


@pytest.mark.kernel
def test_the_norm_is_that_before_clipping() -> None:
    parameters = model()
    first, second = gradient(parameters, 1), gradient(parameters, 2)
    wanted = float(np.linalg.norm(first.astype(float) + second))
    found = make_optimiser("sgd", parameters, 1.0).step(parameters, [first, second], 0.1, 1)
    assert found == pytest.approx(wanted, rel=1e-6)
    assert wanted > 1


@pytest.mark.parametrize("name", OPTIMISERS)
def test_threads_change_no_bit(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(module, "_PIECE", 16)
    wanted = None
    for threads in (1, 2, 5):
        parameters = model()
        found = weights_after(make_optimiser(name, parameters, 2.0), parameters, range(4), threads)
        assert wanted is None or np.array_equal(found, wanted)
        wanted = found


@pytest.mark.parametrize("name", OPTIMISERS)
def test_state(name: str) -> None:
    parameters = model()
    wanted = weights_after(make_optimiser(name, parameters), parameters, range(4))
    parameters = model()
    first = make_optimiser(name, parameters)
    weights_after(first, parameters, range(2))
    second = make_optimiser(name, parameters)
    second.load_state({key: array.copy() for key, array in first.state().items()})
    assert np.array_equal(weights_after(second, parameters, range(2, 4)), wanted)


def test_a_state_of_something_else() -> None:
    parameters = model()
    adam = make_optimiser("adam", parameters)
    with pytest.raises(ValueError, match="of another optimiser or of another model"):
        make_optimiser("sgd", parameters).load_state(adam.state())
    smaller = Parameters()
    smaller.declare("matrix", (2, 2))
    smaller.allocate()
    with pytest.raises(ValueError, match="of another optimiser or of another model"):
        adam.load_state(make_optimiser("adam", smaller).state())


@pytest.mark.kernel
@pytest.mark.parametrize("broken", [math.nan, math.inf])
@pytest.mark.parametrize("value", [None, 1.0])
def test_a_gradient_that_is_not_finite_changes_nothing(broken: float, value: float | None) -> None:
    parameters = model()
    before, flat = parameters.flat.copy(), gradient(parameters, 1)
    flat[5] = broken
    optimiser = make_optimiser("adam", parameters, 1.0, value)
    norm = optimiser.step(parameters, [flat], 0.1, 1)
    if math.isinf(broken) and value is not None:
        assert math.isfinite(norm)
        return
    assert not math.isfinite(norm)
    assert np.array_equal(parameters.flat, before)
    assert optimiser.steps == 0
    assert not any(array.any() for array in optimiser.arrays.values())


# --- schedules --------------------------------------------------------------------------------


def rates(name: str, warmup: int, total: int = 20) -> list[float]:
    """All rates of a training."""
    schedule = make_schedule(name, 0.8, warmup, total)
    return [schedule.rate(step) for step in range(total)]


def test_constant() -> None:
    assert rates("constant", 0) == [0.8] * 20


def test_step_halves_the_rate_three_times() -> None:
    assert rates("step", 0) == pytest.approx([0.8] * 5 + [0.4] * 5 + [0.2] * 5 + [0.1] * 5)


def test_cosine() -> None:
    found = rates("cosine", 0)
    assert found[0] == 0.8
    assert found[10] == pytest.approx(0.4)
    assert found == sorted(found, reverse=True)
    end = make_schedule("cosine", 0.8, 0, 20)
    assert end.rate(20) == end.rate(99) == pytest.approx(0)


@pytest.mark.parametrize("name", SCHEDULES)
def test_warmup(name: str) -> None:
    found, bare = rates(name, 4), rates(name, 0)
    assert found[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    if name == "cosine":
        assert found[4] == 0.8
        assert found[12] == pytest.approx(0.4)
    else:
        assert found[4:] == bare[4:]


def test_plateau() -> None:
    schedule = make_schedule("plateau", 0.8, 0, 20)
    found: list[float] = []
    for loss in (3.0, 2.0, 2.0, 1.5, 1.6, math.nan):
        schedule.validated(loss)
        found.append(schedule.rate(0))
    assert found == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.2, 0.1])
    other = make_schedule("plateau", 0.8, 0, 20)
    state: dict[str, Any] = schedule.state()
    other.load_state(state)
    for each in (schedule, other):
        each.validated(1.4)
        each.validated(1.5)
    assert schedule.rate(0) == other.rate(0) == pytest.approx(0.05)
