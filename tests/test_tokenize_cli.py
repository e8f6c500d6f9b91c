"""`seqtool tokenize` from the shell."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import RunCli

np = pytest.importorskip("numpy")

TEXT = (
    "The quick brown fox jumps over the lazy dog.\n"
    "the the  dog's  naïve café\n"
    "\n"
    " 東京 is a city \n"
    "no <s> newline here 🦊\n"
)
KINDS = ["bpe", "unigram", "word", "char"]

Train = Callable[..., str]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT * 4, encoding="utf-8")
    return path


@pytest.fixture
def train(run_cli: RunCli, corpus: Path, tmp_path: Path) -> Train:
    """``train("bpe", ...)`` makes a tokenizer; returns its path."""

    def make(kind: str, *options: object, name: str = "tok.json") -> str:
        path = tmp_path / name
        size = [] if "--vocab-size" in options or "--extend" in options else ["--vocab-size", "400"]
        result = run_cli("tokenize", "train", corpus, "--model", kind, *size, *options, "-o", path)
        assert result.code == 0, result.err
        assert result.out == ""
        return str(path)

    return make


# --- round trips ------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [[], ["--ids"]])
def test_byte_level_round_trip_is_exact(run_cli: RunCli, train: Train, ids: list[str]) -> None:
    model = train("bpe")
    encoded = run_cli("tokenize", "-m", model, *ids, stdin=TEXT)
    assert encoded.code == 0
    assert encoded.out.count("\n") == TEXT.count("\n")
    decoded = run_cli("tokenize", "decode", "-m", model, *ids, stdin=encoded.out)
    assert decoded.out == TEXT
    again = run_cli("tokenize", "encode", "-m", model, *ids, stdin=TEXT)
    assert again.out == encoded.out


@pytest.mark.parametrize("kind", ["unigram", "word", "char"])
def test_other_round_trips(run_cli: RunCli, train: Train, kind: str) -> None:
    model = train(kind)
    for ids in ([], ["--ids"]):
        encoded = run_cli("tokenize", "-m", model, *ids, stdin=TEXT)
        decoded = run_cli("tokenize", "decode", "-m", model, *ids, stdin=encoded.out)
        expected = TEXT
        if kind != "char":
            expected = "".join(f"{' '.join(line.split())}\n" for line in TEXT.split("\n")[:-1])
        if kind == "word":
            expected = expected.replace("<s>", "<unk>")  # a word that is called like a token
        assert decoded.out == expected


def test_pieces(run_cli: RunCli, train: Train) -> None:
    words = train("word", "--lowercase")
    out = run_cli("tokenize", "-m", words, stdin="The FOX! unseen\n").out
    assert out == "the <unk> <unk>\n"
    out = run_cli("tokenize", "-m", train("char"), stdin="a b🙃\n").out
    assert out == "a ▁ b <unk>\n"
    out = run_cli("tokenize", "-m", train("char", "--byte-fallback"), stdin="a b🙃\n").out
    assert out == "a ▁ b <0xF0> <0x9F> <0x99> <0x83>\n"
    assert run_cli("tokenize", "-m", train("bpe"), stdin=" the\n").out == "Ġthe\n"
    assert run_cli("tokenize", "-m", train("unigram"), stdin="the\n").out == "▁the\n"


def test_bos_eos_and_special_tokens(run_cli: RunCli, train: Train) -> None:
    model = train("bpe", "--special", "<sep>")
    ids = run_cli("tokenize", "-m", model, "--ids", "--bos", "--eos", stdin="\n").out
    assert ids == "1 2\n"
    out = run_cli("tokenize", "-m", model, "--match-special", stdin="<sep>the<s>\n").out
    assert out.split()[0] == "<sep>"
    assert out.split()[-1] == "<s>"
    assert "<sep>" not in run_cli("tokenize", "-m", model, stdin="<sep>the\n").out.split()
    back = run_cli("tokenize", "decode", "-m", model, stdin=f"<s> {out}").out
    assert back == "<sep>the\n"


def test_several_files_compressed(run_cli: RunCli, train: Train, tmp_path: Path) -> None:
    model = train("bpe")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"the dog"))
    (tmp_path / "b.txt").write_text("quick\n", encoding="utf-8")
    out = run_cli("tokenize", "-m", model, tmp_path / "a.txt.gz", tmp_path / "b.txt").out
    assert run_cli("tokenize", "decode", "-m", model, stdin=out).out == "the dog\nquick\n"


def test_output_file(run_cli: RunCli, train: Train, tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    run_cli("tokenize", "-m", train("bpe"), "-o", target, stdin="the\n")
    assert target.read_text("utf-8") != ""


# --- jsonl ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_offsets_point_into_the_line(run_cli: RunCli, train: Train, kind: str) -> None:
    result = run_cli("tokenize", "-m", train(kind), "--format", "jsonl", stdin=TEXT)
    for line, text in zip(result.out.split("\n"), TEXT.split("\n")[:-1], strict=False):
        record = json.loads(line)
        assert len(record["ids"]) == len(record["pieces"]) == len(record["offsets"])
        last = 0
        for piece, (begin, end) in zip(record["pieces"], record["offsets"], strict=True):
            assert 0 <= begin <= end <= len(text)
            assert begin >= last - 1  # parts of a character have the place of all of it
            last = end
            if kind == "word" and piece != "<unk>":
                assert text[begin:end] == piece


def test_offsets_of_normalized_text(run_cli: RunCli, train: Train) -> None:
    model = train("word", "--normalize", "nfkc", "--lowercase")
    line = "the\u3000ＤＯＧ'Ｓ ﬁn\n"
    record = json.loads(run_cli("tokenize", "-m", model, "--format", "jsonl", stdin=line).out)
    assert record["pieces"] == ["the", "dog's", "<unk>"]
    assert record["offsets"] == [[0, 3], [4, 9], [10, 12]]


# --- other cuts -------------------------------------------------------------------------------


def test_nbest(run_cli: RunCli, train: Train) -> None:
    model = train("unigram")
    ask = ("tokenize", "-m", model, "--nbest", "3")
    best = run_cli("tokenize", "-m", model, stdin="the dog\n").out
    lines = run_cli(*ask, stdin="the dog\n").out.split("\n")[:-1]
    assert len(lines) == len(set(lines)) == 3
    assert lines[0] == best.strip()
    records = run_cli(*ask, "--format", "jsonl", stdin="the dog\n").out.split("\n")[:-1]
    scores = [json.loads(record)["score"] for record in records]
    assert scores == sorted(scores, reverse=True)
    assert run_cli(*ask, "-m", train("bpe"), stdin="a\n").code == 1


@pytest.mark.parametrize(
    ("kind", "option"), [("unigram", ["--sample", "0.2"]), ("bpe", ["--dropout", "0.4"])]
)
def test_random_cuts_are_seeded(
    run_cli: RunCli, train: Train, kind: str, option: list[str], tmp_path: Path
) -> None:
    ask = ("tokenize", "-m", train(kind), *option)
    one = run_cli(*ask, "--seed", "7", stdin=TEXT).out
    assert run_cli(*ask, "--seed", "7", "--threads", "1", stdin=TEXT).out == one
    assert run_cli(*ask, "--seed", "8", stdin=TEXT).out != one
    parts = []
    for number, line in enumerate(TEXT.split("\n")[:-1]):
        path = tmp_path / f"{number}.txt"
        path.write_text(line + "\n", encoding="utf-8")
        parts.append(path)
    assert run_cli(*ask, "--seed", "7", *parts).out == one  # whatever comes at once
    back = run_cli("tokenize", "decode", "-m", ask[2], stdin=one).out
    assert back.split() == TEXT.split()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--sample", "0.1", "--dropout", "0.1"], 2),
        (["--ids", "--format", "jsonl"], 2),
        (["--nbest", "2", "--match-special"], 2),
        (["--sample", "0.1"], 1),
        (["--nbest", "2"], 1),
    ],
)
def test_options_that_contradict(
    run_cli: RunCli, train: Train, options: list[str], code: int
) -> None:
    result = run_cli("tokenize", "-m", train("bpe"), *options, stdin="a\n")
    assert (result.code, result.out) == (code, "")
    assert result.err.count("\n") == 1


# --- training ---------------------------------------------------------------------------------


def test_training_records_what_made_it(run_cli: RunCli, train: Train) -> None:
    path = train("bpe", "--normalize", "nfc", name="one.json")
    with open(path, encoding="utf-8") as file:
        notes = json.load(file)["model"]["seqtool"]
    assert notes["arguments"]["normalize"] == "nfc"
    assert len(notes["corpus_sha256"]) == 64
    assert notes["seqtool_version"]
    again = train("bpe", "--normalize", "nfc", "--threads", "1", name="two.json")
    assert Path(path).read_bytes() == Path(again).read_bytes()
    assert "pieces          " in run_cli("info", path).out


@pytest.mark.parametrize("kind", ["bpe", "word", "char"])
def test_extending_moves_no_id(run_cli: RunCli, train: Train, tmp_path: Path, kind: str) -> None:
    size = {"bpe": "270", "word": "10", "char": "12"}[kind]
    old = train(kind, "--vocab-size", size, "--special", "<sep>")
    more = tmp_path / "more.txt"
    more.write_text("zebra zebras zoo zoology\n" * 3, encoding="utf-8")
    new = tmp_path / "new.json"
    result = run_cli(
        "tokenize", "train", more, "--extend", old, "--vocab-size", str(int(size) + 3), "-o", new
    )
    assert result.code == 0, result.err
    before, after = (json.loads(Path(path).read_text("utf-8")) for path in (old, new))
    vocab = after["model"]["vocab"]
    assert before["model"]["vocab"].items() <= vocab.items()
    assert len(vocab) == int(size) + 3
    assert before["added_tokens"] == after["added_tokens"]
    assert (
        run_cli("tokenize", "train", more, "--extend", new, "-o", new, "--vocab-size", 5).code == 1
    )


def test_tiktoken_ranks(run_cli: RunCli, train: Train) -> None:
    ranks = train("bpe", name="tok.tiktoken")
    model = train("bpe")
    pieces = run_cli("tokenize", "-m", model, stdin=TEXT).out
    assert run_cli("tokenize", "-m", ranks, stdin=TEXT).out == pieces


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["-o", "{folder}/none/x.json"],
        ["-o", "{corpus}"],
        ["-o", "{folder}/x.json", "--special", "a b"],
        ["-o", "{folder}/x.json", "--vocab-size", "3"],
        ["-o", "{folder}/x.json", "--model", "word", "--pretokenize", "none"],
        ["-o", "{folder}/x.json", "--model", "unigram", "--pretokenize", "gpt2"],
        ["-o", "{folder}/x.json", "--extend", "{folder}/none.json"],
        ["-o", "{folder}/x.json", "--extend", "{corpus}", "--lowercase"],
        ["-o", "{folder}/x.json", "{folder}/*.none"],
        ["-o", "{folder}/x.json", "{folder}/missing.txt"],
    ],
)
def test_training_that_cannot_work(
    run_cli: RunCli, corpus: Path, tmp_path: Path, options: list[str]
) -> None:
    filled = [option.format(folder=tmp_path, corpus=corpus) for option in options]
    result = run_cli("tokenize", "train", corpus, *filled)
    assert result.code in (1, 2)
    assert result.err.count("\n") == 1
    assert not (tmp_path / "x.json").exists()


def test_an_empty_corpus_is_an_error(run_cli: RunCli, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("", encoding="utf-8")
    result = run_cli("tokenize", "train", empty, "-o", tmp_path / "x.json")
    assert (result.code, "no words" in result.err) == (1, True)


# --- decoding ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "line", "said"),
    [
        (["--ids"], "1 2\n5 x\n", "stdin:2: not a line of ids"),
        (["--ids"], "1 99999999999\n", "stdin:1: not a line of ids"),
        (["--ids"], "1\n\n400\n", "stdin:3: the id 400 is not in the vocabulary"),
        ([], "Ġthe\nĠthe zzzzzz\n", "stdin:2: no piece 'zzzzzz'"),
        ([], "123\n", "use --ids"),
    ],
)
def test_lines_that_cannot_be_decoded(
    run_cli: RunCli, train: Train, options: list[str], line: str, said: str
) -> None:
    result = run_cli("tokenize", "decode", "-m", train("bpe"), *options, stdin=line)
    assert result.code == 1
    assert said in result.err
    assert result.err.count("\n") == 1


# --- words and counts -------------------------------------------------------------------------


def test_words(run_cli: RunCli) -> None:
    line = "Don't stop, at 3.14%!\n\nÜber  weg\n"
    assert run_cli("tokenize", "words", stdin=line).out == "Don't stop at 3.14\n\nÜber weg\n"
    assert run_cli("tokenize", "words", "--rules", "13a", stdin=line).out == (
        "Don't stop , at 3.14 % !\n\nÜber weg\n"
    )
    assert run_cli("tokenize", "words", "--rules", "whitespace", stdin=line).out == (
        "Don't stop, at 3.14%!\n\nÜber weg\n"
    )


def test_counts(run_cli: RunCli, corpus: Path) -> None:
    lines = run_cli("tokenize", "count", corpus, "--lowercase").out.split("\n")
    assert lines[0] == "the\t16"
    assert "東\t4" in lines
    least = run_cli("tokenize", "count", corpus, "--min-frequency", "5").out
    assert least == "the\t12\n"
    small = run_cli("tokenize", "count", corpus, "--memory", "1K", "--threads", "2").out
    assert small == run_cli("tokenize", "count", corpus).out


# --- inspect ----------------------------------------------------------------------------------


def test_inspect(run_cli: RunCli, train: Train, corpus: Path) -> None:
    model = train("word", "--vocab-size", "8")
    ask = ("tokenize", "inspect", "-m", model, corpus)
    report = json.loads(run_cli(*ask, "--format", "json").out)
    words = len((TEXT * 4).split())
    assert (report["vocabulary"], report["lines"], report["words"]) == (8, 20, words)
    assert report["characters"] == len(TEXT.replace("\n", "")) * 4
    assert report["tokens"] == words
    assert report["tokens_per_word"] == 1
    assert 0 < report["unknown_rate"] < 1
    assert sum(report["token_lengths"]) == words
    text = run_cli(*ask).out
    assert "tokens a word        1.000" in text
    assert "█" in text
    empty = json.loads(
        run_cli("tokenize", "inspect", "-m", model, "--format", "json", stdin="").out
    )
    assert (empty["tokens"], empty["tokens_per_word"]) == (0, None)


# --- the stream and the command ---------------------------------------------------------------


def test_lines_come_while_stdin_is_open(train: Train, seqtool_command: list[str]) -> None:
    command = [*seqtool_command, "tokenize", "-m", train("bpe")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(3):
            process.stdin.write(" the\n")
            process.stdin.flush()
            assert process.stdout.readline() == "Ġthe\n"
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def test_bad_bytes_and_files(run_cli: RunCli, train: Train, tmp_path: Path) -> None:
    model = train("bpe")
    result = run_cli("tokenize", "-m", model, stdin=b"fine\n\xff\n")
    assert result.code == 1
    assert "stdin:2: not UTF-8" in result.err
    assert run_cli("tokenize", "-m", model, "--errors", "replace", stdin=b"\xff\n").code == 0
    for path in (tmp_path / "missing.json", tmp_path):
        result = run_cli("tokenize", "-m", path, stdin="a\n")
        assert (result.code, result.err.count("\n")) == (1, 1)


def test_unknown_text_without_unk_names_the_line(run_cli: RunCli, tmp_path: Path) -> None:
    path = tmp_path / "tok.json"
    path.write_text(
        json.dumps({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}), encoding="utf-8"
    )
    result = run_cli("tokenize", "-m", path, stdin="a\naa\nab\n")
    assert result.code == 1
    assert result.err.startswith("seqtool tokenize: stdin:3: ")


def test_a_plugin_brings_a_format(
    run_cli: RunCli, make_plugin: Callable[..., Path], tmp_path: Path, train: Train
) -> None:
    model = train("bpe")
    make_plugin(
        "words",
        "from seqtool.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def register_tokenizers(register):\n"
        "    from seqtool.tokenizers.load import load\n"
        "    register('.copied', lambda path: load(path.removesuffix('.copied')))\n",
    )
    path = tmp_path / "tok.json.copied"
    path.write_text("", encoding="utf-8")
    from seqtool import plugins

    plugins.set_host(None)
    assert run_cli("tokenize", "-m", path, stdin=" the\n").out == "Ġthe\n"
    assert model in str(path)


def test_help_shows_examples_and_jobs(run_cli: RunCli) -> None:
    page = run_cli("tokenize", "--help").out
    assert page.startswith("Usage: seqtool tokenize [OPTIONS] [FILE]...\n")
    assert page.index("Examples:") < page.index("Other jobs:") < page.index("Options:")
    for job in ("train", "encode", "decode", "words", "count", "inspect"):
        assert "Examples:" in run_cli("tokenize", job, "--help").out


def test_encoding_imports_nothing_slow(train: Train, corpus: Path) -> None:
    model = train("bpe")
    code = (
        "import sys; from seqtool.cli import main;"
        f" main(['tokenize', '-m', {model!r}, {str(corpus)!r}, '-o', '/dev/null']);"
        " slow = {'numba', 'scipy', 'rich', 'llvmlite', 'tokenizers', 'tiktoken'};"
        " print(sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr == "[]\n"
