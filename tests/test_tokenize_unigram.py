"""Unigram models against the enumeration of all segmentations."""

import itertools
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import unigram as plain

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.batches import batch_of_texts
from seqtool.tokenizers.types import Batch, Words
from seqtool.tokenizers.unigram import UnigramModel

pytestmark = pytest.mark.kernel

LETTERS = "abé"


def model_of(scores: dict[str, float], unknown: int | None = 0, **options: object) -> UnigramModel:
    """A model of these pieces behind <unk>."""
    pieces = [b"<unk>", *(piece.encode() for piece in scores)]
    return UnigramModel(pieces, [0.0, *scores.values()], unknown, {0}, **options)  # type: ignore[arg-type]


def words_of(texts: list[list[str]]) -> tuple[Batch, Words]:
    """Texts that are given as lists of words."""
    batch = batch_of_texts(["".join(words) for words in texts])
    lengths = [len(word.encode()) for words in texts for word in words]
    starts = np.cumsum([0, *(len(words) for words in texts)])
    return batch, Words(np.cumsum(lengths, dtype=np.int64), starts)


def cut(model: UnigramModel, word: str) -> tuple[str, ...]:
    """The best segmentation of a word as text."""
    encoded = model.encode(*words_of([[word]]), with_ends=True)
    assert encoded.ends is not None
    bounds = [0, *encoded.ends.tolist()]
    return tuple(word.encode()[a:b].decode() for a, b in itertools.pairwise(bounds))


pieces = st.dictionaries(
    st.text(LETTERS, min_size=1, max_size=4), st.floats(-12, -0.5), min_size=1, max_size=9
)
short_words = st.text(LETTERS + "x", min_size=1, max_size=7)


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """No example is slow because it compiles."""
    model = model_of({"a": -1.0})
    model.encode(*words_of([["a"]]))
    model.sample(*words_of([["a"]]), 1.0, np.random.default_rng(0))
    model.nbest(*words_of([["a"]]), 1)


@settings(deadline=None)
@given(pieces, short_words)
def test_the_best_of_all_segmentations(scores: dict[str, float], word: str) -> None:
    model = model_of(scores)
    every = plain.best(word, scores)
    encoded = model.encode(*words_of([[word]]), with_ends=True)
    paths = model.nbest(*words_of([[word]]), len(every) + 1)
    assert len(paths) == len(every)
    np.testing.assert_allclose([s for _, s in paths], [plain.score(c, scores) for c in every])
    assert encoded.ids.tolist() in [ids.tolist() for ids, s in paths if s > paths[0][1] - 1e-9]
    known = [piece for piece in scores if len(piece) == 1]
    if set(word) <= set(known):  # else unknown characters side by side are one
        assert plain.score(cut(model, word), scores) == pytest.approx(paths[0][1])
        assert len({tuple(ids.tolist()) for ids, _ in paths}) == len(every)


@settings(deadline=None, max_examples=20)
@given(pieces, short_words, st.sampled_from([0.3, 1.0]))
def test_sampled_segmentations_have_their_chances(
    scores: dict[str, float], word: str, power: float
) -> None:
    scores = scores | dict.fromkeys(word, -9.0)
    model = model_of(scores)
    draws = 400
    batch, words = words_of([[word]] * draws)
    found = model.sample(batch, words, power, np.random.default_rng(3))
    names = ["<unk>", *scores]
    counts = Counter(
        tuple(names[i] for i in found.ids[a:b]) for a, b in itertools.pairwise(found.starts)
    )
    expected = plain.chances(word, scores, power)
    for key, chance in expected.items():
        spread = 5 * (chance * (1 - chance) / draws) ** 0.5 + 1e-6
        assert abs(counts[key] / draws - chance) < spread, key
    assert set(counts) <= set(expected)


@settings(deadline=None)
@given(pieces, st.lists(st.lists(short_words, max_size=4), max_size=6), st.booleans())
def test_threads_parts_and_the_cache_change_nothing(
    scores: dict[str, float], texts: list[list[str]], fuses: bool
) -> None:
    batch, words = words_of(texts)
    first = model_of(scores, fuses_words=fuses)
    once = first.encode(batch, words, with_ends=True)
    again = first.encode(batch, words, 2, with_ends=True)
    for a, b in zip(once, again, strict=True):
        np.testing.assert_array_equal(a, b)
    for number, text in enumerate(texts):
        alone = model_of(scores, fuses_words=fuses).encode(*words_of([text]))
        span = slice(once.starts[number], once.starts[number + 1])
        assert alone.ids.tolist() == once.ids[span].tolist()


