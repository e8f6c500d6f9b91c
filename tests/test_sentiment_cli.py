"""`seqtool sentiment` from the shell."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import RunCli

np = pytest.importorskip("numpy")

from seqtool.modelfile import read_model, write_model  # noqa: E402
from seqtool.vectors import WordVectors, save_vectors  # noqa: E402

GOOD = ["good", "great", "lovely", "fine"]
BAD = ["bad", "awful", "dull", "poor"]
NEUTRAL = ["film", "the", "a", "plot", "actor", "is"]
FAST = ("--buckets", "1024", "--epochs", "8", "--learning-rate", "0.5", "-q")


def reviews(count: int, seed: int = 1) -> list[tuple[str, str]]:
    """Pairs of label and text; one word decides."""
    rng = random.Random(seed)
    pairs = []
    for _ in range(count):
        label, telling = rng.choice([("positive", GOOD), ("negative", BAD)])
        words = [*rng.choices(NEUTRAL, k=4), rng.choice(telling)]
        rng.shuffle(words)
        pairs.append((label, " ".join(words)))
    return pairs


def write_tsv(path: Path, pairs: list[tuple[str, str]]) -> Path:
    """A file of lines label TAB text."""
    path.write_text("".join(f"{label}\t{text}\n" for label, text in pairs), encoding="utf-8")
    return path


@pytest.fixture
def train_file(tmp_path: Path) -> Path:
    """Two hundred labelled texts."""
    return write_tsv(tmp_path / "train.tsv", reviews(200))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small model of two labels."""
    from seqtool.cli import main

    folder = tmp_path_factory.mktemp("model")
    path = str(folder / "model.safetensors")
    data = write_tsv(folder / "train.tsv", reviews(200))
    assert main(["sentiment", "train", str(data), "-o", path, *FAST]) == 0
    return path


# --- applying ---------------------------------------------------------------------------------


def test_a_line_for_a_line(run_cli: RunCli, model: str) -> None:
    result = run_cli("sentiment", "-m", model, stdin="a GREAT film\n\nan awful plot\u2028 !")
    assert (result.code, result.err) == (0, "")
    lines = [line.split("\t") for line in result.out.split("\n")[:-1]]
    assert [lines[0][0], lines[2][0], len(lines)] == ["positive", "negative", 3]
    assert all(0.5 <= float(chance) <= 1 for _, chance in lines)


