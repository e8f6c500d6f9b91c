"""`seqtool detect-trigger train`: a word of two chirps is learned, and stops lose nothing."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import RunCli
from trigger_sounds import SMALL, other, recording, word, write_folder

from seqtool.modelfile import read_model
from seqtool_detect_trigger.clips import RATE, read_clips
from seqtool_detect_trigger.measuring import joined, measure, minutes, noisy
from seqtool_detect_trigger.mining import hard_places
from seqtool_detect_trigger.model_files import KIND, TriggerModel, load
from seqtool_detect_trigger.threshold import THRESHOLDS, at, choose


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of the word and of others."""
    path = tmp_path_factory.mktemp("clips")
    write_folder(path / "word", 30, word, 1)
    write_folder(path / "others", 100, other, 2)
    return path


def arguments(folder: Path, target: Path, *more: object) -> list[str]:
    """A command line."""
    clips = ("--positive", folder / "word", "--negative", folder / "others")
    each = ("detect-trigger", "train", *clips, *SMALL, "--epochs", 4, "-o", target, *more)
    return [str(argument) for argument in each]


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of an unbroken training."""
    from seqtool.cli import main

    target = tmp_path_factory.mktemp("trained") / "m.safetensors"
    assert main(arguments(folder, target, "-q", "--epochs", "20")) == 0
    return target


def test_a_trained_model_hears_its_word(run_cli: RunCli, trained: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    parts, ends, length = [], [], 0
    for number in range(12):
        make = word if number % 3 == 0 else other
        part = recording(make(random), random, before=1.0)
        if number % 3 == 0:
            ends.append((length + RATE + 0.3 * RATE) / RATE)
        parts.append(part)
        length += len(part)
    soundfile.write(tmp_path / "s.wav", np.concatenate(parts), RATE)
    lines = run_cli("detect-trigger", "-m", trained, tmp_path / "s.wav").out.split("\n")[:-1]
    found = [float(line.split("\t")[0]) for line in lines]
    assert found == pytest.approx(ends, abs=0.12)
    assert {line.split("\t")[2] for line in lines} == {"word"}


def test_what_the_file_says(trained: Path, folder: Path) -> None:
    metadata = load(str(trained)).metadata
    assert metadata["arguments"]["epochs"] == 20
    assert (metadata["seed"], metadata["trigger"]) == (1, "word")
    assert len(metadata["corpus_sha256"]) == 64
    found = metadata["validation"]
    assert found["held_out"] is True
    assert found["triggers"] == 3 * 6
    assert found["false_alarms"] <= 0.5 * found["hours"]
    assert found["misses"] <= 7
    assert load(str(trained)).rule.threshold == found["threshold"]
    assert metadata["card"].startswith("Hears 'word'; trained on 24 clips of it")
    assert "Of what was held back, at a threshold of" in metadata["card"]


def test_a_killed_training_is_resumed_to_the_same_bytes(
    run_cli: RunCli, folder: Path, tmp_path: Path, seqtool_command: list[str]
) -> None:
    unbroken, broken = tmp_path / "unbroken.safetensors", tmp_path / "broken.safetensors"
    log = tmp_path / "log.jsonl"
    assert run_cli(*arguments(folder, unbroken, "--threads", 1)).code == 0
    with subprocess.Popen(
        [*seqtool_command, *arguments(folder, broken, "--log", log)], stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 200
        while not (log.exists() and log.read_bytes().count(b'"epoch",') >= 2):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGINT)  # in the midst of an epoch, with hard negatives
        process.wait(100)
    assert process.returncode == 130
    assert not broken.exists()
    refused = run_cli(*arguments(folder, broken))
    assert (refused.code, "--resume" in refused.err) == (1, True)
    changed = run_cli(*arguments(folder, broken, "--resume", "--snr", "0,5"))
    assert (changed.code, "it was started with arguments" in changed.err) == (1, True)
    resumed = run_cli(*arguments(folder, broken, "--resume", "--log", log))
    assert resumed.code == 0, resumed.err
    assert "resuming in epoch" in resumed.err
    assert broken.read_bytes() == unbroken.read_bytes()
    assert not Path(f"{broken}.checkpoint").exists()
    records = [json.loads(line) for line in log.read_text().split("\n")[:-1]]
    assert [one["epoch"] for one in records if one["kind"] == "validation"] == list(range(1, 5))


def test_without_validation_all_clips_are_trained_on(
    run_cli: RunCli, folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "m.safetensors"
    words = arguments(folder, target, "--validation", 0, "--epochs", 2, "--noise", folder / "word")
    result = run_cli(*words, "--name", "my word")
    assert result.code == 0, result.err
    assert "30 triggers" in result.err
    assert "held back" not in result.err
    model = load(str(target))
    assert model.name == "my word"
    assert model.metadata["validation"]["held_out"] is False
    assert "it was trained on" in model.metadata["card"]


def test_too_few_clips_to_hold_some_back_are_said(
    run_cli: RunCli, folder: Path, tmp_path: Path
) -> None:
    words = arguments(folder, tmp_path / "m.safetensors", "--epochs", 1, "--streams", 8)
    words[words.index("--negative") + 1] = str(folder / "others/000.wav")
    result = run_cli(*words)
    assert result.code == 0, result.err
    assert "nothing is held back: --validation needs two clips" in result.err
    assert load(str(tmp_path / "m.safetensors")).metadata["validation"]["held_out"] is False


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ("--positive {f}/none", 1, "none: no such folder"),
        ("--positive {f}/empty", 1, "empty: no sound"),
        ("--negative {f}/silent", 1, "all clips are silent"),
        ("--negative {f}/damaged", 1, "b.wav"),
        ("--validation {f}/word", 2, "a share of the clips"),
        ("--snr 5", 2, "two numbers"),
        ("--snr 0,1000", 2, "-60 to 120"),
        ("--kernel 2", 2, "--stride"),
        ("--seconds 0", 2, "--seconds"),
        ("--streams 100001", 2, "--streams"),
        ("--name a\tb", 2, "--name"),
        ("--resume", 1, "nothing to resume"),
        ("-o m.bin", 2, ".safetensors"),
        ("-o {f}/no/m.safetensors", 1, "no such folder"),
        ("--log {f}/silent/a.wav --positive {f}/silent/a.wav", 2, "cannot be written"),
    ],
)
def test_training_that_cannot_work(
    run_cli: RunCli, folder: Path, tmp_path: Path, more: str, code: int, said: str
) -> None:
    for name in ("empty", "silent", "damaged"):
        (folder / name).mkdir(exist_ok=True)
    soundfile.write(folder / "silent/a.wav", np.zeros(8000), RATE)
    (folder / "damaged/b.wav").write_bytes(b"no sound")
    words = [word.format(f=folder) for word in more.split(" ")]
    each = arguments(folder, tmp_path / "m.safetensors", "-q")
    if words[0] in ("--positive", "--negative"):
        each[each.index(words[0]) + 1] = words.pop(1)
        words.pop(0)
    result = run_cli(*each, *words)
    assert (result.code, result.err.count("\n")) == (code, 1), result.err
    assert said in result.err
    assert os.listdir(tmp_path) == []


# --- measuring ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(trained: Path) -> TriggerModel:
    """The trained model."""
    return load(str(trained))


def test_noise_is_as_far_below_a_clip_as_was_asked_for(folder: Path) -> None:
    clip = read_clips([str(folder / "word/000.wav")], 1)[0]
    random = np.random.default_rng(1)
    loud = noisy(clip, 1.0, 0.5, [], 10.0, random)
    assert len(loud) == len(clip.samples) + 1.5 * RATE
    noise = loud.copy()
    noise[RATE : RATE + len(clip.samples)] -= clip.samples
    power = 10 * np.log10(np.mean(noise.astype(float) ** 2))
    assert clip.level - power == pytest.approx(10, abs=0.01)
    quiet = noisy(clip, 1.0, 0.5, [], None, random)
    assert not quiet[:RATE].any()
    assert (quiet[RATE : RATE + len(clip.samples)] == clip.samples).all()


def test_streams_of_clips(folder: Path) -> None:
    clips = read_clips([str(folder / f"others/{n:03}.wav") for n in range(5)], 1)
    clips[2] = clips[2]._replace(samples=clips[2].samples / 10, level=clips[2].level - 20)
    samples, bounds = joined(clips, [], None, np.random.default_rng(1))
    assert bounds[-1] == len(samples)
    middle = sorted(clip.level for clip in clips)[2]
    for clip, start in zip(clips, bounds.tolist(), strict=False):
        louder = 10 ** ((middle - clip.level) / 20)
        heard = samples[start : start + len(clip.samples)]
        np.testing.assert_allclose(heard, clip.samples * louder, rtol=1e-5)
    noisy_samples, same = joined(clips, [], 10.0, np.random.default_rng(1))
    assert same.tolist() == bounds.tolist()
    power = 10 * np.log10(np.mean((noisy_samples - samples).astype(float) ** 2))
    assert middle - power == pytest.approx(10, abs=0.01)
    parts = minutes(range(200), clips * 40)
    assert [number for part in parts for number in part] == list(range(200))
    assert 3 <= len(parts) <= 5


def test_what_is_measured(folder: Path, model: TriggerModel) -> None:
    triggers = read_clips([str(folder / f"word/{n:03}.wav") for n in range(6)], 1)
    others = read_clips([str(folder / f"others/{n:03}.wav") for n in range(12)], 1)
    found = [measure(model, triggers, others, [], 20.0, 3, threads) for threads in (1, 2)]
    for one, two in zip(found[0].triggers, found[1].triggers, strict=True):
        assert (one.smoothed == two.smoothed).all()
        assert one.late[0] == pytest.approx(-0.3, abs=0.06)
        assert one.late[-1] == pytest.approx(1.0, abs=0.06)
    first = found[0]
    assert first.seconds == pytest.approx(
        sum(len(clip.samples) / RATE + 0.3 for clip in others), abs=0.01
    )
    assert first.misses(model.rule.threshold) <= 1
    assert first.misses(1.0) == 6
    assert first.misses(0.0) == 0
    counts = [first.false_alarms(threshold) for threshold in (0.001, model.rule.threshold, 1.0)]
    assert counts[0] >= counts[1] >= counts[2] == 0
    delays = first.delays(model.rule.threshold)
    assert len(delays) >= 5
    assert max(delays) <= 0.3


def test_the_threshold_stands_in_the_middle_of_what_will_do(
    folder: Path, model: TriggerModel
) -> None:
    triggers = read_clips([str(folder / f"word/{n:03}.wav") for n in range(6)], 1)
    others = read_clips([str(folder / f"others/{n:03}.wav") for n in range(12)], 1)
    measured = [measure(model, triggers, others, [], snr, 3, 2) for snr in (20.0, 0.0)]
    hours = sum(part.hours for part in measured)
    for most in (0.0, 200.0, 1e9):
        chosen = choose(measured, most)
        assert chosen.hours == hours
        assert chosen.triggers == 12
        every = [at(measured, threshold) for threshold in THRESHOLDS]
        good = [each.false_alarms <= most * hours for each in every]
        lowest = max([place for place, fine in enumerate(good) if not fine], default=-1) + 1
        spare = every[lowest].misses + 0.02 * 12
        highest = max(n for n, each in enumerate(every) if each.misses <= spare)
        assert good[lowest]
        assert chosen == every[(lowest + max(highest, lowest)) // 2]


def test_hard_places_are_the_highest_probabilities(folder: Path, model: TriggerModel) -> None:
    """With the words among the negatives, they are what is found."""
    paths = [str(folder / f"others/{n:03}.wav") for n in range(20)]
    paths[7:7] = [str(folder / f"word/{n:03}.wav") for n in range(3)]
    clips = read_clips(paths, 1)
    places = hard_places(model, clips, [], (30.0, 30.0), (1, 2), 1)
    assert places == hard_places(model, clips, [], (30.0, 30.0), (1, 2), 2)
    strongest = sorted(places, key=lambda place: -place.weight)[:3]
    assert sorted(place.clip for place in strongest) == [7, 8, 9]
    for place in strongest:
        assert place.weight > 0.5
        assert clips[place.clip].end <= place.sample <= clips[place.clip].end + 0.5 * RATE


def test_a_model_is_small(trained: Path) -> None:
    assert trained.stat().st_size < 60_000
    tensors: dict[str, Any] = read_model(str(trained), KIND)[0]
    assert all(array.dtype == np.float16 for array in tensors.values())
