"""Word vectors in memory, and their way into every format and back."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import vectors as naive
from vector_files import binary, fasttext, put, sample, text, unicode_words

from seqtool.errors import SeqtoolError
from seqtool.vectors import Subwords, WordVectors, load_vectors, save_vectors

ENDINGS = (".bin", ".vec", ".txt", ".safetensors")
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a test."""
    folder = tmp_path_factory.mktemp("vectors")
    load_vectors(put(folder, "a.vec", b"a 1 2\n"))  # compiles the kernels: no example is slow
    return folder


def test_what_a_table_knows() -> None:
    words, matrix = sample(3)
    vectors = WordVectors(words, matrix)
    assert (len(vectors), vectors.dimensions) == (3, 4)
    assert vectors.index == {word: i for i, word in enumerate(words)}
    assert "the" in vectors
    assert "absent" not in vectors
    np.testing.assert_array_equal(vectors.vector(words[2]), matrix[2])
    with pytest.raises(KeyError, match="absent"):
        vectors.vector("absent")


def test_rows_and_words_must_match() -> None:
    with pytest.raises(ValueError, match="2 words"):
        WordVectors(["a", "b"], np.zeros((3, 2)))


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_unit_rows(scale: float) -> None:
    matrix = np.array([[3, 4], [0, 0], [-1, 0]], dtype=np.float32) * np.float32(scale)
    unit = WordVectors(["a", "b", "c"], matrix).unit()
    np.testing.assert_allclose(unit, [[0.6, 0.8], [0, 0], [-1, 0]], rtol=1e-6)
    assert unit.dtype == np.float32


@pytest.mark.parametrize("ending", ENDINGS)
@settings(deadline=None)
@given(words=unicode_words(), data=st.data(), dimensions=st.integers(1, 5))
def test_round_trip(
    folder: Path, ending: str, words: list[str], data: st.DataObject, dimensions: int
) -> None:
    row = st.lists(FLOATS, min_size=dimensions, max_size=dimensions)
    rows = data.draw(st.lists(row, min_size=len(words), max_size=len(words)))
    matrix = np.array(rows, dtype=np.float32)
    path = str(folder / f"vectors{ending}")
    save_vectors(path, WordVectors(words, matrix))
    loaded = load_vectors(path)
    assert loaded.words == words
    np.testing.assert_array_equal(loaded.matrix, matrix)
    assert loaded.matrix.flags.c_contiguous
    first = load_vectors(path, limit=2)
    assert first.words == words[:2]
    np.testing.assert_array_equal(first.matrix, matrix[:2])


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("word", ["\r", "\t", "\x0b", "7"])
def test_a_first_row_is_no_header(tmp_path: Path, ending: str, word: str) -> None:
    path = str(tmp_path / f"vectors{ending}")
    save_vectors(path, WordVectors([word], np.zeros((1, 2), np.float32)))
    assert load_vectors(path).words == [word]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_vectors_give_the_same_bytes(tmp_path: Path, ending: str) -> None:
    vectors = WordVectors(*sample())
    for name in ("a", "b"):
        save_vectors(str(tmp_path / f"{name}{ending}"), vectors, {"seed": 1, "licence": "CC0"})
    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


def test_quantised_vectors_are_small_and_close(tmp_path: Path) -> None:
    words, matrix = sample(20_000, 100)
    matrix[7] = 0
    path = tmp_path / "small.safetensors"
    save_vectors(str(path), WordVectors(words, matrix), {"licence": "CC0"}, quantize="int8")
    assert path.stat().st_size < 2_400_000
    loaded = load_vectors(str(path))
    assert loaded.metadata["licence"] == "CC0"
    assert (loaded.words, loaded.matrix.dtype) == (words, np.float32)
    step = np.abs(matrix).max(axis=1, keepdims=True) / 127
    assert (np.abs(loaded.matrix - matrix) <= step * 0.5001).all()
    assert not loaded.matrix[7].any()


def test_subwords_round_trip(tmp_path: Path) -> None:
    words, matrix = sample(3)
    grams = np.random.default_rng(1).standard_normal((50, 4)).astype(np.float32)
    path = str(tmp_path / "v.safetensors")
    save_vectors(path, WordVectors(words, matrix, Subwords(grams, 2, 5, 50)))
    loaded = load_vectors(path, limit=1)
    assert loaded.subwords is not None
    assert (loaded.subwords.minn, loaded.subwords.maxn, loaded.subwords.buckets) == (2, 5, 50)
    expected = naive.mean([grams[naive.bucket(g, 50)] for g in naive.ngrams("Ärger", 2, 5)])
    np.testing.assert_allclose(loaded.vector("Ärger"), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("newline", [b"\n", b""])
def test_binary_with_and_without_newlines(tmp_path: Path, newline: bytes) -> None:
    words, matrix = sample(300, 7)
    loaded = load_vectors(put(tmp_path, "v.bin", binary(words, matrix, newline)))
    assert loaded.words == words
    np.testing.assert_array_equal(loaded.matrix, matrix)


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("end", [" \n", "\n", "\r\n", " \r\n"])
def test_text_as_others_write_it(tmp_path: Path, header: bool, end: str) -> None:
    words, matrix = sample(300, 7)
    path = put(tmp_path, "v.any", text(words, matrix, header, end))
    loaded = load_vectors(path)
    assert loaded.words == words
    np.testing.assert_array_equal(loaded.matrix, matrix)


@pytest.mark.parametrize(
    ("ending", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)]
)
@pytest.mark.parametrize("make", [binary, text])
def test_compressed(tmp_path: Path, ending: str, compress: object, make: object) -> None:
    words, matrix = sample(300, 7)
    path = put(tmp_path, f"v.dat{ending}", compress(make(words, matrix)))  # type: ignore[operator]
    loaded = load_vectors(path)
    assert loaded.words == words
    np.testing.assert_array_equal(loaded.matrix, matrix)


