"""tokenizer.json: what is written loads in the `tokenizers` library, and the other way round."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")
library = pytest.importorskip("tokenizers")

from tokenizers import (  # noqa: E402
    AddedToken,
    Regex,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

from seqtool.errors import SeqtoolError  # noqa: E402
from seqtool.tokenizers.huggingface_text import PATTERNS  # noqa: E402
from seqtool.tokenizers.huggingface_write import write_huggingface  # noqa: E402
from seqtool.tokenizers.load import load  # noqa: E402
from seqtool.tokenizers.tokenizer import Tokenizer  # noqa: E402
from seqtool.tokenizers.train import Recipe, train  # noqa: E402

pytestmark = pytest.mark.kernel

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "the the THE  dog's don't  we'll   12345 ",
    " leading and trailing ",
    "Übergrößenträger naïve café Ǆ ß ﬁ \u0301e",
    "東京は日本の首都です。 नमस्ते 👍🏽",
    "tab\there\u00a0nbsp\u3000ideographic",
    "<s> and <unk> in text",
    "",
    " ",
]
CORPUS = "\n".join(TEXTS * 3) + "\n"
SPECIALS = ("<unk>", "<s>", "</s>", "<pad>")

texts = st.text(
    st.one_of(
        st.sampled_from(" \t\n\r'abcdefst.,-0123ÉéßÄäσΣς東京ｆﬁ\u0301\u00a0\u3000\u2028▁Ġ"),
        # Later characters have their classes in some versions of Unicode only.
        st.characters(exclude_categories=["Cs", "Cn"]).filter(
            lambda c: unicodedata.ucd_3_2_0.category(c) != "Cn"
        ),
    ),
    max_size=30,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text(CORPUS, encoding="utf-8")
    return str(path)


RECIPES = [
    Recipe("bpe", 340, "gpt2", SPECIALS),
    Recipe("bpe", 340, "gpt4", SPECIALS),
    Recipe("bpe", 340, "whitespace", SPECIALS),
    Recipe("bpe", 340, "none", ("<unk>",)),
    Recipe("bpe", 340, "gpt2", SPECIALS, "nfkc"),
    Recipe("bpe", 340, "gpt2", SPECIALS, "nfc", lowercase=True, strip_accents=True),
    Recipe("word", 30, "whitespace", SPECIALS),
    Recipe("word", 30, "gpt2", SPECIALS, lowercase=True),
    Recipe("char", 40, "whitespace", SPECIALS),
    Recipe("char", 310, "whitespace", SPECIALS, byte_fallback=True),
    Recipe("unigram", 120, "whitespace", SPECIALS),
    Recipe("unigram", 400, "whitespace", SPECIALS, "nfkc", byte_fallback=True),
]


def name_of(recipe: Recipe) -> str:
    """How a test is called."""
    return "-".join(str(part) for part in recipe if not isinstance(part, tuple))


Pair = tuple[Tokenizer, Any]


@pytest.fixture(scope="module", params=RECIPES, ids=name_of)
def pair(
    request: pytest.FixtureRequest, corpus: str, tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    """A tokenizer of ours, and the library's reading of its file."""
    path = str(tmp_path_factory.mktemp("written") / "tok.json")
    tokenizer = train(request.param, [corpus], {"arguments": {"a": 1}})
    write_huggingface(path, tokenizer)
    theirs = library.Tokenizer.from_file(path)
    again = load(path)
    assert again.names == list(tokenizer.names)
    assert again.metadata["arguments"] == {"a": 1}
    return again, theirs


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    """Ours, with added tokens found in the text as the library does."""
    ids: list[int] = tokenizer.encode_batch([text], match_special=True).ids.tolist()
    return ids


def check(pair: Pair, text: str) -> None:
    ours, theirs = pair
    assert ids_of(ours, text) == theirs.encode(text, add_special_tokens=False).ids, text


def test_written_files_give_the_same_ids(pair: Pair) -> None:
    for text in TEXTS:
        check(pair, text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts)
def test_written_files_give_the_same_ids_for_any_text(pair: Pair, text: str) -> None:
    check(pair, text)


def test_offsets_are_those_of_the_library(pair: Pair) -> None:
    ours, theirs = pair
    for text in TEXTS[:5]:
        encoded = ours.encode_batch([text], with_ends=True)
        assert encoded.ends is not None
        ends = [len(text.encode()[:end].decode("utf-8", "ignore")) for end in encoded.ends]
        assert len(ends) == len(theirs.encode(text, add_special_tokens=False).ids)
        assert ends == sorted(ends)


# --- files of the library ---------------------------------------------------------------------


def byte_level(pre_tokenizer: Any, normalizer: Any = None, **model: Any) -> Any:
    """A byte-level BPE tokenizer that the library trains."""
    tokenizer = library.Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        special_tokens=["<unk>", "<s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    return tokenizer


def split(pattern: str) -> Any:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def with_added_tokens() -> Any:
    tokenizer = byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.add_special_tokens(["<extra>"])
    tokenizer.add_tokens([AddedToken("dog", normalized=False)])
    return tokenizer


def word_level() -> Any:
    tokenizer = library.Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(
        TEXTS[:6], trainers.WordLevelTrainer(vocab_size=20, special_tokens=["<unk>"])
    )
    return tokenizer


def unigram(scheme: str = "always", **model: Any) -> Any:
    tokenizer = library.Tokenizer(models.Unigram(**model))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme)
    trainer = trainers.UnigramTrainer(
        vocab_size=80, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    return tokenizer


def metaspace_bpe() -> Any:
    tokenizer = library.Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=120, special_tokens=["<unk>"], show_progress=False)
    tokenizer.train_from_iterator(TEXTS[:5] * 3, trainer)
    return tokenizer


