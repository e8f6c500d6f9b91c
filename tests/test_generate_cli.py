"""`seqtool generate` from the shell: streams, stops, damage, and what cannot work."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import RunCli
from generate_models import NAMES, QUICK, SMALL, grammar, train, write

np = pytest.importorskip("numpy")

from seqtool.modelfile import read_model, write_model  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text and models of it."""
    folder = tmp_path_factory.mktemp("generate")
    corpus = write(folder / "grammar.txt", grammar())
    train(corpus, folder / "stream.safetensors", *QUICK, "--epochs", 2)
    train(NAMES, folder / "names.safetensors", "--one-per-line", *QUICK, "--epochs", 2)
    train(corpus, folder / "n.safetensors", "--model", "ngram")
    return folder


# --- streams --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["stream", "n"])
def test_a_closed_pipe_ends_it_at_once(folder: Path, seqtool_command: list[str], name: str) -> None:
    command = [*seqtool_command, "generate", "-m", f"{name}.safetensors", "--length", "100000000"]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.read(20)  # it comes while it is drawn
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    "arguments",
    [["--prompt", "-"], ["--prompt", "-", "--format", "jsonl"], ["score"], ["score", "-q", "-"]],
)
def test_answers_come_line_by_line(
    folder: Path, seqtool_command: list[str], arguments: list[str]
) -> None:
    job, options = ([arguments[0]], arguments[1:]) if arguments[0] == "score" else ([], arguments)
    command = [*seqtool_command, "generate", *job, "-m", "names.safetensors", *options]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        for name in (b"Ma\n", b"Jo\n"):
            process.stdin.write(name)
            process.stdin.flush()
            assert process.stdout.readline().endswith(b"\n")
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(timeout=20) == 0


def test_a_prompt_that_is_no_unicode(folder: Path, seqtool_command: list[str]) -> None:
    command = [*seqtool_command, "generate", "-m", "stream.safetensors", "--length", "3", "-q"]
    for more, shown in (([], b"a\xff\nb\xfe"), (["--format", "jsonl"], "a\ufffd\\nb".encode())):
        done = subprocess.run(
            [*command, "--prompt", b"a\xff\nb\xfe", *more],
            cwd=folder,
            capture_output=True,
            check=True,
        )
        assert shown in done.stdout


