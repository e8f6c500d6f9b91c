"""Cutting words by byte-pair encoding, against slow twins and the libraries."""

from __future__ import annotations

import random
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bpe_models import GPT2, as_words, decoded, gpt2_words, whole, word_counts
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import bpe as slow

from seqtool.errors import SeqtoolError
from seqtool.tokenizers import bpe
from seqtool.tokenizers.bpe import BpeModel, merges_of_pairs, merges_of_ranks
from seqtool.tokenizers.bpe_train import train_bpe
from seqtool.tokenizers.types import Encoded

TRAINING = (
    "the quick brown fox jumps over the lazy dog, and the other foxes' dogs aren't lazier. "
    "Große Bären äßen über tausend Äpfel; 1234 2345 345. aaaaaaaaaaaa bbbbbb abababab 字符字符 "
)


def trained(size: int = 420) -> BpeModel:
    """A byte-level model."""
    return train_bpe(word_counts([word.encode() for word in gpt2_words(TRAINING * 2)]), size)


MODEL = trained()
MERGES = {
    (left, right): (rank, made) for rank, (left, right, made) in enumerate(MODEL.merges.tolist())
}
BYTES = st.one_of(st.binary(max_size=80), st.text("ab ohe", max_size=120).map(str.encode))


def by_ranks(pieces: list[bytes]) -> BpeModel:
    """A model as in a file of tiktoken."""
    merges = merges_of_ranks(pieces)
    return BpeModel(pieces, merges, merges[:, 2].copy(), whole_words=True)


def texts(encoded: Encoded) -> list[list[int]]:
    """The ids of every text."""
    bounds = encoded.starts.tolist()
    return [encoded.ids[a:b].tolist() for a, b in pairwise(bounds)]


def slow_ids(word: bytes) -> list[int]:
    """What the twin cuts a word into."""
    return slow.encode([MODEL.bytes_ids[byte] for byte in word], MERGES)


@pytest.mark.kernel
@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.lists(BYTES.filter(bool), max_size=6), max_size=5))
def test_ids_are_those_of_the_slow_twin(words: list[list[bytes]]) -> None:
    batch, cut = as_words(words)
    encoded = MODEL.encode(batch, cut, with_ends=True)
    assert texts(encoded) == [[i for word in text for i in slow_ids(word)] for text in words]
    assert encoded.ends is not None
    lengths = [len(MODEL.pieces[number]) for number in encoded.ids]
    assert encoded.ends.tolist() == np.cumsum(lengths, dtype=np.int64).tolist()
    assert texts(MODEL.encode(batch, cut)) == texts(encoded)  # now from the cache


@pytest.mark.kernel
@settings(max_examples=60, deadline=None)
@given(data=st.lists(BYTES, max_size=4))
def test_decoding_gives_the_bytes_back(data: list[bytes]) -> None:
    encoded = MODEL.encode(*whole(data))
    assert [decoded(MODEL, ids) for ids in texts(encoded)] == data


@pytest.mark.kernel
@settings(max_examples=60, deadline=None)
@given(
    pieces=st.sets(st.binary(min_size=2, max_size=5).map(lambda b: b.translate(b"ab" * 128))),
    word=st.binary(min_size=1, max_size=90).map(lambda b: b.translate(b"ab" * 128)),
)
def test_ranks_of_pieces(pieces: set[bytes], word: bytes) -> None:
    listed = [bytes([byte]) for byte in range(256)] + sorted(pieces, key=lambda p: (len(p), p[-1]))
    model = by_ranks(listed)
    ranks = {piece: rank for rank, piece in enumerate(listed)}
    assert texts(model.encode(*whole([word]))) == [slow.encode_by_ranks(word, ranks)]


@pytest.mark.kernel
def test_words_that_push_each_other_out_of_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bpe, "_CACHED_WORDS", 2)
    model = trained()
    source = random.Random(1)
    words = [bytes(source.choices(b"ab the", k=source.randint(1, 25))) for _ in range(200)]
    batch, cut = as_words([words])
    assert texts(model.encode(batch, cut)) == [[i for word in words for i in slow_ids(word)]]


@pytest.mark.kernel
def test_words_that_differ_in_zero_bytes_only() -> None:
    words = [b"a", b"a\0", b"a\0\0", b"a" * 7, b"a" * 7 + b"\0", b"a" * 14, b"a" * 14 + b"\0"]
    batch, cut = as_words([words * 2])
    assert texts(MODEL.encode(batch, cut)) == [[i for word in words * 2 for i in slow_ids(word)]]


