"""n-gram models: estimating and scoring against the definition, against lmplz, and by sums."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive.ngrams import END, START, UNKNOWN, NaiveNgrams
from ngram_models import Texts, ids_of, letters, model_of, numbered

from seqtool.errors import SeqtoolError
from seqtool.ngrams import model as model_module
from seqtool.ngrams.estimate import closed_form_discounts, estimate
from seqtool.ngrams.model import NgramModel

SONG = letters(
    "abracadabra\nabba\n\ncab\nbaobab\nabracadabra\ndada\nacab\ncabbage\nbadge\nadobe\na"
)

words = st.sampled_from("abcd")
corpora = st.lists(st.lists(words, max_size=6), min_size=1, max_size=6)
thresholds = st.lists(st.integers(0, 2), max_size=3).map(lambda drawn: tuple(sorted(drawn)))
few = settings(deadline=None, max_examples=60)


def ngrams_of(model: NgramModel) -> dict[tuple[str, ...], tuple[float, float]]:
    """(log10 probability, log10 backoff) of every n-gram."""
    trie = model.trie
    found = {}
    below: dict[int, tuple[str, ...]] = {0: ()}
    for node in range(len(trie.backoffs)):
        for child in range(trie.first_child[node], trie.first_child[node + 1]):
            gram = (*below[node], model.vocabulary[trie.words[child]])
            below[child] = gram
            backoff = trie.backoffs[child] if child < len(trie.backoffs) else 0.0
            found[gram] = (float(trie.probs[child]), float(backoff))
    assert len(found) == len(trie.words) - 1 == sum(model.counts)
    return found


def assert_like_naive(texts: Texts, order: int, prune: tuple[int, ...]) -> None:
    """Same n-grams, same numbers, same discounts, and suffix links that lead to suffixes."""
    naive = NaiveNgrams(texts, order, prune)
    model = model_of(texts, order, prune)
    found = ngrams_of(model)
    assert set(found) == set().union(*naive.kept.values())
    assert model.metadata["fallback_discounts"] == naive.fallback
    for gram, (prob, backoff) in found.items():
        expected = 0.0 if gram == (START,) else math.log10(naive.prob(gram))
        assert prob == pytest.approx(expected, abs=1e-6)
        assert backoff == pytest.approx(math.log10(naive.backoff(gram)), abs=1e-6)


@pytest.mark.kernel
@pytest.mark.parametrize("order", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("prune", [(), (0, 1), (1,), (0, 1, 2)])
def test_estimates_are_those_of_the_definition(order: int, prune: tuple[int, ...]) -> None:
    assert_like_naive(SONG, order, prune[:order])


@few
@given(corpora, st.integers(1, 4), thresholds)
def test_estimates_of_small_corpora(texts: Texts, order: int, prune: tuple[int, ...]) -> None:
    assert_like_naive(texts, order, prune[:order])


@pytest.mark.parametrize(
    "texts",
    [
        [list("abddaa"), list("dddda"), list("dddda"), list("aaaaab")],  # D(2) would be 0
        [[]],
        [[], []],
        [["a"]],
        [["a"] * 50],
        [["a"], ["a"], []],
        [["a", "b"] * 9],
    ],
    ids=repr,
)
@pytest.mark.parametrize("order", [1, 2, 5])
def test_degenerate_corpora(texts: Texts, order: int) -> None:
    assert_like_naive(texts, order, ())


def total_prob(model: NgramModel, state: int) -> float:
    """The sum over the words of the model, <unk> and </s> among them."""
    return float(np.exp(model.next_log_probs(state)).sum())


@few
@given(corpora, st.integers(1, 5), thresholds, st.lists(st.sampled_from("abcde"), max_size=6))
def test_probabilities_sum_to_one(
    texts: Texts, order: int, prune: tuple[int, ...], context: list[str]
) -> None:
    model = model_of(texts, order, prune[:order])
    for state in (model.start_state(), model.empty_state()):
        for word in ids_of(model, context):
            state = model.advance(state, word)
            assert total_prob(model, state) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("order", [1, 3, 6])
def test_every_context_sums_to_one(order: int) -> None:
    model = model_of(SONG, order, (0, 0, 1)[:order])
    for state in range(len(model.trie.backoffs)):
        assert total_prob(model, state) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.kernel
@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("block", [1, 3, 1000])
def test_scores_are_those_of_the_definition(
    order: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks begin in the middle of texts, and a text may be longer than many of them."""
    monkeypatch.setattr(model_module, "BLOCK_EVENTS", block)
    texts = letters("abracadabra\n\nzebra\n\ncabbagebaobab\nx\n")
    naive = NaiveNgrams(SONG, order, (0, 0, 1)[:order])
    model = model_of(SONG, order, (0, 0, 1)[:order])
    ids = np.array([id for text in texts for id in ids_of(model, text)], np.int32)
    starts = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    expected = [naive.text_probs(text) for text in texts]
    scores = model.score(ids, starts, threads=2)
    by_word = [math.log10(prob) for text in expected for prob in text[:-1]]
    assert scores.words == pytest.approx(by_word, abs=1e-5)
    assert scores.ends == pytest.approx([math.log10(text[-1]) for text in expected], abs=1e-5)
    mean = (sum(by_word) + sum(math.log10(text[-1]) for text in expected)) / (len(ids) + len(texts))
    assert scores.perplexity == pytest.approx(10**-mean, rel=1e-5)


