"""Files of word vectors made byte by byte, as the programs that own the formats write them."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

WORDS = [
    "the",
    "naïve",
    "東京",
    "a\u00a0b",
    "x\u2028y",
    "\U0001f600",
    "</s>",
    "1984",
    "e\u0301",
    "\u0085",
]


def sample(count: int = 10, dimensions: int = 4) -> tuple[list[str], Matrix]:
    """Some awkward words and their vectors."""
    words = [WORDS[i] if i < len(WORDS) else f"word{i}" for i in range(count)]
    numbers = np.random.default_rng(count).standard_normal((count, dimensions))
    return words, numbers.astype(np.float32)


def binary(words: Sequence[str], matrix: Matrix, newline: bytes = b"\n") -> bytes:
    """word2vec.c's -binary 1; gensim leaves the newline out."""
    rows = (
        word.encode() + b" " + row.astype("<f4").tobytes() + newline
        for word, row in zip(words, matrix, strict=True)
    )
    return b"%d %d\n" % matrix.shape + b"".join(rows)


def text(words: Sequence[str], matrix: Matrix, header: bool = True, end: str = " \n") -> bytes:
    """word2vec.c's text, every number followed by a space; GloVe's has no header."""
    lines = (
        word + " " + " ".join(repr(float(x)) for x in row) + end
        for word, row in zip(words, matrix, strict=True)
    )
    first = "{} {}\n".format(*matrix.shape) if header else ""
    return (first + "".join(lines)).encode()


def fasttext(
    words: Sequence[str],
    rows: Matrix,
    grams: Matrix,
    *,
    minn: int = 3,
    maxn: int = 6,
    model: int = 2,
    quantised: bool = False,
    version: int = 12,
) -> bytes:
    """fastText 0.9's model.bin: ``rows`` of words, ``grams`` of buckets."""
    dimensions = rows.shape[1]
    arguments = (dimensions, 5, 5, 5, 5, 1, 2, model, len(grams), minn, maxn, 100, 1e-4)
    entries = b"".join(word.encode() + b"\0" + struct.pack("<qb", 7, 0) for word in words)
    full = np.concatenate([rows, grams]).astype("<f4")
    return (
        struct.pack("<ii", 793712314, version)
        + struct.pack("<12id", *arguments)
        + struct.pack("<iiiqq", len(words), len(words), 0, 7 * len(words), -1)
        + entries
        + struct.pack("<?qq", quantised, *full.shape)
        + full.tobytes()
        + struct.pack("<?qq", False, *rows.shape)
        + rows.astype("<f4").tobytes()
    )


def put(folder: Path, name: str, data: bytes) -> str:
    """Write a file; its path."""
    path = folder / name
    path.write_bytes(data)
    return str(path)


def unicode_words() -> st.SearchStrategy[list[str]]:
    """Different words of any characters but what ends one in some format."""
    character = st.characters(exclude_categories=["Cs"], exclude_characters=" \n")
    return st.lists(st.text(character, min_size=1, max_size=8), min_size=1, max_size=8, unique=True)
