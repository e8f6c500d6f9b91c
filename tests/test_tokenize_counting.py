"""Words of a corpus, counted in little memory, against a dictionary."""

import gzip
import hashlib
import io
import lzma
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import normalizing
from naive import pretokenizing as slow
from strategies import lines

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.counting import count_words
from seqtool.tokenizers.normalize import Normalizer
from seqtool.tokenizers.pretokenize import Pretokenizer
from seqtool.tokenizers.types import WordCounts

pytestmark = pytest.mark.kernel

ALL_IN_MEMORY = 1 << 30
SPILL_ALWAYS = 1
PLAIN = Normalizer()
GPT2 = Pretokenizer("gpt2")


def listed(counts: WordCounts) -> list[tuple[bytes, int]]:
    """Words and counts as Python has them."""
    data = counts.data.tobytes()
    starts = counts.starts.tolist()
    return [
        (data[starts[word] : starts[word + 1]], count)
        for word, count in enumerate(counts.counts.tolist())
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all examples of a test share."""
    return tmp_path_factory.mktemp("corpus")


def write(folder: Path, texts: list[bytes]) -> list[str]:
    """Files with these texts."""
    paths = [folder / f"{number}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text)
    return [str(path) for path in paths]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("memory", [ALL_IN_MEMORY, SPILL_ALWAYS])
@settings(max_examples=15, deadline=None)
@given(
    texts=st.lists(st.lists(lines(), max_size=6).map("\n".join), min_size=1, max_size=3),
    min_count=st.integers(1, 2),
    name=st.sampled_from(["gpt2", "gpt4", "whitespace", "none"]),
    lowercase=st.booleans(),
)
def test_counts(
    folder: Path,
    texts: list[str],
    min_count: int,
    name: str,
    lowercase: bool,
    memory: int,
    threads: int,
) -> None:
    encoded = [text.encode() for text in texts]
    found = count_words(
        write(folder, encoded), normalizer=Normalizer("nfc", lowercase),
        pretokenizer=Pretokenizer(name), min_count=min_count, memory=memory, threads=threads,
        folder=str(folder),
    )  # fmt: skip
    expected = slow.counts(
        encoded, lambda t: normalizing.normalize(t, "nfc", lowercase, False), name, min_count
    )
    assert listed(found) == expected
    assert not list(folder.glob("seqtool*"))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("memory", [ALL_IN_MEMORY, 1 << 15])
def test_many_words_in_many_blocks(
    tmp_path: Path, memory: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqtool.text.BLOCK_BYTES", 1 << 10)
    monkeypatch.setattr("seqtool.words.blocks._BATCH_BYTES", 1 << 12)
    words = np.random.default_rng(1).zipf(1.3, 4000) % 3000
    text = "".join(f"w{word}{' ' if place % 9 else chr(10)}" for place, word in enumerate(words))
    found = count_words(
        write(tmp_path, [text.encode()] * 2), normalizer=PLAIN, pretokenizer=GPT2, memory=memory,
        threads=threads,
    )  # fmt: skip
    assert listed(found) == slow.counts([text.encode()] * 2, str, "gpt2", 1)


def test_compressed_files_and_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"a b a\n"))
    (tmp_path / "b.xz").write_bytes(lzma.compress(b"a\n"))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b" b"), closed=False))
    paths = [str(tmp_path / "a.gz"), str(tmp_path / "b.xz"), "-"]
    found = count_words(paths, normalizer=PLAIN, pretokenizer=GPT2)
    assert listed(found) == [(b" b", 2), (b"a", 2), (b" a", 1)]
    assert found.sha256 == hashlib.sha256(b"a b a\na\n b\n").hexdigest()


def test_nothing_to_count(tmp_path: Path) -> None:
    found = count_words(write(tmp_path, [b"", b"\n\n"]), normalizer=PLAIN, pretokenizer=GPT2)
    assert listed(found) == []
    assert found.starts.tolist() == [0]


def test_bad_bytes_are_named(tmp_path: Path) -> None:
    (path,) = write(tmp_path, [b"fine\nf\xffne\n"])
    with pytest.raises(SeqtoolError, match=r"0\.txt:2: not UTF-8"):
        count_words([path], normalizer=PLAIN, pretokenizer=GPT2)
    found = count_words([path], normalizer=PLAIN, pretokenizer=GPT2, errors="replace")
    assert ("\ufffd".encode(), 1) in listed(found)
    with pytest.raises(SeqtoolError, match="no such file"):
        count_words([str(tmp_path / "none")], normalizer=PLAIN, pretokenizer=GPT2)
