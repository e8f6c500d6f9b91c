"""`seqtool transcribe train`: it learns, goes on after a stop, and keeps what validates best."""

import json
from pathlib import Path
from typing import Any

import pytest
import soundfile
from conftest import RunCli
from transcribe_models import RATE, TRAINING, speak, write_corpus

from seqtool.interrupt import Interrupt
from seqtool.modelfile import read_model
from seqtool_transcribe.model_files import KIND, load
from seqtool_transcribe.recogniser import Recogniser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings to train on and to test with."""
    folder = tmp_path_factory.mktemp("recordings")
    write_corpus(folder / "train", 48, 1)
    write_corpus(folder / "test", 16, 2)
    write_corpus(folder / "few", 10, 3)
    return folder


def records_of(path: Path, kind: str) -> list[dict[str, Any]]:
    """The records of a kind in a log."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def test_it_learns(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    model, log = tmp_path / "m.safetensors", tmp_path / "log"
    found = run_cli(
        "transcribe", "train", folder / "train/list.tsv", "--validation", folder / "test/list.tsv",
        *TRAINING, "--epochs", 30, "-o", model, "--log", log,
    )  # fmt: skip
    assert found.code == 0, found.err
    assert "48 recordings of " in found.err
    assert "16 to validate on; 3 symbols" in found.err
    best = min(record["wer"] for record in records_of(log, "validation"))
    assert best == 0
    _, metadata = read_model(str(model), KIND)
    assert metadata["validation"]["wer"] == best
    assert "16 other recordings" in metadata["card"]
    recogniser = Recogniser(load(str(model)))
    words = recogniser.words(speak(["high", "low", "low"], 77), 10.0)
    assert [word.text for word in words] == ["high", "low", "low"]
    for word, start in zip(words, (10.12, 10.44, 10.76), strict=True):
        assert word.start == pytest.approx(start, abs=0.15)
        assert 0 < word.end - word.start < 0.3
        assert 0.5 < word.confidence <= 1


def train(run_cli: RunCli, folder: Path, output: Path, *options: object) -> bytes:
    """Train a little, and return the model."""
    found = run_cli(
        "transcribe", "train", folder / "few/list.tsv", *TRAINING, "--epochs", 2, "-q",
        "--validation", "0.2", "--join", "1..2", "--empty", 0.2, "--snr", "5..20", "--speed",
        "0.9..1.1", "--spec-augment", "--echo", "-o", output, *options,
    )  # fmt: skip
    assert (found.code, found.out, found.err) == (0, "", "")
    return output.read_bytes()