@few
@given(corpora, st.integers(1, 5), corpora, st.integers(1, 4), st.integers(1, 3))
def test_stepping_blocks_and_threads_agree(
    texts: Texts, order: int, others: Texts, block: int, threads: int
) -> None:
    model = model_of(texts, order)
    ids = np.array([id for text in others for id in ids_of(model, text)], np.int32)
    starts = np.cumsum([0, *map(len, others)]).astype(np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_module, "BLOCK_EVENTS", block)
        scores = model.score(ids, starts, threads)
    for number, text in enumerate(others):
        state = model.start_state()
        before = [model.start]
        for place, word in enumerate([*ids_of(model, text), model.end]):
            log10 = model.log_prob(before, word)
            ln = model.next_log_probs(state)
            if word == model.end:
                assert scores.ends[number] == log10
            else:
                assert scores.words[starts[number] + place] == log10
            if model.known[word]:
                assert ln[word] == pytest.approx(log10 * math.log(10.0), abs=1e-5)
            else:
                assert ln[word] == -math.inf
            state = model.advance(state, word)
            before.append(word)


@pytest.mark.kernel
def test_many_steps_at_once() -> None:
    model = model_of(SONG, 4)
    states = np.array([model.start_state(), 0, model.advance(model.start_state(), 0)], np.int32)
    words = np.array([0, 1, model.end], np.int32)
    log10, after = model.step(states, words)
    for i in range(3):
        alone, behind = model.step(states[i : i + 1], words[i : i + 1])
        assert (alone[0], behind[0]) == (log10[i], after[i])
        assert model.advance(int(states[i]), int(words[i])) == after[i]
    assert model.log_prob([model.start, 0], model.end) == log10[2]


@pytest.mark.kernel
def test_a_walk() -> None:
    model = model_of(SONG, 3)
    words = ids_of(model, list("abrazb"))
    state, expected = model.start_state(), []
    for word in words:
        expected.append(model.step(np.array([state], np.int32), np.array([word], np.int32))[0][0])
        state = model.advance(state, word)
    found, after = model.walk(model.start_state(), words)
    assert (found.tolist(), after) == (expected, state)
    assert model.walk(state, [])[1] == state


def test_words_without_a_place_in_the_model() -> None:
    """Words that never occur are scored as <unk>, and are no part of the distribution."""
    ids, starts = np.array([0, 1, 0], np.int32), np.array([0, 3], np.int64)
    model = estimate(ids, starts, ["a", "b", "never", END], 2)
    assert model.vocabulary == ["a", "b", "never", END, UNKNOWN, START]
    assert model.known.tolist() == [True, True, False, True, True, True]
    assert model.log_prob([0], 2) == model.log_prob([0], model.unknown)
    log_probs = model.next_log_probs(model.start_state())
    assert np.isneginf(log_probs[[2, model.start]]).all()
    assert np.exp(log_probs).sum() == pytest.approx(1.0)


