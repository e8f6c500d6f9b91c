"""The training loop of all models of the engine.

The shards of a batch go through the model side by side, each in a workspace of its own, and the
optimiser adds up their gradients in the order of the shards. Weights are the same, bit for bit, for
every number of threads, and whether or not a training was stopped in between and resumed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from seqtool.errors import SeqtoolError
from seqtool.interrupt import Interrupt, postponed_interrupt
from seqtool.nn.diagnose import Diagnosis, not_finite
from seqtool.nn.optimisers import Optimiser, make_optimiser
from seqtool.nn.parameters import Floats
from seqtool.nn.schedules import Schedule, make_schedule
from seqtool.nn.shards import Shards
from seqtool.nn.types import Batches, Model, Shard

Arrays = dict[str, NDArray[Any]]

_CHECKPOINT_SECONDS = 60.0


class Settings(NamedTuple):
    """How to train.

    Attributes:
        epochs: passes over the data.
        seed: of what is random in the layers.
        threads: that work on a batch.
        patience: stop when so many validations in a row were no better than the best.
        validate_every: steps between validations; there is one after every epoch in any case.
        diagnose: whether to measure gradient norms by layer and by time step.
    """

    epochs: int
    seed: int
    threads: int
    patience: int | None = None
    validate_every: int | None = None
    diagnose: bool = False


@dataclass
class Place:
    """How far a training is: batch ``batch`` of ``epoch`` comes next; both count from 0.

    Attributes:
        step: batches so far, over all epochs.
        loss, targets, tokens, epoch_seconds: sums over this epoch so far.
        seconds: that training and validation took so far.
        best_loss, best_rank, best_step: the best validation, and the number of steps before it.
        waited: validations since the best one.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss: float = 0.0
    targets: int = 0
    tokens: int = 0
    epoch_seconds: float = 0.0
    seconds: float = 0.0
    best_loss: float | None = None
    best_rank: float | None = None
    best_step: int = 0
    waited: int = 0


class Step(NamedTuple):
    """What one batch was like.

    Attributes:
        loss: mean over the batch's targets, before the step.
        rate: of learning.
        gradient_norm: of the whole gradient, before clipping.
        tokens: inputs without padding.
        seconds: it took.
        layer_norms: norm of the gradient by layer; only with ``diagnose``.
    """

    loss: float
    rate: float
    gradient_norm: float
    tokens: int
    seconds: float
    layer_norms: Mapping[str, float]


class Measured(NamedTuple):
    """What a validation found.

    Attributes:
        loss: nats a target.
        rank: what decides which validation is the best, less being better; the loss if it is None.
            Of equal ones that with less loss is better.
        figures: more that was measured, by name, fit for JSON.
    """

    loss: float
    rank: float | None = None
    figures: Mapping[str, Any] = {}

    @property
    def order(self) -> tuple[float, float]:
        """What validations are sorted by, the best first."""
        return self.loss if self.rank is None else self.rank, self.loss


class Events:
    """What the loop tells; the base does nothing. ``place`` is behind what happened."""

    checkpoint_seconds = _CHECKPOINT_SECONDS

    def started(self, training: Training) -> None:
        """The training begins, or goes on."""

    def ended(self) -> None:
        """The training is over, or was stopped."""

    def epoch_started(self, place: Place, batches: int) -> None:
        """An epoch begins, or goes on after a stop."""

    def step_done(self, place: Place, step: Step) -> None:
        """The model was trained on a batch."""

    def validated(self, place: Place, measured: Measured) -> None:
        """The model was validated; it is the best so far if ``place.waited`` is 0."""

    def epoch_done(self, place: Place, diagnosis: Diagnosis | None) -> None:
        """An epoch ended; ``place`` still holds its sums."""

    def save(self, training: Training) -> None:
        """Now is the time for a checkpoint."""


class DivergedError(SeqtoolError):
    """A loss or gradient is not finite. The model holds the best weights if there are any."""