THEIRS: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False)),
    "none": lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)),
    "gpt4": lambda: byte_level(split(PATTERNS["gpt4"][0])),
    "llama3": lambda: byte_level(split(PATTERNS["gpt4-lines"][0])),
    "nfc": lambda: byte_level(
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase()]),
    ),
    "whole words": lambda: byte_level(
        pre_tokenizers.ByteLevel(add_prefix_space=False), ignore_merges=True
    ),
    "added tokens": with_added_tokens,
    "words": word_level,
    "unigram": unigram,
    "unigram, never": lambda: unigram("never"),
    "bpe on characters": metaspace_bpe,
}


@pytest.fixture(scope="module", params=THEIRS)
def foreign(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A tokenizer that the library trained, and ours from its file."""
    theirs = THEIRS[request.param]()
    path = str(tmp_path_factory.mktemp("foreign") / "tok.json")
    theirs.save(path)
    return load(path), theirs


def test_files_of_the_library_give_the_same_ids(foreign: Pair) -> None:
    for text in TEXTS:
        check(foreign, text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts)
def test_files_of_the_library_give_the_same_ids_for_any_text(foreign: Pair, text: str) -> None:
    check(foreign, text)


def test_a_copy_of_a_file_of_the_library_gives_the_same_ids(foreign: Pair, tmp_path: Path) -> None:
    path = str(tmp_path / "copy.json")
    write_huggingface(path, foreign[0])
    copy = library.Tokenizer.from_file(path)
    for text in TEXTS:
        assert copy.encode(text).ids == foreign[1].encode(text).ids


# --- damage -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(THEIRS["gpt2"]().to_str())
    return document


def change(document: Any, place: str, value: Any) -> str:
    """The document with a value at ``model.vocab`` and the like."""
    copy = json.loads(json.dumps(document))
    *path, last = place.split("/")
    node = copy
    for key in path:
        node = node[int(key) if isinstance(node, list) else key]
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return json.dumps(copy)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("model", ..., "no 'model'"),
        ("model/type", "WordPiece", "WordPiece is not supported"),
        ("model/vocab", [], "model.vocab: expected an object, found a list"),
        ("model/vocab", {}, "0 pieces"),
        ("model/vocab/a", 5, "same id 5"),
        ("model/vocab/a", 5000, "without a gap"),
        ("model/vocab/a", -1, "without a gap"),
        ("model/vocab/a", "1", "without a gap"),
        ("model/vocab/a", ..., "without a gap"),
        ("model/merges", 3, "expected a list"),
        ("model/merges", ["a"], "merge 0 is not a pair"),
        ("model/merges", [["a", 1]], "merge 0 is not a pair"),
        ("model/merges", ["q zzz"], "no piece 'zzz'"),
        ("model/dropout", 0.1, "dropout"),
        ("model/continuing_subword_prefix", "##", '"##" is not supported'),
        ("model/unk_token", "<nothing>", "'<nothing>' is not in the vocabulary"),
        ("model/unk_token", 7, "expected a string"),
        ("normalizer", {"type": "Nmt"}, "Nmt is not supported"),
        ("normalizer", {"type": "Precompiled", "precompiled_charsmap": "?"}, "base64"),
        ("pre_tokenizer", {"type": "BertPreTokenizer"}, "BertPreTokenizer is not supported"),
        ("pre_tokenizer", None, "BPE without ByteLevel"),
        ("pre_tokenizer/add_prefix_space", True, "true is not supported"),
        (
            "pre_tokenizer",
            {"type": "Split", "pattern": {"Regex": "x"}, "behavior": "Isolated", "invert": False},
            "this pattern",
        ),
        ("post_processor", {"type": "BertProcessing"}, "BertProcessing is not supported"),
        ("added_tokens/0/id", 900, "has the id 900"),
        ("added_tokens/0/content", "", "without text"),
        ("added_tokens/0/lstrip", True, "lstrip"),
        ("added_tokens", {}, "expected a list"),
        ("truncation", {"max_length": 3}, "not supported"),
    ],
)
def test_damaged_and_unsupported_files_say_what_is_wrong(
    good: dict[str, Any], tmp_path: Path, place: str, value: Any, said: str
) -> None:
    path = tmp_path / "bad.json"
    path.write_text(change(good, place, value), encoding="utf-8")
    with pytest.raises(SeqtoolError) as caught:
        load(str(path))
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "damaged JSON"),
        (b"{" * 100_000, "damaged JSON"),
        (b'{"model": NaN}', "damaged JSON"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b"{}", "no 'model'"),
        (b"", "empty"),
        (b"hello", "no tokenizer.json"),
        (b"[]", "no tokenizer.json"),
    ],
)
def test_files_that_are_no_tokenizer(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    with pytest.raises(SeqtoolError, match=said) as caught:
        load(str(path))
    assert str(path) in str(caught.value)


def test_no_byte_of_a_file_can_be_cut_off_unnoticed(good: dict[str, Any], tmp_path: Path) -> None:
    data = json.dumps(good).encode()
    path = tmp_path / "cut.json"
    for size in range(1, len(data), 997):
        path.write_bytes(data[:size])
        with pytest.raises(SeqtoolError):
            load(str(path))
