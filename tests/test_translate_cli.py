"""`seqtool translate` from the shell: streams, formats, pictures, and what cannot work."""

import gzip
import json
import subprocess
from pathlib import Path

import pytest
from conftest import RunCli
from translate_models import GERMAN, make_model

from seqtool_translate.model_files import load
from seqtool_translate.translator import SearchOptions, Translator

INPUT = "".join(f"{line}\n" for line in [*GERMAN, "", "Hunde"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models and files of text."""
    folder = tmp_path_factory.mktemp("translate")
    make_model(folder / "m.safetensors")
    make_model(folder / "unknown.safetensors", unknown=3.0, end=-1.0)
    make_model(folder / "plain.safetensors", attention="none", feeding=False)
    make_model(folder / "chars.safetensors", level="char")
    (folder / "in.de").write_text(INPUT, encoding="utf-8", newline="\n")
    (folder / "bad.de").write_bytes(b"der Hund\nein \xff\n")
    (folder / "one.tsv").write_text("ball\n", encoding="utf-8")
    return folder


def expected(folder: Path, **search: object) -> list[str]:
    """What the lines of INPUT become."""
    translator = Translator([load(str(folder / "m.safetensors"))], SearchOptions(**search))  # type: ignore[arg-type]
    return [each[0].text for each in translator.translate(INPUT.split("\n")[:-1])]


# --- streams --------------------------------------------------------------------------------------


def test_a_line_in_a_line_out(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    model = ("translate", "-m", folder / "m.safetensors")
    lines = expected(folder)
    assert "".join(lines)
    text = "".join(f"{line}\n" for line in lines)
    assert run_cli(*model, stdin=INPUT) == (0, text, "")
    assert run_cli(*model, folder / "in.de") == (0, text, "")
    packed = tmp_path / "in.de.gz"
    packed.write_bytes(gzip.compress(INPUT.encode()))
    assert run_cli(*model, packed, "-", stdin=INPUT) == (0, text * 2, "")
    assert run_cli(*model, stdin=INPUT.removesuffix("\n")).out == text
    assert run_cli(*model, "-o", tmp_path / "out", stdin=INPUT) == (0, "", "")
    assert (tmp_path / "out").read_text(encoding="utf-8") == text
    greedy = "".join(f"{line}\n" for line in expected(folder, beam=1))
    assert run_cli(*model, "--beam", 1, stdin=INPUT).out == greedy


def test_nothing_in_nothing_out(run_cli: RunCli, folder: Path) -> None:
    for format, out in (("text", ""), ("json", "[]\n"), ("jsonl", "")):
        found = run_cli("translate", "-m", folder / "m.safetensors", "--format", format, stdin="")
        assert found == (0, out, "")


def test_a_line_of_odd_characters_is_one_line(run_cli: RunCli, folder: Path) -> None:
    text = "der\u2028Hund\x0b\x0c\x85\n日本語 العربية 🐕\n"
    for name in ("m", "chars"):
        found = run_cli("translate", "-m", folder / f"{name}.safetensors", stdin=text)
        assert (found.code, found.out.count("\n"), found.err) == (0, 2, "")


@pytest.mark.parametrize("options", [[], ["--format", "jsonl"], ["--beam", "1", "-q", "-"]])
def test_answers_come_line_by_line(
    folder: Path, seqtool_command: list[str], options: list[str]
) -> None:
    command = [*seqtool_command, "translate", "-m", "m.safetensors", *options]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        for line in GERMAN[:2]:
            process.stdin.write(f"{line}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline().endswith(b"\n")
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(timeout=60) == 0


def test_a_closed_pipe_ends_it(folder: Path, seqtool_command: list[str]) -> None:
    command = [*seqtool_command, "translate", "-m", "m.safetensors", "--beam", "1", "-"]
    with subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(b"Hunde\n")
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b"Hunde\n" * 3000)
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


# --- formats --------------------------------------------------------------------------------------


def test_formats_agree(run_cli: RunCli, folder: Path) -> None:
    def translate(*options: object) -> str:
        model = folder / "m.safetensors"
        found = run_cli("translate", "-m", model, *options, stdin=INPUT)
        assert (found.code, found.err) == (0, "")
        return found.out

    lines = [
        json.loads(line) for line in translate("--format", "jsonl", "--scores").split("\n")[:-1]
    ]
    names = ["line", "rank", "source", "translation", "score", "log_prob", "finished", "tokens"]
    assert [list(line) for line in lines] == [[*names, "log_probs"]] * 7
    assert [line["source"] for line in lines] == INPUT.split("\n")[:-1]
    assert [line["line"] for line in lines] == list(range(1, 8))
    assert translate() == "".join(f"{line['translation']}\n" for line in lines)
    for line in lines:
        assert line["log_prob"] == pytest.approx(sum(line["log_probs"]))
        shown = [token for token in line["tokens"] if token != "</s>"]
        assert line["translation"].split() == shown
    whole = json.loads(translate("--format", "json", "--scores"))
    assert whole == lines
    header, *rows = (row.split("\t") for row in translate("--format", "tsv").split("\n")[:-1])
    assert header == ["line", "rank", "score", "log_prob", "translation"]
    for row, line in zip(rows, lines, strict=True):
        assert [int(row[0]), int(row[1]), row[4]] == [line["line"], 1, line["translation"]]
        assert [float(row[2]), float(row[3])] == pytest.approx(
            [line["score"], line["log_prob"]], abs=6e-5
        )
    for scored, line in zip(translate("--scores").split("\n"), lines, strict=False):
        text, log_prob, each = scored.split("\t")
        assert text == line["translation"]
        assert float(log_prob) == pytest.approx(line["log_prob"], abs=6e-5)
        assert list(map(float, each.split())) == pytest.approx(line["log_probs"], abs=6e-5)


def test_several_translations(run_cli: RunCli, folder: Path) -> None:
    model = ("translate", "-m", folder / "m.safetensors", "--format", "jsonl")
    for options in (("--nbest", 3), ("--nbest", 3, "--sample", "--seed", 4)):
        found = run_cli(*model, *options, stdin=INPUT)
        lines = [json.loads(line) for line in found.out.split("\n")[:-1]]
        places = [(line["line"], line["rank"]) for line in lines]
        wanted = [(line, rank) for line in range(1, 8) for rank in range(1, 4)]
        assert places == [place for place in wanted if place[0] != 6 or place[1] == 1]
        assert run_cli(*model, *options, "--threads", 1, stdin=INPUT).out == found.out


def test_the_weights_of_attention(run_cli: RunCli, folder: Path) -> None:
    model = ("translate", "-m", folder / "m.safetensors")
    found = run_cli(*model, "--format", "jsonl", "--attention", stdin=INPUT).out
    for line in map(json.loads, found.split("\n")[:-1]):
        assert line["source_tokens"][-1] == "</s>"
        assert len(line["attention"]) == len(line["tokens"])
        for row in line["attention"]:
            assert len(row) == len(line["source_tokens"])
            assert sum(row) == pytest.approx(1, abs=1e-3)


def test_pictures(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    model = ("translate", "-m", folder / "m.safetensors")
    line = f"{GERMAN[0]}\n"
    text = run_cli(*model, stdin=line).out
    found = run_cli(*model, "--heat-map", stdin=line)
    assert found.code == 0
    assert found.out.startswith(text)
    assert "Hund" in found.out.removeprefix(text)
    picture = tmp_path / "a.svg"
    assert run_cli(*model, "--attention-plot", picture, stdin=line) == (0, text, "")
    assert b"<svg" in picture.read_bytes()


def test_unknown_words_are_replaced(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    model = ("translate", "-m", folder / "unknown.safetensors", "--max-ratio", 1)
    line = "der Wombat schläft\n"
    assert "<unk>" in run_cli(*model, stdin=line).out
    words = set(run_cli(*model, "--replace-unk", stdin=line).out.split())
    assert "<unk>" not in words
    assert words & {"der", "Wombat", "schläft"}
    dictionary = tmp_path / "d.tsv"
    dictionary.write_text("der\tDER\nwombat\tWOMBAT\nschläft\tSLEEPS\n", encoding="utf-8")
    shown = run_cli(*model, "--replace-unk", "--dictionary", dictionary, stdin=line).out
    assert not {"der", "Wombat", "schläft"} & set(shown.split())


def test_words_that_must_come(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    model = ("translate", "-m", folder / "m.safetensors")
    constraints = tmp_path / "c.tsv"
    constraints.write_text("ball\n\nred house\tcat\n\n\ndog\n\n", encoding="utf-8")
    found = run_cli(*model, "--constraint", constraints, stdin=INPUT)
    lines = found.out.split("\n")
    assert found.code == 0
    assert "ball" in lines[0]
    assert "red house" in lines[2]
    assert "cat" in lines[2]
    assert lines[5] == ""  # an empty line stays empty


def test_models_that_translate_together(run_cli: RunCli, folder: Path) -> None:
    model = folder / "m.safetensors"
    one = run_cli("translate", "-m", model, stdin=INPUT)
    two = run_cli("translate", "-m", model, "--ensemble", model, stdin=INPUT)
    assert one == two


# --- what cannot work -----------------------------------------------------------------------------


def test_a_long_line_is_named(run_cli: RunCli, folder: Path) -> None:
    model = ("translate", "-m", folder / "m.safetensors", "--max-ratio", 0.01)
    found = run_cli(*model, stdin="Hund\n" + "Hund " * 10_000 + "\n")
    assert (found.code, found.out.count("\n")) == (0, 2)
    said = "stdin:2: more than 500 tokens: the rest is left out (see --max-input)\n"
    assert found.err == said
    assert run_cli(*model, "-q", stdin="Hund " * 501).err == ""
    assert run_cli(*model, stdin="Hund " * 500).err == ""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-m", "none.safetensors"], 1, "no file and no installed model"),
        (["-m", "{folder}/in.de"], 1, "damaged safetensors file"),
        (["none.de"], 1, "none.de: no such file"),
        (["{folder}/bad.de"], 1, "bad.de:2: not UTF-8"),
        (["--nbest", "2"], 2, "--format tsv, json or jsonl"),
        (["--nbest", "6", "--format", "tsv"], 2, "--nbest 6 is more than --beam holds"),
        (["--top-k", "3"], 2, "--top-k goes with --sample"),
        (["--seed", "3"], 2, "--seed goes with --sample"),
        (["--sample", "--beam", "3"], 2, "--beam does not go with --sample"),
        (["--sample", "--constraint", "{folder}/one.tsv"], 2, "--constraint does not go with"),
        (["--coverage-penalty", "1"], 2, "--penalty gnmt"),
        (["--max-ratio", "inf"], 2, "inf is not a finite number"),
        (["--length-penalty", "nan"], 2, "nan is not a finite number"),
        (["--attention"], 2, "--format json or jsonl"),
        (["--heat-map", "--format", "tsv"], 2, "--format text"),
        (["--dictionary", "{folder}/one.tsv"], 2, "--replace-unk"),
        (["--replace-unk", "--dictionary", "{folder}/one.tsv"], 1, "one.tsv:1: write a word"),
        (["--constraint", "{folder}/one.tsv", "{folder}/in.de"], 1, "ends behind line 1"),
        (["--constraint", "-"], 2, "one file only"),
        (["--attention-plot", "a.png", "{folder}/in.de"], 1, "not several"),
        (["--attention-plot", "a.png", "/dev/null"], 1, "not none"),
        (["--ensemble", "{folder}/chars.safetensors"], 1, "different source vocabularies"),
        (["-m", "{folder}/plain.safetensors", "--heat-map"], 1, "has no attention: --heat-map"),
        (["-m", "{folder}/plain.safetensors", "--replace-unk"], 1, "has no attention"),
    ],
)
def test_what_cannot_work(
    run_cli: RunCli, folder: Path, arguments: list[str], code: int, said: str
) -> None:
    filled = [argument.format(folder=folder) for argument in arguments]
    model = [] if "-m" in filled else ["-m", folder / "m.safetensors"]
    found = run_cli("translate", *model, *filled)
    assert (found.code, found.err.count("\n")) == (code, 1), found.err
    assert said in found.err
    assert "internal error" not in found.err


def test_a_model_of_another_kind(run_cli: RunCli, tmp_path: Path) -> None:
    from seqtool.modelfile import write_model

    write_model(str(tmp_path / "m.safetensors"), {}, {"kind": "language-model"})
    found = run_cli("translate", "-m", tmp_path / "m.safetensors", stdin="a\n")
    assert (found.code, found.out) == (1, "")
    assert "holds 'language-model', not a translation model" in found.err


def test_a_failure_leaves_the_old_output(run_cli: RunCli, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("old", encoding="utf-8")
    model = folder / "m.safetensors"
    assert run_cli("translate", "-m", model, "-o", target, folder / "bad.de").code == 1
    assert target.read_text(encoding="utf-8") == "old"
    found = run_cli("translate", "-m", model, "--errors", "replace", folder / "bad.de")
    assert (found.code, found.out.count("\n")) == (0, 2)
