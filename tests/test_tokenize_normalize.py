"""Normalized texts against unicodedata step by step, and where their bytes come from."""

import time
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive import normalizing as slow
from strategies import lines

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.batches import batch_of_texts, texts_of
from seqtool.tokenizers.normalize import FORMS, Normalizer

PIECES = st.one_of(
    st.sampled_from(["e", "\u0301", "\u0323", "\u0338", "<", "ﬁ", "É", "İ", "Σ", "ΑΣ", "ẛ", "Ω"]),
    st.sampled_from(["ᄀ", "ᅡ", "ᆨ", "가", "각", "ｶ", "ﾞ", "\u09c7", "\u09be", "\u0903", "℡", "½"]),
    st.sampled_from(["\u0345", "\u0344", "\u1e9e", "\ufdfa", "a", "B", " ", "\u0f73", "𝐀"]),
    st.characters(exclude_categories=["Cs"]),
)
TEXTS = st.one_of(lines(), st.lists(PIECES, max_size=8).map("".join))
OPTIONS = st.tuples(st.sampled_from(FORMS), st.booleans(), st.booleans())


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(TEXTS, max_size=4), options=OPTIONS)
@example(texts=["가\u0903ᆨ", "ΑΣ ΑΣ"], options=("none", True, True))
def test_texts(texts: list[str], options: tuple[str, bool, bool]) -> None:
    expected = [slow.normalize(text, *options).encode() for text in texts]
    batch = batch_of_texts(texts)
    normalizer = Normalizer(*options)
    assert texts_of(normalizer.apply(batch)) == expected
    with mock.patch("seqtool.tokenizers.normalize._LONG_TEXT", 0):
        assert texts_of(normalizer.apply(batch)) == expected
    with_origins, origins = normalizer.apply_with_origins(batch)
    assert texts_of(with_origins) == expected
    assert len(origins) == len(with_origins.data) + 1
    assert origins[-1] == len(batch.data)
    assert (np.diff(origins) >= 0).all()
    for text in range(len(texts)):
        first, last = with_origins.starts[text], with_origins.starts[text + 1]
        inside = origins[first:last]
        assert inside[:1].tolist() == batch.starts[text : text + 1].tolist()[: len(inside)]
        assert ((batch.starts[text] <= inside) & (inside < batch.starts[text + 1])).all()


@settings(max_examples=100, deadline=None)
@given(text=TEXTS, form=st.sampled_from(["nfc", "nfkc"]))
def test_steps_say_what_is_done(text: str, form: str) -> None:
    assert Normalizer(form).steps == (form,)
    assert Normalizer("none").steps == ()
    assert Normalizer(form, True, True).steps == (form, "lowercase", "nfd", "strip_accents", form)
    assert Normalizer("none", True, True).steps == ("lowercase", "nfd", "strip_accents", "nfc")
    once = Normalizer(form, False, False).text(text)
    assert Normalizer(form).text(once) == once


def test_origins_are_those_of_the_characters() -> None:
    text = "Éte\u0301 ﬁn\u0301"
    batch, origins = Normalizer("nfkc", lowercase=True, strip_accents=True).apply_with_origins(
        batch_of_texts(["x", text])
    )
    assert texts_of(batch) == [b"x", b"ete fin"]
    #                      x  é  t  e  _  f  i  n, the end
    assert origins.tolist() == [0, 1, 3, 4, 7, 8, 8, 11, 14]


@settings(max_examples=100, deadline=None)
@given(text=st.binary(max_size=12), options=OPTIONS)
def test_bytes_that_are_not_utf8_stay(text: bytes, options: tuple[str, bool, bool]) -> None:
    decoded = text.decode("utf-8", "surrogateescape")
    kept = [c for c in decoded if "\udc80" <= c <= "\udcff"]
    normalizer = Normalizer(*options)
    batch = normalizer.apply(batch_of_texts([text]))
    found = normalizer.text(decoded)
    assert [c for c in found if "\udc80" <= c <= "\udcff"] == kept
    assert batch.data.tobytes() == found.encode("utf-8", "surrogateescape")


@settings(max_examples=100, deadline=None)
@given(text=TEXTS.filter(lambda text: "\0" not in text), lowercase=st.booleans())
def test_hugging_face_does_the_same(text: str, lowercase: bool) -> None:
    peer = pytest.importorskip("tokenizers").normalizers
    steps = {
        "nfc": peer.NFC,
        "nfkc": peer.NFKC,
        "nfd": peer.NFD,
        "lowercase": peer.Lowercase,
        "strip_accents": peer.StripAccents,
    }
    known = "".join(c for c in text if c < "\u0900" or "\uac00" <= c < "\ud7a4")
    normalizer = Normalizer("nfkc", lowercase=lowercase, strip_accents=True)
    sequence = peer.Sequence([steps[step]() for step in normalizer.steps])
    assert normalizer.text(known) == sequence.normalize_str(known)


def test_nothing_to_do_gives_the_batch_itself() -> None:
    batch = batch_of_texts(["abc", "dé"])
    assert Normalizer().apply(batch) is batch
    ascii_batch = batch_of_texts(["Abc", "d"])
    assert Normalizer("nfc", strip_accents=True).apply(ascii_batch) is ascii_batch
    assert Normalizer("nfkc", lowercase=True).apply(batch_of_texts([])).starts.tolist() == [0]


def test_unknown_form() -> None:
    with pytest.raises(SeqtoolError, match="no normalization 'nfx': choose one of none, nfc, nfkc"):
        Normalizer("nfx")


@pytest.mark.parametrize("unit", ["\u0301", "\u0301\u0323", "\u0903", "ᅡ", "é", "\ufdfa"])
def test_long_texts_of_one_thing(unit: str) -> None:
    """Linear time: quadratic time would be minutes."""
    batch = batch_of_texts(["a" + unit * 100_000])
    start = time.perf_counter()
    Normalizer("nfkc", strip_accents=True).apply(batch)
    Normalizer("nfc").apply_with_origins(batch)
    assert time.perf_counter() - start < 10
