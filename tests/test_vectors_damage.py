"""Damaged and lying files: one line that says what is wrong, never more memory than the file."""

import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vector_files import binary, fasttext, put, sample, text

from seqtool.errors import SeqtoolError
from seqtool.models import describe_file
from seqtool.vectors import Subwords, WordVectors, load_vectors, save_vectors

WORDS, MATRIX = sample()
GRAMS = np.ones((20, 4), dtype=np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A good file of every format."""
    folder = tmp_path_factory.mktemp("good")
    vectors = WordVectors(WORDS, MATRIX, Subwords(GRAMS, 3, 6, 20))
    save_vectors(str(folder / "a.safetensors"), vectors, {"licence": "CC0"})
    save_vectors(str(folder / "b.safetensors"), vectors, {"licence": "CC0"}, quantize="int8")
    load_vectors(put(folder, "model.bin", fasttext(WORDS, MATRIX, GRAMS)))  # compiles the kernels
    return {
        "a.safetensors": (folder / "a.safetensors").read_bytes(),
        "b.safetensors": (folder / "b.safetensors").read_bytes(),
        "model.bin": fasttext(WORDS, MATRIX, GRAMS),
        "v.bin": binary(WORDS, MATRIX),
        "v.txt": text(WORDS, MATRIX, header=False),
        "v.vec": text(WORDS, MATRIX),
    }


NAMES = ["a.safetensors", "b.safetensors", "model.bin", "v.bin", "v.txt", "v.vec"]


def read_all_ways(path: str) -> None:
    """Only SeqtoolError may come out, in one line; what is loaded is whole."""
    for action in (load_vectors, describe_file):
        try:
            found: object = action(path)
        except SeqtoolError as error:
            found = str(error)
        if isinstance(found, str):
            assert "\n" not in found
        if isinstance(found, WordVectors):
            assert len(found.words) == len(set(found.words)) == len(found.matrix)
            assert np.isfinite(found.matrix).all()


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)
@given(data=st.data())
def test_flipped_and_cut_files(files: dict[str, bytes], name: str, data: st.DataObject,
                               tmp_path_factory: pytest.TempPathFactory) -> None:  # fmt: skip
    damaged = bytearray(files[name])
    length = len(damaged)
    early = st.integers(0, min(150, length - 1))  # where the headers are
    for place in data.draw(st.lists(st.one_of(early, st.integers(0, length - 1)), max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(length), st.integers(0, length)))
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    read_all_ways(put(folder, name, bytes(damaged[:cut])))


@pytest.mark.parametrize("name", NAMES)
def test_every_cut(files: dict[str, bytes], name: str, tmp_path: Path) -> None:
    for length in range(0, len(files[name]), 7):
        read_all_ways(put(tmp_path, name, files[name][:length]))


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"3 2\n", b"\xba\x16\x4f\x2f\x0c\0\0\0"]))
@pytest.mark.usefixtures("files")
def test_noise(tmp_path_factory: pytest.TempPathFactory, noise: bytes, start: bytes) -> None:
    read_all_ways(put(tmp_path_factory.getbasetemp(), "noise.bin", start + noise))


def huge_fasttext(words: int, dimensions: int, buckets: int) -> bytes:
    """A header that promises more than there is."""
    return (
        struct.pack("<ii12id", 793712314, 12, dimensions, 5, 5, 5, 5, 1, 2, 2, buckets, 3, 6, 1, 0)
        + struct.pack("<iiiqq", words, words, 0, 1, -1)
        + b"a\0" + struct.pack("<qb", 1, 0)
        + struct.pack("<?qq", False, words + buckets, dimensions)
    )  # fmt: skip


def huge_safetensors() -> bytes:
    """The same for a tensor."""
    header = b'{"matrix":{"dtype":"F32","shape":[1000000000000,4],"data_offsets":[0,16]}}'
    return struct.pack("<Q", len(header)) + header + bytes(16)


HUGE = {
    "rows.bin": b"1000000000000 4\n" + b"a " + b"\xff" * 6,
    "columns.bin": b"2 1000000000\n" + b"a " + b"\xff" * 6,
    "rows.vec": b"1000000000000 2\na 1 2\nb 1",
    "columns.vec": b"2 1000000000\na 1 2\n",
    "words.model.bin": huge_fasttext(2_000_000_000, 4, 10),
    "columns.model.bin": huge_fasttext(1, 1_000_000, 2_000_000),
    "buckets.model.bin": huge_fasttext(1, 4, 2_000_000_000),
    "huge.safetensors": huge_safetensors(),
}


@pytest.mark.parametrize("name", HUGE)
def test_promises_take_no_memory(name: str, tmp_path: Path) -> None:
    path = put(tmp_path, name, HUGE[name])
    with suppress(SeqtoolError):
        load_vectors(put(tmp_path, "warm.txt", b"a 1 2\n"))
    tracemalloc.start()
    try:
        with pytest.raises(SeqtoolError):
            load_vectors(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def line(data: bytes, name: str, folder: Path) -> str:
    """What is said about a file."""
    with pytest.raises(SeqtoolError) as caught:
        load_vectors(put(folder, name, data))
    return str(caught.value).replace(str(folder), "").lstrip("/")


Make = Callable[[], bytes]
SAID: dict[str, tuple[bytes | Make, str]] = {
    "empty.bin": (b"", "it is empty"),
    "other.txt": (b"This is a text\n", "not word vectors"),
    "kv.bin": (b"\x80\x04\x95", "a Python pickle, which is never loaded"),
    "a.bin": (lambda: binary(WORDS, MATRIX)[:-6], "ends in the middle of row 10"),
    "b.vec": (b"2 3\na 1 2 3\nb 1 2\n", "line 3: a word and 3 numbers are expected"),
    "c.vec": (b"2 3\na 1 2 3\nb 1 x 2\n", "line 3: 'x' is not a finite number"),
    "d.vec": (b"2 3\na 1 2 3\nb 1 nan 2\n", "line 3: 'nan' is not a finite number"),
    "e.vec": (b"2 3\na 1 2 3\n 1 2 2\n", "row 2 has no word"),
    "f.vec": (b"2 2\na 1 2 3\nb 1 2 2\n", "line 2 has more than the 2 numbers"),
    "g.vec": (b"2 3\na 1 2\nb 1 2\n", "it has 3 fields"),
    "h.txt": (b"a 1 2\nb 1 1e40\n", "line 2: '1e40' is not a finite number"),
    "i.bin": (lambda: binary(["a"], np.float32([[1, np.inf]])), "the vector of 'a' is not finite"),
    "j.bin": (lambda: fasttext(WORDS, MATRIX, GRAMS, model=3), "a fastText classifier"),
    "k.bin": (lambda: fasttext(WORDS, MATRIX, GRAMS, quantised=True), "a quantised fastText"),
    "l.bin": (lambda: fasttext(WORDS, MATRIX, GRAMS, version=13), "fastText format 13"),
    "m.bin": (lambda: fasttext(WORDS, MATRIX, GRAMS)[:300], "the file is cut off or damaged"),
    "n.safetensors": (huge_safetensors, "damaged safetensors file"),
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_said(name: str, tmp_path: Path) -> None:
    data, expected = SAID[name]
    said = line(data if isinstance(data, bytes) else data(), name, tmp_path)
    assert said.startswith(name)
    assert expected in said


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SeqtoolError, match="no such file"):
        load_vectors(str(tmp_path / "absent.vec"))
    with pytest.raises(SeqtoolError, match="is a folder"):
        load_vectors(str(tmp_path))