@dataclass
class Training:
    """A training: all that changes while it runs, and the loop (`run`).

    ``validate`` measures the model: a loss, or more (`Measured`). The weights that did best are
    kept in ``best``, and are the model's when the training ends.
    """

    model: Model
    batches: Batches
    optimiser: Optimiser
    schedule: Schedule
    settings: Settings
    events: Events = field(default_factory=Events)
    validate: Callable[[], float | Measured] | None = None
    place: Place = field(default_factory=Place)
    best: Floats | None = None

    def __post_init__(self) -> None:
        settings = self.settings
        self._shards = Shards(self.model, settings.threads, True, settings.diagnose)
        self._diagnosis = Diagnosis() if settings.diagnose else None

    def run(self) -> None:
        """Train from ``place`` to the end.

        An interrupt is obeyed after the step, when the checkpoint is written. Raises
        DivergedError when the loss or the gradient is not finite.
        """
        with threadpool_limits(1, "blas"), postponed_interrupt() as interrupt:
            try:
                self.events.started(self)
                if self.place.step == 0:
                    self.events.save(self)
                self._loop(interrupt)
            finally:
                self.events.ended()
                if self.best is not None:
                    self.model.parameters.trained[:] = self.best

    def state(self) -> Arrays:
        """What a checkpoint keeps beside the place; arrays are not copied."""
        arrays: Arrays = {"weights": self.model.parameters.flat}
        if self.best is not None:
            arrays["best"] = self.best
        for part, state in (("optimiser", self.optimiser), ("schedule", self.schedule)):
            arrays.update((f"{part}/{name}", array) for name, array in state.state().items())
        for number, work in enumerate(self._shards.works):
            for place, (layer, states) in enumerate(work.carried.items()):
                for index, array in enumerate(states):
                    arrays[f"carried/{number:06}/{place:06}/{index}/{layer}"] = array
        return arrays

    def load_state(self, arrays: Arrays, place: Place) -> None:
        """Go on from what `state` gave. Raises ValueError if it is of another model."""
        self._load_weights(arrays)
        for part, owner in (("optimiser", self.optimiser), ("schedule", self.schedule)):
            _check_alike(part, owner.state(), _part(arrays, part))
            owner.load_state(_part(arrays, part))
        for name, array in sorted(_part(arrays, "carried").items()):  # so that layers keep order
            number, _, index, layer = name.split("/", 3)
            if not 0 <= int(number) <= len(self._shards.works):
                raise ValueError(f"carried/{name} has no shard")
            carried = self._shards.make(int(number) + 1)[int(number)].carried
            before = carried.get(layer, ())
            if len(before) != int(index):
                raise ValueError(f"carried/{name} is not in its place")
            carried[layer] = (*before, array.copy())
        self.place = place

    def _load_weights(self, arrays: Arrays) -> None:
        parameters = self.model.parameters
        _check_alike("the model", {"weights": parameters.flat}, {"weights": arrays["weights"]})
        parameters.flat[:] = arrays["weights"]
        if "best" in arrays:
            _check_alike("the model", {"best": parameters.trained}, {"best": arrays["best"]})
            self.best = arrays["best"].copy()

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or patience is at its end."""
        patience = self.settings.patience
        patient = patience is None or self.place.waited < patience
        return self.place.epoch >= self.settings.epochs or not patient

    def _loop(self, interrupt: Interrupt) -> None:
        every = self.settings.validate_every
        saved = time.monotonic()
        batches = 0
        while not self.finished:
            if batches == 0:
                batches = self.batches.start_epoch(self.place.epoch)
                self.events.epoch_started(self.place, batches)
            self._step()
            ended = self.place.batch == batches
            if ended or (every and self.place.step % every == 0):
                self._validate()
            if ended:
                self._end_epoch()
                batches = 0
            now = time.monotonic()
            if ended or interrupt.requested or now - saved > self.events.checkpoint_seconds:
                self.events.save(self)
                saved = time.monotonic()
            interrupt.obey()

    def _step(self) -> None:
        """Train on one batch."""
        start = time.monotonic()
        place, settings = self.place, self.settings
        shards = self.batches.batch(place.batch)
        targets = max(sum(shard.target_count for shard in shards), 1)
        loss = self._shards.loss(shards, 1.0 / targets, settings.seed, place.step)
        works = self._shards.make(len(shards))
        parameters = self.model.parameters
        gradients = [work.flat_gradient for work in works]
        if not math.isfinite(loss):
            raise self._diverged("loss", not_finite(parameters, gradients, weights_first=True))
        norms = self._diagnosis.add(parameters, works) if self._diagnosis else {}
        rate = self.schedule.rate(place.step)
        norm = self.optimiser.step(parameters, gradients, rate, settings.threads)
        if not math.isfinite(norm):
            raise self._diverged("gradient", not_finite(parameters, gradients))
        tokens, seconds = sum(map(_tokens, shards)), time.monotonic() - start
        place.batch += 1
        place.step += 1
        place.loss += loss
        place.targets += targets
        place.tokens += tokens
        place.epoch_seconds += seconds
        place.seconds += seconds
        self.events.step_done(place, Step(loss / targets, rate, norm, tokens, seconds, norms))

    def _validate(self) -> None:
        """Measure the model, and keep its weights if they are the best so far."""
        if self.validate is None:
            return
        start, place = time.monotonic(), self.place
        found = self.validate()
        measured = found if isinstance(found, Measured) else Measured(found)
        rank, loss = measured.order
        if not (math.isfinite(rank) and math.isfinite(loss)):
            raise self._diverged("validation loss", not_finite(self.model.parameters, []))
        if place.best_loss is None or (rank, loss) < (place.best_rank, place.best_loss):
            place.best_loss, place.best_rank = loss, rank
            place.best_step, place.waited = place.step, 0
            self.best = self.model.parameters.trained.copy()
        else:
            place.waited += 1
        self.schedule.validated(rank)
        place.seconds += time.monotonic() - start
        self.events.validated(place, measured)

    def _end_epoch(self) -> None:
        place = self.place
        self.events.epoch_done(place, self._diagnosis)
        if self._diagnosis:
            self._diagnosis = Diagnosis()
        place.epoch += 1
        place.batch = place.targets = place.tokens = 0
        place.loss = place.epoch_seconds = 0.0

    def _diverged(self, what: str, where: str) -> DivergedError:
        return DivergedError(
            f"the {what} is not a finite number in epoch {self.place.epoch + 1}, step "
            f"{self.place.step + 1}{where and f', {where}'}: lower --learning-rate, or clip "
            "gradients with --clip-norm"
        )


def make_training(
    model: Model,
    batches: Batches,
    options: Mapping[str, Any],
    events: Events | None = None,
    validate: Callable[[], float | Measured] | None = None,
) -> Training:
    """The training that a command's options ask for; see `seqtool.nn.training_options`."""
    steps = options["epochs"] * batches.start_epoch(0)
    return Training(
        model,
        batches,
        make_optimiser(
            options["optimizer"],
            model.parameters,
            clip_norm=options["clip_norm"],
            clip_value=options["clip_value"],
        ),
        make_schedule(options["schedule"], options["learning_rate"], options["warmup"], steps),
        Settings(
            options["epochs"],
            options["seed"],
            options["threads"],
            options["patience"],
            diagnose=options["diagnose"],
        ),
        events or Events(),
        validate,
    )


def _tokens(shard: Shard) -> int:
    return shard.inputs.size if shard.lengths is None else int(shard.lengths.sum())


def _part(arrays: Arrays, part: str) -> Arrays:
    """The arrays of one part, by their names in it."""
    prefix = f"{part}/"
    return {n.removeprefix(prefix): array for n, array in arrays.items() if n.startswith(prefix)}


def _check_alike(
    part: str, have: Mapping[str, NDArray[Any]], found: Mapping[str, NDArray[Any]]
) -> None:
    """Raise ValueError unless names, shapes and types are the same."""
    if have.keys() != found.keys():
        names = ", ".join(sorted(have.keys() ^ found.keys()))
        raise ValueError(f"{part} has other arrays: {names}")
    for name, array in have.items():
        other = found[name]
        if np.shape(array) != other.shape or np.asarray(array).dtype != other.dtype:
            raise ValueError(
                f"{name} of {part} is {other.dtype} {list(other.shape)}, "
                f"not {np.asarray(array).dtype} {list(np.shape(array))}"
            )
