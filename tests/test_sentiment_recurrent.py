"""The recurrent models of `seqtool sentiment`."""

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

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from naive import sentiment as naive  # noqa: E402

from seqtool.modelfile import read_model, write_model  # noqa: E402
from seqtool.vectors import WordVectors, save_vectors  # noqa: E402
from seqtool_sentiment import recurrent_words  # noqa: E402
from seqtool_sentiment.classifier import load_classifier  # noqa: E402
from seqtool_sentiment.features import prepared  # noqa: E402
from seqtool_sentiment.recurrent import batches_by_length, padded_batch  # noqa: E402
from seqtool_sentiment.recurrent_words import WordEncoder  # noqa: E402

FAST = ("--dim", "8", "--hidden", "8", "--epochs", "10", "--learning-rate", "0.02", "-q")
LITTLE = ["film", "the", "a", "plot", "actor", "is"]


def reviews(count: int, seed: int = 1) -> list[tuple[str, str]]:
    """Pairs of label and text: whether good comes behind not tells, the words alone do not."""
    rng = random.Random(seed)
    pairs = []
    for _ in range(count):
        label = rng.choice(["positive", "negative"])
        said = ["good", "not"] if label == "positive" else ["not", "good"]
        between = rng.choices(LITTLE, k=rng.randrange(2))
        before, behind = (rng.choices(LITTLE, k=rng.randrange(4)) for _ in range(2))
        pairs.append((label, " ".join([*before, said[0], *between, said[1], *behind])))
    return pairs


def write_tsv(path: Path, pairs: list[tuple[str, str]]) -> Path:
    """A file of lines label TAB text."""
    path.write_text("".join(f"{label}\t{text}\n" for label, text in pairs), encoding="utf-8")
    return path