def test_formats(run_cli: RunCli, model: str) -> None:
    ask = ("sentiment", "-m", model, "--format")
    lines = "good film\nbad film\n"
    records = json.loads(run_cli(*ask, "json", stdin=lines).out)
    assert [record["label"] for record in records] == ["positive", "negative"]
    for record in records:
        assert set(record["probabilities"]) == {"negative", "positive"}
        assert sum(record["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert record["probability"] == record["probabilities"][record["label"]]
    jsonl = run_cli(*ask, "jsonl", stdin=lines).out
    assert [json.loads(line) for line in jsonl.split("\n")[:-1]] == records
    header, first, _ = run_cli(*ask, "tsv", stdin=lines).out.split("\n")[:3]
    assert header == "label\tprobability\tnegative\tpositive"
    assert first.split("\t")[0] == "positive"
    assert json.loads(run_cli(*ask, "json", stdin="").out) == []


def test_files_and_threads(run_cli: RunCli, model: str, tmp_path: Path) -> None:
    text = "".join(f"{line}\n" for _, line in reviews(3000, seed=3))
    plain, packed = tmp_path / "a.txt", tmp_path / "b.txt.gz"
    plain.write_text(text, encoding="utf-8")
    packed.write_bytes(gzip.compress(text.encode()))
    one = run_cli("sentiment", "-m", model, "--threads", "1", plain, packed).out
    assert one.count("\n") == 6000
    assert run_cli("sentiment", "-m", model, "--threads", "3", plain, packed).out == one
    target = tmp_path / "out.txt"
    assert run_cli("sentiment", "-m", model, plain, "-", "-o", target, stdin=text).out == ""
    assert target.read_text("utf-8") == one


def test_a_batch_is_its_texts_one_by_one(model: str) -> None:
    from seqtool_sentiment.classifier import load_classifier

    classifier = load_classifier(model)
    texts = [text for _, text in reviews(1500, seed=5)] + ["", "x\ny", "\ud800"]
    together = classifier.probabilities(texts, 2)
    assert np.array_equal(together[-4:], [classifier.probabilities([t], 1)[0] for t in texts[-4:]])
    assert classifier.probabilities([], 2).shape == (0, 2)


def test_answers_come_while_stdin_is_open(model: str, seqtool_command: list[str]) -> None:
    command = [*seqtool_command, "sentiment", "-m", model]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, label in (("a good film", "positive"), ("a bad film", "negative")):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert process.stdout.readline().startswith(label)
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_bad_bytes(run_cli: RunCli, model: str) -> None:
    result = run_cli("sentiment", "-m", model, stdin=b"good\n\xff\n")
    assert result.code == 1
    assert "stdin:2: not UTF-8" in result.err
    assert run_cli("sentiment", "-m", model, "--errors", "replace", stdin=b"\xff\n").code == 0


def test_no_model(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtool.models.installed_models", lambda command=None: [])
    result = run_cli("sentiment", stdin="x\n")
    assert result.code == 1
    assert "-m" in result.err


# --- training ---------------------------------------------------------------------------------


def accuracy(run_cli: RunCli, model: object, data: object) -> float:
    """Of a model on labelled texts, in percent."""
    result = run_cli("sentiment", "eval", "-m", model, data, "--format", "json")
    return float(json.loads(result.out)["accuracy"])


def test_training_is_the_same_for_any_threads(
    run_cli: RunCli, train_file: Path, tmp_path: Path
) -> None:
    files = []
    for threads in (1, 3):
        files.append(tmp_path / f"{threads}.safetensors")
        arguments = ["--threads", threads, "--subwords", "--validation", train_file]
        result = run_cli("sentiment", "train", train_file, "-o", files[-1], *arguments, *FAST)
        assert (result.code, result.out, result.err) == (0, "", "")
    assert files[0].read_bytes() == files[1].read_bytes()
    run_cli("sentiment", "train", train_file, "-o", files[1], "--seed", "2", *FAST)
    assert files[0].read_bytes() != files[1].read_bytes()
    held_out = write_tsv(tmp_path / "test.tsv", reviews(100, seed=2))
    assert accuracy(run_cli, files[1], held_out) == 100
    assert not list(tmp_path.glob("*.work"))


def test_what_a_training_says(run_cli: RunCli, train_file: Path, tmp_path: Path) -> None:
    log, target = tmp_path / "run.jsonl", tmp_path / "m.safetensors"
    result = run_cli(
        "sentiment", "train", train_file, "-o", target, "--validation", train_file, "--log", log,
        *FAST[:-1],
    )  # fmt: skip
    assert result.err.startswith("200 texts: ")
    rows = [json.loads(line) for line in log.read_text("utf-8").split("\n")[:-1]]
    assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["validation_accuracy"] == 1
    _, metadata = read_model(str(target), "text-classifier")
    assert metadata["labels"] == ["negative", "positive"]
    assert metadata["arguments"]["epochs"] == 8
    assert len(metadata["corpus_sha256"]) == 64
    assert "text-classifier" in run_cli("info", target).out


def test_the_best_epoch_is_kept(run_cli: RunCli, train_file: Path, tmp_path: Path) -> None:
    turned = {"positive": "negative", "negative": "positive"}
    held_out = write_tsv(
        tmp_path / "turned.tsv", [(turned[label], text) for label, text in reviews(50)]
    )
    log = tmp_path / "log.jsonl"
    arguments = ["--validation", held_out, "--patience", "2", "--log", log]
    target = tmp_path / "m.safetensors"
    run_cli("sentiment", "train", train_file, "-o", target, *arguments, *FAST)
    rows = [json.loads(line) for line in log.read_text("utf-8").split("\n")[:-1]]
    losses = [row["validation_loss"] for row in rows]
    assert len(rows) == losses.index(min(losses)) + 1 + 2
    ask = ("sentiment", "eval", "-m", target, held_out, "--format", "json")
    assert json.loads(run_cli(*ask).out)["log_loss"] == pytest.approx(min(losses), rel=1e-2)


def test_class_weights(run_cli: RunCli, tmp_path: Path) -> None:
    noise = [("rare", "x y")] * 5 + [("common", "x y")] * 45
    data, target = write_tsv(tmp_path / "d.tsv", noise), tmp_path / "m.safetensors"
    chances = {}
    for kind in ("none", "balanced"):
        arguments = ["--class-weights", kind, "--dropout", "0", "--epochs", "60"]
        arguments += ["--learning-rate", "0.1"]
        run_cli("sentiment", "train", data, "-o", target, *FAST, *arguments)
        out = run_cli("sentiment", "-m", target, "--format", "jsonl", stdin="x y\n").out
        chances[kind] = json.loads(out)["probabilities"]["rare"]
    assert chances["none"] == pytest.approx(0.1, abs=0.05)
    assert chances["balanced"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("freeze", [True, False])
def test_embeddings(run_cli: RunCli, train_file: Path, tmp_path: Path, freeze: bool) -> None:
    vectors = tmp_path / "v.vec"
    words = [*GOOD, "splendid", *BAD, "dreadful", "Capital", *NEUTRAL]
    matrix = np.array([[1, 0, 0]] * 5 + [[-1, 0, 0]] * 5 + [[0, 0, 1]] + [[0, 1, 0]] * 6)
    save_vectors(str(vectors), WordVectors(words, matrix.astype(np.float32)))
    target = tmp_path / "m.safetensors"
    arguments = ["--embeddings", vectors, *(["--freeze"] if freeze else [])]
    assert run_cli("sentiment", "train", train_file, "-o", target, *arguments, *FAST).code == 0
    out = run_cli("sentiment", "-m", target, stdin="splendid\ndreadful\n").out
    assert [line.split("\t")[0] for line in out.split("\n")[:-1]] == ["positive", "negative"]
    result = run_cli(
        "sentiment", "train", train_file, "-o", target, *arguments, "--dim", "7", *FAST
    )
    assert result.code == 1
    assert "3 dimensions" in result.err


def test_many_labels_keep_all_their_numbers(run_cli: RunCli, tmp_path: Path) -> None:
    pairs = [(str(n), f"word{n}") for n in range(1, 13)] * 20
    data, target = write_tsv(tmp_path / "d.tsv", pairs), tmp_path / "m.safetensors"
    arguments = ["--dim", "4", "--members", "1", "--dropout", "0", "--epochs", "60"]
    run_cli("sentiment", "train", data, "-o", target, *FAST, *arguments)
    tensors, metadata = read_model(str(target), "text-classifier")
    assert metadata["labels"] == [str(n) for n in range(1, 13)]
    assert tensors["weights"].shape == (12, 5)
    assert accuracy(run_cli, target, data) == 100


def test_a_loss_without_end(run_cli: RunCli, train_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "m.safetensors"
    result = run_cli(
        "sentiment", "train", train_file, "-o", target, *FAST, "--learning-rate", "1e9"
    )
    assert result.code == 1
    assert "lower --learning-rate" in result.err
    assert not target.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-o", "m.txt"], 2),
        (["-o", "no/folder/m.safetensors"], 1),
        (["-o", "m.safetensors", "--buckets", "1000"], 2),
        (["-o", "m.safetensors", "--subwords", "--min-ngram", "6"], 2),
        (["-o", "m.safetensors", "--freeze"], 2),
        (["-o", "m.safetensors", "--validation", "missing.tsv"], 1),
        (["-o", "m.safetensors", "--resume"], 1),
        (["-o", "m.safetensors", "--log", "train.tsv"], 2),
    ],
)
def test_options_that_do_not_fit(
    run_cli: RunCli, train_file: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str],
    code: int,
) -> None:  # fmt: skip
    monkeypatch.chdir(train_file.parent)
    result = run_cli("sentiment", "train", "train.tsv", *arguments)
    assert result.code == code
    assert result.err.strip().count("\n") == 0
    assert train_file.stat().st_size > 0


# --- stopping and resuming --------------------------------------------------------------------

# Small chunks, a checkpoint after each, and death by SIGKILL, or Ctrl-C, after some of them.
_DRIVER = """
import os, signal, sys
from seqtool_sentiment import average_train, checkpoint
left, kind = int(sys.argv[1]), int(sys.argv[2])
average_train._CHUNK = 64
checkpoint.Checkpoint.seconds = -1.0
train = average_train._Training._train_chunk
def counted(*arguments):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), kind)
    return train(*arguments)
average_train._Training._train_chunk = counted
from seqtool.cli import main
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_resume(train_file: Path, tmp_path: Path, run_cli: RunCli, kind: signal.Signals) -> None:
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    log = tmp_path / "log.jsonl"
    common = [
        "sentiment", "train", train_file, "--validation", train_file, "--members", "2", *FAST,
    ]  # fmt: skip

    def run(moment: int, *arguments: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", _DRIVER, moment, int(kind), *common, *arguments]
        return subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, check=False, timeout=60
        )

    assert run(0, "-o", whole).returncode == 0
    stopped = run(11, "-o", broken, "--log", log)
    assert stopped.returncode == (-9 if kind == signal.SIGKILL else 130)
    assert not broken.exists()
    refused = run_cli(*common, "-o", broken)
    assert refused.code == 1
    assert "--resume" in refused.err
    other = run_cli(*common, "-o", broken, "--resume", "--seed", "5")
    assert "seed 1, now it is 5" in other.err
    assert run(0, "-o", broken, "--resume", "--log", log).returncode == 0
    assert broken.read_bytes() == whole.read_bytes()
    assert not Path(f"{broken}.work").exists()
    rows = [json.loads(line) for line in log.read_text("utf-8").split("\n")[:-1]]
    assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))


def test_a_damaged_checkpoint(
    run_cli: RunCli, train_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "m.safetensors"
    work = f"{target}.work"
    monkeypatch.setattr("seqtool_sentiment.checkpoint.Checkpoint.seconds", -1.0)
    monkeypatch.setattr("seqtool_sentiment.checkpoint.Checkpoint.remove", lambda self: None)
    command = ("sentiment", "train", train_file, "-o", target, *FAST)
    assert run_cli(*command).code == 0
    tensors, metadata = read_model(work, "text-classifier-checkpoint")
    for state in (None, {}, {**metadata["state"], "place": [1]}, {**metadata["state"], "best": 3}):
        write_model(work, tensors, {**metadata, "state": state})
        result = run_cli(*command, "--resume")
        assert result.code == 1
        assert result.err.endswith("its metadata is damaged (state)\n")
    write_model(work, {**tensors, "member0.0": tensors["member0.0"][1:]}, metadata)
    assert "of another model" in run_cli(*command, "--resume").err
    Path(work).write_bytes(b"nonsense")
    result = run_cli(*command, "--resume")
    assert result.code == 1
    assert result.err.count("\n") == 1


# --- eval and explain -------------------------------------------------------------------------


def test_eval(run_cli: RunCli, model: str, tmp_path: Path) -> None:
    pairs = [("positive", "good"), ("negative", "bad"), ("negative", "great"), ("positive", "fine")]
    data = write_tsv(tmp_path / "d.tsv", pairs)
    record = json.loads(run_cli("sentiment", "eval", "-m", model, data, "--format", "json").out)
    assert (record["texts"], record["accuracy"]) == (4, 75)
    assert record["confusion"]["counts"] == [[1, 1], [0, 2]]
    assert record["labels"][0] == {
        "label": "negative", "precision": 100, "recall": 50, "f1": pytest.approx(200 / 3),
        "texts": 2,
    }  # fmt: skip
    assert record["macro_f1"] == pytest.approx((200 / 3 + 80) / 2)
    assert sum(row["texts"] for row in record["reliability"]) == 4
    assert record["signature"].startswith("texts:4|")
    text = run_cli("sentiment", "eval", "-m", model, data).out
    assert "accuracy           75.00 %" in text
    assert record["signature"] in text
    write_tsv(data, [("neutral", "so so")])
    result = run_cli("sentiment", "eval", "-m", model, data)
    assert result.code == 1
    assert "'neutral'" in result.err


def test_explain(run_cli: RunCli, model: str, tmp_path: Path) -> None:
    ask = ("sentiment", "explain", "-m", model)
    record = json.loads(run_cli(*ask, "--format", "jsonl", "The good, film!").out)
    assert record["label"] == "positive"
    words = {word["word"]: word for word in record["words"]}
    assert list(words) == ["The", "good", "film"]
    assert (words["good"]["begin"], words["good"]["end"]) == (4, 8)
    assert words["good"]["contribution"] > 1
    assert words["good"]["contribution"] == max(w["contribution"] for w in words.values())
    text = run_cli(*ask, "good", "but", "bad").out
    assert "+" in text
    assert "-" in text
    assert "\x1b" not in text
    path = tmp_path / "texts.txt"
    path.write_text("good film\n\nbad film\n", encoding="utf-8")
    records = json.loads(run_cli(*ask, "--format", "json", path).out)
    assert [len(record["words"]) for record in records] == [2, 0, 2]
    assert json.loads(run_cli(*ask, "--format", "json", stdin="good film\n").out) == records[:1]
    rows = run_cli(*ask, "--format", "tsv", path).out.split("\n")[:-1]
    assert [row.split("\t")[3] for row in rows[1:]] == ["good", "film", "bad", "film"]


def test_colours_of_an_explanation() -> None:
    from seqtool_sentiment.explain import Explanation, Word, coloured

    words = [Word("good", 2, 6, 2.0), Word("not", 7, 10, -0.5), Word("é", 11, 12, 0.0)]
    explanation = Explanation("a good not é!", "positive", 0.9, words)
    assert coloured(explanation) == "a \x1b[1;32mgood\x1b[0m \x1b[31mnot\x1b[0m é!"


# --- model files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    ["kind", "model", "labels", "buckets", "ngrams", "letters", "table", "words", "weights", "nan"],
)
def test_damaged_models(run_cli: RunCli, model: str, tmp_path: Path, damage: str) -> None:
    tensors, metadata = read_model(model, "text-classifier")
    changes: dict[str, dict[str, object]] = {
        "kind": {"kind": "tokenizer"},
        "model": {"model": "oracle"},
        "labels": {"labels": ["x", "x"]},
        "buckets": {"buckets": 1 << 40},
        "ngrams": {"ngrams": 900},
        "letters": {"min_letters": 3, "max_letters": 2},
    }
    metadata.update(changes.get(damage, {}))
    if damage == "table":
        tensors["table"] = tensors["table"][:-1]
    elif damage == "weights":
        tensors["weights"] = tensors["weights"][:, :-1]
    elif damage == "words":
        tensors["words"] = np.frombuffer(b"a\na", np.uint8)
    elif damage == "nan":
        tensors["table"] = tensors["table"].copy()
        tensors["table"][3] = np.nan
    path = str(tmp_path / "damaged.safetensors")
    write_model(path, tensors, metadata)
    result = run_cli("sentiment", "-m", path, stdin="x\n")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert path in result.err


def test_help_shows_jobs(run_cli: RunCli) -> None:
    page = run_cli("sentiment", "--help").out
    assert page.index("Examples:") < page.index("Other jobs:") < page.index("Options:")
    for job in ("train", "eval", "explain"):
        assert run_cli("sentiment", job, "--help").out.startswith(f"Usage: seqtool sentiment {job}")


def test_applying_imports_nothing_slow(model: str) -> None:
    code = (
        "import sys; from seqtool.cli import main;"
        f" main(['sentiment', '-m', {model!r}]);"
        " slow = {'numba', 'scipy', 'rich', 'llvmlite', 'torch'};"
        " print(sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], input="good\n", capture_output=True, text=True, check=True
    )
    assert result.stderr == "[]\n"


@pytest.mark.real
def test_sst2(run_cli: RunCli, data: Path, tmp_path: Path) -> None:
    target, folder = tmp_path / "m.safetensors", data / "labelled" / "sst2"
    run_cli("sentiment", "train", folder / "train.tsv", "-o", target, "-q")
    assert accuracy(run_cli, target, folder / "dev.tsv") > 78
