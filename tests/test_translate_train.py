"""`seqtool translate train`: it learns, goes on after a stop, and keeps what validates best."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import RunCli

from seqtool.modelfile import read_model
from seqtool_translate.model_files import KIND, load
from seqtool_translate.translator import SearchOptions, Translator

TINY = ("--hidden", 16, "--embedding", 8, "--batch-size", 32, "--epochs", 3)
SENTENCES = [
    ("Ein Hund rennt über die Wiese.", "A dog runs across the meadow."),
    ("Zwei Katzen schlafen auf dem Sofa.", "Two cats sleep on the sofa."),
    ("Ein Kind spielt mit einem Ball.", "A child plays with a ball."),
    ("Die Frau liest ein Buch.", "The woman reads a book."),
]


def words(count: int, seed: int) -> list[str]:
    """Different words of a few letters."""
    drawn = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(drawn.choice("abcdef") for _ in range(drawn.randint(2, 6)))] = None
    return list(found)


def write(path: Path, *lines: str) -> Path:
    """A file of these lines."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words and the same backwards, to train on and not; and a few sentences."""
    folder = tmp_path_factory.mktemp("pairs")
    backwards = [f"{word}\t{word[::-1]}" for word in words(1400, 1)]
    write(folder / "train.tsv", *backwards[:1200])
    write(folder / "held-out.tsv", *backwards[1200:])
    write(folder / "some.tsv", *backwards[:96])
    write(folder / "de", *[german for german, _ in SENTENCES * 20])
    write(folder / "en", *[english for _, english in SENTENCES * 20])
    write(folder / "shorter", *["x"] * 7)
    return folder


