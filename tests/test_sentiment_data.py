"""Labelled texts out of files, and the scores of labels."""

import gzip
import math
from pathlib import Path

import pytest
from conftest import RunCli

np = pytest.importorskip("numpy")

from seqtool.errors import SeqtoolError  # noqa: E402
from seqtool_sentiment import metrics  # noqa: E402
from seqtool_sentiment.data import Columns, Labelled, label_set, read_labelled  # noqa: E402

EXPECTED = [("pos", "good, very good"), ("neg", 'so "bad"'), ("neg", "")]

FILES = {
    "a.tsv": 'pos\tgood, very good\n\nneg\tso "bad"\nneg\t\n',
    "crlf.txt": 'pos\tgood, very good\r\nneg\tso "bad"\r\nneg\t\r\n',
    "a.csv": 'id,Text,Label\n1,"good, very good",pos\n2,"so ""bad""",neg\n3,,neg\n',
    "header.txt": 'label,text\npos,"good, very good"\nneg,"so ""bad"""\nneg,\n',
    "a.jsonl": '{"label": "pos", "text": "good, very good"}\n\n'
    '{"label": "neg", "text": "so \\"bad\\"", "id": 3}\n{"label": "neg", "text": ""}\n',
    "a.txt": '__label__pos good, very good\n__label__neg so "bad"\n__label__neg\n',
}


def read(path: Path, *columns: str, errors: str = "strict") -> Labelled:
    """The texts of one file."""
    return read_labelled([str(path)], Columns(*columns), errors)


@pytest.mark.parametrize("name", FILES)
def test_formats(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name].encode())
    data = read(path)
    assert list(zip(data.labels, data.texts, strict=True)) == EXPECTED
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(FILES[name].encode()))
    assert read(packed) == data
    assert data.sha256 == read_labelled([str(path)], Columns(), "strict").sha256


def test_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n \nlabel,text\na,b\n", encoding="utf-8")
    assert read(path).texts == ["b"]
    path.write_text("", encoding="utf-8")
    with pytest.raises(SeqtoolError, match="no labelled texts"):
        read(path)


def test_lines_are_counted_over_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    line = f"a\t{'x' * 1000}\n"
    for end, said in (("\tb\n", "a.tsv:602: no label"), ("b\n", "a.tsv:602: no tab")):
        path.write_text(line * 600 + "\n" + end, encoding="utf-8")
        with pytest.raises(SeqtoolError, match=said):
            read(path)
    path.write_text(line * 600 + "\n" + line, encoding="utf-8")
    assert read(path).labels == ["a"] * 601


def test_named_columns(tmp_path: Path) -> None:
    path = tmp_path / "glue.tsv"
    path.write_text('sentence\tstars\n"a " quote\t4\nplain\t-1.5\n', encoding="utf-8")
    data = read(path, "stars", "sentence")
    assert (data.texts, data.labels) == (['"a " quote', "plain"], ["4", "-1.5"])
    path = tmp_path / "x.jsonl"
    path.write_text('{"stars": 5, "body": "wow"}\n', encoding="utf-8")
    assert read(path, "stars", "body").labels == ["5"]


def test_newlines_in_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('label,text\na,"x\ny"\nb,z\nc\n', encoding="utf-8")
    with pytest.raises(SeqtoolError, match=r"a\.csv:5: 1 fields"):
        read(path)
    path.write_text('label,text\na,"x\ny"\n', encoding="utf-8")
    assert read(path).texts == ["x\ny"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.tsv", "pos\tgood\nbad\n", "a.tsv:2: no tab"),
        ("a.tsv", "\tgood\n", "a.tsv:1: no label"),
        ("a.tsv", "a\x07b\tgood\n", "a.tsv:1: the label"),
        ("a.tsv", "\n\n", "no labelled texts"),
        ("a.csv", "name,text\nx,y\n", "no column 'label' among name, text"),
        ("a.csv", 'label,text\nx,"y\n', "a.csv:2: no CSV"),
        ("a.jsonl", '{"label": "x"}\n', "a.jsonl:1: no field 'text'"),
        ("a.jsonl", '{"label": "x", "text": 3}\n', "the field 'text' is no text"),
        ("a.jsonl", '{"label": [], "text": ""}\n', "the field 'label' is no text"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: not an object"),
        ("a.jsonl", '{"label": "x", "text": "y"}\n{\n', "a.jsonl:2: not JSON"),
        ("a.jsonl", "[" * 100_000 + "\n", "a.jsonl:1: not JSON"),
        ("a.txt", "__label__x y\nz\n", "a.txt:2: it does not begin"),
        ("a.txt", "__label__x __label__y z\n", "a.txt:1: several labels"),
    ],
)
def test_damaged_data(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SeqtoolError) as caught:
        read(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"a\tb\na\t\xff\n")
    with pytest.raises(SeqtoolError, match=r"a\.tsv:2: not UTF-8"):
        read(path)
    assert read(path, errors="replace").texts == ["b", "\ufffd"]


def test_one_label_teaches_nothing(run_cli: RunCli, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\na\tc\n", encoding="utf-8")
    result = run_cli("sentiment", "train", path, "-o", tmp_path / "m.safetensors")
    assert result.code == 1
    assert "all texts have the label 'a'" in result.err


def test_order_of_labels() -> None:
    assert label_set(["10", "9", "-1.5", "9"]) == ["-1.5", "9", "10"]
    assert label_set(["10", "9", "x", "B"]) == ["10", "9", "B", "x"]


def test_metrics() -> None:
    wanted = np.array([0, 0, 1, 1, 1], np.int32)
    chances = np.array([[0.9, 0.1], [0.4, 0.6], [0.25, 0.75], [0.35, 0.65], [1.0, 0.0]])
    predicted = chances.argmax(axis=1)
    confusion = metrics.confusion_matrix(wanted, predicted, 2)
    assert confusion.tolist() == [[1, 1], [1, 2]]
    rows = metrics.by_label(confusion, ["a", "b"])
    assert (rows[0]["precision"], rows[0]["recall"], rows[0]["f1"]) == (50, 50, 50)
    assert rows[1]["f1"] == pytest.approx(200 / 3)
    assert metrics.macro_f1(rows) == pytest.approx((50 + 200 / 3) / 2)
    table = metrics.reliability(chances.max(axis=1), predicted == wanted)
    assert [row["texts"] for row in table] == [0] * 6 + [2, 1, 0, 2]
    assert table[6]["confidence"] == pytest.approx(0.625)
    assert table[6]["accuracy"] == 0.5
    gaps = 2 * 0.125 + 1 * 0.25 + 2 * 0.45
    assert metrics.expected_calibration_error(table) == pytest.approx(gaps / 5)
    squares = [0.01, 0.36, 0.0625, 0.1225, 1]
    assert metrics.brier_score(chances, wanted) == pytest.approx(2 * sum(squares) / 5)
    logs = sum(map(math.log, [0.9, 0.4, 0.75, 0.65, 1e-15]))
    assert metrics.log_loss(chances, wanted) == pytest.approx(-logs / 5)


def test_a_label_that_never_occurs() -> None:
    confusion = metrics.confusion_matrix(np.array([0, 0], np.int32), np.array([0, 0]), 2)
    rows = metrics.by_label(confusion, ["a", "b"])
    assert (rows[1]["precision"], rows[1]["recall"], rows[1]["f1"]) == (None, None, None)
    assert metrics.macro_f1(rows) == 100
