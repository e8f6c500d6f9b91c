"""The training loop of all models that read a stream of word ids."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.interrupt import postponed_interrupt
from seqtool.parallel import for_each
from seqtool_train_embeddings.window_kernels import END_OF_SENTENCE, LONGEST_SENTENCE

Ids = npt.NDArray[np.int32]
Floats64 = npt.NDArray[np.float64]

CHUNK = 20_000  # words that a thread takes at once; the learning rate is the same for them
_ROUND = 16  # chunks for each thread between two looks at clock and interrupts
_CHECKPOINT_SECONDS = 60.0
_LEAST_RATE = 1e-4  # of the first rate


class Model(Protocol):
    """What the loop trains."""

    def make_worker(
        self, ids: Ids, loss: Floats64, thread: int
    ) -> Callable[[int, int, int, float], int]: ...

    def state(self) -> dict[str, npt.NDArray[np.float32]]: ...


class Place(NamedTuple):
    """How far a training is: chunk ``chunk`` of ``epoch`` comes next.

    ``loss`` and ``losses`` are sum and number of the losses of this epoch so far.
    """

    epoch: int = 0
    chunk: int = 0
    loss: float = 0.0
    losses: float = 0.0


START = Place()


class Plan(NamedTuple):
    """How long, how fast and with how many threads to train."""

    epochs: int
    rate: float
    threads: int


class Events:
    """What the loop tells; the base does nothing."""

    checkpoint_seconds = _CHECKPOINT_SECONDS

    def chunks_done(self, words: int, place: Place, rate: float) -> None:
        """Some words were trained on."""

    def epoch_done(self, epoch: int, mean_loss: float, seconds: float) -> None:
        """An epoch ended; epochs count from 1."""

    def save(self, place: Place) -> None:
        """Now is the time for a checkpoint."""


def chunk_bounds(ids: Ids, size: int = CHUNK) -> list[int]:
    """Places of sentence starts, about ``size`` apart, from 0 to the end of the stream."""
    bounds = [0]
    while bounds[-1] < len(ids):
        at = bounds[-1] + size
        while at < len(ids):
            ends = np.flatnonzero(ids[at : at + LONGEST_SENTENCE + 1] == END_OF_SENTENCE)
            if len(ends):
                at += int(ends[0]) + 1
                break
            at += LONGEST_SENTENCE + 1
        bounds.append(min(at, len(ids)))
    return bounds


def train(model: Model, ids: Ids, plan: Plan, events: Events, place: Place = START) -> None:
    """Train from ``place`` to the end of the last epoch.

    The learning rate falls linearly. With one thread the result depends on nothing but the
    model's seed; more threads update the same rows without waiting for each other (Niu et al.
    2011, "Hogwild!"), so that runs differ. An interrupt is obeyed after the round, when the
    checkpoint is written.
    """
    bounds = chunk_bounds(ids)
    with postponed_interrupt() as interrupt:
        saved = time.monotonic()
        while place.epoch < plan.epochs:
            start = time.monotonic()
            while place.chunk < len(bounds) - 1:
                place = _train_round(model, ids, plan, bounds, place, events)
                if not math.isfinite(place.loss):
                    raise SeqtoolError("the vectors grow without end: lower --learning-rate")
                if interrupt.requested or time.monotonic() - saved > events.checkpoint_seconds:
                    events.save(place)
                    saved = time.monotonic()
                interrupt.obey()
            events.epoch_done(
                place.epoch + 1, place.loss / max(place.losses, 1.0), time.monotonic() - start
            )
            place = Place(place.epoch + 1)
            if interrupt.requested:
                events.save(place)
                interrupt.obey()


def _train_round(
    model: Model, ids: Ids, plan: Plan, bounds: list[int], place: Place, events: Events
) -> Place:
    """Train on the next few chunks; returns the place behind them."""
    chunks = len(bounds) - 1
    last = min(place.chunk + _ROUND * plan.threads, chunks)
    words = len(ids) * plan.epochs
    losses: list[Floats64] = []
    threads, lock = iter(range(plan.threads)), threading.Lock()

    def rate_at(chunk: int) -> float:
        done = (place.epoch * len(ids) + bounds[chunk]) / words
        return max(plan.rate * (1 - done), plan.rate * _LEAST_RATE)

    def make_worker() -> Callable[[int], None]:
        loss = np.zeros(2)
        losses.append(loss)
        with lock:
            thread = next(threads)
        work = model.make_worker(ids, loss, thread)

        def train_chunk(chunk: int) -> None:
            number = place.epoch * chunks + chunk
            work(bounds[chunk], bounds[chunk + 1], number, rate_at(chunk))

        return train_chunk

    for_each(range(place.chunk, last), make_worker, plan.threads)
    total = np.sum(losses, axis=0)
    done = Place(place.epoch, last, place.loss + float(total[0]), place.losses + float(total[1]))
    events.chunks_done(bounds[last] - bounds[place.chunk], done, rate_at(last - 1))
    return done