def records_of(path: Path, kind: str) -> list[dict[str, Any]]:
    """The records of a kind in a log."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def test_it_learns_to_read_backwards(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    target, log = tmp_path / "m.safetensors", tmp_path / "log.jsonl"
    held_out = folder / "held-out.tsv"
    result = run_cli(
        "translate", "train", folder / "train.tsv", "-o", target, "--level", "char", "--log", log,
        "--validation", held_out, "--hidden", 64, "--embedding", 32, "--epochs", 10,
        "--learning-rate", 0.01, "--dropout", 0, "--label-smoothing", 0, "--batch-size", 32,
    )  # fmt: skip
    assert result.code == 0, result.err
    assert "1,200 pairs to train on, 200 to validate on; vocabularies of 9 and 9\n" in result.err
    assert sorted(os.listdir(tmp_path)) == ["log.jsonl", "m.safetensors"]
    validations = records_of(log, "validation")
    assert len(validations) == 10
    best = max(validations, key=lambda record: (record["bleu"], -record["loss"]))
    assert best["exact"] > 95
    assert [record for record in validations if record["best"]][-1] == best
    loaded = load(str(target))
    found = loaded.metadata["validation"]
    assert (found["bleu"], found["loss"], found["pairs"]) == (best["bleu"], best["loss"], 200)
    assert {record["signature"] for record in validations} == {found["signature"]}
    assert "|tok:13a|smooth:exp|version:seqtool-" in found["signature"]
    assert "case:mixed" in found["signature"]
    assert str(folder / "train.tsv") in loaded.metadata["card"]
    lines = [line.split("\t") for line in held_out.read_text(encoding="utf-8").split("\n")[:-1]]
    translator = Translator([loaded], SearchOptions(beam=1), 1)
    texts = [each[0].text for each in translator.translate([source for source, _ in lines])]
    exact = sum(text == wanted for text, (_, wanted) in zip(texts, lines, strict=True))
    assert exact > 190


def test_the_most_bleu_is_kept(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    target, log = tmp_path / "m.safetensors", tmp_path / "log.jsonl"
    result = run_cli(
        "translate", "train", "--source", folder / "de", "--target", folder / "en",
        "--validation-source", folder / "de", "--validation-target", folder / "en",
        "--level", "word", "-o", target, "--log", log, "--hidden", 32, "--embedding", 16,
        "--epochs", 6, "--learning-rate", 0.02, "--dropout", 0, "--batch-size", 8,
    )  # fmt: skip
    assert result.code == 0, result.err
    assert "80 pairs to train on, 80 to validate on; vocabularies of 25 and 23\n" in result.err
    assert "; validation loss " in result.err
    assert ", bleu " in result.err
    validations = records_of(log, "validation")
    bleus = [record["bleu"] for record in validations]
    assert len(set(bleus)) > 2
    found = load(str(target)).metadata["validation"]
    assert found["bleu"] == max(bleus) > 50
    assert "signature" not in result.err


def test_a_killed_training_is_resumed_to_the_same_bytes(
    run_cli: RunCli, folder: Path, tmp_path: Path, seqtool_command: list[str]
) -> None:
    unbroken, broken = tmp_path / "unbroken.safetensors", tmp_path / "broken.safetensors"
    log = tmp_path / "log.jsonl"

    def arguments(target: Path, *more: object) -> list[str]:
        files = ("--source", folder / "de", "--target", folder / "en", "--validation", 0.1)
        shape = ("--vocab-size", 300, "--hidden", 16, "--embedding", 8, "--batch-size", 8)
        each = ("translate", "train", *files, *shape, "--epochs", 10, "-o", target, *more)
        return [str(argument) for argument in each]

    assert run_cli(*arguments(unbroken)).code == 0
    with subprocess.Popen(
        [*seqtool_command, *arguments(broken, "--log", log)], stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 200
        while not (log.exists() and log.read_bytes().count(b'"epoch",') >= 3):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
    assert not broken.exists()
    refused = run_cli(*arguments(broken))
    assert (refused.code, "--resume" in refused.err) == (1, True)
    other = run_cli(*arguments(broken, "--resume", "--attention", "dot"))
    assert (other.code, "it was started with arguments" in other.err) == (1, True)
    resumed = run_cli(*arguments(broken, "--resume", "--log", log))
    assert resumed.code == 0
    assert "resuming in epoch" in resumed.err
    assert broken.read_bytes() == unbroken.read_bytes()
    assert not Path(f"{broken}.checkpoint").exists()
    assert len(records_of(log, "validation")) == 10


def trained(run_cli: RunCli, folder: Path, target: Path, *options: object) -> bytes:
    """The file of a model of the sentences."""
    files = ("--source", folder / "de", "--target", folder / "en", "--vocab-size", 300)
    result = run_cli("translate", "train", *files, "-q", "-o", target, *TINY, *options)
    assert (result.code, result.err) == (0, "")
    return target.read_bytes()


def test_what_changes_a_model(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "m.safetensors"
    usual = trained(run_cli, folder, target, "--threads", 1)
    assert trained(run_cli, folder, target, "--threads", 2) == usual
    seeds = [read_model(str(target), KIND)[0]["source.table"].tobytes()]
    for option in (("--seed", 2), ("--subword-dropout", 0), ("--validation", 0)):
        trained(run_cli, folder, target, *option)
        seeds.append(read_model(str(target), KIND)[0]["source.table"].tobytes())
    assert len(set(seeds)) == 4


@pytest.mark.parametrize(
    "options",
    [
        ("--attention", "none", "--unidirectional", "--layers", 2, "--cell", "gru"),
        ("--attention", "additive", "--coverage", "--untied", "--separate"),
        ("--attention", "dot", "--no-feeding", "--precision", "float32", "--level", "word"),
    ],
)
def test_shapes(run_cli: RunCli, folder: Path, tmp_path: Path, options: tuple[object, ...]) -> None:
    target = tmp_path / "m.safetensors"
    trained(run_cli, folder, target, *options)
    shape = load(str(target)).model.settings
    assert shape.attention == options[1]
    assert shape.bidirectional == ("--unidirectional" not in options)
    assert shape.feeding == (shape.attention == "additive")
    assert shape.coverage == ("--coverage" in options)
    assert shape.tied == ("--untied" not in options)
    assert shape.shared == ("--unidirectional" in options)
    assert shape.layers == (2 if "--layers" in options else 1)


def test_pairs_that_are_left_out(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    pairs = write(tmp_path / "a.tsv", *["ab\tba"] * 40, "\tx", "x\t", "", "abcdef\ta", "a\tabcdef")
    files = (pairs, "--validation", pairs)
    options = (*TINY, "-o", tmp_path / "m.safetensors", "--level", "char", "--max-length", 5)
    result = run_cli("translate", "train", *files, *options)
    assert result.code == 0
    for purpose in ("train on", "validate on"):
        assert f"3 pairs to {purpose} left out: an empty side\n" in result.err
        said = f"2 pairs to {purpose} left out: more than 5 tokens on a side\n"
        assert said in result.err
    assert "40 pairs to train on, 40 to validate on" in result.err
    result = run_cli("translate", "train", *files, *options[:-1], 1)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "all pairs to train on have more than 1 tokens" in result.err


def test_pairs_from_stdin(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    text = (folder / "some.tsv").read_bytes()
    kept = []
    for name, files in (("a", (folder / "some.tsv",)), ("b", ("-",)), ("c", ())):
        target = tmp_path / f"{name}.safetensors"
        options = ("--level", "char", *TINY, "-q", "-o", target)
        result = run_cli("translate", "train", *files, *options, stdin=text)
        assert result.code == (2 if name == "c" else 0)
        if name != "c":
            kept.append(read_model(str(target), KIND)[0]["source.table"].tobytes())
    assert kept[0] == kept[1]


# --- what cannot work -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("{f}/some.tsv -o m.bin", 2, "end it in .safetensors"),
        ("{f}/some.tsv -o {f}/none/m.safetensors", 1, "no such folder"),
        ("", 2, "nothing to learn from"),
        ("--source {f}/de", 2, "--source needs --target"),
        ("--target {f}/de", 2, "--target needs --source"),
        ("{f}/some.tsv --validation-source {f}/de", 2, "needs --validation-target"),
        ("{f}/some.tsv --source {f}/de --target {f}/en", 2, "PAIRS have both sides"),
        (
            "{f}/some.tsv --validation-source {f}/de --validation-target {f}/en --validation 0.1",
            2,
            "--validation does not go",
        ),
        ("--source {f}/de --target {f}/shorter", 1, "de has 80 lines, {f}/shorter has 7"),
        ("--source {f}/de --source {f}/en --target {f}/en", 1, "2 source files"),
        ("{f}/none.tsv", 1, "none.tsv: no such file"),
        ("{f}/de", 1, "{f}/de:1: no tab"),
        ("/dev/null", 1, "no pairs of lines"),
        ("{f}/some.tsv --validation none.tsv", 1, "none.tsv: no such file"),
        ("{f}/some.tsv --validation 0.001", 1, "too few"),
        ("{f}/some.tsv --validation 0 --patience 2", 2, "--patience needs --validation"),
        ("{f}/some.tsv --cell none", 1, "no recurrent cell 'none'"),
        ("{f}/some.tsv --coverage", 2, "--coverage goes with --attention additive"),
        ("{f}/some.tsv --feeding --attention none", 2, "--feeding needs attention"),
        ("{f}/some.tsv --hidden 33", 2, "cannot be halved"),
        ("{f}/some.tsv --tokenizer {f}/none.json", 1, "none.json: no such file"),
        ("{f}/some.tsv --tokenizer {f}/de", 1, "no tokenizer.json"),
        ("{f}/some.tsv --tokenizer {f}/de --level word", 2, "--level subword"),
        ("{f}/some.tsv --tokenizer {f}/de --separate", 2, "--separate"),
        ("{f}/some.tsv --tokenizer {f}/de --vocab-size 300", 2, "--vocab-size"),
        ("{f}/some.tsv --source-tokenizer {f}/de", 2, "go together"),
        ("{f}/some.tsv --level char --subword-dropout 0.2", 2, "--level subword"),
        ("{f}/some.tsv --vocab-size 20", 1, "20"),
        ("{f}/some.tsv --log {f}/some.tsv", 2, "it cannot be written"),
        ("{f}/some.tsv --resume", 1, "nothing to resume"),
    ],
)
def test_training_that_cannot_work(
    run_cli: RunCli, folder: Path, tmp_path: Path, arguments: str, code: int, said: str
) -> None:
    words = arguments.format(f=folder).split()
    target = [] if "-o" in words else ["-o", tmp_path / "m.safetensors"]
    result = run_cli("translate", "train", "-q", *words, *target)
    assert (result.code, result.err.count("\n")) == (code, 1), result.err
    assert said.format(f=folder) in result.err
    assert sorted(os.listdir(tmp_path)) == []


def test_dropout_of_subwords_needs_merges(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    made = run_cli(
        "tokenize", "train", folder / "de", "--model", "unigram", "--vocab-size", 60, "-o", path
    )
    assert made.code == 0, made.err
    options = ("--tokenizer", path, *TINY, "-q", "-o", tmp_path / "m.safetensors")
    pairs = ("--source", folder / "de", "--target", folder / "de")
    assert run_cli("translate", "train", *pairs, *options).code == 0
    result = run_cli("translate", "train", *pairs, *options, "--subword-dropout", 0.1)
    assert (result.code, "needs tokenizers with merges" in result.err) == (1, True)
