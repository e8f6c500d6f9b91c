"""The most probable path through given labels."""

from __future__ import annotations

import math

from seqtool.decode.types import Floats, Ints
from seqtool.kernels import helper, kernel


@helper
def state_symbol(labels: Ints, state: int) -> int:
    """Even states are the blanks around labels, odd ones the labels."""
    return int(labels[state >> 1]) if state & 1 else 0


@helper
def best_step(before: Floats, labels: Ints, state: int) -> int:
    """By how many states the best path to a state comes from in front of it: 0, 1 or 2."""
    step = 0
    best = before[state]
    if state > 0 and before[state - 1] > best:
        step = 1
        best = before[state - 1]
    apart = state > 1 and state & 1 and labels[state >> 1] != labels[(state >> 1) - 1]
    if apart and before[state - 2] > best:
        step = 2
    return step


@kernel("f8(f4[::1], i8, i4[::1], f8[::1], u1[::1], i8[::1])")
def best_path(
    log_probs: Floats, symbols: int, labels: Ints, scores: Floats, steps: Ints, path: Ints
) -> float:
    """Write the state of every frame; returns the log-probability of the path.

    States are numbered from 0: blank, first label, blank, and so on. ``log_probs`` is (time,
    symbols); scratch is ``scores`` (2, states) and ``steps`` (time, states). The result is minus
    infinity if there is no path.
    """
    states = 2 * len(labels) + 1
    frames = len(path)
    for state in range(states):
        scores[state] = float(log_probs[state_symbol(labels, state)]) if state < 2 else -math.inf
    here = 0
    for t in range(1, frames):
        before = scores[here : here + states]
        here = states - here
        for state in range(states):
            step = best_step(before, labels, state)
            steps[t * states + state] = step
            emitted = float(log_probs[t * symbols + state_symbol(labels, state)])
            scores[here + state] = before[state - step] + emitted
    state = states - 1
    if state > 0 and scores[here + state - 1] > scores[here + state]:
        state -= 1
    total = float(scores[here + state])
    for t in range(frames - 1, -1, -1):
        path[t] = state
        if t > 0:
            state -= int(steps[t * states + state])
    return total
