"""`seqtool analogy` from the shell."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import RunCli

np = pytest.importorskip("numpy")

from seqtool.vectors import WordVectors, load_vectors, save_vectors  # noqa: E402

WORDS = ["man", "woman", "king", "queen", "prince", "princess", "plot", "Paris", "zero"]
MATRIX = [
    [1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1.1], [1, 0.1, 2], [1, 1, 2.2], [-1, 0, 1],
    [0, -1, -1], [0, 0, 0],
]  # fmt: skip


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A file with nine words of three dimensions."""
    path = str(tmp_path / "vectors.bin")
    save_vectors(path, WordVectors(WORDS, np.array(MATRIX, np.float32)))
    return path


# --- questions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "question",
    [["man", "woman", "king"], ["man:woman::king:?"], ["man:woman", "::", "king"],
     ["man", "woman", "king", "?"]],
)  # fmt: skip
@pytest.mark.parametrize("metric", ["cosine", "euclidean", "mul"])
def test_one_question(run_cli: RunCli, model: str, question: list[str], metric: str) -> None:
    result = run_cli("analogy", "-m", model, *question, "--metric", metric)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].split()[0] == "queen"
    assert len(lines) == len(WORDS) - 3
    assert not {"man", "woman", "king"} & {line.split()[0] for line in lines}


def test_top_and_vocab(run_cli: RunCli, model: str) -> None:
    result = run_cli("analogy", "-m", model, "--top", "2", "man", "woman", "prince")
    assert [line.split()[0] for line in result.out.splitlines()] == ["princess", "queen"]
    result = run_cli("analogy", "-m", model, "--vocab", "5", "man", "woman", "prince")
    assert [line.split()[0] for line in result.out.splitlines()] == ["queen", "king"]


def test_ties_go_to_the_more_frequent_word(run_cli: RunCli, tmp_path: Path) -> None:
    path = str(tmp_path / "ties.vec")
    same = WordVectors(["a", "b", "c", "x", "y"], np.ones((5, 4), np.float32))
    save_vectors(path, same)
    for metric in ("cosine", "euclidean", "mul"):
        result = run_cli("analogy", "-m", path, "a", "b", "c", "--metric", metric)
        assert [line.split()[0] for line in result.out.splitlines()] == ["x", "y"]


def test_formats(run_cli: RunCli, model: str) -> None:
    ask = ("analogy", "-m", model, "man", "woman", "king", "--top", "2", "--format")
    one = json.loads(run_cli(*ask, "json").out)
    assert (one["a"], one["b"], one["c"]) == ("man", "woman", "king")
    assert [answer["word"] for answer in one["answers"]] == ["queen", "princess"]
    assert json.loads(run_cli(*ask, "jsonl").out) == one
    header, first, _ = run_cli(*ask, "tsv").out.splitlines()
    assert header.split("\t") == ["a", "b", "c", "rank", "answer", "score"]
    assert first.split("\t")[:5] == ["man", "woman", "king", "1", "queen"]
    assert float(first.split("\t")[5]) == one["answers"][0]["score"]


def test_lowercase(run_cli: RunCli, model: str) -> None:
    result = run_cli("analogy", "-m", model, "--lowercase", "--top", "1", "Man", "WOMAN", "King")
    assert result.out.split()[0] == "queen"