@pytest.fixture
def train_file(tmp_path: Path) -> Path:
    """Three hundred labelled texts."""
    return write_tsv(tmp_path / "train.tsv", reviews(300))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small model of two labels."""
    from seqtool.cli import main

    folder = tmp_path_factory.mktemp("model")
    path = str(folder / "model.safetensors")
    data = write_tsv(folder / "train.tsv", reviews(300))
    assert main(["sentiment", "train", str(data), "-o", path, "--model", "gru", *FAST]) == 0
    return path


def accuracy(run_cli: RunCli, model: object, data: Path) -> float:
    """What `eval` says, in percent."""
    result = run_cli("sentiment", "eval", "-m", model, data, "--format", "json")
    return float(json.loads(result.out)["accuracy"])


# --- words ------------------------------------------------------------------------------------

PIECES = st.sampled_from(["good", "bad", "n't", "don't", "it's", "'", " ", "!", "é", "\t", "A"])
TEXTS = st.lists(PIECES, max_size=6).map("".join)


@pytest.mark.kernel
@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, max_size=4), st.sampled_from([2, 2000]))
def test_words(texts: list[str], longest: int) -> None:
    vocabulary = ["good", "n't", "!", "do"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recurrent_words, "LONGEST", longest)
        ids, starts = WordEncoder([word.encode() for word in vocabulary]).encode(texts, 2)
    assert len(starts) == len(texts) + 1
    for number, text in enumerate(texts):
        words = naive.words(prepared([text]).decode().removesuffix("\n"))[:longest]
        wanted = [vocabulary.index(word) + 1 if word in vocabulary else 0 for word in words]
        assert ids[starts[number] : starts[number + 1]].tolist() == (wanted or [0])


def test_batches() -> None:
    lengths = np.array([3, 500, 1, 129, 128, 2, *[5] * 40])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.arange(starts[-1], dtype=np.int32)
    batches = list(batches_by_length(lengths))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert [len(batch) for batch in batches] == [2, 32, 12]
    for batch, rows in zip(batches, (8, 32, 32), strict=True):
        words, found = padded_batch(ids, starts, batch)
        assert words.shape == (lengths[batch].max(), rows)
        assert found.tolist() == [*lengths[batch], *[0] * (rows - len(batch))]
        for row, text in enumerate(batch):
            assert (
                words[: lengths[text], row].tolist()
                == ids[starts[text] :][: lengths[text]].tolist()
            )
        assert not words[np.arange(len(words))[:, None] >= found].any()


# --- applying ---------------------------------------------------------------------------------


def test_order_counts(run_cli: RunCli, model: str) -> None:
    lines = "the plot is GOOD not bad\n\nnot a good film\n"
    result = run_cli("sentiment", "-m", model, stdin=lines)
    assert (result.code, result.err) == (0, "")
    labels = [line.split("\t")[0] for line in result.out.split("\n")[:-1]]
    assert [labels[0], labels[2], len(labels)] == ["positive", "negative", 3]


def test_a_batch_is_its_texts_one_by_one(model: str) -> None:
    classifier = load_classifier(model)
    rng = random.Random(3)
    texts = [text for _, text in reviews(500, seed=5)] + ["", "x\ny", "\ud800"]
    texts += [" ".join(rng.choices([*LITTLE, "good", "not"], k=size)) for size in (60, 127, 128)]
    texts += [" ".join(rng.choices([*LITTLE, "good", "not"], k=size)) for size in (129, 400, 3000)]
    together = classifier.probabilities(texts, 2)
    np.testing.assert_allclose(together.sum(axis=1), 1, rtol=1e-6)
    some = [*range(0, 500, 50), *range(500, len(texts))]
    alone = [classifier.probabilities([texts[number]], 1)[0] for number in some]
    assert np.array_equal(together[some], alone)
    assert np.array_equal(together, classifier.probabilities(texts, 1))
    assert classifier.probabilities([], 2).shape == (0, 2)


def test_answers_come_while_stdin_is_open(model: str, seqtool_command: list[str]) -> None:
    command = [*seqtool_command, "sentiment", "-m", model]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, label in (("good and not bad", "positive"), ("not good", "negative")):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert process.stdout.readline().startswith(label)
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_explain(run_cli: RunCli, model: str) -> None:
    result = run_cli("sentiment", "explain", "-m", model, "--format", "json", "not a good film")
    (record,) = json.loads(result.out)
    assert record["label"] == "negative"
    assert [word["word"] for word in record["words"]] == ["not", "a", "good", "film"]
    strongest = max(record["words"], key=lambda word: abs(word["contribution"]))
    assert strongest["word"] in ("not", "good")


# --- training ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "extra"),
    [
        ("rnn", []),
        ("simple-gru", ["--pooling", "max"]),
        ("gru", ["--layers", "2", "--pooling", "last"]),
        ("lstm", ["--one-way", "--pooling", "mean", "--learning-rate", "0.05"]),
    ],
)
def test_every_kind_learns_and_no_thread_changes_it(
    run_cli: RunCli, train_file: Path, tmp_path: Path, cell: str, extra: list[str]
) -> None:
    files = []
    for threads in (1, 3):
        files.append(tmp_path / f"{threads}.safetensors")
        arguments = ["--model", cell, "--threads", threads, "--validation", train_file]
        command = ("sentiment", "train", train_file, "-o", files[-1], *arguments, *FAST, *extra)
        result = run_cli(*command)
        assert (result.code, result.out, result.err) == (0, "", "")
    assert files[0].read_bytes() == files[1].read_bytes()
    held_out = write_tsv(tmp_path / "test.tsv", reviews(100, seed=2))
    assert accuracy(run_cli, files[0], held_out) > 90
    assert not list(tmp_path.glob("*.work"))


def test_what_a_training_says(run_cli: RunCli, train_file: Path, tmp_path: Path) -> None:
    log, target = tmp_path / "run.jsonl", tmp_path / "m.safetensors"
    result = run_cli(
        "sentiment", "train", train_file, "-o", target, "--validation", train_file, "--log", log,
        "--model", "gru", *FAST[:-1], "--patience", "10",
    )  # fmt: skip
    assert result.err.startswith("300 texts: ")
    rows = [json.loads(line) for line in log.read_text("utf-8").split("\n")[:-1]]
    assert [row["epoch"] for row in rows] == list(range(1, 11))
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["validation_accuracy"] > 0.9
    _, metadata = read_model(str(target), "text-classifier")
    assert metadata["labels"] == ["negative", "positive"]
    assert metadata["arguments"]["hidden"] == 8
    assert metadata["arguments"]["dropout"] == 0.4
    assert "members" not in metadata["arguments"]
    ask = ("sentiment", "eval", "-m", target, train_file, "--format", "json")
    best = min(row["validation_loss"] for row in rows)
    assert json.loads(run_cli(*ask).out)["log_loss"] == pytest.approx(best, rel=1e-2)


def test_the_best_epoch_is_kept(run_cli: RunCli, train_file: Path, tmp_path: Path) -> None:
    turned = {"positive": "negative", "negative": "positive"}
    held_out = [(turned[label], text) for label, text in reviews(50)]
    log, target = tmp_path / "log.jsonl", tmp_path / "m.safetensors"
    arguments = ["--validation", write_tsv(tmp_path / "turned.tsv", held_out), "--patience", "2"]
    command = ("sentiment", "train", train_file, "-o", target, "--model", "gru", "--log", log)
    assert run_cli(*command, *arguments, *FAST).code == 0
    rows = [json.loads(line) for line in log.read_text("utf-8").split("\n")[:-1]]
    losses = [row["validation_loss"] for row in rows]
    assert len(rows) == losses.index(min(losses)) + 1 + 2


def test_class_weights(run_cli: RunCli, tmp_path: Path) -> None:
    noise = [("rare", "x y")] * 10 + [("common", "x y")] * 90
    data, target = write_tsv(tmp_path / "d.tsv", noise), tmp_path / "m.safetensors"
    chances = {}
    for kind in ("none", "balanced"):
        arguments = ["--class-weights", kind, "--label-smoothing", "0", "--model", "rnn"]
        run_cli("sentiment", "train", data, "-o", target, *FAST, *arguments)
        out = run_cli("sentiment", "-m", target, "--format", "jsonl", stdin="x y\n").out
        chances[kind] = json.loads(out)["probabilities"]["rare"]
    assert chances["none"] == pytest.approx(0.1, abs=0.08)
    assert chances["balanced"] == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("freeze", [True, False])
def test_words_that_only_the_vectors_know(run_cli: RunCli, tmp_path: Path, freeze: bool) -> None:
    pairs = [("positive", "a good film"), ("negative", "a bad film")] * 60
    data, vectors = write_tsv(tmp_path / "d.tsv", pairs), tmp_path / "v.vec"
    words = ["good", "bad", "film", "splendid", "dreadful", "Capital", "unused"]
    matrix = np.array(
        [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1], [0, 0, 0]]
    )
    save_vectors(str(vectors), WordVectors(words, matrix.astype(np.float32)))
    held_out = write_tsv(tmp_path / "v.tsv", [("negative", "a dreadful film")])
    target = tmp_path / "m.safetensors"
    arguments = [
        "--embeddings",
        vectors,
        "--validation",
        held_out,
        *(["--freeze"] if freeze else []),
    ]
    command = ("sentiment", "train", data, "-o", target, "--model", "lstm", *FAST[2:], *arguments)
    assert run_cli(*command, "--max-vocab", "6").code == 0
    lines = "a splendid film\na dreadful film\n"
    out = run_cli("sentiment", "-m", target, stdin=lines).out
    assert [line.split("\t")[0] for line in out.split("\n")[:-1]] == ["positive", "negative"]
    tensors, metadata = read_model(str(target), "text-classifier")
    known = tensors["words"].tobytes().split(b"\n")
    assert sorted(known) == [b"a", b"bad", b"dreadful", b"film", b"good", b"splendid"]
    assert metadata["network"]["vocab"] == len(tensors["embedding.table"]) == 7
    result = run_cli(*command, "--dim", "7")
    assert result.code == 1
    assert "3 dimensions" in result.err
    assert run_cli(*command, "--embeddings", vectors, "--max-vocab", "6").code == 0
    tensors, _ = read_model(str(target), "text-classifier")
    row = tensors["embedding.table"][1 + tensors["words"].tobytes().split(b"\n").index(b"splendid")]
    assert row[:3].tolist() == row[3:].tolist()
    assert run_cli(*command, "--projection", "2").code == 0
    assert read_model(str(target), "text-classifier")[0]["embedding.table"].shape == (8, 2)
    assert run_cli("sentiment", "-m", target, stdin="a splendid film\n").out.startswith("positive")


def test_a_loss_without_end(run_cli: RunCli, train_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "m.safetensors"
    command = ("sentiment", "train", train_file, "-o", target, "--model", "rnn", *FAST)
    result = run_cli(*command, "--learning-rate", "1e30")
    assert result.code == 1
    assert "--learning-rate" in result.err
    assert not target.exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--model", "gru", "--ngrams", "2"], "--ngrams"),
        (["--hidden", "9"], "--hidden"),
        (["--embeddings", "a", "--embeddings", "b"], "--embeddings"),
        (["--model", "average", "--one-way"], "--bidirectional"),
    ],
)
def test_options_of_another_kind(
    run_cli: RunCli, train_file: Path, tmp_path: Path, arguments: list[str], word: str
) -> None:
    target = tmp_path / "m.safetensors"
    result = run_cli("sentiment", "train", train_file, "-o", target, *arguments)
    assert result.code == 2
    assert word in result.err


# --- stopping and resuming --------------------------------------------------------------------

# A checkpoint after every step, and death by SIGKILL, or Ctrl-C, after some of them.
_DRIVER = """
import os, signal, sys
from seqtool.nn.trainer import Training
from seqtool_sentiment import checkpoint
left, kind = int(sys.argv[1]), int(sys.argv[2])
checkpoint.Checkpoint.seconds = -1.0
step = Training._step
def counted(self):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), kind)
    return step(self)
