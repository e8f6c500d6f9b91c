"""How the learning rate changes while training goes on. Steps count from 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

State = Mapping[str, NDArray[Any]]


class Schedule:
    """A constant rate, and the base of all schedules.

    During the first ``warmup`` steps the rate rises evenly to what the schedule says.
    """

    def __init__(self, base: float, warmup: int = 0) -> None:
        self.base = base
        self.warmup = warmup

    def rate(self, step: int) -> float:
        """The rate of a step."""
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        return self.base * rise * self.factor(step)

    def factor(self, step: int) -> float:
        """The part of the base rate that is left at a step."""
        return 1.0

    def validated(self, loss: float) -> None:
        """Hear of a new validation loss."""

    def state(self) -> dict[str, NDArray[Any]]:
        """What the rate depends on besides the step."""
        return {}

    def load_state(self, state: State) -> None:
        """Go on where `state` was taken."""


class StepSchedule(Schedule):
    """The rate is multiplied with ``times`` every ``every`` steps."""

    def __init__(self, base: float, warmup: int, every: int, times: float = 0.5) -> None:
        super().__init__(base, warmup)
        self.every = every
        self.times = times

    def factor(self, step: int) -> float:
        """A power of ``times``."""
        return float(self.times ** (step // self.every))


class CosineSchedule(Schedule):
    """Half a wave from the base rate, after the warm-up, down to zero at step ``total``
    (Loshchilov & Hutter 2017, equation 5)."""

    def __init__(self, base: float, warmup: int, total: int) -> None:
        super().__init__(base, warmup)
        self.total = total

    def factor(self, step: int) -> float:
        """From 1 to 0."""
        part = max(step - self.warmup, 0) / max(self.total - self.warmup, 1)
        return 0.5 * (1 + math.cos(math.pi * min(part, 1.0)))


class PlateauSchedule(Schedule):
    """The rate is multiplied with ``times`` when the validation loss has not become lower
    ``patience`` times in a row."""

    def __init__(self, base: float, warmup: int, times: float = 0.5, patience: int = 1) -> None:
        super().__init__(base, warmup)
        self.times = times
        self.patience = patience
        self.best = math.inf
        self.waited = 0
        self.drops = 0

    def factor(self, step: int) -> float:
        """A power of ``times``."""
        return float(self.times**self.drops)

    def validated(self, loss: float) -> None:
        """Count how long it has not become better."""
        if loss < self.best:
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.waited = 0
            self.drops += 1

    def state(self) -> dict[str, NDArray[Any]]:
        """Best loss and counters."""
        return {"best": np.array([self.best]), "counts": np.array([self.waited, self.drops])}

    def load_state(self, state: State) -> None:
        """Go on where `state` was taken."""
        self.best = float(state["best"][0])
        self.waited, self.drops = (int(count) for count in state["counts"])


# Each gets the base rate, the warm-up and the steps of the whole training.
SCHEDULES: dict[str, Callable[[float, int, int], Schedule]] = {
    "constant": lambda base, warmup, total: Schedule(base, warmup),
    "step": lambda base, warmup, total: StepSchedule(base, warmup, max(total // 4, 1)),
    "cosine": CosineSchedule,
    "plateau": lambda base, warmup, total: PlateauSchedule(base, warmup),
}


def make_schedule(name: str, base: float, warmup: int, total: int) -> Schedule:
    """One of the SCHEDULES for a training of ``total`` steps; ``step`` halves the rate 3 times."""
    return SCHEDULES[name](base, warmup, total)
