"""The word and the character model, special tokens, and whole tokenizers."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

from naive.whole_words import SPACES, character_ids, word_ids  # noqa: E402

from seqtool.errors import SeqtoolError  # noqa: E402
from seqtool.tokenizers.batches import batch_of_texts  # noqa: E402
from seqtool.tokenizers.normalize import Normalizer  # noqa: E402
from seqtool.tokenizers.preparation import TextPreparation, WordRules  # noqa: E402
from seqtool.tokenizers.pretokenize import Pretokenizer  # noqa: E402
from seqtool.tokenizers.specials import Special  # noqa: E402
from seqtool.tokenizers.tokenizer import Tokenizer  # noqa: E402
from seqtool.tokenizers.types import WordCounts  # noqa: E402
from seqtool.tokenizers.visible import (  # noqa: E402
    bytes_to_visible,
    text_to_visible,
    visible_to_bytes,
    visible_to_text,
)
from seqtool.tokenizers.word_model import (  # noqa: E402
    CharModel,
    WordModel,
    count_single_characters,
    count_whole_words,
    most_frequent,
)

pytestmark = pytest.mark.kernel

WORDS = ["<unk>", "a", "the", "Straße", "東京", "-", "\u200b"]
CHARACTERS = ["<unk>", "a", "b", " ", "é", "東", "😀"]

lines = st.lists(
    st.text(
        st.one_of(st.sampled_from("ab theStraß東京é-😀" + SPACES), st.characters(codec="utf-8")),
        max_size=25,
    ),
    max_size=4,
)


def pieces(names: list[str]) -> list[bytes]:
    return [name.encode() for name in names]


@settings(deadline=None)
@given(lines, st.integers(1, 3))
def test_words_are_those_of_the_naive_twin(texts: list[str], threads: int) -> None:
    batch = batch_of_texts(texts)
    words = Pretokenizer("whitespace").split(batch)
    encoded = WordModel(pieces(WORDS), 0, [0]).encode(batch, words, threads, with_ends=True)
    expected = [word_ids(re.findall(f"[^{SPACES}]+", text), ["", *WORDS[1:]], 0) for text in texts]
    assert encoded.ids.tolist() == [number for ids in expected for number in ids]
    assert np.diff(encoded.starts).tolist() == [len(ids) for ids in expected]
    ends = [m.end() for m in re.finditer(f"[^{SPACES}]+", "".join(texts))]
    assert encoded.ends is not None
    if len(texts) == 1:
        assert [len("".join(texts)[:end].encode()) for end in ends] == encoded.ends.tolist()


@settings(deadline=None)
@given(lines, st.booleans(), st.integers(1, 3))
def test_characters_are_those_of_the_naive_twin(
    texts: list[str], fallback: bool, threads: int
) -> None:
    names = pieces(CHARACTERS)
    bytes_ids = {byte: len(names) + byte for byte in range(256)} if fallback else {}
    model = CharModel(names + [bytes([byte]) for byte in bytes_ids], 0, [0], bytes_ids)
    batch = batch_of_texts(texts)
    words = Pretokenizer("none").split(batch)
    encoded = model.encode(batch, words, threads, with_ends=True)
    expected = [character_ids(text, ["", *CHARACTERS[1:]], bytes_ids, 0) for text in texts]
    assert encoded.ids.tolist() == [number for ids in expected for number in ids]
    assert np.diff(encoded.starts).tolist() == [len(ids) for ids in expected]
    assert encoded.ends is not None
    if not fallback:
        ends = np.cumsum([len(character.encode()) for character in "".join(texts)])
        assert encoded.ends.tolist() == ends.tolist()


def test_bytes_that_are_no_utf8_are_unknown_one_by_one() -> None:
    batch = batch_of_texts([b"a\xff\xe6\x9da\xed\xa0\x80"])
    model = CharModel(pieces(CHARACTERS), 0, [0])
    assert model.encode(batch, Pretokenizer("none").split(batch)).ids.tolist() == [
        1, 0, 0, 0, 1, 0, 0, 0,
    ]  # fmt: skip


def test_without_an_unknown_piece_unknown_text_is_an_error() -> None:
    batch = batch_of_texts(["a b"])
    words = Pretokenizer("whitespace").split(batch)
    for model in (WordModel([b"a"], None), CharModel([b"a"], None)):
        with pytest.raises(SeqtoolError, match="<unk>"):
            model.encode(batch, words)


def counted(words: dict[str, int]) -> WordCounts:
    starts = np.cumsum([0] + [len(word.encode()) for word in words])
    data = np.frombuffer("".join(words).encode(), np.uint8)
    return WordCounts(data, starts, np.array(list(words.values()), np.int64), "")


def test_training() -> None:
    counts = counted({" the": 5, "the": 2, "\u3000a": 7, "  ": 9, "b": 1, "é": 1})
    words = count_whole_words(counts)
    assert words == {b"the": 7, b"a": 7, b"b": 1, "é".encode(): 1}
    assert most_frequent(words, 3, 1, ()) == [b"a", b"the", b"b"]
    assert most_frequent(words, 9, 2, {b"a"}) == [b"the"]
    characters = count_single_characters(counts)
    assert characters["é".encode()] == 1
    assert characters[b" "] == 23
    assert characters["\u3000".encode()] == 7


# --- pieces as people see them ----------------------------------------------------------------


@given(st.binary())
def test_visible_bytes(piece: bytes) -> None:
    shown = bytes_to_visible(piece)
    assert len(shown) == len(piece)
    assert not any(character.isspace() for character in shown)
    assert visible_to_bytes(shown) == piece


def test_visible_bytes_are_those_of_gpt2() -> None:
    assert bytes_to_visible(b" a\n\xff\x00") == "ĠaĊÿĀ"
    assert visible_to_bytes("東") is None


@given(st.text(st.one_of(st.sampled_from(" ▁\n\r<U+>"), st.characters(codec="utf-8")), max_size=3))
def test_visible_text(piece: str) -> None:
    shown = text_to_visible(piece)
    assert " " not in shown
    assert "\n" not in shown
    if "<U+" not in piece:
        assert visible_to_text(shown) == piece


# --- the tokenizer ----------------------------------------------------------------------------


def words_tokenizer(specials: list[Special]) -> Tokenizer:
    names = ["<unk>", "<s>", "</s>", "<pad>", "<sep>", "a", "the", "house"]
    model = WordModel(pieces(names), 0, range(5))
    preparation = TextPreparation(Normalizer(lowercase=True), WordRules("whitespace", trims=True))
    return Tokenizer(model, preparation, names, "words", specials)


SPECIALS = [Special("<unk>", 0), Special("<s>", 1), Special("</s>", 2), Special("<sep>", 4)]


def test_special_tokens_are_found_only_when_asked_for() -> None:
    tokenizer = words_tokenizer(SPECIALS)
    texts = ["the <sep>HOUSE", "", "<s>", "a"]
    plain = tokenizer.encode_batch(texts)
    assert plain.ids.tolist() == [6, 0, 0, 5]
    found = tokenizer.encode_batch(texts, match_special=True, with_ends=True)
    assert found.ids.tolist() == [6, 4, 7, 1, 5]
    assert found.starts.tolist() == [0, 3, 3, 4, 5]
    assert found.ends is not None
    assert found.ends.tolist() == [3, 9, 14, 17, 18]
    always = words_tokenizer([Special("<sep>", 4, always=True)])
    assert always.encode_batch(texts).ids.tolist() == [6, 4, 7, 0, 5]


def test_bos_and_eos() -> None:
    tokenizer = words_tokenizer(SPECIALS)
    encoded = tokenizer.encode_batch(["the house", "", "a"], bos=True, eos=True, with_ends=True)
    assert encoded.ids.tolist() == [1, 6, 7, 2, 1, 2, 1, 5, 2]
    assert encoded.starts.tolist() == [0, 4, 6, 9]
    assert encoded.ends is not None
    assert encoded.ends.tolist() == [0, 3, 9, 9, 9, 9, 9, 10, 10]
    assert tokenizer.encode_batch(["a", "a"], eos=True).ids.tolist() == [5, 2, 5, 2]
    assert tokenizer.encode_batch(["a", "a"], bos=True).starts.tolist() == [0, 2, 4]


def test_decoding() -> None:
    tokenizer = words_tokenizer(SPECIALS)
    ids = np.array([1, 6, 4, 7, 2, 3, 0], np.int32)
    assert tokenizer.decode_batch(ids, np.array([0, 5, 5, 7])) == [
        b"the <sep> house",
        b"",
        b"<unk>",
    ]
    for wrong in (-1, 8):
        with pytest.raises(SeqtoolError, match="not in the vocabulary of 8"):
            tokenizer.decode_batch(np.array([wrong]), np.array([0, 1]))


def test_vocabulary() -> None:
    tokenizer = words_tokenizer(SPECIALS)
    assert tokenizer.vocab_size == 8
    assert (tokenizer.id_of("house"), tokenizer.id_of("x"), tokenizer.piece_of(4)) == (
        7, None, "<sep>",
    )  # fmt: skip
    rows = tokenizer.one_hot(np.array([2, 0]))
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, 0, 1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0]]


def test_a_model_with_one_cut_has_none_to_draw() -> None:
    tokenizer = words_tokenizer(SPECIALS)
    with pytest.raises(SeqtoolError, match="one cut"):
        tokenizer.sample(["a"], 0.1)
    with pytest.raises(SeqtoolError, match="one cut"):
        tokenizer.nbest("a", 2)
