"""From probabilities to events: the same however a stream is cut, and as a plain loop has it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtool_detect_trigger.rule import Smoother, Trigger, events_of

PROBABILITIES = st.lists(st.integers(0, 8).map(lambda x: x / 8), max_size=60)


def plain_events(smoothed: list[float], threshold: float, refractory: int) -> list[int]:
    """Step by step, in the words of the documentation."""
    events: list[int] = []
    for step, value in enumerate(smoothed):
        rises = value >= threshold and (step == 0 or smoothed[step - 1] < threshold)
        if rises and (not events or step - events[-1] >= refractory):
            events.append(step)
    return events


def cut(values: list[float], places: list[int]) -> list[np.ndarray]:
    """Values in pieces."""
    bounds = sorted(min(place, len(values)) for place in places)
    return np.split(np.array(values, np.float32), bounds)


@given(PROBABILITIES, st.integers(1, 5), st.lists(st.integers(0, 60), max_size=6))
def test_means_of_the_last_steps(values: list[float], steps: int, places: list[int]) -> None:
    smoother = Smoother(steps)
    found = np.concatenate([smoother.push(piece) for piece in cut(values, places)])
    wanted = [sum(values[max(0, i - steps + 1) : i + 1]) / steps for i in range(len(values))]
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert (found == Smoother(steps).push(np.array(values, np.float32))).all()


@given(
    PROBABILITIES,
    st.sampled_from([0.25, 0.5, 1.0]),
    st.integers(0, 10),
    st.lists(st.integers(0, 60), max_size=6),
)
def test_events_are_those_of_a_plain_loop(
    values: list[float], threshold: float, refractory: int, places: list[int]
) -> None:
    wanted = plain_events(values, threshold, refractory)
    assert events_of(np.array(values), threshold, refractory) == wanted
    trigger = Trigger(threshold, refractory)
    found = [step for piece in cut(values, places) for step in trigger.push(piece)]
    assert found == wanted


def test_what_stays_above_is_one_event() -> None:
    assert events_of(np.ones(100), 0.5, 10) == [0]


def test_a_second_word_within_the_refractory_time_is_none() -> None:
    values = np.zeros(40)
    values[[5, 12, 16]] = 1
    assert events_of(values, 0.5, 10) == [5, 16]
    assert events_of(values, 0.5, 0) == [5, 12, 16]


def test_the_mean_begins_with_zeros() -> None:
    assert Smoother(4).push(np.ones(5, np.float32)).tolist() == pytest.approx(
        [0.25, 0.5, 0.75, 1, 1]
    )
