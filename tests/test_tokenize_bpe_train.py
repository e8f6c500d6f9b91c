"""Learning merges, against a slow twin and the library whose order of merges it keeps."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from bpe_models import gpt2_words, whole, word_counts
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import bpe as slow

from seqtool.errors import SeqtoolError
from seqtool.tokenizers import bpe_train
from seqtool.tokenizers.bpe import BpeModel, merges_of_pairs
from seqtool.tokenizers.bpe_train import extend_bpe, train_bpe
from seqtool.tokenizers.visible import bytes_to_visible

ALPHABET = sorted((bytes([byte]) for byte in range(256)), key=bytes_to_visible)


@pytest.mark.kernel
@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=30),
    more=st.integers(0, 40),
    min_frequency=st.integers(0, 3),
)
def test_merges_are_those_of_the_slow_twin(words: list[str], more: int, min_frequency: int) -> None:
    encoded = [word.encode() for word in words]
    model = train_bpe(word_counts(encoded), 256 + more, min_frequency=min_frequency)
    pieces = list(ALPHABET)
    counted = sorted(Counter(encoded).items())
    expected = slow.train(counted, pieces, 256 + more, min_frequency)
    assert list(map(tuple, model.merges.tolist())) == expected
    assert list(model.pieces) == pieces


@pytest.mark.kernel
def test_room_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same merges when every array begins too small."""
    source = random.Random(1)
    words = [bytes(source.choices(b"abcdefgh", k=source.randint(1, 12))) for _ in range(300)]
    expected = train_bpe(word_counts(words), 400)
    monkeypatch.setattr(bpe_train, "_FIRST_PAIRS", 2)
    monkeypatch.setattr(bpe_train, "_MERGES_AT_ONCE", 3)
    model = train_bpe(word_counts(words), 400)
    assert model.merges.tolist() == expected.merges.tolist()


def huggingface(
    lines: list[str],
    size: int,
    specials: Sequence[str] = (),
    min_frequency: int = 0,
) -> tuple[list[list[str]], dict[str, int]]:
    """Merges and ids that Hugging Face's trainer learns."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(specials),
        min_frequency=min_frequency,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["merges"], model["vocab"]


def check_against_huggingface(
    lines: list[str],
    size: int,
    specials: Sequence[str] = (),
    min_frequency: int = 0,
) -> BpeModel:
    """Train with both, and compare all merges and ids."""
    words = [word.encode() for line in lines for word in gpt2_words(line)]
    model = train_bpe(word_counts(words), size, specials=specials, min_frequency=min_frequency)
    merges, vocab = huggingface(lines, size, specials, min_frequency)
    names = [*specials, *map(bytes_to_visible, model.pieces[len(specials) :])]
    assert [[names[left], names[right]] for left, right, _ in model.merges.tolist()] == merges
    assert {name: number for number, name in enumerate(names)} == vocab
    return model


LINES = [
    "the cat sat on the mat, and the other cat's hat",
    "aaaa aaaaaaa aaa aa a aaaaaaaaaaaaaa",
    "ein Bär — größer als die Bären; 12345 123 12",
    "字符 字符串 \t\tx  y\n",
    "",
]


@pytest.mark.parametrize("size", [256, 257, 300, 5000])
@pytest.mark.parametrize("min_frequency", [0, 2])
def test_merges_are_those_of_hugging_face(size: int, min_frequency: int) -> None:
    check_against_huggingface(LINES, size, min_frequency=min_frequency)


def test_ids_of_special_tokens_come_first() -> None:
    model = check_against_huggingface(LINES, 320, ["<unk>", "<s>", "»é x«"])
    assert model.pieces[:3] == [b"<unk>", b"<s>", "»é x«".encode()]
    assert model.hidden == {0, 1, 2}


def test_a_merge_may_make_a_special_token() -> None:
    check_against_huggingface(["x <s> <s> <s> <sx <sx"] * 3, 300, ["<s", "<s>"])


@pytest.mark.real
@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_merges_on_real_text(data: Path, language: str) -> None:
    path = data / "parallel" / "multi30k" / f"train.{language}"
    lines = path.read_text(encoding="utf-8").split("\n")[:4000]
    check_against_huggingface(lines, 4000)


@pytest.mark.parametrize(
    ("size", "specials", "message"),
    [
        (255, [], "a vocabulary of 255 has no room"),
        (257, ["<a>", "<b>"], "ask for 258 or more"),
        (300, ["<a>", "<a>"], "twice"),
        (300, ["x"], "single byte"),
    ],
)
def test_what_cannot_be(size: int, specials: list[str], message: str) -> None:
    with pytest.raises(SeqtoolError, match=message):
        train_bpe(word_counts([b"x"]), size, specials=specials)


@pytest.mark.kernel
def test_extended() -> None:
    """Ids and merges stay; the words of the old model are cut further, not otherwise."""
    first = [b"lower", b"lowest", b"low", b"newer"] * 3
    second = [b"widest", b"wider", b"lower"] * 4
    old = train_bpe(word_counts(first), 262, specials=["<s>"])
    new = extend_bpe(old, word_counts(second), 267)
    assert len(new.pieces) == 267
    assert new.pieces[: len(old.pieces)] == list(old.pieces)
    assert new.merges[: len(old.merges)].tolist() == old.merges.tolist()
    before, after = old.encode(*whole(second)), new.encode(*whole(second))
    assert len(after.ids) < len(before.ids)
    merges = {
        (left, right): (rank, token)
        for rank, (left, right, token) in enumerate(new.merges.tolist())
    }
    for text in range(len(second)):
        cut = before.ids[before.starts[text] : before.starts[text + 1]].tolist()
        expected = slow.encode(cut, merges)
        assert after.ids[after.starts[text] : after.starts[text + 1]].tolist() == expected


@pytest.mark.kernel
def test_extending_leaves_unknown_symbols_alone() -> None:
    pieces = [b"<unk>", b"a", b"b", b"ab"]
    merges = merges_of_pairs(pieces, [(1, 2)])
    old = BpeModel(pieces, merges, by_characters=True, unknown=0, hidden=[0])
    new = extend_bpe(old, word_counts([b"abab?ab", b"??abab"] * 5), 10)
    assert list(new.pieces[4:]) == [b"abab"]
    assert all(0 not in merge for merge in new.merges.tolist())


def test_nothing_to_learn_from() -> None:
    empty = word_counts([b"a"])._replace(
        data=np.empty(0, np.uint8), starts=np.zeros(1, np.int64), counts=np.empty(0, np.int64)
    )
    assert len(train_bpe(empty, 300).pieces) == 256


def test_counts_beyond_32_bits() -> None:
    counts = word_counts([b"ab", b"cd", b"cd"])
    huge = counts._replace(counts=np.array([1 << 40, (1 << 40) + 1]))
    assert train_bpe(huge, 257).pieces[256] == b"ab"
