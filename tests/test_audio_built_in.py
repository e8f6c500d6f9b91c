"""The built-in models of sound do what their cards say."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import REPOSITORY, RunCli

PLUGINS = REPOSITORY / "plugins"
DIGITS = PLUGINS / "seqtool_transcribe/models/digits.safetensors"
ALEXA = PLUGINS / "seqtool_detect_trigger/models/alexa.safetensors"
RATE = 16_000
LEAST_RIGHT = 99.0  # of 100 single digits
MOST_WRONG = 2.0  # of 100 words of strings
MOST_MISSED = 0.05  # of the triggers


@pytest.fixture
def sound_sets(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that draws the test sets."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(REPOSITORY / "tools")])
    import sound_sets

    return sound_sets


def test_they_are_small_enough_to_ship() -> None:
    assert DIGITS.stat().st_size <= 4_000_000
    assert ALEXA.stat().st_size <= 1_000_000


def test_digits_are_written_down_without_a_model_being_named(run_cli: RunCli) -> None:
    found = run_cli("transcribe", REPOSITORY / "examples/digits.flac")
    assert (found.code, found.out) == (0, "three five one\n")


@pytest.mark.parametrize("hertz", [0, 100, 440, 1000, 3000])
def test_where_no_digit_is_said_none_is_written(
    run_cli: RunCli, tmp_path: Path, hertz: int
) -> None:
    """Pure tones, silence where it has no frequency, and white noise."""
    times = np.arange(3 * RATE) / RATE
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * hertz * times), RATE)
    noise = np.random.default_rng(hertz).normal(0, 0.1, len(times))
    soundfile.write(tmp_path / "noise.wav", noise, RATE)
    found = run_cli("transcribe", tmp_path / "tone.wav", tmp_path / "noise.wav")
    assert found == (0, "\n\n", "")


def test_alexa_is_heard_without_a_model_being_named(run_cli: RunCli) -> None:
    found = run_cli("detect-trigger", REPOSITORY / "examples/talk.flac")
    assert found.code == 0
    (line,) = found.out.splitlines()
    time, _, name = line.split("\t")
    assert name == "alexa"
    assert 2.4 < float(time) < 2.9
    assert run_cli("detect-trigger", REPOSITORY / "examples/digits.flac").out == ""


@pytest.mark.real
def test_digits_as_the_card_says(
    run_cli: RunCli, data: Path, sound_sets: Any, tmp_path: Path
) -> None:
    test = sound_sets.digits(data)[2]
    manifest = sound_sets.write_manifest(tmp_path / "test.tsv", test)
    singles = json.loads(run_cli("transcribe", "eval", manifest, "--format", "json").out)
    assert 100 * singles["right"] / singles["recordings"] >= LEAST_RIGHT
    strings = sound_sets.write_strings(tmp_path / "strings", test, 300, seed=1)
    found = json.loads(run_cli("transcribe", "eval", strings, "--format", "json").out)
    assert found["wer"]["score"] <= MOST_WRONG
    card = run_cli("info", DIGITS).out
    assert f"{100 - singles['wer']['score']:.1f} % of 300" in card
    assert f"{found['wer']['score']:.1f} % of the words" in card


@pytest.mark.real
def test_alexa_as_the_card_says(
    run_cli: RunCli, data: Path, sound_sets: Any, tmp_path: Path
) -> None:
    _, test = sound_sets.wake_word(data, "alexa", tmp_path)
    options = [
        ("--positive", test.positive),
        ("--negative", test.negative),
        ("--noise", test.noise),
    ]
    command = ["detect-trigger", "eval", *(part for option in options for part in option)]
    found = json.loads(run_cli(*command, "--snr", "10", "--format", "json").out)
    chosen = found["tables"][0]["chosen"]
    assert chosen["miss_rate"] <= MOST_MISSED
    assert f"{100 * chosen['miss_rate']:.1f} % are missed" in run_cli("info", ALEXA).out