def test_a_corpus_from_stdin(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    text = (folder / "grammar.txt").read_bytes()
    for name, stdin, corpus in (("a", b"", folder / "grammar.txt"), ("b", text, "-")):
        target = tmp_path / f"{name}.safetensors"
        options = (*SMALL, "--epochs", 1, "-o", target)
        assert run_cli("generate", "train", corpus, *options, stdin=stdin).code == 0
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_formats_of_score_agree(run_cli: RunCli, folder: Path) -> None:
    def score(format: str) -> str:
        model = folder / "names.safetensors"
        result = run_cli("generate", "score", "-m", model, "--format", format, stdin="Ada\n\nÖx\n")
        assert result.code == 0
        assert "3 lines, 8 tokens, 1 unknown: perplexity" in result.err
        return result.out

    lines = [json.loads(line) for line in score("jsonl").split("\n")[:-1]]
    end = "</s>"
    assert [line["pieces"] for line in lines] == [[*"Ada", end], [end], ["<unk>", "x", end]]
    assert [line["tokens"] for line in lines] == [4, 1, 3]
    assert score("text") == "".join(f"{line['log_prob']:.4f}\n" for line in lines)
    whole = json.loads(score("json"))
    short = ("text", "log_prob", "tokens", "unknown", "perplexity")
    assert whole["lines"] == [{name: line[name] for name in short} for line in lines]
    assert whole["total"]["log_prob"] == pytest.approx(sum(line["log_prob"] for line in lines))
    assert whole["total"]["characters"] == 8
    header, *rows = (row.split("\t") for row in score("tsv").split("\n")[:-1])
    assert header == ["log_prob", "tokens", "unknown", "perplexity"]
    assert [int(row[1]) for row in rows] == [4, 1, 3]


def test_nothing_to_score_is_no_error(run_cli: RunCli, folder: Path) -> None:
    model = folder / "names.safetensors"
    for format in ("text", "tsv", "json", "jsonl"):
        result = run_cli("generate", "score", "-m", model, "--format", format, stdin="")
        assert (result.code, result.err) == (0, "")


# --- training: stops, threads ---------------------------------------------------------------------


def test_a_killed_training_is_resumed_to_the_same_bytes(
    folder: Path, tmp_path: Path, seqtool_command: list[str]
) -> None:
    options = ["--epochs", "12", "--log", "log.jsonl", *map(str, QUICK)]
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"

    def command(place: Path, *more: str) -> list[str]:
        place.mkdir(exist_ok=True)
        corpus = str(folder / "grammar.txt")
        return [
            *seqtool_command,
            "generate",
            "train",
            corpus,
            "-o",
            "m.safetensors",
            *options,
            *more,
        ]

    subprocess.run(command(unbroken), cwd=unbroken, check=True, capture_output=True)
    with subprocess.Popen(command(broken), cwd=broken, stderr=subprocess.PIPE) as process:
        log = broken / "log.jsonl"
        deadline = time.monotonic() + 30
        while not (log.exists() and log.read_bytes().count(b'"epoch",') >= 4):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
    assert not (broken / "m.safetensors").exists()
    refused = subprocess.run(command(broken), cwd=broken, capture_output=True, check=False)
    assert (refused.returncode, b"--resume" in refused.stderr) == (1, True)
    resumed = subprocess.run(
        command(broken, "--resume"), cwd=broken, check=True, capture_output=True
    )
    assert b"resuming in epoch" in resumed.stderr
    assert (broken / "m.safetensors").read_bytes() == (unbroken / "m.safetensors").read_bytes()
    assert not (broken / "m.safetensors.checkpoint").exists()
    logs = [(place / "log.jsonl").read_text(encoding="utf-8") for place in (unbroken, broken)]
    losses = [[json.loads(line)["loss"] for line in log.split("\n")[:-1]] for log in logs]
    assert losses[0] == losses[1]


def test_resuming_what_is_not_there(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "m.safetensors"
    result = run_cli("generate", "train", folder / "grammar.txt", "-o", target, "--resume")
    assert (result.code, "nothing to resume" in result.err) == (1, True)


@pytest.mark.parametrize("list_of_lines", [False, True])
def test_threads_change_nothing(tmp_path: Path, folder: Path, list_of_lines: bool) -> None:
    corpus = NAMES if list_of_lines else folder / "grammar.txt"
    options: tuple[object, ...] = (
        *SMALL,
        "--dropout",
        0.3,
        "--epochs",
        3,
    )  # 32 rows are two shards
    options += ("--one-per-line",) if list_of_lines else ()
    one, two = (
        train(corpus, tmp_path / f"{threads}.safetensors", *options, "--threads", threads)
        for threads in (1, 2)
    )
    assert Path(one).read_bytes() == Path(two).read_bytes()


def test_another_seed_is_another_model(tmp_path: Path, folder: Path) -> None:
    options = (*SMALL, "--epochs", 1, "--seed")
    one, two = (
        read_model(train(folder / "grammar.txt", tmp_path / f"{s}.safetensors", *options, s), None)
        for s in (1, 2)
    )
    assert not np.array_equal(one[0]["embedding.table"], two[0]["embedding.table"])


# --- what cannot work -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-m", "none.safetensors"], 1, "no file and no installed model"),
        (["-m", "{folder}/grammar.txt"], 1, "neither safetensors nor ARPA"),
        (["-m", "{folder}/stream.safetensors", "--beam", "2", "--top-k", "3"], 2, "--beam"),
        (["-m", "{folder}/stream.safetensors", "--beam", "2", "--count", "3"], 2, "--count"),
        (["-m", "{folder}/stream.safetensors", "--length-penalty", "1"], 2, "--beam"),
        (["-m", "{folder}/stream.safetensors", "--greedy", "--temperature", "1"], 2, "--greedy"),
        (["-m", "{folder}/stream.safetensors", "--greedy", "--count", "2"], 2, "--count"),
        (["-m", "{folder}/stream.safetensors", "--top-p", "0"], 2, "--top-p"),
        (["-m", "{folder}/stream.safetensors", "--temperature", "nan"], 2, "--temperature"),
        (["-m", "{folder}/names.safetensors", "--prompt", "a\nb"], 1, "no line break"),
        (["eval", "-m", "{folder}/stream.safetensors", "{folder}/none.txt"], 1, "no such file"),
        (["eval", "-m", "{folder}/stream.safetensors", "/dev/null"], 1, "there is no text"),
        (["score", "-m", "{folder}/stream.safetensors", "{folder}/n.safetensors"], 1, "not UTF-8"),
    ],
)
def test_what_cannot_work(
    run_cli: RunCli, folder: Path, arguments: list[str], code: int, said: str
) -> None:
    result = run_cli("generate", *(argument.format(folder=folder) for argument in arguments))
    assert (result.code, result.err.count("\n")) == (code, 1)
    assert said in result.err
    assert result.out == ""


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["-o", "m.bin"], 2, "end it in .safetensors"),
        (["-o", "m.arpa"], 2, "end it in .safetensors"),
        (["-o", "{folder}/none/m.safetensors"], 1, "no such folder"),
        (["-o", "{target}", "--cell", "none"], 1, "no recurrent cell 'none'"),
        (["-o", "{target}", "--tokenizer", "{folder}/grammar.txt"], 2, "--level subword"),
        (["-o", "{target}", "--embeddings", "{folder}/grammar.txt"], 2, "--level word"),
        (["-o", "{target}", "--level", "subword", "--tokenizer", "no.json"], 1, "no such file"),
        (["-o", "{target}", "--order", "3"], 2, "--order does not go with --model neural"),
        (["-o", "{target}", "--model", "ngram", "--hidden", "3"], 2, "--hidden does not go"),
        (["-o", "{target}", "--model", "ngram", "--resume"], 2, "--resume does not go"),
        (["-o", "{target}", "--validation", "none.txt"], 1, "none.txt: no such file"),
        (["-o", "{target}", "--validation", "0.00001"], 1, "too small"),
        (["-o", "{target}", "--validation", "0", "--patience", "2"], 2, "--validation"),
        (["-o", "{folder}/x.arpa", "--model", "ngram", "--level", "subword"], 2, "subwords"),
        (["-o", "{target}", "--log", "{folder}/grammar.txt"], 2, "it cannot be written"),
        (["-o", "{target}", "{folder}/nothing.txt"], 1, "no such file"),
    ],
)
def test_training_that_cannot_work(
    run_cli: RunCli, folder: Path, tmp_path: Path, options: list[str], code: int, said: str
) -> None:
    target = tmp_path / "m.safetensors"
    filled = [option.format(folder=folder, target=target) for option in options]
    result = run_cli("generate", "train", folder / "grammar.txt", "-q", *filled)
    assert (result.code, result.err.count("\n")) == (code, 1), result.err
    assert said in result.err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("level", ["char", "word", "subword"])
