"""Greedy and prefix beam search, alignment, words."""

import math
import string
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from naive import ctc as naive
from ngram_models import model_of

from seqtool.ctc.align import align
from seqtool.ctc.beam import CtcBeamOptions, prefix_beam_search
from seqtool.ctc.fusion import LanguageFusion
from seqtool.ctc.greedy import greedy
from seqtool.ctc.types import CtcHypothesis
from seqtool.ctc.words import Word, words_of
from seqtool.ngrams.arpa import write_arpa
from seqtool.ngrams.model import LN10, NgramModel

pytestmark = pytest.mark.kernel

Array = npt.NDArray[Any]
ALPHABET = ["", " ", *"abcdet"]
EVERYTHING = CtcBeamOptions(5000, -math.inf, -math.inf, 3)
SENTENCES = "a cab\na bad cab\nbad bad cab\nthe cat ate\na cat ate\na dab\nadd a cab\nthe bed"


@pytest.fixture(scope="module")
def model() -> NgramModel:
    """Trigrams of a few words."""
    return model_of([line.split() for line in SENTENCES.split("\n")], 3)


def random_log_probs(
    random: np.random.Generator, time: int, symbols: int, spread: float = 2.0
) -> Array:
    """Log-probabilities of frames that are like their neighbours, float32 (time, symbols)."""
    logits = random.normal(size=(time, symbols)) * spread
    logits[1:] += logits[:-1]
    return naive.log_softmax(logits).astype(np.float32)


def spoken(hypothesis: CtcHypothesis, alphabet: list[str] = ALPHABET) -> str:
    """The text, without spaces at its ends."""
    return "".join(alphabet[symbol] for symbol in hypothesis.ids).strip()


@pytest.mark.parametrize("seed", range(20))
def test_a_wide_beam_finds_the_best_strings(seed: int) -> None:
    random = np.random.default_rng(seed)
    log_probs = random_log_probs(random, int(random.integers(1, 7)), int(random.integers(2, 5)), 1)
    best = naive.texts(log_probs)[:3]
    found = prefix_beam_search(log_probs, EVERYTHING)
    assert [tuple(hypothesis.ids.tolist()) for hypothesis in found] == [text for text, _ in best]
    for hypothesis, (_, log_prob) in zip(found, best, strict=True):
        assert hypothesis.log_prob == pytest.approx(log_prob, abs=1e-5)
        assert hypothesis.score == hypothesis.log_prob


def test_times_are_those_of_the_most_probable_path() -> None:
    random = np.random.default_rng(8)
    for _ in range(10):
        log_probs = random_log_probs(random, 6, 4, 1)
        for found in prefix_beam_search(log_probs, EVERYTHING):
            _, paths = naive.best_alignment(log_probs, found.ids.tolist())
            path = np.zeros(6, int)
            for symbol, start, end in zip(found.ids, found.frames, found.ends, strict=True):
                path[start:end] = symbol
            assert tuple(path) in paths
            for place in range(len(found.ids)):
                part = slice(found.frames[place], found.ends[place])
                confidence = np.exp(log_probs[part, found.ids[place]]).mean()
                assert found.confidences[place] == pytest.approx(confidence, rel=1e-5)