def test_output_file(run_cli: RunCli, model: str, tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    assert run_cli("analogy", "-m", model, "man", "woman", "king", "-o", target).out == ""
    assert target.read_text("utf-8").startswith("queen")


# --- stdin ------------------------------------------------------------------------------------

LINES = "man woman king\n\nman:woman::prince:?\n"


def test_stdin_is_a_line_for_a_line(run_cli: RunCli, model: str) -> None:
    assert run_cli("analogy", "-m", model, stdin=LINES).out == "queen\n\nprincess\n"
    assert run_cli("analogy", "-m", model, "-", "--top", "2", stdin=LINES).out == (
        "queen\tprincess\n\nprincess\tqueen\n"
    )


def test_stdin_formats(run_cli: RunCli, model: str) -> None:
    result = run_cli("analogy", "-m", model, "--format", "jsonl", stdin=LINES).out
    records = [json.loads(line) for line in result.splitlines()]
    assert [len(record["answers"]) for record in records] == [1, 0, 1]
    assert json.loads(run_cli("analogy", "-m", model, "--format", "json", stdin=LINES).out) == (
        records
    )
    assert json.loads(run_cli("analogy", "-m", model, "--format", "json", stdin="").out) == []
    assert len(run_cli("analogy", "-m", model, "--format", "tsv", stdin=LINES).out.split("\n")) == 4


def test_unknown_words_of_stdin(run_cli: RunCli, model: str) -> None:
    lines = "man woman king\nman womann king\nman woman prince\n"
    result = run_cli("analogy", "-m", model, stdin=lines)
    assert (result.code, result.out) == (1, "queen\n")
    assert "stdin:2: " in result.err
    assert "'womann' (near: woman" in result.err
    result = run_cli("analogy", "-m", model, "--skip-unknown", stdin=lines)
    assert (result.code, result.out) == (0, "queen\n\nprincess\n")
    assert "1 lines" in result.err


@pytest.mark.parametrize(
    ("line", "said"),
    [(b"man woman\n", "stdin:1: 2 words"), (b"ok ok ok\n", "'ok'"), (b"\xff\n", "not UTF-8")],
)
def test_bad_lines(run_cli: RunCli, model: str, line: bytes, said: str) -> None:
    result = run_cli("analogy", "-m", model, stdin=line)
    assert result.code == 1
    assert said in result.err
    assert result.err.count("\n") == 1


def test_answers_come_while_stdin_is_open(model: str, seqtool_command: list[str]) -> None:
    command = [*seqtool_command, "analogy", "-m", model]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, answer in (("man woman king", "queen"), ("man woman prince", "princess")):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == answer + "\n"
        process.stdin.close()
        assert process.wait(timeout=20) == 0


# --- errors -----------------------------------------------------------------------------------


def test_all_unknown_words_are_named(run_cli: RunCli, model: str) -> None:
    result = run_cli("analogy", "-m", model, "man", "qeen", "paris")
    assert result.code == 1
    assert result.err == (
        "seqtool analogy: no vector among 9 words for 'qeen' (near: queen), 'paris' (near: Paris)\n"
    )


@pytest.mark.parametrize(
    "arguments", [["man"], ["man", "woman"], ["a", "b", "c", "d"], ["man:woman:king"], ["a:b::c:d"]]
)
def test_what_is_no_question(run_cli: RunCli, model: str, arguments: list[str]) -> None:
    result = run_cli("analogy", "-m", model, *arguments)
    assert result.code == 2
    assert result.err.count("\n") == 1


def test_wrong_files(run_cli: RunCli, tmp_path: Path) -> None:
    text = tmp_path / "prose.txt"
    text.write_text("This is not a file of vectors.\n", encoding="utf-8")
    for path in (text, tmp_path / "missing.bin", tmp_path):
        result = run_cli("analogy", "-m", path, "a", "b", "c")
        assert result.code == 1
        assert result.err.count("\n") == 1


def test_no_model(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtool.models.installed_models", lambda command=None: [])
    result = run_cli("analogy", "man", "woman", "king")
    assert result.code == 1
    assert "-m" in result.err


# --- other jobs -------------------------------------------------------------------------------


def test_a_word_that_is_the_name_of_a_job(run_cli: RunCli, model: str) -> None:
    result = run_cli("analogy", "-m", model, "--top", "1", "--", "plot", "man", "king")
    assert result.code == 0
    assert "-o" in run_cli("analogy", "plot").err
    assert run_cli("analogy", "-m", model, "man", "king", "plot").code == 0


def test_options_before_a_job(run_cli: RunCli, model: str) -> None:
    after = run_cli("analogy", "neighbours", "-m", model, "king")
    assert run_cli("analogy", "-m", model, "neighbours", "king") == after


def test_neighbours(run_cli: RunCli, model: str) -> None:
    result = run_cli("analogy", "neighbours", "-m", model, "king", "queen", "--top", "1")
    assert [line.split()[0] for line in result.out.split("\n") if line] == [
        "king", "prince", "queen", "princess",
    ]  # fmt: skip
    assert run_cli("analogy", "neighbours", "-m", model, stdin="king\nqueen\n").out == (
        "prince\nprincess\n"
    )
    result = run_cli("analogy", "neighbours", "-m", model, "king", "--metric", "euclidean")
    assert result.out.split()[:2] == ["man", "1.0000"]
    assert run_cli("analogy", "neighbours", "-m", model, stdin="king queen\n").code == 1


def test_similarity(run_cli: RunCli, model: str) -> None:
    assert run_cli("analogy", "similarity", "-m", model, "man", "woman").out == "0.7071\n"
    result = run_cli("analogy", "similarity", "-m", model, "man", "woman", "--format", "json")
    assert json.loads(result.out)["cosine"] == pytest.approx(0.5**0.5)
    assert run_cli("analogy", "similarity", "-m", model, "man").code == 2
    assert run_cli("analogy", "similarity", "-m", model, "man", "wom").code == 1


def test_similarity_of_pairs(run_cli: RunCli, model: str, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.txt"
    pairs.write_text(
        "word1\tword2\tscore\n# a remark\nman\twoman\t8\nKING\tqueen\t9.5\n"
        "man\tplot\t1\n\nman\tunknown\t3\n",
        encoding="utf-8",
    )
    ask = ("analogy", "similarity", "-m", model, "--pairs", pairs)
    record = json.loads(run_cli(*ask, "--format", "json").out)
    assert record["spearman"] == pytest.approx(1)
    assert 0.9 < record["pearson"] < 1
    assert (record["pairs"], record["left_out"]) == (3, 1)
    assert json.loads(run_cli(*ask, "--format", "json", "--case-sensitive").out)["pairs"] == 2
    assert "spearman" in run_cli(*ask).out
    assert run_cli(*ask, "man").code == 2
    pairs.write_text("man woman 3\nman woman\n", encoding="utf-8")
    assert "pairs.txt:2: " in run_cli(*ask).err
    pairs.write_text("a b 3\nc d 4\n", encoding="utf-8")
    assert "0 of 2 pairs" in run_cli(*ask).err


def test_eval(run_cli: RunCli, model: str, tmp_path: Path) -> None:
    questions = tmp_path / "questions.txt"
    questions.write_text(
        ": family\nman woman king queen\nMAN woman prince princess\nman woman x y\n"
        ": gram1\nman woman king Paris\n",
        encoding="utf-8",
    )
    ask = ("analogy", "eval", "-m", model, questions)
    for metric in ("cosine", "euclidean", "mul"):
        record = json.loads(run_cli(*ask, "--format", "json", "--metric", metric).out)
        assert record["signature"].startswith(f"metric:{metric}|vocab:9|case:folded|version:")
        family, gram, semantic, syntactic, total = record["sections"]
        assert (family["questions"], family["left_out"]) == (2, 1)
        assert {**family, "section": "semantic"} == semantic
        assert {**gram, "section": "syntactic"} == syntactic
        assert (total["questions"], total["left_out"]) == (3, 1)
        if metric == "cosine":
            assert (family["accuracy"], family["correct"]) == (100.0, 2)
            assert total["accuracy"] == pytest.approx(200 / 3)
    total = json.loads(run_cli(*ask, "--case-sensitive", "--format", "jsonl").out.split("\n")[4])
    assert (total["questions"], total["left_out"]) == (2, 2)
    assert "left out" in run_cli(*ask).out
    assert run_cli(*ask, "--format", "tsv").out.startswith("section\taccuracy\t")
    questions.write_text("one two three\n", encoding="utf-8")
    assert "questions.txt:1: 3 words" in run_cli(*ask).err
    questions.write_text("\n", encoding="utf-8")
    assert "no questions" in run_cli(*ask).err


def test_eval_without_known_words(run_cli: RunCli, model: str, tmp_path: Path) -> None:
    questions = tmp_path / "questions.txt"
    questions.write_text("a b c d\n", encoding="utf-8")
    result = run_cli("analogy", "eval", "-m", model, questions, "--format", "json")
    assert json.loads(result.out)["sections"][-1] == {
        "section": "total", "accuracy": None, "correct": 0, "questions": 0, "left_out": 1,
    }  # fmt: skip


@pytest.mark.parametrize("ending", ["bin", "vec", "txt", "safetensors"])
def test_export(run_cli: RunCli, model: str, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"copy.{ending}"
    result = run_cli("analogy", "export", "-m", model, "-o", target, "--vocab", "5")
    assert (result.code, result.out) == (0, "")
    assert "5 words" in result.err
    copy = load_vectors(str(target))
    assert copy.words == WORDS[:5]
    assert np.array_equal(copy.matrix, np.array(MATRIX, np.float32)[:5])
    assert run_cli("analogy", "export", "-m", model, "-o", target, "-q").err == ""


def test_export_to_an_unknown_format(run_cli: RunCli, model: str, tmp_path: Path) -> None:
    assert run_cli("analogy", "export", "-m", model, "-o", tmp_path / "copy.xyz").code == 1


def test_info(run_cli: RunCli, model: str) -> None:
    record = json.loads(run_cli("analogy", "info", "-m", model, "--format", "json").out)
    assert (record["words"], record["dimensions"], record["zero_vectors"]) == (9, 3, 1)
    assert record["first_words"] == WORDS
    assert "word2vec binary" in run_cli("analogy", "info", "-m", model).out
    assert "words\t9\n" in run_cli("analogy", "info", "-m", model, "--format", "tsv").out


def test_help_shows_examples_and_jobs(run_cli: RunCli) -> None:
    page = run_cli("analogy", "--help").out
    assert page.startswith("Usage: seqtool analogy [OPTIONS] [A B C]\n")
    assert page.index("Examples:") < page.index("Other jobs:") < page.index("Options:")
    for job in ("neighbours", "similarity", "eval", "plot", "export", "info"):
        page = run_cli("analogy", job, "--help").out
        assert page.startswith(f"Usage: seqtool analogy {job} [OPTIONS]")
        assert "Examples:" in page


def test_a_question_imports_nothing_slow(model: str) -> None:
    code = (
        "import sys; from seqtool.cli import main;"
        f" main(['analogy', '-m', {model!r}, 'man', 'woman', 'king']);"
        " slow = {'numba', 'scipy', 'rich', 'llvmlite', 'matplotlib', 'openTSNE'};"
        " print(sorted(slow & set(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr == "[]\n"
