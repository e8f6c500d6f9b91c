"""What a training tells: lines on stderr, the log file, the diagnosis, the options."""

import json
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner
from nn_trainer_models import Recorder, make_training

from seqtool.nn import diagnose
from seqtool.nn.diagnose import Diagnosis, layer_norms, step_norms
from seqtool.nn.parameters import Parameters
from seqtool.nn.trainer import Place
from seqtool.nn.training_log import LogFile, TrainingLog
from seqtool.nn.training_options import (
    DECIDING,
    SECTION,
    check_training_options,
    training_options,
)
from seqtool.nn.workspace import Workspace


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """No line about compiling gets between those that are tested."""
    make_training(epochs=1).run()


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The records of a log."""
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def test_the_log_and_the_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("of an older training\n", encoding="utf-8")
    make_training(events=TrainingLog(None, str(path), quiet=False)).run()
    recorder = Recorder()
    make_training(events=recorder).run()
    records = lines_of(path)
    steps = [record for record in records if record["kind"] == "step"]
    assert [record["step"] for record in steps] == list(range(1, 28))
    assert [record["epoch"] for record in steps] == [1] * 9 + [2] * 9 + [3] * 9
    assert [r["loss"] for r in steps] == [step.loss for step in recorder.steps]
    assert [r["gradient_norm"] for r in steps] == [s.gradient_norm for s in recorder.steps]
    assert all(record["rate"] == 0.5 for record in steps)
    assert all(record["tokens_per_second"] > 0 for record in steps)
    seconds = [record["seconds"] for record in records]
    assert seconds == sorted(seconds)
    found = [record for record in records if record["kind"] == "validation"]
    assert [record["loss"] for record in found] == recorder.validations
    assert [record["best"] for record in found] == [True] * 3
    epochs = [record for record in records if record["kind"] == "epoch"]
    assert [record["loss"] for record in epochs] == recorder.epoch_losses
    err = capsys.readouterr().err.split("\n")
    assert len(err) == 4
    for number, line in enumerate(err[:3]):
        start = f"epoch {number + 1} of 3: mean loss {recorder.epoch_losses[number]:.4f}, "
        assert line.startswith(start)
        assert line.endswith(
            f" tokens/s; validation loss {recorder.validations[number]:.4f}, the best so far"
        )


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    make_training(events=TrainingLog(None, None, quiet=True), diagnose=True).run()
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("seqtool.progress.REDRAW", 0.0)
    monkeypatch.setattr("seqtool.progress._columns", lambda: 200)
    make_training(events=TrainingLog(None, None, quiet=False)).run()
    err = capsys.readouterr().err
    assert "epoch 1 of 3, loss 2." in err
    assert "27 of 27 steps (100%)" in err
    assert "0:00 left" in err
    assert err.endswith("\x1b[K")


@pytest.mark.parametrize(
    "tail",
    [b"", b'{"step": 4, "kind": "step"}\n', b'{"step": 3, "kind"', b"x\n", b"[]\n", b"\xff\n{}\n"],
)
def test_lines_behind_the_checkpoint_are_dropped(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "run.jsonl"
    kept = b'{"kind": "step", "step": 2}\n{"kind": "validation", "step": 3}\n'
    path.write_bytes(kept + tail)
    log = LogFile(str(path), Place(step=3))
    log.write(step=4)
    log.close()
    assert path.read_bytes() == kept + b'{"step": 4}\n'


def test_a_log_that_is_gone_begins_anew(tmp_path: Path) -> None:
    log = LogFile(str(tmp_path / "run.jsonl"), Place(step=3))
    log.write(step=4)
    log.close()
    assert (tmp_path / "run.jsonl").read_bytes() == b'{"step": 4}\n'


# --- diagnosis --------------------------------------------------------------------------------


def some_parameters() -> Parameters:
    """Two layers, and one that is frozen."""
    parameters = Parameters()
    parameters.declare("lstm.0.weights", (3, 5))
    parameters.declare("lstm.0.bias", (2,))
    parameters.declare("out.weights", (4,))
    parameters.declare("fixed.weights", (4,), frozen=True)
    parameters.allocate()
    return parameters


def test_norms_by_layer() -> None:
    parameters = some_parameters()
    works = [Workspace(parameters) for _ in range(2)]
    for number, work in enumerate(works):
        work.gradients["lstm.0.weights"][:] = 1 + number  # 3 in all
        work.gradients["lstm.0.bias"][:] = 4 * number
        work.gradients["out.weights"][:] = 2 - 6 * number  # -2 in all
    found = layer_norms(parameters, [work.flat_gradient for work in works])
    assert found == {
        "lstm.0": pytest.approx(np.sqrt(15 * 9 + 2 * 16)),
        "out": pytest.approx(4.0),
    }


def test_norms_by_time_step() -> None:
    works = [Workspace(some_parameters()) for _ in range(2)]
    works[0].saved = {"lstm/gradient_norms": np.array([1.0, 2.0, 3.0]), "lstm": object()}
    works[1].saved = {"lstm/gradient_norms": np.array([4.0])}
    found = step_norms(works)
    assert list(found) == ["lstm"]
    np.testing.assert_allclose(found["lstm"], [5.0, 2.0, 1.0])
    diagnosis = Diagnosis()
    diagnosis.add(some_parameters(), works)
    works[0].saved["lstm/gradient_norms"] = np.array([1.0])
    works[1].saved["lstm/gradient_norms"] = np.array([0.0])
    diagnosis.add(some_parameters(), works)
    assert diagnosis.steps["lstm"] == pytest.approx([np.sqrt(13), 2.0, 1.0])


def chart_of(norms: list[float]) -> list[str]:
    """The lines about one layer with these norms, first time step first."""
    work = Workspace(some_parameters())
    work.saved["rnn/gradient_norms"] = np.array(norms)
    diagnosis = Diagnosis()
    diagnosis.add(some_parameters(), [work])
    return list(diagnosis.lines())


def test_vanishing_and_exploding_gradients_are_called_so() -> None:
    steps = np.arange(20)
    vanishing = chart_of((0.5 ** steps[::-1]).tolist())
    assert vanishing[-1] == "  it vanishes: 1.9e-06 of it is left after 19 steps"
    exploding = chart_of((2.0 ** steps[::-1]).tolist())
    assert exploding[-1] == "  it explodes: it grows 5.2e+05 times in 19 steps"
    steady = chart_of([1.0] * 20)
    assert "rnn" in steady[-8]
    assert [line.split()[0] for line in steady[-7:]] == ["0", "1", "2", "4", "8", "16", "19"]
    bars = [line.count("#") for line in vanishing[-8:-1]]
    assert bars == sorted(bars, reverse=True)
    assert bars[0] == 40 > bars[-1]
    assert "from nothing" in chart_of([1.0, 0.0])[-1]
    assert "it vanishes: 0.0e+00" in chart_of([0.0, 1.0])[-1]
    assert not [line for line in chart_of([0.0]) if "it " in line]


def test_a_training_is_diagnosed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.jsonl"
    plain = make_training()
    plain.run()
    training = make_training(events=TrainingLog(None, str(path), quiet=False), diagnose=True)
    training.run()
    assert training.model.parameters.flat.tobytes() == plain.model.parameters.flat.tobytes()
    err = capsys.readouterr().err
    assert err.count("gradient norm by layer:\n") == 3
    assert err.count("gradient norm of the cells of table") == 3
    records = lines_of(path)
    for record in records:
        if record["kind"] == "step":
            norms = record["gradient_norms"]
            assert set(norms) == {"table", "output"}
            assert np.hypot(*norms.values()) == pytest.approx(record["gradient_norm"], rel=1e-4)
    first = [r["gradient_norms"]["table"] for r in records if r["kind"] == "step"][9:18]
    epoch = [record for record in records if record["kind"] == "epoch"][1]
    assert epoch["gradient_norms"]["table"] == pytest.approx(np.sqrt(np.mean(np.square(first))))
    assert 7 <= len(epoch["cell_gradient_norms"]["table"]) <= 8


def test_names_of_what_is_not_finite() -> None:
    parameters = some_parameters()
    gradient = np.zeros_like(parameters.trained)
    assert diagnose.not_finite(parameters, [gradient]) == ""
    parameters.views(gradient)["lstm.0.bias"][1] = np.nan
    assert diagnose.not_finite(parameters, [gradient]) == "nor is the gradient of lstm.0.bias"
    gradient[:] = np.inf
    text = diagnose.not_finite(parameters, [gradient], weights_first=True)
    assert text == "nor is the gradient of lstm.0.weights, lstm.0.bias, out.weights"
    parameters["fixed.weights"][0] = np.inf
    text = diagnose.not_finite(parameters, [gradient], weights_first=True)
    assert text == "nor are the weights fixed.weights"


# --- options ----------------------------------------------------------------------------------


def settings_of(*arguments: str, **defaults: Any) -> dict[str, Any]:
    """What the options pass to a command."""
    found: dict[str, Any] = {}

    @click.command()
    @training_options(**{"epochs": 3, "batch_size": 16, "learning_rate": 0.1, **defaults})
    def command(**settings: Any) -> None:
        check_training_options(settings)
        found.update(settings)

    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    return found if result.exit_code == 0 else {"error": result.output}


def test_options() -> None:
    settings = settings_of("--threads", "1")
    assert settings == {
        "epochs": 3,
        "batch_size": 16,
        "optimizer": "adam",
        "learning_rate": 0.1,
        "schedule": "constant",
        "warmup": 0,
        "clip_norm": None,
        "clip_value": None,
        "validation": None,
        "patience": None,
        "seed": 1,
        "threads": 1,
        "resume": False,
        "log": None,
        "diagnose": False,
    }
    assert {name for names in SECTION.values() for name in names} == set(settings)
    assert set(DECIDING) == set(settings) - {"threads", "resume", "log", "diagnose"}


def test_values_of_options() -> None:
    assert settings_of(clip_norm=5.0)["clip_norm"] == 5.0
    assert settings_of("--clip-norm", "0", clip_norm=5.0)["clip_norm"] is None
    assert settings_of("--validation", "0.1")["validation"] == 0.1
    assert settings_of("--validation", "0", validation="0.1")["validation"] is None
    assert settings_of("--validation", "dev.tsv")["validation"] == "dev.tsv"
    assert settings_of("--validation", "0.1", "--patience", "2")["patience"] == 2


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--patience", "2"], "--patience needs --validation"),
        (["--schedule", "plateau"], "--schedule plateau needs --validation"),
        (["--validation", "1"], "1 is no share"),
        (["--validation", "nan"], "nan is no share"),
        (["--learning-rate", "0"], "0.0 is not in the range"),
        (["--learning-rate", "inf"], "inf is not a finite number"),
        (["--learning-rate", "nan"], "nan is not"),
        (["--clip-norm", "nan"], "nan is not"),
        (["--epochs", "0"], "0 is not in the range"),
        (["--optimizer", "rmsprop"], "is not one of"),
    ],
)
def test_options_that_are_refused(arguments: list[str], error: str) -> None:
    assert error in settings_of(*arguments)["error"]