def naive_beam(
    log_probs: Array, model: NgramModel | None, options: CtcBeamOptions, hot: tuple[str, ...] = ()
) -> list[tuple[str, float]]:
    """What the slow search finds with weight 0.7, bonus 1.2 and hotword weight 4."""
    known = {word for word in model.vocabulary if not word.startswith("<")} if model else set()

    def word_score(before: tuple[str, ...], word: str) -> float:
        bonus = 4.0 if word in hot else 0.0
        if model is None:
            return bonus
        ids = [model.start, *[model.index.get(other, model.unknown) for other in before]]
        found = model.log_prob(ids, model.index.get(word, model.unknown))
        return 0.7 * LN10 * (found - (0 if word in known else 10)) + 1.2 + bonus

    def end_score(words: tuple[str, ...]) -> float:
        if model is None:
            return 0.0
        ids = [model.start, *[model.index.get(word, model.unknown) for word in words]]
        return 0.7 * LN10 * model.log_prob(ids, model.end)

    def begin_score(letters: str) -> float:
        lengths = [len(word) for word in hot if word.startswith(letters)]
        if lengths:
            return 4.0 * len(letters) / min(lengths)
        if model is None or any(word.startswith(letters) for word in known):
            return 0.0
        return -10.0 * max(1.0, len(letters) / 6)

    return naive.prefix_beam_search(
        log_probs, ALPHABET, options.width, options.prune_log_prob, options.token_min_log_prob,
        word_score, end_score, begin_score,
    )  # fmt: skip


@pytest.mark.parametrize("hot", [(), ("dab", "cabbed", "dad")])
@pytest.mark.parametrize("with_model", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        CtcBeamOptions(5, n_best=3),
        CtcBeamOptions(20, -6.0, -3.0, 5),
        CtcBeamOptions(12, -20.0, -7.0),
    ],
)
def test_a_language_model_in_the_search(
    model: NgramModel, options: CtcBeamOptions, with_model: bool, hot: tuple[str, ...]
) -> None:
    ngrams = model if with_model else None
    language = LanguageFusion(ALPHABET, ngrams, 0.7, 1.2, ["dab cabbed", "dad"] if hot else [], 4.0)
    for seed in range(4):
        log_probs = random_log_probs(np.random.default_rng(seed), 14, len(ALPHABET))
        found = prefix_beam_search(log_probs, options, language)
        wanted = naive_beam(log_probs, ngrams, options, hot)[: options.n_best]
        assert [spoken(hypothesis) for hypothesis in found] == [text for text, _ in wanted]
        for hypothesis, (_, score) in zip(found, wanted, strict=True):
            assert hypothesis.score == pytest.approx(score, abs=1e-4)
            assert hypothesis.log_prob <= 1e-6


def certain(symbols: list[int], count: int, rest: float = 0.02) -> Array:
    """Frames that say these symbols."""
    probabilities = np.full((len(symbols), count), rest / (count - 1))
    probabilities[np.arange(len(symbols)), symbols] = 1 - rest
    return np.asarray(np.log(probabilities), np.float32)


def test_spaces_count_once_and_not_at_the_beginning(model: NgramModel) -> None:
    a, b, space = ALPHABET.index("a"), ALPHABET.index("b"), 1
    frames = [space, 0, space, a, space, space, 0, space, b, space, 0, space]
    log_probs = certain(frames, len(ALPHABET), 1e-6)
    (found,) = prefix_beam_search(log_probs, CtcBeamOptions(), LanguageFusion(ALPHABET, model))
    assert found.ids.tolist() == [a, space, b, space]
    assert found.frames[[0, 2]].tolist() == [3, 8]


def test_pieces_that_spell_the_same_text_are_one(model: NgramModel) -> None:
    pieces = ["", "▁ca", "b", "▁c", "ab", "▁bad", "▁"]
    probabilities = np.full((3, 7), 1e-9)
    probabilities[0, [1, 3, 5]] = 0.3, 0.3, 0.4
    probabilities[1, [2, 4, 0]] = 0.5, 0.45, 0.05
    probabilities[2, 0] = 1
    log_probs = np.log(probabilities).astype(np.float32)
    (found,) = prefix_beam_search(log_probs, CtcBeamOptions(), LanguageFusion(pieces, model, 0, 0))
    assert "".join(pieces[symbol] for symbol in found.ids) == "▁cab"
    assert math.exp(found.log_prob) == pytest.approx(0.3 * 0.5 + 0.3 * 0.45, rel=1e-3)
    assert found.ids.tolist() == [1, 2]  # the more probable of both


