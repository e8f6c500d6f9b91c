"""The words of a corpus and its stream of word numbers, against their slow twins."""

import bz2
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
from naive import embedding_corpus as slow

from seqtool.errors import SeqtoolError
from seqtool_train_embeddings.corpus import encode_corpus, open_corpus, spool_stdin
from seqtool_train_embeddings.vocabulary import Vocabulary, count_words, lowered

pytestmark = pytest.mark.kernel

quick = settings(max_examples=12, deadline=None)
ALL_IN_MEMORY = 1 << 30
SPILL_ALWAYS = 1

WORDS = st.one_of(
    st.sampled_from(
        [
            "a",
            "b",
            "c",
            "the",
            "The",
            "THE",
            "of",
            "Straße",
            "ΣΟΦΟΣ",
            "İ",
            "a\x00b",
            "\x00",
            "aaaaaaaab",
            "aaaaaaaac",
            "\u2028",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \t\n\r\v\f"), max_size=5),
    st.integers(1, 200).map(lambda n: "long" * n),
)
TEXTS = st.lists(
    st.tuples(WORDS, st.sampled_from([" ", " ", "\t", "\n", "\n\n", " \r\n", "\v\f "])), max_size=25
).map(lambda pieces: "".join(word + space for word, space in pieces))


def write(folder: Path, texts: list[str]) -> list[str]:
    """Files with these texts."""
    paths = []
    for number, text in enumerate(texts):
        paths.append(str(folder / f"{number}.txt"))
        Path(paths[-1]).write_bytes(text.encode())
    return paths


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all examples of a test share."""
    return tmp_path_factory.mktemp("corpus")


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("memory", [ALL_IN_MEMORY, SPILL_ALWAYS])
@quick
@given(texts=st.lists(TEXTS, min_size=1, max_size=3), min_count=st.integers(1, 3))
def test_counts(folder: Path, texts: list[str], min_count: int, memory: int, threads: int) -> None:
    expected = slow.count_words(texts, min_count, 20)
    paths = write(folder, texts)
    arguments = {"min_count": min_count, "memory": memory, "threads": threads, "max_vocab": 20}
    if not expected:
        with pytest.raises(SeqtoolError, match="words"):
            count_words(paths, **arguments)
        return
    vocabulary = count_words(paths, **arguments)
    assert list(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == expected
    assert vocabulary.tokens_seen == sum(len(slow.split_words(text)) for text in texts)
    assert vocabulary.total == sum(count for _, count in expected)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("memory", [ALL_IN_MEMORY, 1 << 16])
def test_many_words(tmp_path: Path, memory: int, threads: int) -> None:
    """More words than a table begins with, and long ones that begin alike."""
    text = "\n".join(f"w{n % 4507} common-prefix-{n % 11}" for n in range(5000))
    paths = write(tmp_path, [text, text[:5000], text[5000:]])
    vocabulary = count_words(paths, memory=memory, threads=threads)
    expected = slow.count_words([text, text[:5000], text[5000:]])
    assert list(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == expected
    assert vocabulary.index["w17"] == vocabulary.words.index("w17")
    assert not list(tmp_path.glob("seqtool*"))


@quick
@given(text=TEXTS)
def test_lowercase(text: str) -> None:
    assert lowered(text.encode()).decode() == text.lower()


def test_lowercase_and_transform_apply_to_both_passes(tmp_path: Path) -> None:
    paths = write(tmp_path, ["Ab-CD ÄB\n"])

    def split_hyphens(text: bytes) -> bytes:
        return text.replace(b"-", b" ")

    vocabulary = count_words(paths, lowercase=True, transform=split_hyphens)
    assert vocabulary.words == ["ab", "cd", "äb"]
    stream = str(tmp_path / "stream")
    count = encode_corpus(paths, vocabulary, stream, lowercase=True, transform=split_hyphens)
    assert count == 3
    assert open_corpus(stream).tolist() == [0, 1, 2, -1]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("window", ["lines", "document"])
@quick
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=3),
    known=st.integers(1, 30),
    longest=st.sampled_from([1, 2, 5, None]),
)
def test_stream(
    folder: Path, texts: list[str], known: int, longest: int | None, window: str, threads: int
) -> None:
    words = [word for word, _ in slow.count_words([*texts, "x"])][:known]
    vocabulary = Vocabulary(words, np.ones(len(words), np.int64), 0)
    stream = str(folder / "stream")
    count = encode_corpus(
        write(folder, texts), vocabulary, stream, window=window, max_sentence=longest,
        threads=threads,
    )  # fmt: skip
    expected = slow.sentences(texts, words, longest, window == "document")
    assert open_corpus(stream).tolist() == slow.id_stream(expected)
    assert count == sum(map(len, expected))


def test_sentences_go_on_over_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtool.text.BLOCK_BYTES", 8)
    monkeypatch.setattr("seqtool.words.blocks._BATCH_BYTES", 8)
    text = "a b\nc d e\n\nf g h a b c d e f g h\n\n\na b c\n"
    paths = write(tmp_path, [text, text])
    vocabulary = count_words(paths, threads=2)
    stream = str(tmp_path / "stream")
    encode_corpus(paths, vocabulary, stream, window="document", max_sentence=4, threads=2)
    expected = slow.sentences([text, text], vocabulary.words, 4, documents=True)
    assert open_corpus(stream).tolist() == slow.id_stream(expected)


@pytest.mark.parametrize(
    ("ending", "compress"), [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)]
)
def test_compressed(tmp_path: Path, ending: str, compress: object) -> None:
    text = b"a b a\n" * 1000
    path = tmp_path / f"corpus.{ending}"
    path.write_bytes(compress(text))  # type: ignore[operator]
    vocabulary = count_words([str(path)])
    assert dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == {
        "a": 2000,
        "b": 1000,
    }
    assert vocabulary.sha256 == hashlib.sha256(text).hexdigest()


def test_digest_is_of_all_the_text(tmp_path: Path) -> None:
    vocabulary = count_words(write(tmp_path, ["a\n", "b"]))
    assert vocabulary.sha256 == hashlib.sha256(b"a\nb\n").hexdigest()


def test_bad_bytes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(b"fine\nf\xffne\n")
    with pytest.raises(SeqtoolError, match=r"bad\.txt:2: not UTF-8"):
        count_words([str(path)])
    with pytest.raises(SeqtoolError, match=r"bad\.txt:2: not UTF-8"):
        encode_corpus([str(path)], Vocabulary(["a"], np.ones(1, np.int64), 1), str(path) + ".ids")
    assert not list(tmp_path.glob("*.ids*"))
    assert count_words([str(path)], errors="replace").words == ["fine", "f\ufffdne"]


def test_messages_for_an_empty_vocabulary(tmp_path: Path) -> None:
    empty, rare = write(tmp_path, ["\n \n", "a b c"])
    with pytest.raises(SeqtoolError, match=r"0\.txt: no words in it"):
        count_words([empty])
    with pytest.raises(SeqtoolError, match="none of its 3 words occurs 2 times: lower --min-count"):
        count_words([rare], min_count=2)


def test_stdin_is_spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a b\n"), closed=False))
    first, second = spool_stdin(["x", "-"], str(tmp_path))
    assert first == "x"
    assert Path(second).read_bytes() == b"a b\n"
    with pytest.raises(SeqtoolError, match="only once"):
        spool_stdin(["-", "-"], str(tmp_path))


def test_a_stream_is_checked(tmp_path: Path) -> None:
    with pytest.raises(SeqtoolError, match="no such file"):
        open_corpus(str(tmp_path / "none"))
    (tmp_path / "odd").write_bytes(b"12345")
    with pytest.raises(SeqtoolError, match="5 bytes"):
        open_corpus(str(tmp_path / "odd"))
    (tmp_path / "empty").write_bytes(b"")
    assert len(open_corpus(str(tmp_path / "empty"))) == 0
