"""Checkpoints: a training that was stopped goes on as if it had not been."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nn_trainer_models import Recorder, corpus, make_training, train_to

from seqtool.errors import SeqtoolError
from seqtool.modelfile import read_model, write_model
from seqtool.nn.batches import StreamBatches
from seqtool.nn.checkpoint import Checkpoint
from seqtool.nn.language_model import LanguageModel, LanguageModelSettings
from seqtool.nn.stack import StackSettings
from seqtool.nn.trainer import Events, Place, Step, Training
from seqtool.nn.trainer import make_training as training_for


class StopError(Exception):
    """Stops a training at once."""


class StopAt(Recorder):
    """Saves after some number of steps, and stops a few steps later."""

    checkpoint_seconds = -1.0

    def __init__(self, checkpoint: Checkpoint, step: int) -> None:
        super().__init__()
        self.checkpoint, self.step = checkpoint, step

    def save(self, training: Training) -> None:
        if training.place.step <= self.step:
            self.checkpoint.save(training)

    def step_done(self, place: Place, step: Step) -> None:
        super().step_done(place, step)
        if place.step == self.step + 3:
            raise StopError


@pytest.mark.parametrize("step", [1, 8, 9, 10, 20])
def test_resumed_anywhere_it_is_the_same_training(tmp_path: Path, step: int) -> None:
    def make(threads: int, events: Events) -> Training:
        """One whose validations become worse, so that the learning rate falls."""
        training = make_training(threads, events=events)
        measure = training.validate
        assert measure is not None
        training.validate = lambda: measure() + training.place.epoch
        return training

    whole = Recorder()
    training = make(1, whole)
    training.run()
    weights = training.model.parameters.flat.tobytes()
    assert len(whole.steps) == 27
    assert len({s.rate for s in whole.steps}) == 2

    checkpoint = Checkpoint(str(tmp_path / "model"), {})
    with pytest.raises(StopError):
        make(2, StopAt(checkpoint, step)).run()
    rest = Recorder()
    training = make(3, rest)
    checkpoint.load(training)
    assert training.place.step == step
    training.run()
    assert training.model.parameters.flat.tobytes() == weights
    numbers = [(s.loss, s.gradient_norm, s.rate) for s in whole.steps[step:]]
    assert [(s.loss, s.gradient_norm, s.rate) for s in rest.steps] == numbers
    assert rest.epoch_losses == whole.epoch_losses[step // 9 :]
    assert rest.validations == whole.validations[step // 9 :]


def test_patience_outlives_a_stop(tmp_path: Path) -> None:
    losses = [3.0, 1.0, 2.0, 2.5, 0.5, 0.4]

    def make(events: Events) -> Training:
        training = make_training(epochs=6, patience=2, events=events)
        training.validate = lambda: losses[training.place.epoch]
        return training

    checkpoint = Checkpoint(str(tmp_path / "model"), {})
    with pytest.raises(StopError):
        make(StopAt(checkpoint, 29)).run()  # after one bad validation
    training = make(Events())
    checkpoint.load(training)
    assert training.place.waited == 1
    training.run()
    assert training.place.epoch == 4
    assert training.place.best_step == 18
    checkpoint.save(training)  # killed before the output was written
    training = make(Events())
    checkpoint.load(training)
    assert training.finished
    best = training.best
    training.run()
    assert training.place.epoch == 4
    assert best is not None
    np.testing.assert_array_equal(training.model.parameters.trained, best)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_language_model_goes_on(tmp_path: Path, optimizer: str) -> None:
    """With more than ten layers, whose names do not sort by their order."""
    shape = StackSettings("gru", 3, 11, dropout=0.2, residual=True)
    options = {
        "epochs": 2,
        "optimizer": optimizer,
        "learning_rate": 0.05,
        "schedule": "cosine",
        "warmup": 2,
        "clip_norm": 1.0,
        "clip_value": 0.5,
        "patience": None,
        "seed": 1,
        "diagnose": False,
    }

    def make(threads: int, events: Events) -> Training:
        model = LanguageModel(LanguageModelSettings(12, 3, shape))
        model.initialise(1)
        batches = StreamBatches(corpus(250), 16, 4, seed=1)
        return training_for(model, batches, {**options, "threads": threads}, events)

    whole = make(1, Events())
    whole.run()
    checkpoint = Checkpoint(str(tmp_path / "model"), {})
    with pytest.raises(StopError):
        make(2, StopAt(checkpoint, 3)).run()
    training = make(1, Events())
    checkpoint.load(training)
    training.run()
    weights = training.model.parameters.flat
    assert weights.tobytes() == whole.model.parameters.flat.tobytes()


# --- processes that are killed ----------------------------------------------------------------


def start(output: Path, resume: bool, threads: int, log: Path) -> "subprocess.Popen[bytes]":
    """A training as a process."""
    arguments = {"output": str(output), "resume": resume, "threads": threads, "log": str(log)}
    script = Path(__file__).with_name("nn_trainer_models.py")
    return subprocess.Popen(
        [sys.executable, str(script), json.dumps(arguments)],
        stderr=subprocess.PIPE,
        env={**os.environ, "STEP": "0.01"},
    )


def test_killed_at_any_moment(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train_to(str(tmp_path / "whole"), False, 1, str(tmp_path / "whole.jsonl"))
    output, log = tmp_path / "model", tmp_path / "log.jsonl"
    checkpoint = tmp_path / "model.checkpoint"
    rng = random.Random(os.urandom(8))
    kills = 0
    for attempt in range(30):
        process = start(output, attempt > 0, 1 + attempt % 3, log)
        while not checkpoint.exists() and process.poll() is None:
            time.sleep(0.001)
        size = log.stat().st_size if log.exists() else 0
        while process.poll() is None and (not log.exists() or log.stat().st_size == size):
            time.sleep(0.001)
        time.sleep(rng.random() * 0.12)
        process.kill()
        _, err = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), err
        if process.returncode == 0 or not checkpoint.exists():  # killed on its way out
            break
        kills += 1
    assert kills >= 3
    assert output.read_bytes() == (tmp_path / "whole").read_bytes()
    assert not checkpoint.exists()
    unchanged = ("kind", "step", "epoch", "loss", "rate", "gradient_norm", "best")
    logs = [
        [
            {name: fields.get(name) for name in unchanged}
            for fields in map(json.loads, path.read_text(encoding="utf-8").rstrip().split("\n"))
        ]
        for path in (tmp_path / "whole.jsonl", log)
    ]
    assert logs[0] == logs[1]


# --- the file ---------------------------------------------------------------------------------


def saved(tmp_path: Path, steps: int = 4, **settings: Any) -> Checkpoint:
    """The checkpoint of a training that was stopped."""
    checkpoint = Checkpoint(str(tmp_path / "model"), settings)
    with pytest.raises(StopError):
        make_training(events=StopAt(checkpoint, steps)).run()
    return checkpoint


def message(function: Any, *arguments: Any) -> str:
    """The one line of the error that a call raises."""
    with pytest.raises(SeqtoolError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_unfinished_training_is_not_thrown_away(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path)
    text = message(checkpoint.begin, False)
    assert text.startswith(f"{checkpoint.path} holds an unfinished training: go on with --resume")
    checkpoint.begin(True)
    checkpoint.remove()
    checkpoint.remove()
    checkpoint.begin(False)
    assert "nothing to resume" in message(checkpoint.begin, True)


def test_other_settings_are_no_resumption(tmp_path: Path) -> None:
    saved(tmp_path, epochs=3, sizes=(1, 2), corpus="abc")
    output = str(tmp_path / "model")
    Checkpoint(output, {"epochs": 3, "sizes": (1, 2), "corpus": "abc"}).begin(True)
    other = Checkpoint(output, {"epochs": 4, "sizes": (1, 2), "corpus": "abc"})
    assert "it was started with epochs 3, now it is 4" in message(other.begin, True)
    other = Checkpoint(output, {"epochs": 3, "sizes": (1, 2), "corpus": "abd"})
    assert "it was started with corpus abc, now it is abd" in message(other.load, make_training())


def test_checkpoints_that_are_damaged(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path)
    path = Path(checkpoint.path)
    whole = path.read_bytes()
    for size in (0, 5, 100, 500, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert checkpoint.path in message(checkpoint.begin, True)
    path.write_bytes(b"\xff" * len(whole))
    assert checkpoint.path in message(checkpoint.begin, True)
    path.unlink()
    path.mkdir()
    assert checkpoint.path in message(checkpoint.begin, True)


@pytest.mark.parametrize(
    "change",
    [
        {"place": None},
        {"place": {"epoch": 1}},
        {"settings": None},
        {"kind": "other"},
        *[{"place": {"step": value}} for value in (-1, 1.5, "1", None, True)],
        {"place": {"best_loss": "x"}},
        {"place": {"more": 1}},
    ],
    ids=str,
)
def test_metadata_that_is_damaged(tmp_path: Path, change: dict[str, Any]) -> None:
    checkpoint = saved(tmp_path)
    arrays, metadata = read_model(checkpoint.path, "training-checkpoint")
    if change.get("place") and "epoch" not in change["place"]:
        change = {"place": {**metadata["place"], **change["place"]}}
    write_model(checkpoint.path, arrays, {**metadata, **change})
    assert checkpoint.path in message(checkpoint.load, make_training())


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("weights", np.zeros(3, np.float32)),
        ("weights", None),
        ("best", np.zeros(3, np.float32)),
        ("optimiser/velocity", np.zeros(192, np.float64)),
        ("optimiser/velocity", None),
        ("optimiser/more", np.zeros(1)),
        ("schedule/best", np.zeros((2, 1))),
        ("carried/000000/000000/1/table", np.zeros((2, 1))),
        ("carried/x/0/0/table", np.zeros((2, 1))),
        ("carried/999999999/0/0/table", np.zeros((2, 1))),
        ("carried/0", np.zeros((2, 1))),
    ],
)
def test_arrays_of_another_model(tmp_path: Path, name: str, array: Any) -> None:
    checkpoint = saved(tmp_path, 12)
    arrays, metadata = read_model(checkpoint.path, "training-checkpoint")
    if name == "carried/000000/000000/1/table":
        del arrays["carried/000000/000000/0/table"]
    if array is None:
        del arrays[name]
    else:
        arrays[name] = array
    write_model(checkpoint.path, arrays, metadata)
    text = message(checkpoint.load, make_training())
    assert "damaged, or of another model" in text
