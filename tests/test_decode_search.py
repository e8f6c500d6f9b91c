"""Greedy and beam search against slow twins and exhaustive search."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from decode_models import END, VOCAB, Steady, Tree, check_log_probs, rules_of, search
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive import beam as naive
from naive import decode as naive_choice

from seqtool.decode import hypothesis_kernels as layout
from seqtool.decode.beam import BeamOptions, Normalization
from seqtool.decode.candidates import Candidates
from seqtool.decode.constraints import constraint_tries
from seqtool.decode.greedy import greedy_search
from seqtool.decode.nodes import Nodes
from seqtool.decode.sampling import SamplingOptions
from seqtool.decode.sampling_search import sample_search
from seqtool.decode.types import Hypothesis, Ids, Logits, Rows, Scores
from seqtool.errors import SeqtoolError

pytestmark = pytest.mark.kernel

few = settings(max_examples=25, deadline=None)


def best_candidates(logits: Logits, count: int, banned: Sequence[int]) -> tuple[Ids, Scores]:
    """The best ids of rows of logits, of hypotheses of no ids and no constraints."""
    rows, vocab = logits.shape
    tries = constraint_tries([()], vocab)
    inputs = np.zeros((1, layout.INPUT), np.int64)
    candidates = Candidates(vocab, count, banned, 0, tries)
    return candidates.find(
        logits, 0, -1, True, np.zeros((rows, layout.ROW), np.int64), inputs, Nodes(1)
    )


# --- candidates -------------------------------------------------------------------------------


@few
@given(
    st.lists(
        st.lists(st.sampled_from([-math.inf, math.nan, -3.0, 0.0, 0.5, 2.0, 80.0]),
                 min_size=7, max_size=7),
        min_size=1, max_size=4,
    ),
    st.integers(1, 7),
    st.lists(st.integers(0, 6), max_size=3),
)  # fmt: skip
@example([[2.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0]], 2, [0, 0])
def test_candidates(logits: list[list[float]], count: int, banned: list[int]) -> None:
    array = np.array(logits, np.float32)
    tokens, log_probs = best_candidates(array, count, banned)
    np.testing.assert_array_equal(array, np.array(logits, np.float32))
    for row, scores in enumerate(logits):
        possible = any(math.isfinite(x) for x in scores)
        expected = naive_choice.top(scores, count, banned) if possible else []
        missing = count - len(expected)
        assert tokens[row, : len(expected)].tolist() == [i for i, _ in expected]
        assert (tokens[row, len(expected) :] < 0).all()
        assert log_probs[row].tolist() == pytest.approx(
            [p for _, p in expected] + [-math.inf] * missing, abs=2e-6
        )


@pytest.mark.parametrize("count", [1, 8, 70])
def test_candidates_of_many(count: int) -> None:
    logits = (np.random.default_rng(count).integers(-80, 80, (2, 1500)) / 8).astype(np.float32)
    tokens, log_probs = best_candidates(logits, count, [3])
    for row, scores in enumerate(logits.tolist()):
        expected = naive_choice.top(scores, count, [3])
        assert tokens[row].tolist() == [i for i, _ in expected]
        assert log_probs[row].tolist() == pytest.approx([p for _, p in expected], abs=2e-6)


def test_infinite_logits_are_no_candidates() -> None:
    tokens, _ = best_candidates(np.array([[math.inf, 0.0]], np.float32), 2, [])
    assert (tokens < 0).all()


# --- beam search ------------------------------------------------------------------------------

NORMALIZATIONS: list[tuple[Normalization, float]] = [("none", 0.6), ("mean", 0.7), ("wu", 0.9)]


def check(best: list[Hypothesis], expected: list[naive.Found], end: int | None) -> None:
    """The hypotheses are those that a twin found."""
    assert [h.ids.tolist() for h in best] == [one.ids for one in expected]
    assert [h.score for h in best] == pytest.approx([one.score for one in expected], abs=5e-6)
    for hypothesis in best:
        assert hypothesis.finished == (hypothesis.ids[-1] == end)


@st.composite
def beam_options(draw: st.DrawFn, n_best: int | None = None) -> BeamOptions:
    """Options of all kinds."""
    width = draw(st.integers(1, 6))
    normalization, penalty = draw(st.sampled_from(NORMALIZATIONS))
    ngram = draw(st.integers(0, 3))
    return BeamOptions(
        width=width,
        n_best=n_best or draw(st.integers(1, width)),
        normalization=normalization,
        length_penalty=penalty,
        # A hypothesis that is stuck has looked at the source once more than its twin.
        coverage_penalty=0.0 if ngram else draw(st.sampled_from([0.0, 0.4])),
        min_length=draw(st.sampled_from([0, 0, 2, 9])),
        no_repeat_ngram=ngram,
        end=draw(st.sampled_from([END, END, None])),
        banned=draw(st.lists(st.just(2), max_size=1)),
    )


@pytest.mark.parametrize("coverage", [0.0, 0.3])
@pytest.mark.parametrize(("normalization", "penalty"), NORMALIZATIONS)
@pytest.mark.parametrize("end", [END, None])
@few
@given(seed=st.integers(0, 10**6), length=st.integers(1, 4))
def test_widest_beam_is_exhaustive(
    coverage: float, normalization: Normalization, penalty: float, end: int | None, seed: int,
    length: int,
) -> None:  # fmt: skip
    model = Tree(seed)
    options = BeamOptions(VOCAB**length, 3, normalization, penalty, coverage, end=end)
    found = search(model, [0, 2], length, options)
    for first, best in zip([0, 2], found, strict=True):
        rules = rules_of(model, first, length, options)
        check(best, naive.every_sequence(model.log_probs(first), rules)[:3], end)
        for hypothesis in best:
            check_log_probs(model, first, hypothesis)
            if not coverage:
                expected = options.normalized(hypothesis.log_prob, len(hypothesis.ids))
                assert hypothesis.score == pytest.approx(expected, abs=2e-6)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), options=beam_options(), data=st.data())
def test_beam(seed: int, options: BeamOptions, data: st.DataObject) -> None:
    """As the slow twin, which knows no early end: many inputs with a greatest length each."""
    lengths = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    first = [i % VOCAB for i in range(len(lengths))]
    model = Tree(seed)
    found = search(model, first, lengths, options)
    for begin, length, best in zip(first, lengths, found, strict=True):
        rules = rules_of(model, begin, length, options)
        expected = naive.beam(model.log_probs(begin), rules)
        check(best, expected[: options.n_best], options.end)
        for hypothesis in best:
            check_log_probs(model, begin, hypothesis)


@few
@given(seed=st.integers(0, 10**6), options=beam_options(), phrased=st.booleans())
def test_an_input_does_not_depend_on_the_others(
    seed: int, options: BeamOptions, phrased: bool
) -> None:
    model = Tree(seed)
    first, lengths = [0, 1, 2, 0, 1], [5, 2, 4, 3, 5]
    phrases = [[[2, 0]], [], [[0]], [], [[0, 0], [2]]] if phrased else [[]] * 5
    together = search(model, first, lengths, options, phrases)
    for i, found in enumerate(together):
        alone = search(model, first[i : i + 1], lengths[i], options, phrases[i : i + 1])[0]
        for one, other in zip(found, alone, strict=True):
            assert one.ids.tolist() == other.ids.tolist()
            assert one.log_probs.tolist() == other.log_probs.tolist()
            assert one.score == other.score


@pytest.mark.parametrize(("normalization", "penalty"), NORMALIZATIONS)
@few
@given(seed=st.integers(0, 10**6))
@example(seed=0)
def test_a_beam_of_1_is_greedy(normalization: Normalization, penalty: float, seed: int) -> None:
    model = Tree(seed)
    first, lengths = [0, 1, 2, 2], [5, 5, 4, 1]
    begin = np.array(first, np.int32)
    greedy = greedy_search(model, model.start(4), begin, lengths, END)
    drawn = sample_search(
        model, model.start(4), begin, lengths, SamplingOptions(temperature=0), END, range(4)
    )
    options = BeamOptions(1, 1, normalization, penalty, end=END)
    beam = search(model, first, lengths, options)
    for number, (one, other, (best,)) in enumerate(zip(greedy, drawn, beam, strict=True)):
        after = model.log_probs(first[number])
        ids: list[int] = []
        while len(ids) < lengths[number] and END not in ids:
            ids.append(int(np.argmax(after(ids))))
        assert best.ids.tolist() == one.ids.tolist() == other.ids.tolist() == ids
        assert best.log_probs.tolist() == one.log_probs.tolist() == other.log_probs.tolist()
        assert best.finished == one.finished == other.finished == (END in ids)
        assert one.score == other.score == pytest.approx(one.log_prob, abs=1e-12)
        check_log_probs(model, first[number], one)


@few
@given(seed=st.integers(0, 10**6), width=st.integers(1, 26))
def test_no_beam_beats_the_widest(seed: int, width: int) -> None:
    model = Tree(seed)
    (narrow,), (wide,) = (
        search(model, [0], 3, BeamOptions(w, end=END))[0] for w in (width, VOCAB**3)
    )
    assert narrow.score <= wide.score


@pytest.mark.parametrize("width", [1, 2, 5])
def test_any_beam_is_exact_where_the_past_does_not_matter(width: int) -> None:
    model = Steady(3)
    best = int(np.argmax(model.logits[0]))
    (hypothesis,) = search(model, [0], 6, BeamOptions(width))[0]
    assert hypothesis.ids.tolist() == [best] * 6
    assert not hypothesis.finished


@pytest.mark.parametrize("width", [2, 3, 7])
def test_of_equal_hypotheses_the_first_is_kept(width: int) -> None:
    model = Tree(0)
    model.logits[:] = 0
    options = BeamOptions(width, width)
    complete = naive.beam(model.log_probs(0), rules_of(model, 0, 3, options))
    best = search(model, [0], 3, options)[0]
    assert [h.ids.tolist() for h in best] == [one.ids for one in complete]


def test_search_ends_when_nothing_can_win() -> None:
    model = Tree(0)
    model.logits[:] = [0, 0.5, 0]  # the end is the best at every step
    (hypothesis,) = search(model, [0], 5, BeamOptions(3, end=END))[0]
    assert hypothesis.ids.tolist() == [END]
    assert hypothesis.finished
    assert model.rows_stepped == 1
    # The mean of a longer one may be better.
    model.rows_stepped = 0
    search(model, [0], 5, BeamOptions(3, end=END, normalization="mean"))
    assert model.rows_stepped > 1


def test_banned_ids() -> None:
    model = Tree(1)
    (unbanned,) = search(model, [0], 4, BeamOptions(2))[0]
    wrong = int(unbanned.ids[0])
    for width in (1, 4):
        (hypothesis,) = search(model, [0], 4, BeamOptions(width, banned=[wrong]))[0]
        assert wrong not in hypothesis.ids
        check_log_probs(model, 0, hypothesis)
    (greedy,) = greedy_search(model, model.start(1), np.zeros(1, np.int32), 4, banned=[wrong])
    assert wrong not in greedy.ids
    check_log_probs(model, 0, greedy)


class Chain:
    """A model of many ids whose next id depends on the last one."""

    vocab_size = 300

    def __init__(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.logits = (generator.standard_normal((300, 300)) * 3).astype(np.float32)

    def start(self, rows: int) -> None:
        return None

    def step(self, ids: Ids, state: None) -> tuple[Logits, None]:
        return self.logits[ids], None

    def select(self, state: None, rows: Rows) -> None:
        return None


@pytest.mark.parametrize("ngram", [1, 2, 3])
def test_no_ngram_comes_twice(ngram: int) -> None:
    model = Chain(1)
    model.logits[:, 5:] -= 9  # few ids are probable, so that they would come again
    options = BeamOptions(4, 4, no_repeat_ngram=ngram)
    before = model.logits.copy()
    for one in search(model, [0, 1], 40, options)[0]:
        ids = one.ids.tolist()
        ngrams = [tuple(ids[i : i + ngram]) for i in range(len(ids) - ngram + 1)]
        assert len(set(ngrams)) == len(ngrams) == 41 - ngram
    np.testing.assert_array_equal(model.logits, before)
    free = search(model, [0], 40, BeamOptions(4))[0][0].ids.tolist()
    assert len(set(free)) < 10


def test_long_hypotheses() -> None:
    """More nodes than there is room for at first."""
    model = Chain(2)
    best = search(model, [0, 1], 90, BeamOptions(3, 3))
    for begin, found in enumerate(best):
        for one in found:
            last = [begin, *one.ids.tolist()[:-1]]
            rows = model.logits[last].tolist()
            expected = [
                naive_choice.log_softmax(row)[number]
                for row, number in zip(rows, one.ids.tolist(), strict=True)
            ]
            assert one.log_probs.tolist() == pytest.approx(expected, abs=2e-6)
            assert one.score == pytest.approx(sum(expected), rel=1e-6)


def test_where_every_id_is_forbidden() -> None:
    """The best hypothesis ends as it is; what an input had complete before counts more."""
    model = Tree(6)
    options = BeamOptions(4, 1, "mean", 0.7, min_length=9, no_repeat_ngram=1, end=END)
    for length in (5, 2):
        (stuck,) = search(model, [0], length, options)[0]
        assert sorted(stuck.ids.tolist()) == [0, 2]
        assert not stuck.finished
        assert stuck.score == pytest.approx(stuck.log_prob / 2**0.7, abs=1e-12)
    (ended,) = search(model, [0], 5, BeamOptions(9, 1, no_repeat_ngram=1, end=END))[0]
    assert ended.finished
    with pytest.raises(SeqtoolError, match="finite score"):
        search(model, [0], 5, BeamOptions(2, min_length=1, end=END, banned=[0, 2]))


def test_a_place_without_attention() -> None:
    """Its logarithm is that of the smallest normal number."""
    model = Tree(0)
    model.attention[:] = 1
    (plain,) = search(model, [0], 1, BeamOptions(1, coverage_penalty=0.5))[0]
    assert plain.score == plain.log_prob
    model.attention[:, 0] = 0
    (bare,) = search(model, [0], 1, BeamOptions(1, coverage_penalty=0.5))[0]
    smallest = float(np.finfo(np.float32).smallest_normal)
    assert bare.score == pytest.approx(bare.log_prob + 0.5 * math.log(smallest))


def test_no_inputs() -> None:
    model = Tree(0)
    assert search(model, [], 3, BeamOptions()) == []
    assert greedy_search(model, model.start(0), np.zeros(0, np.int32), 3) == []


def test_a_model_that_gives_nothing() -> None:
    model = Tree(0)
    model.logits[:] = math.nan
    with pytest.raises(SeqtoolError, match="finite score"):
        search(model, [0], 3, BeamOptions())
    with pytest.raises(SeqtoolError, match="finite score"):
        greedy_search(model, model.start(1), np.zeros(1, np.int32), 3)
    with pytest.raises(SeqtoolError, match="finite score"):
        search(Tree(0), [0], 3, BeamOptions(banned=[0, 1, 2]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 0}, "a beam of 0"),
        ({"width": 2, "n_best": 3}, "ask for 1 to 2"),
        ({"n_best": 0}, "ask for 1 to 5"),
        ({"length_penalty": -0.1}, "length penalty"),
        ({"length_penalty": math.nan}, "length penalty"),
        ({"coverage_penalty": -1}, "coverage penalty"),
        ({"min_length": -1}, "least length"),
        ({"no_repeat_ngram": -1}, "n-grams"),
    ],
)
def test_wrong_options(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(SeqtoolError, match=message):
        BeamOptions(**wrong)  # type: ignore[arg-type]