def test_symbols_that_are_words(model: NgramModel) -> None:
    alphabet = ["", "cab", "cat", "a", "the"]
    log_probs = certain([3, 0, 1], 5)
    log_probs[2, 1:3] = math.log(0.45), math.log(0.5)
    (plain,) = prefix_beam_search(log_probs)
    assert plain.ids.tolist() == [3, 2]
    model = model_of([["a", "cab"], ["the", "cat"]] * 3, 2)
    (found,) = prefix_beam_search(log_probs, language=LanguageFusion(alphabet, model, 1.0))
    assert found.ids.tolist() == [3, 1]


def test_a_hotword_wins_a_narrow_race() -> None:
    log_probs = certain([2, 3, 4], len(ALPHABET))  # abc
    log_probs[2, [4, 7]] = math.log(0.55), math.log(0.4)  # or abt
    assert spoken(prefix_beam_search(log_probs)[0]) == "abc"
    language = LanguageFusion(ALPHABET, None, hotwords=["abt"])
    assert spoken(prefix_beam_search(log_probs, language=language)[0]) == "abt"


def test_an_empty_last_word_is_unknown(model: NgramModel) -> None:
    log_probs = certain([2, 1], len(ALPHABET))  # a space
    options = CtcBeamOptions(1)
    (found,) = prefix_beam_search(log_probs, options, LanguageFusion(ALPHABET, model, 1.0, 2.0))
    word = model.index["a"]
    ids = [model.start, word, model.unknown]
    wanted = model.log_prob(ids[:1], word) + model.log_prob(ids[:2], model.end)
    assert found.score - found.log_prob == pytest.approx(wanted * LN10 + 2.0, abs=1e-4)
    language = LanguageFusion(ALPHABET, model, 1.0, 2.0, empty_word=True)
    (found,) = prefix_beam_search(log_probs, options, language)
    wanted = model.log_prob(ids[:1], word) + model.log_prob(ids[:2], model.unknown) - 10
    wanted += model.log_prob(ids, model.end)
    assert found.score - found.log_prob == pytest.approx(wanted * LN10 + 4.0, abs=1e-4)


def test_no_frames(model: NgramModel) -> None:
    nothing = np.zeros((0, len(ALPHABET)), np.float32)
    for found in (
        greedy(nothing),
        *prefix_beam_search(nothing),
        *prefix_beam_search(nothing, language=LanguageFusion(ALPHABET, model)),
    ):
        assert len(found.ids) == len(found.frames) == len(found.confidences) == 0
        assert found.log_prob == 0


def test_what_a_search_refuses(model: NgramModel) -> None:
    log_probs = certain([1], 3)
    for options in (CtcBeamOptions(0), CtcBeamOptions(2, n_best=3), CtcBeamOptions(n_best=0)):
        with pytest.raises(ValueError, match="beam of"):
            prefix_beam_search(log_probs, options)
    with pytest.raises(ValueError, match="above"):
        prefix_beam_search(log_probs, CtcBeamOptions(prune_log_prob=1.0))
    for wrong in (np.nan, -np.inf):
        with pytest.raises(ValueError, match="not numbers"):
            prefix_beam_search(np.full((2, 3), wrong, np.float32))
    with pytest.raises(ValueError, match="alphabet of 8"):
        prefix_beam_search(log_probs, language=LanguageFusion(ALPHABET, model))


def test_greedy_takes_the_best_path() -> None:
    random = np.random.default_rng(2)
    for _ in range(20):
        log_probs = random_log_probs(random, 9, 4)
        path = log_probs.argmax(axis=1)
        found = greedy(log_probs)
        assert tuple(found.ids.tolist()) == naive.collapse(path.tolist())
        assert found.log_prob == pytest.approx(float(log_probs.max(axis=1).sum()), rel=1e-6)
        for symbol, start, end in zip(found.ids, found.frames, found.ends, strict=True):
            assert (path[start:end] == symbol).all()
            assert start == 0 or path[start - 1] != symbol
            assert end == 9 or path[end] != symbol


