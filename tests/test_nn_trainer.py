"""The training loop: convergence, threads, validation, and what stops it."""

import math
import os
import signal
from typing import Any

import numpy as np
import pytest
from nn_trainer_models import (
    LeakyModel,
    Recorder,
    corpus,
    make_training,
)
from threadpoolctl import threadpool_info

from seqtool.errors import SeqtoolError, Terminated
from seqtool.nn.batches import SequenceBatches, StreamBatches
from seqtool.nn.optimisers import make_optimiser
from seqtool.nn.schedules import make_schedule
from seqtool.nn.shards import Validation, shard_seed
from seqtool.nn.trainer import (
    DivergedError,
    Events,
    Measured,
    Place,
    Settings,
    Step,
    Training,
)
from seqtool.nn.trainer import make_training as training_for
from seqtool.nn.training_log import TrainingLog
from seqtool.nn.types import Shard
from seqtool.nn.workspace import Workspace


def test_a_model_learns() -> None:
    recorder = Recorder()
    training = make_training(epochs=12, events=recorder)
    training.run()
    assert recorder.epoch_losses[0] > 1.8
    best = min(recorder.validations)
    # With probability 0.8 + 0.2 / 12 the next number follows from the last one.
    entropy = -(0.8 + 0.2 / 12) * math.log(0.8 + 0.2 / 12) - 0.2 * 11 / 12 * math.log(0.2 / 12)
    assert entropy - 0.1 < best < entropy + 0.15
    assert len(recorder.steps) == 12 * 9 == training.place.step
    for epoch, mean in enumerate(recorder.epoch_losses):
        steps = recorder.steps[9 * epoch : 9 * epoch + 9]
        tokens = [step.tokens for step in steps]  # each has a target
        assert sum(tokens) == 2499
        assert mean == pytest.approx(np.average([step.loss for step in steps], weights=tokens))


def test_labels_are_learnt() -> None:
    """One target a sequence: the model must tell its last number."""
    random = np.random.default_rng(1)
    lengths = random.integers(1, 9, 300)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = random.integers(12, size=int(starts[-1])).astype(np.int32)
    labels = ids[starts[1:] - 1]
    model = LeakyModel(12, 12)
    batches = SequenceBatches(ids, starts, 20, seed=1, labels=labels)
    validate = Validation(model, batches, 1)
    before = validate()
    optimiser = make_optimiser("sgd", model.parameters)
    schedule = make_schedule("constant", 0.5, 0, 0)
    training = Training(model, batches, optimiser, schedule, Settings(20, 1, 1))
    training.run()
    assert before == pytest.approx(math.log(12), abs=0.2)
    assert validate() < 0.6


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "plateau"])
def test_the_training_that_options_ask_for(schedule: str) -> None:
    model, recorder = LeakyModel(12, 8), Recorder()
    options = {
        "epochs": 4,
        "optimizer": "adam",
        "learning_rate": 0.02,
        "schedule": schedule,
        "warmup": 5,
        "clip_norm": 1.0,
        "clip_value": None,
        "patience": 3,
        "seed": 1,
        "threads": 2,
        "diagnose": True,
    }
    batches = StreamBatches(corpus(), 40, 7, seed=5)
    validate = Validation(model, batches, 2)
    training = training_for(model, batches, options, recorder, validate)
    training.run()
    assert training.settings == Settings(4, 1, 2, 3, None, True)
    rates = [step.rate for step in recorder.steps]
    np.testing.assert_allclose(rates[:5], 0.02 * np.arange(1, 6) / 5)
    last = {"constant": 0.02, "step": 0.0025, "cosine": 0.0, "plateau": 0.02}[schedule]
    assert rates[-1] == pytest.approx(last, abs=1e-4)
    assert recorder.validations[-1] < recorder.validations[0]


def test_threads_do_not_change_the_weights() -> None:
    weights, steps = [], []
    for threads in (1, 2, 3):
        recorder = Recorder()
        training = make_training(threads, epochs=2, events=recorder, rows=100)
        training.run()
        weights.append(training.model.parameters.flat.tobytes())
        steps.append([(step.loss, step.gradient_norm) for step in recorder.steps])
    assert weights[0] == weights[1] == weights[2]
    assert steps[0] == steps[1] == steps[2]


class Given:
    """Batches that are given; there is one an epoch."""

    def __init__(self, shards: list[Shard]) -> None:
        self.shards = shards

    def start_epoch(self, epoch: int) -> int:
        """See `seqtool.nn.types.Batches`."""
        return 1

    def batch(self, number: int) -> list[Shard]:
        """See `seqtool.nn.types.Batches`."""
        return self.shards