def test_threads_change_nothing(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    one = train(run_cli, folder, tmp_path / "1.safetensors", "--threads", 1)
    two = train(run_cli, folder, tmp_path / "2.safetensors", "--threads", 2)
    assert one == two
    other = train(run_cli, folder, tmp_path / "3.safetensors", "--seed", 2)
    assert other != one


def test_a_stopped_training_goes_on(
    run_cli: RunCli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(run_cli, folder, tmp_path / "whole.safetensors")
    steps = 0

    def obey(self: Interrupt) -> None:
        nonlocal steps
        steps += 1
        if steps == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Interrupt, "obey", obey)
        patch.setattr(Interrupt, "requested", property(lambda self: steps == 1))
        output = tmp_path / "m.safetensors"
        found = run_cli(
            "transcribe", "train", folder / "few/list.tsv", *TRAINING, "--epochs", 2, "-q",
            "--validation", "0.2", "--join", "1..2", "--empty", 0.2, "--snr", "5..20", "--speed",
            "0.9..1.1", "--spec-augment", "--echo", "-o", output,
        )  # fmt: skip
        assert found.code == 130
    assert not output.exists()
    assert train(run_cli, folder, output, "--resume") == whole
    assert not Path(f"{output}.checkpoint").exists()


@pytest.mark.parametrize("loss", ["attention", "both"])
def test_it_writes_by_attention(run_cli: RunCli, folder: Path, tmp_path: Path, loss: str) -> None:
    model = tmp_path / "m.safetensors"
    found = run_cli(
        "transcribe", "train", folder / "train/list.tsv", *TRAINING, "--epochs", 1, "--loss", loss,
        "--hidden", 8, "-q", "-o", model,
    )  # fmt: skip
    assert (found.code, found.err) == (0, "")
    sound = folder / "test/0.wav"
    for options in ([], ["--beam", 3]):
        found = run_cli("transcribe", "-m", model, "--decoder", "attention", *options, sound)
        assert (found.code, found.out.count("\n"), found.err) == (0, 1, "")
    sounds = sorted((folder / "test").glob("*.wav"))
    outs = [
        run_cli("transcribe", "-m", model, "--decoder", "attention", "--threads", threads, *sounds)
        for threads in (1, 3)
    ]
    assert outs[0] == outs[1]
    assert outs[0].out.count("\n") == len(sounds)
    by_ctc = run_cli("transcribe", "-m", model, "--decoder", "ctc", sound)
    assert (by_ctc.code == 0) == (loss == "both")
    if loss == "attention":
        assert "no --decoder ctc" in by_ctc.err
        found = run_cli("transcribe", "align", "-m", model, sound, "-", stdin="low\n")
        assert (found.code, found.err.count("\n")) == (1, 1)


def test_a_picture_of_a_model_without_ctc(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    model, picture = tmp_path / "m.safetensors", tmp_path / "a.svg"
    options = (*TRAINING, "--epochs", 1, "--loss", "attention", "--hidden", 8, "-q", "-o", model)
    assert run_cli("transcribe", "train", folder / "few/list.tsv", *options).code == 0
    found = run_cli("transcribe", "-m", model, "--plot", picture, folder / "test/0.wav")
    assert (found.code, found.err) == (0, "")
    drawn = picture.read_text(encoding="utf-8")
    assert "log-mel band" in drawn
    assert "probability" not in drawn


@pytest.mark.parametrize("level", ["char", "subword"])
def test_levels(run_cli: RunCli, folder: Path, tmp_path: Path, level: str) -> None:
    model = tmp_path / "m.safetensors"
    found = run_cli(
        "transcribe", "train", folder / "few/list.tsv", *TRAINING, "--level", level, "--epochs", 1,
        "--validation", 0, "-q", "-o", model,
    )  # fmt: skip
    assert (found.code, found.err) == (0, "")
    alphabet = load(str(model)).alphabet
    for text in ("low high", "high"):
        assert alphabet.decode(alphabet.encode([text])[0]) == text
    assert alphabet.unknown_in("high low") is None
    assert alphabet.unknown_in("high lox") == "lox"


def test_recordings_without_room_are_left_out(
    run_cli: RunCli, folder: Path, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "short.wav", speak([], pause=0.05), RATE)
    soundfile.write(tmp_path / "nothing.wav", speak([])[:0], RATE)
    manifest = tmp_path / "list.tsv"
    words = (folder / "few/list.tsv").read_text(encoding="utf-8")
    words = words.replace("\n", f"\n{folder}/few/").removesuffix(f"{folder}/few/")
    manifest.write_text(f"short.wav\t{'low ' * 30}\nnothing.wav\t\n{folder}/few/{words}")
    found = run_cli(
        "transcribe", "train", manifest, *TRAINING, "--epochs", 1, "--validation", 0, "-o",
        tmp_path / "m.safetensors",
    )  # fmt: skip
    assert found.code == 0, found.err
    assert "list.tsv:1: left out: 0.05 s are too short" in found.err
    assert "list.tsv:2: left out: 0.00 s are too short" in found.err
    assert "10 recordings of" in found.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "m.bin"], "end it in .safetensors"),
        (["--join", "7..3"], "no range"),
        (["--join", "a"], "no range"),
        (["--join", "1.5..3"], "counts are"),
        (["--speed", "0.1..1"], "speeds are"),
        (["--snr", "nan..3"], "no range"),
        (["--noise", "."], "--noise goes with"),
        (["--stride", "16"], "more than 64 frames"),
        (["--tokenizer", "x.json"], "--level subword"),
        (["--patience", "3", "--validation", "0"], "--patience needs"),
    ],
)
def test_options_that_cannot_be(
    run_cli: RunCli, folder: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    found = run_cli(
        "transcribe", "train", folder / "few/list.tsv", "-o", tmp_path / "m.safetensors", *options
    )
    assert found.code == 2, found.err
    assert words in found.err


def test_what_cannot_be_learned(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    def message(manifest: Path, *options: object) -> str:
        found = run_cli(
            "transcribe", "train", manifest, *TRAINING, "-o", tmp_path / "m.safetensors", *options
        )
        assert (found.code, found.err.count("\n")) == (1, 1), found.err
        return found.err

    empty = tmp_path / "empty.tsv"
    empty.write_text(f"{folder}/few/0.wav\t\n{folder}/few/1.wav\t\n", encoding="utf-8")
    assert "empty texts" in message(empty, "--validation", 0)
    damaged = tmp_path / "damaged.tsv"
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    damaged.write_text("x.wav\tlow\n", encoding="utf-8")
    assert "x.wav" in message(damaged, "--validation", 0)
    few = folder / "few/list.tsv"
    assert "too few" in message(few, "--validation", 0.01)
    assert "no such folder" in message(few, "--noise", tmp_path / "no", "--snr", "1..2")
    assert "holds no recordings" in message(few, "--noise", _folder(tmp_path), "--snr", "1..2")
    assert "nothing to resume" in message(few, "--resume", "-q")


def _folder(parent: Path) -> Path:
    folder = parent / "noise"
    folder.mkdir()
    (folder / "README.md").write_text("what is in it", encoding="utf-8")
    return folder