@pytest.mark.parametrize("labels", [[1], [1, 2], [2, 2], [3, 3, 3], [1, 2, 3, 1], [2, 1, 1]])
def test_alignment_of_all_paths(labels: list[int]) -> None:
    for seed in range(4):
        log_probs = random_log_probs(np.random.default_rng(seed), 7, 4, 1)
        found = align(log_probs, np.array(labels, np.int32))
        _, paths = naive.best_alignment(log_probs, labels)
        path = np.zeros(7, int)
        for label, start, end, log_prob in zip(labels, *found, strict=True):
            assert (path[start:end] == 0).all()
            path[start:end] = label
            assert log_prob == pytest.approx(log_probs[start:end, label].mean(), abs=1e-5)
        assert tuple(path) in paths


def test_what_alignment_refuses() -> None:
    log_probs = certain([1, 2, 1], 3)
    with pytest.raises(ValueError, match="3 frames are too few for 3 labels: they need 5"):
        align(log_probs, np.array([1, 1, 1], np.int32))
    with pytest.raises(IndexError):
        align(log_probs, np.array([3], np.int32))
    log_probs[:, 2] = -np.inf
    with pytest.raises(ValueError, match="impossible"):
        align(log_probs, np.array([2], np.int32))
    assert len(align(log_probs, np.zeros(0, np.int32)).starts) == 0


@pytest.mark.parametrize(
    ("alphabet", "wanted"),
    [
        (["", "a", "b", " "], ["ab", "a"]),
        (["", "▁a", "b", "▁"], ["ab", "a"]),
        (["", "a", "b", "c"], ["a", "b", "c", "a"]),
    ],
)
def test_words(alphabet: list[str], wanted: list[str]) -> None:
    ids = np.array([1, 2, 3, 1], np.int32)
    frames = np.array([2, 5, 7, 8], np.int64)
    ends = np.array([4, 6, 8, 11], np.int64)
    confidences = np.array([0.5, 1, 0.1, 0.25], np.float32)
    found = words_of(ids, frames, ends, confidences, alphabet)
    assert [word.text for word in found] == wanted
    assert found[-1] == Word("a", 8, 11, 0.25)
    if len(wanted) == 2:
        assert found[0] == Word("ab", 2, 6, 0.75)
    assert words_of(ids[:0], frames[:0], ends[:0], confidences[:0], alphabet) == []


def test_searches_like_pyctcdecode(model: NgramModel, tmp_path: Path) -> None:
    """Its own texts and scores."""
    peer: Any = pytest.importorskip("pyctcdecode", reason="pyctcdecode is not installed")
    kenlm = pytest.importorskip("kenlm", reason="kenlm is not installed")
    write_arpa(str(tmp_path / "a.arpa"), model)
    words = [word for word in model.vocabulary if set(word) <= set(string.ascii_lowercase)]

    theirs = peer.LanguageModel(kenlm.Model(str(tmp_path / "a.arpa")), words, alpha=0.7, beta=1.2)
    decoder = peer.BeamSearchDecoderCTC(peer.Alphabet.build_alphabet(ALPHABET), theirs)
    language = LanguageFusion(ALPHABET, model, 0.7, 1.2, ["dab"], 4.0, empty_word=True)
    for seed in range(20):
        log_probs = random_log_probs(np.random.default_rng(seed), 20, len(ALPHABET))
        (found,) = prefix_beam_search(log_probs, CtcBeamOptions(30), language)
        wanted, *_, score = decoder.decode_beams(
            log_probs.astype(np.float64), beam_width=30, hotwords=["dab"], hotword_weight=4.0
        )[0]
        assert spoken(found) == wanted
        assert found.score == pytest.approx(score, abs=1e-3)