def test_unknown_characters() -> None:
    scores = {"a": -1.0}
    model = model_of(scores)
    assert model.encode(*words_of([["xax"], ["xx", "xa"]])).ids.tolist() == [0, 1, 0, 0, 0, 1]
    fusing = model_of(scores, fuses_words=True)
    assert fusing.encode(*words_of([["xx", "xa"]])).ids.tolist() == [0, 1]
    with pytest.raises(SeqtoolError, match="characters that the tokenizer does not know"):
        model_of(scores, unknown=None).encode(*words_of([["x"]]))


def test_bytes_stand_for_unknown_characters() -> None:
    names = [b"<unk>", b"a", b"\xc3", b"\xa9"]
    model = UnigramModel(names, [0, -1.0, 0, 0], 0, {0}, {0xC3: 2, 0xA9: 3})
    batch, words = words_of([["aéaxa"]])
    encoded = model.encode(batch, words, with_ends=True)
    assert encoded.ids.tolist() == [1, 2, 3, 1, 0, 1]  # x has no byte
    assert encoded.ends is not None
    assert encoded.ends.tolist() == [1, 2, 3, 4, 5, 6]
    assert model.nbest(batch, words, 1)[0][0].tolist() == [1, 2, 3, 1, 0, 1]


def test_user_defined_pieces_are_preferred() -> None:
    scores = {"a": -1.0, "b": -1.0, "ab": -50.0}
    assert cut(model_of(scores), "aab") == ("a", "a", "b")
    assert cut(model_of(scores, user_defined={3}), "aab") == ("a", "ab")


def test_a_full_cache_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtool.tokenizers.unigram._CACHED_WORDS", 4)
    scores = {"a": -1.0, "b": -2.0, "ab": -2.5, "ba": -4.0}
    texts = [["".join(word) for word in itertools.product("ab", repeat=n)] for n in range(1, 7)]
    batch, words = words_of(texts * 2)
    found = model_of(scores).encode(batch, words)
    names = ["<unk>", *scores]
    expected = [p for text in texts * 2 for word in text for p in plain.best(word, scores)[0]]
    assert plain.score(tuple(names[i] for i in found.ids), scores) == pytest.approx(
        plain.score(tuple(expected), scores)
    )


def test_pieces_need_scores() -> None:
    with pytest.raises(SeqtoolError, match="one finite score for each piece"):
        UnigramModel([b"a"], [], None)
    with pytest.raises(SeqtoolError, match="one finite score for each piece"):
        UnigramModel([b"a"], [float("nan")], None)


def test_nothing() -> None:
    model = model_of({"a": -1.0})
    several: list[list[list[str]]] = [[], [[]], [[], []]]
    for texts in several:
        batch, words = words_of(texts)
        assert model.encode(batch, words, 2).starts.tolist() == [0] * (len(texts) + 1)
    assert [ids.tolist() for ids, _ in model.nbest(*words_of([[]]), 3)] == [[]]


@pytest.mark.parametrize("unit", ["a", "\u0301", "\0", "日"])
def test_a_long_word_takes_linear_time(unit: str) -> None:
    size = 304 if _interpreted() else 250_000
    scores = {unit * n: -2.0 - n / 3 for n in range(1, 17)} | {"b": -2.0}
    model = model_of(scores)
    seconds = []
    for times in (1, 2, 4):
        batch, words = words_of([[unit * size * times]])
        begin = time.perf_counter()
        found = model.encode(batch, words)
        model.sample(batch, words, 0.5, np.random.default_rng(1))
        seconds.append(time.perf_counter() - begin)
        assert found.ids.tolist()[1:] == [16] * (len(found.ids) - 1)
    assert seconds[2] < 16 * seconds[0] + 0.5


def _interpreted() -> bool:
    import os

    return bool(os.environ.get("NUMBA_DISABLE_JIT")) or bool(os.environ.get("NUMBA_BOUNDSCHECK"))
