"""Cutting texts into words, against the regular expressions and the peers that use them."""

import os
import time
import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive import pretokenizing as slow
from strategies import lines

from seqtool.errors import SeqtoolError
from seqtool.text import open_bytes
from seqtool.tokenizers.batches import batch_of_lines, batch_of_texts, texts_of
from seqtool.tokenizers.pretokenize import KINDS, Pretokenizer
from seqtool.tokenizers.types import Batch, Words

CONTRACTIONS = ("'s", "'T", "'re", "'vE", "'m", "'ll", "'D", "'\u017f", "'r", "'l", "''s", "'")
WHITE_SPACE = (" ", "  ", "\n", "\r\n", "\t", "\u3000", "\u00a0", "\u2028", "\x1c", "\x85", " \n ")
MARKS = ("\u0301", "a\u0301", "\u0000", "½", "٣", "12345", "...", "!\n\n", "Ⅷ", "\u200d", "𠀀")
PIECES = st.one_of(
    st.sampled_from(CONTRACTIONS),
    st.sampled_from(WHITE_SPACE),
    st.sampled_from(MARKS),
    st.sampled_from(("abc", "The", "é", "ſ", "你好", " ", "1")),
    st.text(max_size=3),
)
TEXTS = st.one_of(lines(), st.lists(PIECES, max_size=12).map("".join)).map(
    lambda text: text.encode("utf-8", "ignore")
)
# The peers know the characters of other versions of Unicode.
KNOWN_TEXTS = TEXTS.map(
    lambda text: "".join(c for c in text.decode() if unicodedata.category(c) != "Cn")
)
BYTES = st.one_of(
    st.binary(max_size=20),
    st.lists(
        st.sampled_from([b"\xc3", b"\xa9", b"\xe2\x82", b"\xac", b"a", b" ", b"\xed\xa0\x80"]),
        max_size=10,
    ).map(b"".join),
    st.sampled_from([b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80"]),
)

every_kind = pytest.mark.parametrize("name", list(KINDS))


def words_of(batch: Batch, words: Words) -> list[list[bytes]]:
    """The words of every text."""
    data = batch.data.tobytes()
    ends = [0, *words.ends.tolist()]
    spans = list(pairwise(ends))
    bounds = words.starts.tolist()
    return [[data[a:b] for a, b in spans[first:last]] for first, last in pairwise(bounds)]


@pytest.mark.kernel
@every_kind
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, max_size=4))
@example(texts=[b"a\n  ", b" \n\n  x", b"  a", b"\r\n", b" '\xc5\xbf'\xc5\xbfa"])
def test_words_are_those_of_the_expression(name: str, texts: list[bytes]) -> None:
    batch = batch_of_texts(texts)
    found = words_of(batch, Pretokenizer(name).split(batch))
    assert found == [slow.words(name, text) for text in texts]


@pytest.mark.kernel
@every_kind
@settings(max_examples=40, deadline=None)
@given(text=BYTES)
def test_bytes_that_are_not_utf8_are_characters_of_no_class(name: str, text: bytes) -> None:
    batch = batch_of_texts([text])
    (found,) = words_of(batch, Pretokenizer(name).split(batch))
    assert found == slow.words(name, text)
    assert b"".join(found) == text


@pytest.mark.kernel
@pytest.mark.parametrize("name", ["gpt2", "gpt4", "gpt4-lines", "whitespace"])
def test_threads_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtool.tokenizers.pretokenize._PART_BYTES", 7)
    texts = [b"", b"one two", b"", b"it's 1234 o'clock ", b"\xff" * 20, b"", b" "] * 3
    batch = batch_of_texts(texts)
    splits = [Pretokenizer(name).split(batch, threads) for threads in (1, 2, 3)]
    assert words_of(batch, splits[0]) == [slow.words(name, text) for text in texts]
    for split in splits[1:]:
        assert np.array_equal(split.ends, splits[0].ends)
        assert np.array_equal(split.starts, splits[0].starts)


def test_empty_batch() -> None:
    words = Pretokenizer("gpt2").split(batch_of_texts([]))
    assert len(words.ends) == 0
    assert words.starts.tolist() == [0]


def test_unknown_name() -> None:
    with pytest.raises(SeqtoolError, match="no pre-tokenizer 'gpt5': choose one of gpt2"):
        Pretokenizer("gpt5")


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_batches(texts: list[str]) -> None:
    encoded = [text.encode() for text in texts]
    assert texts_of(batch_of_texts(texts)) == encoded
    block = b"".join(text.replace(b"\n", b"") + b"\n" for text in encoded)
    assert texts_of(batch_of_lines(block)) == block.split(b"\n")[:-1]


@settings(max_examples=100, deadline=None)
@given(text=KNOWN_TEXTS)
def test_gpt4_is_what_tiktoken_does(text: str) -> None:
    openai = pytest.importorskip("tiktoken_ext.openai_public")
    tiktoken = pytest.importorskip("tiktoken")
    pattern = next(
        constant
        for constant in openai.cl100k_base.__code__.co_consts
        if isinstance(constant, str) and r"\p{L}" in constant
    )
    ranks = {bytes([byte]): byte for byte in range(256)}
    words = dict.fromkeys(word for word in slow.words("gpt4", text.encode()) if len(word) > 1)
    ranks |= {word: 256 + number for number, word in enumerate(words)}
    encoding = tiktoken.Encoding("test", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    batch = batch_of_texts([text])
    (found,) = words_of(batch, Pretokenizer("gpt4").split(batch))
    assert encoding.decode_tokens_bytes(encoding.encode_ordinary(text)) == found


@settings(max_examples=100, deadline=None)
@given(text=KNOWN_TEXTS)
def test_gpt2_is_what_hugging_face_does(text: str) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    splitter = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    batch = batch_of_texts([text])
    (found,) = words_of(batch, Pretokenizer("gpt2").split(batch))
    pieces = splitter.pre_tokenize_str(text)
    assert [text[a:b].encode() for _, (a, b) in pieces] == found


@pytest.mark.real
@pytest.mark.parametrize("name", ["gpt2", "gpt4", "whitespace"])
def test_lines_of_wikipedia(name: str, data: Path) -> None:
    with open_bytes(str(data / "text" / "wiki-en.txt.xz")) as file:
        block = file.read(1 << 20)
    batch = batch_of_lines(block[: block.rfind(b"\n") + 1])
    found = words_of(batch, Pretokenizer(name).split(batch, 2))
    assert found == [slow.words(name, text) for text in texts_of(batch)]


@pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="too slow without the JIT")
@every_kind
@pytest.mark.parametrize("unit", [" ", "a", "\n", "\u0301", "\0", "1", "\n ", "\u3000", "'"])
def test_a_megabyte_of_one_thing(name: str, unit: str) -> None:
    """Linear time: quadratic time would be hours."""
    text = unit.encode() * ((1 << 20) // len(unit.encode()))
    batch = batch_of_texts([text])
    splitter = Pretokenizer(name)
    start = time.perf_counter()
    words = splitter.split(batch)
    assert time.perf_counter() - start < 5
    assert words.ends[-1] == len(text)
