"""`seqtool train-embeddings`, from text to vectors."""

import gzip
import os
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Result, RunCli
from embedding_runs import neighbours_found, run_until, sentences, write_corpus

from seqtool.modelfile import read_model
from seqtool.vectors import load_vectors
from seqtool_train_embeddings.report import TrainingReport

SMALL = ("--dim", 16, "--window", 3, "--min-count", 1, "--sample", 0, "--threads", 1)
TINY = (*SMALL[:2], "--epochs", 1, *SMALL[2:])
METHODS = [
    *[("skipgram", o) for o in ("ns", "hs", "softmax")],
    *[("cbow", o) for o in ("ns", "hs", "softmax")],
    *[("nnlm", o) for o in ("ns", "hs", "softmax")],
    ("glove", None),
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A file of sentences whose words come from clusters."""
    return write_corpus(tmp_path / "corpus.txt")


@pytest.fixture
def train(run_cli: RunCli, corpus: Path, tmp_path: Path) -> Any:
    """``train("-o", "x.vec", ...)`` trains on the corpus in the test's folder."""

    def run(*arguments: object, output: str = "v.safetensors", **options: Any) -> Result:
        return run_cli("train-embeddings", corpus, "-o", tmp_path / output, *arguments, **options)

    return run


def losses(result: Result) -> list[float]:
    """The mean losses of the epochs."""
    return [float(loss) for loss in re.findall(r"mean loss (-?[\d.]+)", result.err)]


def test_pieces_of_a_tokenizer_are_words(train: Any, run_cli: RunCli, tmp_path: Path) -> None:
    text, tokenizer = tmp_path / "corpus.txt", tmp_path / "tok.json"
    run_cli("tokenize", "train", text, "-o", tokenizer, "--vocab-size", 270)
    shown = run_cli("tokenize", "-m", tokenizer, text).out
    assert train(*TINY, "--tokenizer", tokenizer).code == 0
    words = load_vectors(str(tmp_path / "v.safetensors")).words
    assert sorted(words) == sorted(set(shown.split()))
    assert "no file and no installed model" in train("--tokenizer", "missing").err


# --- every model ------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "objective"), METHODS)
def test_words_of_a_cluster_are_neighbours(
    train: Any, tmp_path: Path, method: str, objective: str | None
) -> None:
    chosen = ("--objective", objective) if objective else ()
    rate = 0.1 if method != "nnlm" else 0.05
    epochs = 12 if method != "nnlm" else 25
    options = ("--hidden", 16, "--learning-rate", rate, "--epochs", epochs)
    result = train("--method", method, *chosen, *options, *SMALL)
    assert result.code == 0, result.err
    assert result.out == ""
    found = losses(result)
    assert len(found) == epochs
    assert found[-1] < 0.95 * found[0]
    vectors = load_vectors(str(tmp_path / "v.safetensors"))
    assert vectors.matrix.shape == (32, 16)
    assert neighbours_found(vectors) > 0.9
    assert not (tmp_path / "v.safetensors.work").exists()


@pytest.mark.parametrize("context", ["last:4", "around:2", "last:1", "nearby:1"])
def test_contexts_of_the_neural_model(train: Any, tmp_path: Path, context: str) -> None:
    options = ("--hidden", 16, "--learning-rate", 0.05, "--epochs", 25, "--context", context)
    result = train("--method", "nnlm", *options, *SMALL)
    assert result.code == 0, result.err
    assert losses(result)[-1] < losses(result)[0] < np.log(32) + 0.1
    assert neighbours_found(load_vectors(str(tmp_path / "v.safetensors"))) > 0.9


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
def test_subwords(train: Any, tmp_path: Path, method: str) -> None:
    options = ("--method", method, "--subwords", "--buckets", 1000, "--learning-rate", 0.1)
    result = train(*options, "--epochs", 12, *SMALL)
    assert result.code == 0, result.err
    vectors = load_vectors(str(tmp_path / "v.safetensors"))
    assert neighbours_found(vectors) > 0.9
    assert "ant7" not in vectors
    unseen = vectors.vector("ant7")
    cosines = vectors.unit() @ unseen / np.linalg.norm(unseen)
    assert vectors.words[int(cosines.argmax())].startswith("ant")
    with pytest.raises(KeyError):
        load_vectors(str(tmp_path / "v.safetensors")).vector("")


def test_threads_update_without_waiting(train: Any, tmp_path: Path) -> None:
    options = ("--learning-rate", 0.1, "--epochs", 12, *SMALL[:-2], "--threads", 2)
    assert train(*options).code == 0
    assert neighbours_found(load_vectors(str(tmp_path / "v.safetensors"))) > 0.9


def test_deterministic_for_any_number_of_threads(train: Any, tmp_path: Path) -> None:
    for method in ("skipgram", "glove"):
        for threads in (1, 2):
            name = f"{method}{threads}.safetensors"
            options = ("--deterministic", "--method", method, *TINY[:-1], threads)
            assert train(*options, output=name).code == 0
        one, two = (tmp_path / f"{method}{n}.safetensors" for n in (1, 2))
        assert one.read_bytes() == two.read_bytes()


def test_the_seed_decides(train: Any, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert train(*TINY, "--seed", seed, output=f"{name}.bin").code == 0
    a, b, c = ((tmp_path / f"{name}.bin").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_start_from_vectors(train: Any, tmp_path: Path) -> None:
    assert train(*TINY, "--epochs", 5, output="old.vec").code == 0
    (tmp_path / "few.vec").write_text("2 16\nant0" + " 0.25" * 16 + "\nzebra" + " 1" * 16 + "\n")
    hardly = ("--learning-rate", 1e-9, *TINY)
    for old in ("old.vec", "few.vec"):
        assert train("--init", tmp_path / old, *hardly, output="new.vec").code == 0
        new = load_vectors(str(tmp_path / "new.vec"))
        before = load_vectors(str(tmp_path / old))
        for word in filter(before.__contains__, new.words):
            np.testing.assert_allclose(new.vector(word), before.vector(word), atol=1e-6)
        assert len(new) == 32


def test_an_evaluation_follows_every_epoch(train: Any, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("ant0 ant1 9\nant0 bee1 1\ncow0 cow1 8\ncow3 dog1 2\neel0 eel3 9\n")
    result = train("--eval", pairs, "--learning-rate", 0.1, *SMALL, "--epochs", 3)
    assert result.code == 0, result.err
    lines = [line for line in result.err.split("\n") if "mean loss" in line]
    assert len(lines) == 3
    assert all(line.count(";") == 1 for line in lines)


# --- the corpus -------------------------------------------------------------------------------


def words_of(path: Path) -> list[str]:
    return load_vectors(str(path)).words


def test_choosing_words(train: Any, tmp_path: Path) -> None:
    everything = " ".join(sentences()).split()
    by_count = sorted(set(everything), key=lambda word: (-everything.count(word), word))
    assert train(*TINY, output="all.vec").code == 0
    assert words_of(tmp_path / "all.vec") == by_count
    assert train(*TINY, "--max-vocab", 7, output="some.vec").code == 0
    assert words_of(tmp_path / "some.vec") == by_count[:7]
    assert train(*TINY, "--min-count", 95, output="some.vec").code == 0
    assert words_of(tmp_path / "some.vec") == [w for w in by_count if everything.count(w) >= 95]


def test_lowercase(run_cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("Ab ab CD\n" * 9)
    options = ("train-embeddings", tmp_path / "c.txt", "-o", tmp_path / "v.vec", *TINY)
    assert run_cli(*options).code == 0
    assert words_of(tmp_path / "v.vec") == ["Ab", "CD", "ab"]
    assert run_cli(*options, "--lowercase").code == 0
    assert words_of(tmp_path / "v.vec") == ["ab", "cd"]


def test_all_ways_to_give_a_corpus(run_cli: RunCli, tmp_path: Path) -> None:
    """Two plain files, a pattern, compressed files and stdin are the same corpus."""
    lines = [f"{line}\n".encode() for line in sentences(60)]
    first, second = b"".join(lines[:30]), b"".join(lines[30:])
    (tmp_path / "c1.txt").write_bytes(first)
    (tmp_path / "c2.txt").write_bytes(second)
    (tmp_path / "z1.gz").write_bytes(gzip.compress(first))
    (tmp_path / "z2.gz").write_bytes(gzip.compress(second))
    ways: list[tuple[list[object], bytes]] = [
        ([tmp_path / "c1.txt", tmp_path / "c2.txt"], b""),
        ([tmp_path / "c?.txt"], b""),
        ([tmp_path / "z*.gz"], b""),
        ([tmp_path / "c1.txt", "-"], second),
        (["-"], first + second),
    ]
    found = set()
    for files, stdin in ways:
        result = run_cli("train-embeddings", *files, "-o", tmp_path / "v.bin", *TINY, stdin=stdin)
        assert result.code == 0, result.err
        found.add((tmp_path / "v.bin").read_bytes())
    assert len(found) == 1


def test_a_name_that_looks_like_a_pattern(run_cli: RunCli, tmp_path: Path) -> None:
    path = write_corpus(tmp_path / "corpus[1].txt", 20)
    assert run_cli("train-embeddings", path, "-o", tmp_path / "v.bin", *TINY).code == 0


def test_windows_end_with_lines_or_documents(run_cli: RunCli, tmp_path: Path) -> None:
    """Words that are alone on their lines have no context, unless documents are read."""
    (tmp_path / "c.txt").write_text("a\nb\n\n" * 50)
    options = ("train-embeddings", tmp_path / "c.txt", "-o", tmp_path / "v.vec", *TINY)
    assert losses(run_cli(*options)) == [0]
    assert losses(run_cli(*options, "--sentences", "documents"))[0] > 0


def test_phrases(run_cli: RunCli, tmp_path: Path) -> None:
    fillers = [f"w{n}" for n in range(100)]
    lines = [
        f"{fillers[n % 100]} new york {fillers[n * 7 % 100]} {fillers[n * 3 % 100]}\n"
        for n in range(400)
    ]
    (tmp_path / "c.txt").write_text("".join(lines) + " ".join(fillers * 600) + "\n")
    options = ("train-embeddings", tmp_path / "c.txt", "-o", tmp_path / "v.vec", *TINY)
    assert run_cli(*options).code == 0
    assert "new_york" not in words_of(tmp_path / "v.vec")
    assert run_cli(*options, "--phrases", 1).code == 0
    assert "new_york" in words_of(tmp_path / "v.vec")


# --- what is written --------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".bin", ".vec", ".txt", ".safetensors"])
def test_formats_hold_the_same_numbers(train: Any, tmp_path: Path, ending: str) -> None:
    assert train(*TINY, output="first.bin").code == 0
    assert train(*TINY, output=f"second{ending}").code == 0
    first = load_vectors(str(tmp_path / "first.bin"))
    second = load_vectors(str(tmp_path / f"second{ending}"))
    assert first.words == second.words
    np.testing.assert_array_equal(first.matrix, second.matrix)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("ending", [".bin", ".vec", ".txt"])
def test_gensim_loads_them(train: Any, tmp_path: Path, ending: str) -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    assert train(*TINY, output=f"v{ending}").code == 0
    path = str(tmp_path / f"v{ending}")
    theirs = models.KeyedVectors.load_word2vec_format(
        path, binary=ending == ".bin", no_header=ending == ".txt"
    )
    ours = load_vectors(path)
    assert theirs.index_to_key == ours.words
    np.testing.assert_array_equal(theirs.vectors, ours.matrix)


def test_a_model_says_how_it_was_made(train: Any, corpus: Path, tmp_path: Path) -> None:
    import hashlib

    assert train(*TINY, "--seed", 7).code == 0
    _, metadata = read_model(str(tmp_path / "v.safetensors"), "word-vectors")
    assert metadata["seed"] == 7
    assert metadata["corpus_sha256"] == hashlib.sha256(corpus.read_bytes()).hexdigest()
    arguments = metadata["arguments"]
    assert arguments["method"] == "skipgram"
    assert arguments["objective"] == "ns"
    assert arguments["learning_rate"] == 0.025
    assert arguments["dim"] == 16
    assert str(tmp_path) not in str(metadata)


def test_quiet_and_loud(train: Any) -> None:
    assert train(*TINY, "-q").err == ""
    lines = train(*TINY).err.strip().split("\n")
    assert lines[0] == "32 words; 3,200 of 3,200 words of the corpus are among them"
    assert re.fullmatch(r"epoch 1 of 1: mean loss \d\.\d{4}, [\d,]+ words/s", lines[1])
    assert len(lines) == 2


# --- stopping and going on --------------------------------------------------------------------

MODELS = {
    "skipgram": (),
    "subwords": ("--method", "cbow", "--objective", "hs", "--subwords", "--buckets", 500),
    "nnlm": ("--method", "nnlm", "--hidden", 8, "--objective", "ns"),
    "glove": ("--method", "glove"),
}
MOMENTS = ["training:1", "training:4", "training:9", "checkpoint:2", "saving"]


@pytest.mark.parametrize(
    ("model", "moment"),
    [*[("skipgram", moment) for moment in MOMENTS], *[(model, "training:5") for model in MODELS]],
)
def test_a_killed_training_goes_on_to_the_same_bytes(
    tmp_path: Path, corpus: Path, model: str, moment: str
) -> None:
    options = (*SMALL, "--epochs", 2, *MODELS[model])
    whole, killed = tmp_path / "whole.safetensors", tmp_path / "killed.safetensors"
    done = run_until("never", "train-embeddings", corpus, "-o", whole, *options)
    assert done.returncode == 0, done.stderr
    done = run_until(moment, "train-embeddings", corpus, "-o", killed, *options)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not killed.exists()
    done = run_until("never", "train-embeddings", corpus, "-o", killed, *options, "--resume")
    assert done.returncode == 0, done.stderr
    if moment != "training:1":  # there was a checkpoint
        assert "resuming in epoch" in done.stderr
    assert killed.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "corpus.txt", killed.name, whole.name,
    ]  # fmt: skip


def test_killed_twice(tmp_path: Path, corpus: Path) -> None:
    command = ("train-embeddings", corpus, *SMALL, "--epochs", 2, "-o")
    whole, killed = tmp_path / "whole.bin", tmp_path / "killed.bin"
    assert run_until("never", *command, whole).returncode == 0
    for more in ((), ("--resume",), ("--resume",)):
        done = run_until("training:4", *command, killed, *more)
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert run_until("never", *command, killed, "--resume").returncode == 0
    assert killed.read_bytes() == whole.read_bytes()


def test_killed_before_the_training(tmp_path: Path, corpus: Path) -> None:
    command = ("train-embeddings", corpus, *TINY, "-o", tmp_path / "v.bin")
    assert run_until("vocabulary", *command).returncode == -signal.SIGKILL
    done = run_until("never", *command, "--resume")
    assert done.returncode == 1
    assert "nothing to resume" in done.stderr
    assert "run without --resume" in done.stderr
    assert done.stderr.count("\n") == 1
    assert run_until("never", *command).returncode == 0
    assert not (tmp_path / "v.bin.work").exists()


def interrupt_once(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Get a signal during the first round."""
    sent: list[int] = []

    def chunks_done(self: TrainingReport, words: int, place: Any, rate: float) -> None:
        if not sent:
            sent.append(number)
            os.kill(os.getpid(), number)

    monkeypatch.setattr(TrainingReport, "chunks_done", chunks_done)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"]
)
@pytest.mark.parametrize("method", ["skipgram", "glove"])
def test_an_interrupt_leaves_a_checkpoint(
    train: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int, method: str
) -> None:
    options = ("--method", method, *SMALL, "--epochs", 3)
    assert train(*options, output="whole.bin").code == 0
    interrupt_once(monkeypatch, number)
    result = train(*options)
    assert result.code == code
    work = tmp_path / "v.safetensors.work"
    assert (work / "checkpoint.safetensors").exists()
    assert not (tmp_path / "v.safetensors").exists()
    result = train(*options, "--resume")
    assert result.code == 0, result.err
    assert "resuming in epoch" in result.err
    whole = load_vectors(str(tmp_path / "whole.bin"))
    again = load_vectors(str(tmp_path / "v.safetensors"))
    np.testing.assert_array_equal(whole.matrix, again.matrix)
    assert not work.exists()


def test_an_interrupt_at_the_very_end(
    train: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def epoch_done(self: TrainingReport, epoch: int, mean_loss: float, seconds: float) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingReport, "epoch_done", epoch_done)
        assert train(*TINY).code == 130
    result = train(*TINY, "--resume")
    assert result.code == 0
    assert "mean loss" not in result.err  # nothing was left to train
    assert (tmp_path / "v.safetensors").exists()


def test_other_options_are_no_resumption(
    train: Any, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupt_once(patch, signal.SIGINT)
        assert train(*SMALL, "--epochs", 3).code == 130
    result = train(*SMALL, "--epochs", 4, "--resume")
    assert result.code == 1
    assert "it was started with epochs 3, now it is 4" in result.err
    assert "window 3, now it is 4" in train(*SMALL, "--epochs", 3, "--window", 4, "--resume").err
    text = corpus.read_text()
    corpus.write_text(text + "more\n")
    changed = train(*SMALL, "--epochs", 3, "--resume")
    assert changed.code == 1
    assert "it was started with corpus" in changed.err
    assert changed.err.count("\n") == 1


def test_threads_may_change_when_going_on(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        interrupt_once(patch, signal.SIGINT)
        assert train(*SMALL, "--epochs", 2).code == 130
    assert train(*SMALL, "--epochs", 2, "--threads", 2, "--resume").code == 0


def test_nothing_to_resume(train: Any, tmp_path: Path) -> None:
    result = train(*TINY, "--resume")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert "nothing to resume" in result.err
    assert not (tmp_path / "v.safetensors.work").exists()


def test_stdin_need_not_be_read_again(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(f"{line}\n" for line in sentences(50))
    command = ("train-embeddings", "-", *SMALL, "--epochs", 2, "-o")
    assert run_cli(*command, tmp_path / "whole.bin", stdin=text).code == 0
    with monkeypatch.context() as patch:
        interrupt_once(patch, signal.SIGINT)
        assert run_cli(*command, tmp_path / "v.bin", stdin=text).code == 130
    assert run_cli(*command, tmp_path / "v.bin", "--resume").code == 0
    assert (tmp_path / "v.bin").read_bytes() == (tmp_path / "whole.bin").read_bytes()


# --- mistakes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["corpus.txt"], 2, "-o FILE is missing"),
        (["corpus.txt", "-o", "v.npy"], 2, "end it in .bin"),
        (["corpus.txt", "-o", "-"], 2, "end it in .bin"),
        (["corpus.txt", "-o", "none/v.vec"], 1, "no such folder"),
        (["corpus.txt", "-o", "corpus.txt"], 2, "also a file of the corpus"),
        (["none.txt", "-o", "v.vec"], 1, "none.txt"),
        (["none*", "-o", "v.vec"], 1, "none*: no file matches"),
        (["empty.txt", "-o", "v.vec"], 1, "no words in it"),
        (["corpus.txt", "-o", "v.vec", "--min-count", "9999"], 1, "lower --min-count"),
        (["bad.txt", "-o", "v.vec"], 1, "bad.txt:2"),
        (["corpus.txt", "-o", "v.vec", "--subwords"], 2, "--subwords needs"),
        (
            ["corpus.txt", "-o", "v.safetensors", "--subwords", "--method", "glove"],
            2,
            "--subwords goes with",
        ),
        (["corpus.txt", "-o", "v.vec", "--method", "glove", "--objective", "ns"], 2, "--objective"),
        (["corpus.txt", "-o", "v.vec", "--min-ngram", "7"], 2, "--min-ngram is above"),
        (["corpus.txt", "-o", "v.vec", "--memory", "much"], 2, "write for example 500M"),
        (["corpus.txt", "-o", "v.vec", "--memory", ""], 2, "write for example 500M"),
        (["corpus.txt", "-o", "v.vec", "--memory", "0G"], 2, "write for example 500M"),
        (["corpus.txt", "-o", "v.vec", "--method", "nnlm", "--context", "left:2"], 2, "last:N"),
        (["corpus.txt", "-o", "v.vec", "--method", "nnlm", "--context", "nearby:2"], 2, "nearby:1"),
        (["corpus.txt", "-o", "v.vec", "--init", "none.vec"], 1, "none.vec: no such file"),
        (["corpus.txt", "-o", "v.vec", "--eval", "none.txt"], 1, "none.txt: no such file"),
        (["corpus.txt", "-o", "v.vec", "--init", "other.vec"], 1, "use --dim 3"),
        (["corpus.txt", "-o", "v.vec", "--learning-rate", "0"], 2, "--learning-rate"),
        (["corpus.txt", "-o", "v.vec", "--learning-rate", "1e30"], 1, "lower --learning-rate"),
        (["many.txt", "-o", "v.vec", "--objective", "softmax"], 1, "--max-vocab 50000"),
    ],
)
def test_mistakes_are_one_line(
    run_cli: RunCli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_corpus(Path("corpus.txt"), 20)
    Path("empty.txt").write_text("\n \n")
    Path("bad.txt").write_bytes(b"fine\nb\xffd\n")
    Path("other.vec").write_text("1 3\nant0 1 2 3\n")
    if arguments[0] == "many.txt":
        Path("many.txt").write_text("".join(f"w{n}\n" for n in range(50_001)))
    corpus = Path("corpus.txt").read_bytes()
    result = run_cli("train-embeddings", "--min-count", 1, *arguments)
    assert result.code == code, result.err
    lines = result.err.strip().split("\n")
    assert message in lines[-1]
    assert len([line for line in lines if "words of the corpus" not in line]) == 1, lines
    assert not Path("v.vec").exists()
    assert Path("corpus.txt").read_bytes() == corpus
    if len(lines) == 1:  # the corpus was not even read to its end
        assert not list(Path().glob("*.work"))


def test_a_failure_leaves_an_older_result_alone(train: Any, tmp_path: Path) -> None:
    (tmp_path / "v.safetensors").write_text("old")
    assert train("--min-count", 9999).code == 1
    assert (tmp_path / "v.safetensors").read_text() == "old"


def test_help_says_that_threads_do_not_wait(run_cli: RunCli) -> None:
    result = run_cli("train-embeddings", "--help")
    assert result.code == 0
    assert "seqtool train-embeddings corpus.txt -o vectors.safetensors" in result.out
    assert "without waiting for each other" in " ".join(result.out.split())
