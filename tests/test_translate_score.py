"""`seqtool translate score` and `eval`: translations that are given, and figures of one's own."""

import json
from pathlib import Path

import pytest
from conftest import RunCli
from translate_models import ENGLISH, GERMAN, make_model

FILES = ("--source", "{folder}/a.de", "--target", "{folder}/a.en")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and pairs."""
    folder = tmp_path_factory.mktemp("translate")
    make_model(folder / "m.safetensors")
    make_model(folder / "chars.safetensors", level="char")
    sources, targets = [*GERMAN, "", "Hunde"], [*ENGLISH, "", ""]
    pairs = [f"{a}\t{b}" for a, b in zip(sources, targets, strict=True)]
    for name, lines in (("a.de", sources), ("a.en", targets), ("pairs.tsv", pairs)):
        text = "".join(f"{line}\n" for line in lines)
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    (folder / "short.en").write_text("a\nb\n", encoding="utf-8")
    (folder / "empty").write_bytes(b"")
    return folder


def test_formats_of_score_agree(run_cli: RunCli, folder: Path) -> None:
    def score(*options: object) -> str:
        model = ("translate", "score", "-m", folder / "m.safetensors")
        found = run_cli(*model, "--source", folder / "a.de", "--target", folder / "a.en", *options)
        assert found.code == 0, found.err
        assert found.err.startswith("7 pairs, 34 tokens: perplexity ")
        return found.out

    lines = [json.loads(line) for line in score("--format", "jsonl").split("\n")[:-1]]
    assert [(line["source"], line["target"]) for line in lines[:5]] == list(
        zip(GERMAN, ENGLISH, strict=True)
    )
    assert [line["tokens"] for line in lines[4:]] == [["dogs", "sleep", "</s>"], ["</s>"], ["</s>"]]
    for line in lines:
        assert line["log_prob"] == pytest.approx(sum(line["log_probs"]))
        assert line["per_token"] == pytest.approx(line["log_prob"] / len(line["tokens"]))
        assert line["log_prob"] < 0
    assert score() == "".join(f"{line['log_prob']:.4f}\n" for line in lines)
    assert json.loads(score("--format", "json")) == lines
    header, *rows = (row.split("\t") for row in score("--format", "tsv").split("\n")[:-1])
    assert header == ["log_prob", "tokens", "per_token"]
    assert [int(row[1]) for row in rows] == [len(line["tokens"]) for line in lines]
    assert score("--threads", 1) == score("--threads", 3)


def test_a_file_of_pairs_is_the_same(run_cli: RunCli, folder: Path) -> None:
    model = ("translate", "score", "-m", folder / "chars.safetensors", "--format", "jsonl")
    two = run_cli(*model, "--source", folder / "a.de", "--target", folder / "a.en")
    assert run_cli(*model, folder / "pairs.tsv") == two
    text = (folder / "pairs.tsv").read_text(encoding="utf-8")
    assert run_cli(*model, stdin=text) == two
    more = text.replace("\n", "\tmore\twords\n")
    assert run_cli(*model, stdin=more) == two


def test_the_score_of_a_translation_is_its_own(run_cli: RunCli, folder: Path) -> None:
    model = folder / "m.safetensors"
    found = run_cli("translate", "-m", model, "--format", "jsonl", folder / "a.de").out
    lines = [json.loads(line) for line in found.split("\n")[:5]]
    pairs = "".join(f"{line['source']}\t{line['translation']}\n" for line in lines)
    scores = run_cli("translate", "score", "-m", model, "-q", stdin=pairs).out.split()
    assert len(scores) == 5
    for line, score in zip(lines, scores, strict=True):
        if line["finished"]:
            assert float(score) == pytest.approx(line["log_prob"], abs=1e-4)


def test_nothing_to_score_is_no_error(run_cli: RunCli, folder: Path) -> None:
    for format, out in (("text", ""), ("json", "[]\n"), ("jsonl", "")):
        model = ("translate", "score", "-m", folder / "m.safetensors", "--format", format)
        assert run_cli(*model, stdin="") == (0, out, "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["score", "--source", "{folder}/a.de"], 2, "--source and --target go together"),
        (["score", "--source", "-", "--target", "-"], 2, "one file only"),
        (
            ["score", "{folder}/pairs.tsv", "--source", "{folder}/a.de", "--target", "x"],
            2,
            "a file of pairs, or",
        ),
        (["score", "{folder}/a.de"], 1, "a.de:1: write a sentence, a tab"),
        (["score", "--source", "{folder}/a.de", "--target", "none"], 1, "none: no such file"),
        (
            ["score", "--source", "{folder}/a.de", "--target", "{folder}/short.en"],
            1,
            "a.de has 7 lines, {folder}/short.en has 2",
        ),
        (["eval"], 2, "eval needs --source and --target"),
        (
            ["eval", "--source", "{folder}/a.de", "--target", "{folder}/short.en"],
            1,
            "a.de has 7 lines, {folder}/short.en has 2",
        ),
        (
            ["eval", "--source", "{folder}/empty", "--target", "{folder}/empty"],
            1,
            "has no lines",
        ),
        (
            ["eval", *FILES, "--coverage-penalty", "1"],
            2,
            "--penalty gnmt",
        ),
    ],
)
def test_what_cannot_work(
    run_cli: RunCli, folder: Path, arguments: list[str], code: int, said: str
) -> None:
    job, *rest = (argument.format(folder=folder) for argument in arguments)
    found = run_cli("translate", job, "-m", folder / "m.safetensors", *rest)
    assert (found.code, found.err.count("\n")) == (code, 1), found.err
    assert said.format(folder=folder) in found.err


# --- eval -----------------------------------------------------------------------------------------


def test_eval_is_translate_and_bleu(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    model = folder / "m.safetensors"
    files = ("--source", folder / "a.de", "--target", folder / "a.en")
    found = run_cli("translate", "eval", "-m", model, *files, "--format", "json", "--beam", 3)
    assert (found.code, found.err) == (0, "")
    record = json.loads(found.out)
    translated = tmp_path / "out.en"
    assert (
        run_cli("translate", "-m", model, "--beam", 3, "-o", translated, folder / "a.de").code == 0
    )
    metrics = ("--metric", "bleu,chrf", "--format", "jsonl")
    scores = run_cli("bleu", *metrics, folder / "a.en", translated).out.split("\n")[:-1]
    assert len(record["scores"]) == len(scores) == 2
    for ours, theirs in zip(record["scores"], map(json.loads, scores), strict=True):
        for name in ("metric", "score", "signature"):
            assert ours[name] == theirs[name]
    assert record["sentences"] == 7
    assert record["search"] == "beam:3|penalty:length[0.7]|ratio:2"
    rows = [(row["from"], row["to"], row["sentences"]) for row in record["by_length"]]
    assert rows == [(1, 5, 5), (6, 10, 2)]
    assert record["tokens"] > 0
    assert record["sentences_per_second"] > 0


def test_eval_for_people(run_cli: RunCli, folder: Path) -> None:
    files = ("--source", folder / "a.de", "--target", folder / "a.en")
    model = ("translate", "eval", "-m", folder / "m.safetensors", *files)
    found = run_cli(*model, "--penalty", "gnmt", "--coverage-penalty", 0.2, "--no-repeat-ngram", 2)
    lines = found.out.split("\n")
    assert lines[0].startswith("BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:seqtool-")
    assert lines[1].startswith("chrF2|")
    assert lines[3].split() == ["source", "words", "sentences", "BLEU", "chrF2"]
    assert lines[4].startswith("1 to 5 ")
    assert "sentences/s" in lines[-3]
    assert lines[-2] == "beam:5|penalty:gnmt[0.7]|coverage:0.2|ratio:2|ngram:2"