def test_words_with_spaces_in_text(tmp_path: Path) -> None:
    path = put(tmp_path, "v.txt", b", 1 2\nat name 3 4\n. . . 5 6\nlast 7 8")
    loaded = load_vectors(path)
    assert loaded.words == [",", "at name", ". . .", "last"]
    assert loaded.matrix.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]


def test_glove_of_one_number_is_no_header(tmp_path: Path) -> None:
    loaded = load_vectors(put(tmp_path, "v.txt", b"1984 2\nx 3\n"))
    assert (loaded.words, loaded.matrix.tolist()) == (["1984", "x"], [[2], [3]])


@pytest.mark.parametrize("promised", [1, 5])
@pytest.mark.parametrize("make", [binary, text])
def test_the_rows_are_believed_not_the_header(
    tmp_path: Path, make: object, promised: int, capsys: pytest.CaptureFixture[str]
) -> None:
    words, matrix = sample(3)
    data = make(words, matrix)  # type: ignore[operator]
    path = put(tmp_path, "v.dat", b"%d" % promised + data[1:])
    assert load_vectors(path).words == words
    assert f"promises {promised} words, there are 3" in capsys.readouterr().err


def test_of_repeated_words_the_first_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = load_vectors(put(tmp_path, "v.vec", b"4 1\na 1\nb 2\na 3\nc 4\n"))
    assert (loaded.words, loaded.matrix.tolist()) == (["a", "b", "c"], [[1], [2], [4]])
    assert "1 repeated words" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"2 1\na\xff 1\nb 2\n", b"2 1\na\xff \0\0\0\0\nb \0\0\0\0\n"])
def test_words_that_are_not_utf8(tmp_path: Path, data: bytes) -> None:
    path = put(tmp_path, "v.dat", data)
    with pytest.raises(SeqtoolError, match=r"row 1: the word b'a\\xff' is not UTF-8"):
        load_vectors(path)
    assert load_vectors(path, errors="replace").words == ["a\ufffd", "b"]


def test_fasttext(tmp_path: Path) -> None:
    words, rows = sample()
    grams = np.random.default_rng(2).standard_normal((100, 4)).astype(np.float32)
    loaded = load_vectors(put(tmp_path, "model.bin", fasttext(words, rows, grams)))
    assert loaded.words == words
    for word, row in zip(words, rows, strict=True):
        own = [] if word == "</s>" else naive.ngrams(word, 3, 6)
        expected = naive.mean([row, *(grams[naive.bucket(gram, 100)] for gram in own)])
        np.testing.assert_allclose(loaded.vector(word), expected, rtol=1e-5, atol=1e-6)
    unknown = naive.mean([grams[naive.bucket(g, 100)] for g in naive.ngrams("Straße", 3, 6)])
    np.testing.assert_allclose(loaded.vector("Straße"), unknown, rtol=1e-5, atol=1e-6)
    assert loaded.metadata["arguments"]["model"] == "skipgram"


def test_a_word_without_ngrams_has_no_vector() -> None:
    subwords = Subwords(np.ones((5, 2)), 4, 6, 5)
    assert subwords.vector("ab").tolist() == [1, 1]
    with pytest.raises(KeyError):
        subwords.vector("a")


@pytest.mark.parametrize(
    ("ending", "word"),
    [(".bin", "a b"), (".bin", "\n"), (".vec", "a\nb"), (".txt", ""), (".safetensors", "a\nb")],
)
def test_words_that_a_format_cannot_hold(tmp_path: Path, ending: str, word: str) -> None:
    with pytest.raises(SeqtoolError, match="cannot be written"):
        save_vectors(str(tmp_path / f"v{ending}"), WordVectors([word], np.ones((1, 2))))
    assert not list(tmp_path.iterdir())


def test_an_ending_that_names_no_format(tmp_path: Path) -> None:
    with pytest.raises(SeqtoolError, match=r"\.bin, \.vec, \.txt, \.safetensors"):
        save_vectors(str(tmp_path / "v.xyz"), WordVectors(*sample()))