@pytest.mark.parametrize("content", ["", "\n", "\n\n"])
def test_an_empty_corpus(run_cli: RunCli, tmp_path: Path, level: str, content: str) -> None:
    corpus = write(tmp_path / "empty.txt", content)
    for more in ([], ["--one-per-line"], ["--model", "ngram"]):
        result = run_cli(
            "generate", "train", corpus, "-o", tmp_path / "m.safetensors", "--level", level, *more
        )
        assert result.code == 1, result.err
        assert result.err.count("\n") == 1
        assert not (tmp_path / "m.safetensors").exists()


@pytest.mark.parametrize("name", ["stream", "n"])
def test_a_file_that_is_cut_off(run_cli: RunCli, folder: Path, tmp_path: Path, name: str) -> None:
    whole = (folder / f"{name}.safetensors").read_bytes()
    broken = tmp_path / "m.safetensors"
    for size in (0, 5, 100, len(whole) // 2, len(whole) - 1):
        broken.write_bytes(whole[:size])
        result = run_cli("generate", "-m", broken)
        assert (result.code, result.err.count("\n"), result.out) == (1, 1, "")


def changes() -> list[Any]:
    """Things that may be wrong in the metadata or the tensors of a neural model."""
    return [
        pytest.param(lambda t, m: m["model"].update(hidden=1), id="a field too much"),
        pytest.param(lambda t, m: m.update(model=7), id="no shape"),
        pytest.param(lambda t, m: m["model"].update(vocab=10**9), id="a huge vocabulary"),
        pytest.param(lambda t, m: m["model"].update(embedding=-1), id="a negative size"),
        pytest.param(lambda t, m: m["model"]["stack"].update(hidden=10**9), id="huge states"),
        pytest.param(lambda t, m: m["model"]["stack"].update(layers=10**6), id="many layers"),
        pytest.param(lambda t, m: m["model"]["stack"].update(layers=2), id="a layer too much"),
        pytest.param(lambda t, m: m["model"]["stack"].update(cell="none"), id="no such cell"),
        pytest.param(lambda t, m: m["model"]["stack"].update(options={"a": 1}), id="an option"),
        pytest.param(lambda t, m: m.update(tokenizer="{"), id="a damaged tokenizer"),
        pytest.param(lambda t, m: m.pop("tokenizer"), id="no tokenizer"),
        pytest.param(lambda t, m: m.update(lines=3), id="lines is no bool"),
        pytest.param(lambda t, m: t.pop("embedding.table"), id="a tensor is missing"),
        pytest.param(lambda t, m: t.update(more=np.zeros(3)), id="a tensor too much"),
        pytest.param(
            lambda t, m: t.update({"embedding.table": t["embedding.table"][:-1]}), id="too few rows"
        ),
        pytest.param(lambda t, m: t["embedding.table"].fill(np.nan), id="not a number"),
        pytest.param(
            lambda t, m: t.update({"embedding.table": t["embedding.table"].astype(int)}), id="ints"
        ),
        pytest.param(lambda t, m: m.update(kind="tokenizer"), id="another kind"),
    ]


@pytest.mark.parametrize("change", changes())
def test_a_model_that_is_damaged(
    run_cli: RunCli, folder: Path, tmp_path: Path, change: Any
) -> None:
    tensors, metadata = read_model(str(folder / "stream.safetensors"), None)
    tensors = {name: array.copy() for name, array in tensors.items()}
    change(tensors, metadata)
    broken = tmp_path / "m.safetensors"
    write_model(str(broken), tensors, metadata)
    result = run_cli("generate", "-m", broken)
    assert (result.code, result.err.count("\n"), result.out) == (1, 1, "")
    assert "internal error" not in result.err
    assert str(broken) in result.err or "cell" in result.err


def test_n_grams_whose_tokenizer_is_another(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    tensors, metadata = read_model(str(folder / "n.safetensors"), None)
    metadata["tokenizer"] = read_model(str(folder / "names.safetensors"), None)[1]["tokenizer"]
    write_model(str(tmp_path / "m.safetensors"), tensors, metadata)
    result = run_cli("generate", "-m", tmp_path / "m.safetensors")
    assert (result.code, "different vocabularies" in result.err) == (1, True)


# --- files of other programs ----------------------------------------------------------------------

ARPA = """\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-99 <s> -0.3
-1.0 <unk>
-0.5 </s>
-0.4 hello -0.2
-0.7 world -0.1

\\2-grams:
-0.1 <s> hello
-0.2 hello world
-0.3 world </s>

\\end\\
"""


def test_an_arpa_file_of_words(run_cli: RunCli, tmp_path: Path) -> None:
    model = write(tmp_path / "m.arpa", ARPA)
    assert run_cli("generate", "-m", model, "--greedy").out == "hello world\n"
    out = run_cli("generate", "score", "-m", model, stdin="hello world\nmoose\n").out
    ln10 = float(np.log(10))
    expected = [-0.6 * ln10, (-0.3 - 1.0 - 0.5) * ln10]
    assert [float(line) for line in out.split()] == pytest.approx(expected, abs=1e-4)
    found = json.loads(
        run_cli("generate", "eval", "-m", model, "--format", "json", stdin="hello moose\n").out
    )
    assert (found["tokens"], found["unknown"]) == (3, 1)


def test_an_arpa_file_without_its_ending(run_cli: RunCli, tmp_path: Path) -> None:
    model = write(tmp_path / "model.lm", ARPA)
    assert run_cli("generate", "-m", model, "--greedy").out == "hello world\n"
    write(tmp_path / "model.lm", ARPA.replace("ngram 2=3", "ngram 2=4"))
    result = run_cli("generate", "-m", model)
    assert (result.code, result.err.count("\n")) == (1, 1)


def test_a_job_that_is_not_there(run_cli: RunCli) -> None:
    result = run_cli("generate", "trian", "corpus.txt")
    assert (result.code, result.out) == (2, "")
    assert "no job 'trian': there are train, score, eval" in result.err