@pytest.mark.kernel
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_do_not_matter(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    monkeypatch.setattr(bpe, "_PART_BYTES", 64)
    lines = [[word.encode() for word in gpt2_words(TRAINING[i : i + 50])] for i in range(40)]
    batch, cut = as_words([*lines, [], [], *lines])
    encoded = MODEL.encode(batch, cut, threads, with_ends=True)
    expected = [[i for word in line for i in slow_ids(word)] for line in lines]
    assert texts(encoded) == [*expected, [], [], *expected]
    assert encoded.ends is not None
    assert encoded.ends[-1] == len(batch.data)


def test_no_texts() -> None:
    assert texts(MODEL.encode(*as_words([]), with_ends=True)) == []
    assert texts(MODEL.encode(*as_words([[], []]))) == [[], []]


# --- models of characters ----------------------------------------------------------------------

CHARACTERS = [b"<unk>", b"a", b"b", "ä".encode(), b"ab", "abä".encode()]
JOINS = [(1, 2), (4, 3)]


def of_characters(**options: Any) -> BpeModel:
    """A model of characters."""
    merges = merges_of_pairs(CHARACTERS, JOINS)
    return BpeModel(CHARACTERS, merges, by_characters=True, hidden=[0], **options)


@pytest.mark.kernel
@pytest.mark.parametrize(("fuse", "expected"), [(False, [5, 0, 0, 4, 0]), (True, [5, 0, 4, 0])])
def test_unknown_characters(fuse: bool, expected: list[int]) -> None:
    model = of_characters(unknown=0, fuse_unknown=fuse)
    for _ in range(2):
        encoded = model.encode(*whole(["abä字éabx".encode()]), with_ends=True)
        assert encoded.ids.tolist() == expected
        assert encoded.ends is not None
        ends = [4, 7, 9, 11, 12]
        assert encoded.ends.tolist() == ([4, *ends[2:]] if fuse else ends)


@pytest.mark.kernel
def test_without_an_unknown_token() -> None:
    with pytest.raises(SeqtoolError, match="does not know"):
        of_characters().encode(*whole([b"abx"]))


@pytest.mark.kernel
def test_bytes_of_unknown_characters() -> None:
    pieces = [*CHARACTERS, *(bytes([byte]) for byte in range(256))]
    merges = merges_of_pairs(pieces, JOINS)
    bytes_ids = {byte: len(CHARACTERS) + byte for byte in range(256)}
    model = BpeModel(pieces, merges, by_characters=True, bytes_ids=bytes_ids, hidden=[0])
    text = "aé".encode() + b"\xff\xe4" + "abä".encode()
    encoded = model.encode(*whole([text]), with_ends=True)
    assert encoded.ids.tolist() == [1, *(bytes_ids[byte] for byte in b"\xc3\xa9\xff\xe4"), 5]
    assert decoded(model, encoded.ids.tolist()) == text


@pytest.mark.kernel
@settings(max_examples=40, deadline=None)
@given(
    text=st.text("abä字 ", max_size=70), fuse=st.booleans(), ignore=st.booleans(), by=st.booleans()
)
def test_options_of_hugging_face(text: str, fuse: bool, ignore: bool, by: bool) -> None:
    from tokenizers import Tokenizer, models

    names = [piece.decode() for piece in CHARACTERS] + ["ba"]
    if by:
        names += [f"<0x{byte:02X}>" for byte in range(256)]
    vocab = {name: number for number, name in enumerate(names)}
    theirs = Tokenizer(
        models.BPE(
            vocab, [("a", "b"), ("ab", "ä")], unk_token="<unk>", fuse_unk=fuse, byte_fallback=by,
            ignore_merges=ignore,
        )
    )  # fmt: skip
    pieces = [*CHARACTERS, b"ba"] + [bytes([byte]) for byte in range(256) if by]
    model = BpeModel(
        pieces, merges_of_pairs(pieces, JOINS), by_characters=True, unknown=0, hidden=[0],
        fuse_unknown=fuse, whole_words=ignore,
        bytes_ids={byte: 7 + byte for byte in range(256)} if by else None,
    )  # fmt: skip
    for piece in (text, "ba"):
        assert texts(model.encode(*whole([piece.encode()]))) == [theirs.encode(piece).ids]


# --- dropout -----------------------------------------------------------------------------------


@pytest.mark.kernel
@settings(max_examples=30, deadline=None)
@given(data=st.lists(BYTES, max_size=4), amount=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
def test_dropout(data: list[bytes], amount: float) -> None:
    batch, cut = whole(data)
    drawn = MODEL.sample(batch, cut, amount, np.random.default_rng(3), with_ends=True)
    again = MODEL.sample(batch, cut, amount, np.random.default_rng(3))
    assert texts(drawn) == texts(again)
    assert [decoded(MODEL, ids) for ids in texts(drawn)] == data
    assert drawn.ends is not None
    lengths = [len(MODEL.pieces[number]) for number in drawn.ids]
    assert drawn.ends.tolist() == np.cumsum(lengths, dtype=np.int64).tolist()
    if amount == 0:
        assert texts(drawn) == texts(MODEL.encode(batch, cut))
    if amount == 1:
        assert texts(drawn) == [[MODEL.bytes_ids[byte] for byte in text] for text in data]


def test_chances_of_dropout() -> None:
    """ "ab" joins with chance 1 - p, and then takes "c"; else "bc" has its chance."""
    pieces = [b"a", b"b", b"c", b"ab", b"bc", b"abc"]
    model = BpeModel(pieces, merges_of_pairs(pieces, [(0, 1), (1, 2), (3, 2), (0, 4)]))
    draws, p = 20_000, 0.3
    encoded = model.sample(*whole([b"abc"] * draws), p, np.random.default_rng(1))
    found = Counter(map(tuple, texts(encoded)))
    q = 1 - p
    expected = {
        (5,): q * q + p * q * q,
        (3, 2): q * p,
        (0, 4): p * q * p,
        (0, 1, 2): p * p,
    }
    for cut, chance in expected.items():
        assert found[cut] / draws == pytest.approx(chance, abs=0.015)


# --- the libraries -----------------------------------------------------------------------------


def lines_of(data: Path) -> list[str]:
    """Lines of three languages."""
    folder = data / "parallel" / "multi30k"
    return [
        line
        for language in ("en", "de", "fr")
        for line in (folder / f"val.{language}").read_text(encoding="utf-8").split("\n")
    ]


def as_hugging_face(model: BpeModel) -> Any:
    """The model in the library, with GPT-2's words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    from seqtool.tokenizers.visible import bytes_to_visible

    names = [bytes_to_visible(piece) for piece in model.pieces]
    vocab = {name: number for number, name in enumerate(names)}
    merges = [(names[left], names[right]) for left, right, _ in model.merges.tolist()]
    tokenizer = Tokenizer(models.BPE(vocab, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return tokenizer


def as_tiktoken(pieces: list[bytes]) -> Any:
    """The pieces in the library, with GPT-2's words."""
    import tiktoken

    ranks = {piece: rank for rank, piece in enumerate(pieces)}
    return tiktoken.Encoding("x", pat_str=GPT2.pattern, mergeable_ranks=ranks, special_tokens={})


@pytest.mark.real
def test_ids_of_the_libraries_on_real_text(data: Path) -> None:
    lines = lines_of(data)
    words = [[word.encode() for word in gpt2_words(line)] for line in lines]
    model = train_bpe(word_counts([word for line in words for word in line]), 3000)
    encoded = texts(model.encode(*as_words(words), threads=2))
    assert encoded == [found.ids for found in as_hugging_face(model).encode_batch(lines)]
    assert encoded == as_tiktoken(list(model.pieces)).encode_ordinary_batch(lines)
    assert encoded == texts(by_ranks(list(model.pieces)).encode(*as_words(words)))


@settings(max_examples=100, deadline=None)
@given(text=st.one_of(st.text(max_size=60), st.text("abÄ字 the's1\n", max_size=100)))
def test_ids_of_the_libraries_on_any_text(text: str) -> None:
    batch, cut = as_words([[word.encode() for word in gpt2_words(text)]])
    ids = texts(MODEL.encode(batch, cut))[0]
    assert ids == HUGGING_FACE.encode(text).ids
    assert ids == TIKTOKEN.encode_ordinary(text)


HUGGING_FACE = as_hugging_face(MODEL)
TIKTOKEN = as_tiktoken(list(MODEL.pieces))


@pytest.mark.parametrize("text", [b"a", b"ab", b"\n", b"\0", "e\u0301".encode(), b"the"])
def test_long_words_take_linear_time(text: bytes) -> None:
    """Four times the text takes no more than about four times as long."""
    seconds = []
    for size in (1 << 18, 1 << 20):
        batch, cut = whole([(text * size)[:size]])
        MODEL.encode(batch, cut)
        start = time.process_time()
        encoded = MODEL.encode(batch, cut)
        seconds.append(time.process_time() - start)
        assert decoded(MODEL, encoded.ids.tolist()) == batch.data.tobytes()
    assert seconds[1] < 10 * seconds[0] + 0.05