Training._step = counted
from seqtool.cli import main
sys.exit(main(sys.argv[3:]))
"""


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("step", [4, 24])
def test_resume(
    train_file: Path, tmp_path: Path, run_cli: RunCli, kind: signal.Signals, step: int
) -> None:
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    log = tmp_path / "log.jsonl"
    common = [
        "sentiment", "train", train_file, "--validation", train_file, "--model", "lstm",
        *FAST, "--epochs", "3",
    ]  # fmt: skip

    def run(moment: int, *arguments: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", _DRIVER, moment, int(kind), *common, *arguments]
        return subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, check=False, timeout=60
        )

    assert run_cli(*common, "-o", whole).code == 0
    stopped = run(step, "-o", broken, "--log", log)
    assert stopped.returncode == (-9 if kind == signal.SIGKILL else 130)
    assert not broken.exists()
    assert "--resume" in run_cli(*common, "-o", broken).err
    assert "hidden" in run_cli(*common, "-o", broken, "--resume", "--hidden", "9").err
    assert run_cli(*common, "-o", broken, "--resume", "--log", log).code == 0
    assert broken.read_bytes() == whole.read_bytes()
    assert not Path(f"{broken}.work").exists()
    rows = [json.loads(line) for line in log.read_text("utf-8").split("\n")[:-1]]
    assert [row["epoch"] for row in rows] == [1, 2, 3]


def test_a_damaged_checkpoint(
    run_cli: RunCli, train_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "m.safetensors"
    work = f"{target}.work"
    monkeypatch.setattr("seqtool_sentiment.checkpoint.Checkpoint.remove", lambda self: None)
    command = ("sentiment", "train", train_file, "-o", target, "--model", "rnn", *FAST)
    assert run_cli(*command).code == 0
    tensors, metadata = read_model(work, "text-classifier-checkpoint")
    for change in (
        {"place": 1},
        {"place": {"epoch": "x"}},
        {"place": {**metadata["state"]["place"], "epoch": "x"}},
        {"place": {**metadata["state"]["place"], "batch": -1}},
        {"history": 3},
    ):
        write_model(work, tensors, {**metadata, "state": {**metadata["state"], **change}})
        result = run_cli(*command, "--resume")
        assert result.code == 1
        assert result.err.endswith("its metadata is damaged (state)\n")
    write_model(work, {**tensors, "weights": tensors["weights"][1:]}, metadata)
    assert "of another model" in run_cli(*command, "--resume").err


# --- model files ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    ["labels", "words", "network", "cell", "huge", "pooling", "rate", "missing", "shape", "nan"],
)
def test_damaged_models(run_cli: RunCli, model: str, tmp_path: Path, damage: str) -> None:
    tensors, metadata = read_model(model, "text-classifier")
    network, stack = metadata["network"], metadata["network"]["stack"]
    changes: dict[str, dict[str, object]] = {
        "labels": {"labels": ["x"]},
        "network": {"network": None},
        "cell": {"network": {**network, "stack": {**stack, "cell": "oracle"}}},
        "huge": {"network": {**network, "stack": {**stack, "hidden": 1 << 40}}},
        "pooling": {"network": {**network, "pooling": ["max"]}},
        "rate": {"network": {**network, "smoothing": 2}},
    }
    metadata.update(changes.get(damage, {}))
    if damage == "words":
        tensors["words"] = tensors["words"][:-8]
    elif damage == "missing":
        del tensors["output.bias"]
    elif damage == "shape":
        tensors["output.bias"] = tensors["output.bias"][:1]
    elif damage == "nan":
        tensors["embedding.table"] = tensors["embedding.table"].copy()
        tensors["embedding.table"][3] = np.nan
    path = str(tmp_path / "damaged.safetensors")
    write_model(path, tensors, metadata)
    result = run_cli("sentiment", "-m", path, stdin="x\n")
    assert result.code == 1
    assert result.err.count("\n") == 1
    if damage != "cell":
        assert path in result.err


@pytest.mark.real
def test_sst2(run_cli: RunCli, data: Path, tmp_path: Path) -> None:
    target, folder = tmp_path / "m.safetensors", data / "labelled" / "sst2"
    arguments = ["--model", "gru", "--dim", "32", "--hidden", "32", "--epochs", "4", "-q"]
    arguments += ["--learning-rate", "0.005"]
    run_cli("sentiment", "train", folder / "train.tsv", "-o", target, *arguments)
    assert accuracy(run_cli, target, folder / "dev.tsv") > 72
