"""Models of sentencepiece: the same ids as the program itself, and damaged files."""

import io
import itertools
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import lines as any_lines

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.batches import batch_of_texts, texts_of
from seqtool.tokenizers.metaspace import CharsMap, Metaspace, restore_spaces
from seqtool.tokenizers.protobuf import ProtobufError, as_bytes, as_float, as_int, fields
from seqtool.tokenizers.sentencepiece import read_model_file, read_sentencepiece

WORDS = ["the", "cat", "sat", "on", "mat", "and", "dog", "ran", "12", "café", "Straße", "größer"]
WORDS += ["ﬁne", "ｶﾞ", "日本", "x²", "…"]


def a_corpus(size: int = 600) -> list[str]:
    """Sentences of words that share parts."""
    random = np.random.default_rng(1)
    ends = ["", "", "s", "ing", "er", ",", "."]
    return [
        " ".join(random.choice(WORDS) + random.choice(ends) for _ in range(random.integers(1, 9)))
        for _ in range(size)
    ]


def trained(path: Path, corpus: list[str], **options: Any) -> str:
    """A model file that sentencepiece wrote."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=written, minloglevel=2, num_threads=2,
        hard_vocab_limit=False, **options,
    )  # fmt: skip
    path.write_bytes(written.getvalue())
    return str(path)


class Pair:
    """A model read by sentencepiece and by seqtool."""

    def __init__(self, path: str) -> None:
        self.theirs = sentencepiece.SentencePieceProcessor(model_file=path)
        self.ours = read_sentencepiece(path)

    def compare(self, texts: list[str]) -> None:
        """The same text after normalization, the same ids, the same text back."""
        batch = batch_of_texts(texts)
        prepared = self.ours.preparation.prepare(batch, 1, False).batch
        assert [text.decode() for text in texts_of(prepared)] == self.theirs.normalize(texts)
        encoded = self.ours.encode_batch(texts, 2)
        found = [encoded.ids[a:b].tolist() for a, b in itertools.pairwise(encoded.starts)]
        expected = self.theirs.encode(texts)
        for text, ours, theirs in zip(texts, found, expected, strict=True):
            assert ours == theirs, text


OPTIONS: dict[str, dict[str, Any]] = {
    "unigram": {"vocab_size": 120},
    "unigram-bytes": {"vocab_size": 360, "byte_fallback": True, "character_coverage": 0.98},
    "unigram-identity": {
        "vocab_size": 120, "normalization_rule_name": "identity", "character_coverage": 0.98
    },
    "unigram-defined": {"vocab_size": 120, "user_defined_symbols": ["at", "sat on", "é"]},
    "unigram-suffix": {"vocab_size": 120, "treat_whitespace_as_suffix": True},
    "unigram-across": {"vocab_size": 150, "split_by_whitespace": False},
    "unigram-spaces": {
        "vocab_size": 120, "remove_extra_whitespaces": False, "add_dummy_prefix": False,
        "allow_whitespace_only_pieces": True,
    },
    "unigram-cf": {"vocab_size": 120, "normalization_rule_name": "nfkc_cf", "pad_id": 3},
    "bpe": {"vocab_size": 120, "model_type": "bpe", "character_coverage": 0.98},
    "bpe-bytes": {
        "vocab_size": 360, "model_type": "bpe", "byte_fallback": True,
        "character_coverage": 0.98, "normalization_rule_name": "identity",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    """A model of every kind."""
    folder = tmp_path_factory.mktemp("models")
    return {
        name: Pair(trained(folder / f"{name}.model", a_corpus(), **options))
        for name, options in OPTIONS.items()
    }


@pytest.mark.parametrize("name", OPTIONS)
def test_the_corpus(pairs: dict[str, Pair], name: str) -> None:
    pairs[name].compare(a_corpus(100))


@pytest.mark.parametrize("name", OPTIONS)
@settings(deadline=None, max_examples=60)
@given(st.lists(any_lines(), min_size=1, max_size=4))
@example(["▁", " ▁ a", "▁▁the", "a▁b", "\0", "a\0b", "\ufffd", "é", "e\u0301", "ﷺ", "sat  on"])
def test_any_text(pairs: dict[str, Pair], name: str, texts: list[str]) -> None:
    pairs[name].compare(texts)


@pytest.mark.parametrize("name", OPTIONS)
def test_bytes_that_are_not_utf8(pairs: dict[str, Pair], name: str) -> None:
    """Each becomes U+FFFD."""
    for raw in (b"a\xff\xfeb", b"\xc3", b"\xe2\x96", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0"):
        ours = pairs[name].ours.encode_batch([raw])
        assert ours.ids.tolist() == pairs[name].theirs.encode(raw)


@pytest.mark.parametrize("name", ["unigram", "unigram-bytes", "bpe", "bpe-bytes"])
@settings(deadline=None, max_examples=40)
@given(any_lines())
def test_decoding(pairs: dict[str, Pair], name: str, text: str) -> None:
    pair = pairs[name]
    ids = pair.theirs.encode(text)
    starts = np.array([0, len(ids)], np.int64)
    (ours,) = pair.ours.decode_batch(np.array(ids, np.int32), starts)
    if "▁" not in text:
        assert ours.decode() == pair.theirs.decode(ids)


@pytest.mark.parametrize("name", ["unigram", "unigram-bytes", "unigram-cf", "bpe"])
@settings(deadline=None, max_examples=40)
@given(any_lines())
def test_ends_are_places_of_the_original(pairs: dict[str, Pair], name: str, text: str) -> None:
    raw = text.encode()
    encoded = pairs[name].ours.encode_batch([text], with_ends=True)
    assert encoded.ends is not None
    ends = encoded.ends.tolist()
    assert ends == sorted(ends)
    assert all(0 <= end <= len(raw) for end in ends)
    if name != "unigram-bytes":
        for end in ends:
            raw[:end].decode()  # between characters


def test_ends_of_tokens(pairs: dict[str, Pair]) -> None:
    text = "  the  cats ﬁne"
    encoded = pairs["unigram"].ours.encode_batch([text], with_ends=True)
    assert encoded.ends is not None
    bounds = [0, *encoded.ends.tolist()]
    shown = [text.encode()[a:b].decode() for a, b in itertools.pairwise(bounds)]
    names = [pairs["unigram"].ours.names[number] for number in encoded.ids]
    assert "".join(shown) == text
    assert [part.strip() for part in shown] == [
        name.strip("▁").replace("fi", "ﬁ") for name in names
    ]


def test_special_ids(pairs: dict[str, Pair]) -> None:
    tokenizer = pairs["unigram-cf"].ours
    names = ["<unk>", "<s>", "</s>", "<pad>"]
    assert [tokenizer.id_of(name) for name in names] == [0, 1, 2, 3]
    assert tokenizer.encode_batch(["a"], bos=True, eos=True).ids[[0, -1]].tolist() == [1, 2]


@pytest.mark.real
@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
@pytest.mark.parametrize("byte_fallback", [False, True])
@pytest.mark.parametrize("rules", ["nmt_nfkc", "identity"])
def test_real_text(
    data: Path, tmp_path: Path, model_type: str, byte_fallback: bool, rules: str
) -> None:
    folder = data / "parallel" / "multi30k"
    corpus = [
        line
        for language in ("en", "de", "fr")
        for line in (folder / f"val.{language}").read_text(encoding="utf-8").split("\n")
    ]
    options: dict[str, Any] = {
        "model_type": model_type,
        "byte_fallback": byte_fallback,
        "vocab_size": 1000,
    }
    path = trained(tmp_path / "a.model", corpus, normalization_rule_name=rules, **options)
    pair = Pair(path)
    pair.compare(corpus)
    pair.compare([" ".join(corpus[:1000]), "".join(corpus[:200])])


# --- the map of characters ---------------------------------------------------------------------


def replace_all(text: bytes, rules: dict[bytes, bytes]) -> bytes:
    """The longest rule at every place, from left to right."""
    out = b""
    while text:
        size = max((n for n in range(1, min(len(text), 40) + 1) if text[:n] in rules), default=0)
        if size:
            out += rules[text[:size]]
        size = size or max(len(text.decode()[:1].encode()), 1)
        out += b"" if text[:size] in rules else text[:size]
        text = text[size:]
    return out


def rules_of(charsmap: CharsMap) -> dict[bytes, bytes]:
    """All rules of a map, found by walking through its double array."""
    units = charsmap.units.astype(np.int64)
    offsets = (units >> 10) << np.where(units & 0x200, 8, 0)
    strings = charsmap.strings.tobytes()
    found = {}
    todo = [(b"", int(offsets[0]))]
    while todo:
        key, node = todo.pop()
        places = node ^ np.arange(256)
        places = places[places < len(units)]
        labels = units[places] & 0x800000FF
        for place in places[(labels == places ^ node) & (labels > 0)].tolist():
            longer = key + bytes([place ^ node])
            following = place ^ int(offsets[place])
            if units[place] >> 8 & 1:
                begin = int(units[following]) & 0x7FFFFFFF
                found[longer] = strings[begin : strings.index(b"\0", begin)]
            todo.append((longer, following))
    return found


@pytest.mark.kernel
def test_rules_of_characters(nfkc: tuple[CharsMap, dict[bytes, bytes]]) -> None:
    charsmap, rules = nfkc
    texts = ["a\u0301e\u0301", "ﬁ ﷺ x", "ＡＢ　１", "plain ASCII, e.", "가각", "é", "\u00ad", ""]
    found = texts_of(charsmap.apply(batch_of_texts(texts)))
    assert found == [replace_all(text.encode(), rules) for text in texts]


@settings(deadline=None)
@given(st.lists(any_lines(), max_size=4), st.data())
def test_rules_of_characters_in_any_text(
    nfkc: tuple[CharsMap, dict[bytes, bytes]], texts: list[str], data: st.DataObject
) -> None:
    charsmap, rules = nfkc
    some = st.integers(0, len(rules) - 1).map(lambda n: list(rules)[n].decode())
    texts = [text + "".join(data.draw(st.lists(some, max_size=3))) for text in texts]
    batch = batch_of_texts(texts)
    applied, origins = charsmap.apply_with_origins(batch)
    assert texts_of(applied) == [replace_all(text.encode(), rules) for text in texts]
    assert len(origins) == len(applied.data) + 1
    assert origins[-1] == len(batch.data)
    assert (np.diff(origins) >= 0).all()


@pytest.fixture(scope="module")
def nfkc(tmp_path_factory: pytest.TempPathFactory) -> tuple[CharsMap, dict[bytes, bytes]]:
    """The map of a trained model, and its rules."""
    path = tmp_path_factory.mktemp("nfkc") / "a.model"
    charsmap = CharsMap(read_model_file(trained(path, a_corpus(), vocab_size=120)).charsmap)
    return charsmap, rules_of(charsmap)


@pytest.mark.kernel
@pytest.mark.parametrize("suffix", [False, True])
def test_spaces(suffix: bool) -> None:
    texts = ["  a  b ", "a▁ b", "   ", "", "\ta"]
    prepared = texts_of(Metaspace(suffix=suffix).apply(batch_of_texts(texts)))
    if suffix:
        assert prepared == [text.encode() for text in ("a▁b▁", "a▁▁b▁", "", "", "\ta▁")]
        return
    assert prepared == [text.encode() for text in ("▁a▁b", "▁a▁▁b", "", "", "▁\ta")]
    assert restore_spaces(prepared[0]) == b"a b"
    kept, origins = Metaspace(trim=False).apply_with_origins(batch_of_texts(texts[:2]))
    assert texts_of(kept) == [text.encode() for text in ("▁▁▁a▁▁b▁", "▁a▁▁b")]
    assert origins[:11].tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 3]


# --- damaged files -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Small files of both kinds."""
    folder = tmp_path_factory.mktemp("good")
    names = ("unigram-bytes", "bpe", "unigram-identity")
    return {
        name: Path(trained(folder / name, a_corpus(), **OPTIONS[name])).read_bytes()
        for name in names
    }


