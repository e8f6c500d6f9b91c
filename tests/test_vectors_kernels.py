"""The kernels of word vectors against plain Python."""

import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive import vectors as plain
from vector_files import unicode_words

from seqtool.vectors.subwords import Subwords, ngram_rows
from seqtool.vectors.vector_kernels import MOST_POWER, parse_rows

pytestmark = pytest.mark.kernel

POWERS = np.array([10.0**power for power in range(MOST_POWER + 1)] + [np.nan])


def parse(data: bytes, dimensions: int) -> tuple[list[str], np.ndarray]:
    """What the kernel makes of lines."""
    count = data.count(b"\n")
    rows = np.full((count, dimensions), -1, dtype=np.float32)
    spans = np.zeros(3 * count, dtype=np.int64)
    flat = np.frombuffer(data, dtype=np.uint8)
    done = parse_rows(flat, 0, count, dimensions, POWERS, rows.reshape(-1), spans)
    places = spans.reshape(-1, 3)[:done].tolist()
    return [data[begin:end].decode() for begin, end, _ in places], rows[:done]


def float32(value: float) -> float:
    """The nearest float32."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """No example is slow because it compiles."""
    parse(b"w 1\n", 1)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 20))
@example(0.1, 17)
def test_numbers(value: float, digits: int) -> None:
    for text in number_texts(value, digits):
        _, rows = parse(f"w {text}\n".encode(), 1)
        found = float(rows[0, 0])
        assert np.isnan(found) or found == float32(float(text)), text
        if abs(float(text)) < 1000 and len(text) < 12 and "e" not in text:
            assert not np.isnan(found), f"{text}: a plain number takes the slow road"


def number_texts(value: float, digits: int) -> list[str]:
    """A number in several notations, and numbers that are hard to round."""
    # The middle between two float32 is where two roundings could differ from one.
    (bits,) = struct.unpack("<i", struct.pack("<f", 1.5))
    texts = [repr(value), f"{value:.{digits}g}", f"{value:.{digits}e}", f"{value % 100:.{digits}f}"]
    for offset in range(3):
        (low,) = struct.unpack("<f", struct.pack("<i", bits + digits + offset))
        (high,) = struct.unpack("<f", struct.pack("<i", bits + digits + offset + 1))
        texts += [f"{(low + high) / 2:.17g}", f"{(low + high) / 2:.16f}1", f"-{low!r}"]
    return texts


LEFT_TO_PYTHON = ["", "-", "+", ".", "e5", "1e", "1e+", "1_0", "nan", "inf", "1.2.3", "--1"]
LEFT_TO_PYTHON += ["0x1", "1e9999", "9" * 30, "1e39", "1é"]


@pytest.mark.parametrize("text", LEFT_TO_PYTHON)
def test_what_is_left_to_python(text: str) -> None:
    words, rows = parse(f"w {text or 'x'} 1\n".encode(), 2)
    assert words == ["w"]
    assert np.isnan(rows[0, 0])
    assert rows[0, 1] == 1


@settings(deadline=None)
@given(unicode_words(), st.integers(1, 4), st.sampled_from(["\n", " \n", "\r\n"]))
def test_lines(words: list[str], dimensions: int, end: str) -> None:
    lines = [
        f"{word} {' '.join(str(i * k - 0.25) for k in range(dimensions))}{end}"
        for i, word in enumerate(words)
    ]
    found, rows = parse("".join(lines).encode(), dimensions)
    expected = [plain.parse_line(line.removesuffix("\n"), dimensions) for line in lines]
    assert found == [word for word, _ in expected] == words
    assert rows.tolist() == [numbers for _, numbers in expected]


def test_a_line_of_too_few_fields_ends_the_reading() -> None:
    assert parse(b"a 1 2\nb 3\nc 4 5\n", 2)[0] == ["a"]
    assert parse(b"1 2\n", 2)[0] == []
    assert parse(b"\n", 2)[0] == []


@settings(deadline=None)
@given(unicode_words(), st.integers(0, 4), st.integers(0, 6), st.sampled_from([1, 7, 2_000_000]))
def test_ngrams(words: list[str], minn: int, maxn: int, buckets: int) -> None:
    rows, starts = ngram_rows(words, minn, maxn, buckets)
    for i, word in enumerate(words):
        grams = [] if word == "</s>" else plain.ngrams(word, minn, maxn)
        expected = [plain.bucket(gram, buckets) for gram in grams]
        assert rows[starts[i] : starts[i + 1]].tolist() == expected


@settings(deadline=None)
@given(unicode_words(), st.integers(1, 3))
def test_means(words: list[str], dimensions: int) -> None:
    random = np.random.default_rng(len(words))
    own = random.standard_normal((len(words), dimensions)).astype(np.float32)
    grams = random.standard_normal((11, dimensions)).astype(np.float32)
    found = Subwords(grams, 2, 3, 11).word_vectors(words, own)
    for i, word in enumerate(words):
        names = [] if word == "</s>" else plain.ngrams(word, 2, 3)
        rows = [own[i], *(grams[plain.bucket(name, 11)] for name in names)]
        np.testing.assert_allclose(found[i], plain.mean(rows), rtol=1e-5, atol=1e-6)
