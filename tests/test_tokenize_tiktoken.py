"""tiktoken's rank files."""

from __future__ import annotations

import base64
import io
from contextlib import suppress
from pathlib import Path

import pytest
from bpe_models import GPT2, gpt2_words, word_counts
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.bpe import BpeModel, merges_of_pairs
from seqtool.tokenizers.bpe_train import train_bpe
from seqtool.tokenizers.normalize import Normalizer
from seqtool.tokenizers.preparation import TextPreparation, WordRules
from seqtool.tokenizers.specials import Special
from seqtool.tokenizers.tiktoken import read_ranks, read_tiktoken, write_tiktoken
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.visible import bytes_to_visible

BYTES = [bytes([byte]) for byte in range(256)]
TEXT = "the cat and the other cats' hats aren't there: 'tis 1234 Bären große äßen größer " * 2


def ranks_file(pieces: list[bytes], first: int = 0) -> bytes:
    """The pieces as a file."""
    return b"".join(
        base64.b64encode(piece) + b" %d\n" % rank for rank, piece in enumerate(pieces, first)
    )


def tokenizer_of(model: BpeModel, specials: list[Special]) -> Tokenizer:
    """A tokenizer that cuts words as GPT-2."""
    names = [bytes_to_visible(piece) for piece in model.pieces]
    for special in specials:
        names[special.id] = special.text
    rules = WordRules("gpt2", byte_level=True)
    return Tokenizer(model, TextPreparation(Normalizer("none"), rules), names, "bytes", specials)


def trained(specials: list[str]) -> Tokenizer:
    """A small tokenizer."""
    counts = word_counts([word.encode() for word in gpt2_words(TEXT)])
    model = train_bpe(counts, 300 + len(specials), specials=specials)
    return tokenizer_of(model, [Special(text, i) for i, text in enumerate(specials)])


def written(tokenizer: Tokenizer) -> bytes:
    """The tokenizer as a file."""
    file = io.BytesIO()
    write_tiktoken(tokenizer, file)
    return file.getvalue()


@pytest.mark.parametrize("specials", [[], ["<unk>", "<s>"]])
def test_what_is_written_is_read(tmp_path: Path, specials: list[str]) -> None:
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe

    tokenizer = trained(specials)
    path = tmp_path / "x.tiktoken"
    path.write_bytes(written(tokenizer))
    again = read_tiktoken(str(path))
    assert again.vocab_size == tokenizer.vocab_size
    assert written(again) == path.read_bytes()
    theirs = tiktoken.Encoding(
        "x",
        pat_str=GPT2.pattern,
        mergeable_ranks=load_tiktoken_bpe(str(path)),
        special_tokens={},
    )
    texts = [TEXT, "caté the\n\n  x", "", "字"]
    expected = tokenizer.encode_batch(texts)
    assert again.encode_batch(texts).ids.tolist() == expected.ids.tolist()
    encoded = theirs.encode_ordinary_batch(texts)
    assert [number for ids in encoded for number in ids] == expected.ids.tolist()
    assert again.decode_batch(expected.ids, expected.starts) == [t.encode() for t in texts]


@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_come_back(data: bytes) -> None:
    tokenizer = trained([])
    encoded = tokenizer.encode_batch([data])
    assert tokenizer.decode_batch(encoded.ids, encoded.starts) == [data]


GOOD = ranks_file([*BYTES, b"th", b"the"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no ranks"),
        (b"\n\n", "no ranks"),
        (GOOD + b"dGg= 258\n", ":259: the piece of line 257 again"),
        (GOOD + b"dGh0 257\n", ":259: the rank 257 of line 258 again"),
        (GOOD + b"dGh0 259\n", ":259: rank 259 after 257: 258 is missing"),
        (GOOD + b"dGh0 -1\n", ":259: bad rank '-1'"),
        (GOOD + b"dGh0 99999999\n", ":259: bad rank"),
        (GOOD + b"dGh0 " + b"9" * 5000 + b"\n", ":259: bad rank"),
        (GOOD + b"dG h0 258\n", ":259: expected"),
        (GOOD + b"dGh0\n", ":259: expected"),
        (GOOD + b" 258\n", ":259: an empty piece"),
        (GOOD + b"d*h0 258\n", ":259: bad base64 'd\\*h0'"),
        (GOOD + b"dGh 258\n", ":259: bad base64"),
        (GOOD + b"\xff\xfe\x00 258\n", ":259: bad base64"),
        (GOOD.split(b"\n", 1)[1], "no rank for the single byte 0x00"),
        (ranks_file(BYTES[:-1]), "no rank for the single byte 0xff"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.tiktoken"
    path.write_bytes(content)
    with pytest.raises(SeqtoolError, match=message) as caught:
        read_tiktoken(str(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@settings(max_examples=100, deadline=None)
@given(place=st.integers(0, len(GOOD)), size=st.integers(0, 9), junk=st.binary(max_size=9))
def test_damage_anywhere(
    tmp_path_factory: pytest.TempPathFactory, place: int, size: int, junk: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.tiktoken"
    path.write_bytes(GOOD[:place] + junk + GOOD[place + size :])
    with suppress(SeqtoolError):
        assert set(BYTES) <= set(read_ranks(str(path)))


def test_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.tiktoken"
    path.write_bytes(GOOD.replace(b"\n", b"\r\n"))
    assert read_ranks(str(path))[256:] == [b"th", b"the"]


def test_the_special_token_amid_a_known_file(tmp_path: Path) -> None:
    pieces = BYTES + [b"%05d" % i for i in range(50_000)]
    path = tmp_path / "p50k.tiktoken"
    path.write_bytes(ranks_file(pieces) + ranks_file([b"  "], 50_257))
    tokenizer = read_tiktoken(str(path))
    assert tokenizer.names[50_256] == "<|endoftext|>"
    assert tokenizer.vocab_size == 50_258


def test_what_tiktoken_cannot_hold() -> None:
    pieces = [*BYTES, b"ab", b"abc", b"bc"]
    early = merges_of_pairs(pieces, [(ord("b"), ord("c")), (ord("a"), 258), (ord("a"), ord("b"))])
    with pytest.raises(SeqtoolError, match="order of its ids"):
        written(tokenizer_of(BpeModel(pieces, early), []))
    with pytest.raises(SeqtoolError, match="order of its ids"):
        written(tokenizer_of(BpeModel(pieces, early[:0]), []))
    amid = BpeModel([*BYTES, b"<s>", b"ab"], early[:0], hidden=[256])
    with pytest.raises(SeqtoolError, match="amid"):
        written(tokenizer_of(amid, [Special("<s>", 256)]))
    characters = BpeModel([b"a"], early[:0], by_characters=True)
    with pytest.raises(SeqtoolError, match="byte-level"):
        written(tokenizer_of(characters, []))