def read_it(folder: Path, content: bytes) -> None:
    """One line of SeqtoolError, or a tokenizer that works."""
    path = folder / "damaged.model"
    path.write_bytes(content)
    message = ""
    try:
        tokenizer = read_sentencepiece(str(path))
    except SeqtoolError as error:
        message = str(error)
    if message:
        assert "\n" not in message
        assert str(path) in message
        return
    tokenizer.encode_batch(["the cat é ﬁ 日本 \u0301\u0600", "x"])


@pytest.mark.parametrize("name", ["unigram-bytes", "bpe", "unigram-identity"])
@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_flipped_and_cut_files(
    good: dict[str, bytes], name: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    damaged = bytearray(good[name])
    anywhere = st.integers(0, len(damaged) - 1)
    late = st.integers(max(0, len(damaged) - 400), len(damaged) - 1)
    for place in data.draw(st.lists(st.one_of(anywhere, late), max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.just(len(damaged)), anywhere))
    read_it(tmp_path_factory.getbasetemp(), bytes(damaged[:cut]))


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=60), st.binary(max_size=900))
def test_noise(tmp_path_factory: pytest.TempPathFactory, noise: bytes, table: bytes) -> None:
    read_it(tmp_path_factory.getbasetemp(), noise)
    size = len(table) // 4 * 4 // 2 // 4 * 4
    try:
        charsmap = CharsMap(struct.pack("<I", size) + table)
    except SeqtoolError:
        return
    charsmap.apply(batch_of_texts(["the cat é ﬁ 日本 \0", "\u0301"]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "needs one piece for unknown"),
        (b"\x0a\xff\xff\xff\xff\x7f", "goes beyond the end"),
        (b"\x0a", "the end is missing"),
        (b"\xff" * 20, "a number has no end"),
        (b"\x0b", "no field of kind 3"),
        (b"\x0a\x02\x0a\x00", "piece 0 is empty"),
        (b"\x0a\x05\x0a\x01a\x18\x09", "piece 0 has no score or kind"),
        (b"\x0a\x03\x0a\x01a\x0a\x03\x0a\x01a", "piece 1 is there twice"),
        (b"\x0a\x03\x0a\x01\xff", "piece 0 is not UTF-8"),
        (b"\x0a\x08\x0a\x01a\x15\x00\x00\xc0\x7f", "piece 0 has no score"),
        (b"\x0a\x05\x0a\x01u\x18\x02\x12\x02\x18\x09", "there is no model type 9"),
        (b"\x0a\x05\x0a\x01u\x18\x02\x12\x02\x18\x03", "word and char models are not supported"),
        (b"\x0a\x05\x0a\x01u\x18\x02\x12\x03\x98\x02\x01", "pieces of single bytes"),
        (b"\x0a\x05\x0a\x01u\x18\x02\x1a\x05\x12\x03\xff\xff\xff", "damaged map of characters"),
    ],
)
def test_what_is_wrong(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.model"
    path.write_bytes(content)
    with pytest.raises(SeqtoolError, match=message) as raised:
        read_sentencepiece(str(path))
    assert "\n" not in str(raised.value)


def test_promises_take_no_memory(tmp_path: Path) -> None:
    read_it(tmp_path, b"\x0a\x05\x0a\x01u\x18\x02")
    huge = struct.pack("<I", 0xFFFFFFFC) + bytes(8)
    tracemalloc.start()
    try:
        with pytest.raises(SeqtoolError, match="promises a table of"):
            CharsMap(huge)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_fields_of_every_kind() -> None:
    message = b"\x08\x96\x01" + b"\x15\x00\x00\x80\x3f" + b"\x1a\x02hi" + b"\x21" + bytes(8)
    found = dict(fields(message))
    assert as_int(found[1]) == 150
    assert as_float(found[2]) == 1.0
    assert as_bytes(found[3]) == b"hi"
    assert as_int(dict(fields(b"\x08" + b"\xff" * 9 + b"\x01"))[1]) == -1
    for wrong in (lambda: as_int(b""), lambda: as_float(1), lambda: as_bytes(1)):
        with pytest.raises(ProtobufError):
            wrong()