class Dry(LeakyModel):
    """Without dropout; remembers its seeds."""

    seeds: list[int]

    def loss(self, work: Workspace, shard: Shard) -> float:
        """See `seqtool.nn.types.Model`."""
        self.seeds.append(work.seed)
        work.seed = 0
        return super().loss(work, shard)


def test_the_gradient_is_that_of_the_mean_over_all_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nn_trainer_models._KEPT", 1.0)
    batches = StreamBatches(corpus(), 40, 7, seed=5)
    batches.start_epoch(0)
    parts = batches.batch(0)
    whole = Shard(
        np.concatenate([shard.inputs for shard in parts], axis=1),
        np.concatenate([shard.targets for shard in parts], axis=1),
        None,
        sum(shard.target_count for shard in parts),
    )
    assert len(parts) == 2
    weights, recorders = [], []
    for shards in ([whole], parts):
        model, recorder = Dry(12, 8), Recorder()
        model.seeds = []
        settings = Settings(2, 1, 1)
        optimiser = make_optimiser("sgd", model.parameters)
        schedule = make_schedule("constant", 0.1, 0, 0)
        Training(model, Given(shards), optimiser, schedule, settings, recorder).run()
        assert len(set(model.seeds)) == 2 * len(shards)  # each shard of each step has its own
        weights.append(model.parameters.flat)
        recorders.append(recorder)
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-5, atol=1e-8)
    one, two = (recorder.steps[0] for recorder in recorders)
    assert one.loss == pytest.approx(two.loss, rel=1e-6)
    assert one.gradient_norm == pytest.approx(two.gradient_norm, rel=1e-5)
    assert one.tokens == two.tokens == 40 * 7


def test_seeds_of_shards() -> None:
    seeds = {shard_seed(a, b, c) for a in range(5) for b in range(5) for c in range(5)}
    assert len(seeds) == 125
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_one_thread_of_blas_while_it_runs() -> None:
    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    found = []

    class Look(Events):
        def step_done(self, place: Place, step: Step) -> None:
            found.append(threads())

    before = threads()
    make_training(epochs=1, events=Look()).run()
    assert all(pool <= {1} for pool in found)
    assert threads() == before


# --- validation -------------------------------------------------------------------------------


class Losses:
    """Validation losses that are given; remembers the weights it was asked about."""

    def __init__(self, *losses: float) -> None:
        self.losses = list(losses)
        self.weights: list[bytes] = []
        self.training: Training | None = None

    def __call__(self) -> float:
        assert self.training is not None
        self.weights.append(self.training.model.parameters.flat.tobytes())
        return self.losses[len(self.weights) - 1]


def with_losses(*losses: float, **settings: Any) -> tuple[Training, Losses]:
    """A training whose validation losses are given."""
    given = Losses(*losses)
    training = make_training(**settings)
    training.validate = given
    given.training = training
    return training, given


def test_the_best_weights_are_kept() -> None:
    training, given = with_losses(3.0, 1.0, 2.0, 1.0, epochs=4)
    training.run()
    assert len(set(given.weights)) == 4
    assert training.model.parameters.flat.tobytes() == given.weights[1]
    assert (training.place.best_loss, training.place.waited) == (1.0, 2)
    assert training.place.best_step == training.place.step // 2


def test_the_rank_decides_before_the_loss(capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        Measured(1.0, -20.0, {"bleu": 20.0}),
        Measured(3.0, -30.0, {"bleu": 30.0}),
        Measured(2.0, -30.0, {"bleu": 30.0, "signature": "x"}),
        Measured(0.5, -29.0, {"bleu": 29.0}),
        Measured(2.0, -30.0, {"bleu": 30.0}),
    ]
    weights: list[bytes] = []

    def validate() -> Measured:
        weights.append(training.model.parameters.flat.tobytes())
        return found[len(weights) - 1]

    training = make_training(epochs=5, events=TrainingLog(None, None, quiet=False))
    training.validate = validate
    training.run()
    assert training.model.parameters.flat.tobytes() == weights[2]
    place = training.place
    assert (place.best_loss, place.best_rank, place.waited) == (2.0, -30.0, 2)
    lines = capsys.readouterr().err.split("\n")
    assert lines[2].endswith("; validation loss 2.0000, bleu 30.00, the best so far")
    assert lines[4].endswith("; validation loss 2.0000, bleu 30.00")


def test_without_validation_the_last_weights_are_kept() -> None:
    training = make_training(epochs=2)
    training.validate = None
    before = training.model.parameters.flat.copy()
    training.run()
    assert training.best is None
    assert training.place.best_loss is None
    assert not np.array_equal(training.model.parameters.trained, before[: len(before) - 16])
    np.testing.assert_array_equal(training.model.parameters["fixed.weights"], before[-16:-13])