def test_unknown_words_of_a_text_are_counted() -> None:
    vocabulary = [UNKNOWN, "a"]
    model = estimate(np.array([1, 0, 1, 0], np.int32), np.array([0, 4]), vocabulary, 2)
    assert model.log_prob([1], 0) > -0.5
    assert total_prob(model, model.start_state()) == pytest.approx(1.0)


def test_fallback_discounts_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    model = model_of([["a", "b"]], 2)
    assert model.metadata["fallback_discounts"] == [1, 2]
    assert model.metadata["discounts"] == [[0.5, 1.0, 1.5]] * 2
    assert "order 1, 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([0, 8, 4, 2, 1], [0.0, 0.5, 1.25, 2.0]),
        ([9, 8, 4, 2, 0], [0.0, 0.5, 1.25, 3.0]),
        ([0, 8, 4, 0, 1], None),
        ([0, 0, 4, 2, 1], None),
        ([0, 8, 0, 2, 1], None),
        ([0, 1, 9, 1, 1], [0.0, 1 - 2 / 19 * 9, 2 - 3 / 19 / 9, 3 - 4 / 19]),
        ([0, 4, 1, 9, 1], None),  # D(2) would be below 0
        ([0, 4, 1, 1, 0], None),  # D(2) would be 0
    ],
)
def test_closed_form_discounts(counts: list[int], expected: list[float] | None) -> None:
    found = closed_form_discounts(np.array(counts))
    assert (None if found is None else pytest.approx(found.tolist())) == expected


def said(texts: Texts, order: int, **options: object) -> str:
    """What is said instead of a model."""
    vocabulary: list[str] = []
    ids, starts = numbered(texts, vocabulary)
    with pytest.raises(SeqtoolError) as caught:
        estimate(ids, starts, vocabulary, order, **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_cannot_be_estimated() -> None:
    assert "no text" in said([], 3)
    assert "holds '<s>'" in said([["a", START]], 3)
    assert "holds '</s>'" in said([[END]], 3)
    assert "1 to 64" in said([["a"]], 0)
    assert "1 to 64" in said([["a"]], 65)
    assert "must not fall" in said([["a"]], 2, prune=(1, 0))
    assert "must not fall" in said([["a"]], 2, prune=(-1, 0))
    assert "3 pruning thresholds" in said([["a"]], 2, prune=(0, 0, 0))


def test_memory_is_asked_for_before_it_is_taken() -> None:
    text = [[str(number % 1000) for number in range(20_000)]]
    assert "n-grams of 1 words" in said(text, 3, memory=1000)
    assert "n-grams of 2 words takes 1 MiB, and 0 MiB" in said(text, 3, memory=430_000)


def test_misuse_is_not_a_matter_for_users() -> None:
    model = model_of([["a", "b"]], 2)
    ids = np.array([0], np.int32)
    for starts in (np.array([0, 2]), np.array([1, 1]), np.array([0, 1, 0, 1]), np.empty(0, int)):
        with pytest.raises(ValueError, match="starts must be"):
            model.score(ids, starts)
    for bad in (-1, 5):
        with pytest.raises(ValueError, match="vocabulary"):
            model.score(np.array([bad], np.int32), np.array([0, 1]))
        with pytest.raises(ValueError, match="vocabulary"):
            estimate(np.array([bad], np.int32), np.array([0, 1]), ["a", "b"], 2)
    for state in (-1, len(model.trie.backoffs)):
        with pytest.raises(ValueError, match="state"):
            model.advance(state, 0)
        with pytest.raises(ValueError, match="state"):
            model.next_log_probs(state)
    with pytest.raises(ValueError, match="2 states"):
        model.step(np.zeros(2, np.int32), ids)