def test_early_stopping() -> None:
    training, given = with_losses(3.0, 1.0, 2.0, 0.9, 1.5, 1.6, 0.1, epochs=7, patience=2)
    training.run()
    assert training.place.epoch == 6
    assert training.model.parameters.flat.tobytes() == given.weights[3]
    assert training.finished


def test_validation_every_few_steps() -> None:
    recorder = Recorder()
    training = make_training(epochs=2, events=recorder, validate_every=4)
    training.run()
    per_epoch = len(recorder.steps) // 2
    places = set(range(4, 2 * per_epoch + 1, 4)) | {per_epoch, 2 * per_epoch}
    assert len(recorder.validations) == len(places) > 4


def test_validation_is_without_dropout_and_leaves_training_alone() -> None:
    model = LeakyModel(12, 8)
    validate = Validation(model, StreamBatches(corpus(600), 4, 50, seed=5), 1)
    longer = Validation(model, StreamBatches(corpus(600), 4, 1000, seed=5), 2)
    assert validate() == validate() == pytest.approx(longer(), rel=1e-6)  # state is carried over

    def run(extra: bool) -> bytes:
        training = make_training(epochs=2)
        if extra:
            inner = training.validate
            assert inner is not None
            training.validate = lambda: (inner(), inner())[1]
        training.run()
        return training.model.parameters.flat.tobytes()

    assert run(True) == run(False)


# --- what stops it ----------------------------------------------------------------------------


class Spoilt(LeakyModel):
    """Its loss or its gradient is not finite from the fifth batch on."""

    def __init__(self, what: str) -> None:
        super().__init__(12, 8)
        self.what = what
        self.calls = 0

    def loss(self, work: Workspace, shard: Shard) -> float:
        loss = super().loss(work, shard)
        self.calls += work.training
        if self.calls > 2 * 4:
            if self.what == "gradient":
                work.gradients["output.weights"][0, 0] = np.inf
            if self.what == "weights":
                self.parameters["table.weights"][0, 0] = np.nan
                return float("nan")
            if self.what == "loss":
                return float("inf")
        return loss


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ("gradient", "the gradient is not a finite number in epoch 1, step 5, nor is the "
         "gradient of output.weights: lower --learning-rate"),
        ("weights", "the loss is not a finite number in epoch 1, step 5, nor are the weights "
         "table.weights: lower"),
        ("loss", "the loss is not a finite number in epoch 1, step 5: lower"),
    ],
)  # fmt: skip
def test_a_loss_or_gradient_that_is_not_finite(what: str, where: str) -> None:
    saved: list[int] = []

    class Saves(Events):
        checkpoint_seconds = -1.0

        def save(self, training: Training) -> None:
            assert np.isfinite(training.model.parameters.flat).all()
            saved.append(training.place.step)

    training = make_training(epochs=2, events=Saves(), validate_every=3)
    training.model = Spoilt(what)
    training.__post_init__()
    training.validate = lambda: 1.0
    with pytest.raises(DivergedError, match=where) as caught:
        training.run()
    assert isinstance(caught.value, SeqtoolError)
    assert "\n" not in str(caught.value)
    assert saved == [0, 1, 2, 3, 4]  # the last good one
    assert training.place.best_step == 3
    assert training.best is not None
    np.testing.assert_array_equal(training.model.parameters.trained, training.best)
    assert np.isfinite(training.best).all()


def test_a_rate_that_is_too_high() -> None:
    training = make_training(epochs=30, rate=1e6)
    with pytest.raises(DivergedError, match="not a finite number in epoch"):
        training.run()


def test_a_validation_loss_that_is_not_finite() -> None:
    training, _ = with_losses(1.0, math.nan, epochs=3)
    with pytest.raises(DivergedError, match="the validation loss is not a finite number"):
        training.run()


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_an_interrupt_ends_the_step_and_saves(number: int, error: type[BaseException]) -> None:
    happened: list[str] = []

    class Interrupts(Events):
        def step_done(self, place: Place, step: Step) -> None:
            happened.append(f"step {place.step}")
            if place.step == 3:
                os.kill(os.getpid(), number)

        def save(self, training: Training) -> None:
            happened.append(f"save {training.place.step}")

        def ended(self) -> None:
            happened.append("ended")

    with pytest.raises(error):
        make_training(events=Interrupts()).run()
    assert happened == ["save 0", "step 1", "step 2", "step 3", "save 3", "ended"]
