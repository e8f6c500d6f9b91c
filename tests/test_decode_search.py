"""Greedy and beam search against slow twins and exhaustive search."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive import decode as naive

from seqtool.decode.beam import BeamOptions, Normalization, beam_search
from seqtool.decode.candidates import Candidates
from seqtool.decode.greedy import greedy_search
from seqtool.decode.types import Hypothesis, Ids, Logits, Rows
from seqtool.errors import SeqtoolError

pytestmark = pytest.mark.kernel

few = settings(max_examples=25, deadline=None)
VOCAB = 3
END = 1


class Tree:
    """A model whose logits depend on all ids that were read: a row of a table for each history.

    The state is the number of the history: 0 for none, then VOCAB * number + id + 1.
    """

    vocab_size = VOCAB

    def __init__(self, seed: int, depth: int = 6) -> None:
        size = (VOCAB ** (depth + 1) - 1) // (VOCAB - 1)
        logits = np.random.default_rng(seed).standard_normal((size, VOCAB)) * 2
        self.logits: Logits = logits.astype(np.float32)
        self.rows_stepped = 0

    def start(self, rows: int) -> Rows:
        return np.zeros(rows, np.int64)

    def step(self, ids: Ids, state: Rows) -> tuple[Logits, Rows]:
        assert ids.dtype == np.int32
        assert len(ids) == len(state)
        self.rows_stepped += len(ids)
        state = VOCAB * state + ids + 1
        return self.logits[state], state

    def select(self, state: Rows, rows: Rows) -> Rows:
        return state[rows]

    def log_probs(self, first: int) -> Callable[[list[int]], list[float]]:
        """Log-probabilities after ``first`` and other ids."""

        def after(ids: list[int]) -> list[float]:
            state = 0
            for number in [first, *ids]:
                state = VOCAB * state + number + 1
            return naive.log_softmax(self.logits[state].tolist())

        return after


def search(
    model: Tree, first: list[int], length: int | list[int], options: BeamOptions
) -> list[list[Hypothesis]]:
    """Beam search from the start."""
    ids = np.array(first, np.int32)
    return beam_search(model, model.start(len(ids)), ids, length, options)


def check_log_probs(model: Tree, first: int, hypothesis: Hypothesis) -> None:
    """Each id's log-probability is the model's."""
    after = model.log_probs(first)
    ids = hypothesis.ids.tolist()
    expected = [after(ids[:i])[number] for i, number in enumerate(ids)]
    assert hypothesis.log_probs.tolist() == pytest.approx(expected, abs=1e-9)
    assert hypothesis.log_prob == pytest.approx(sum(expected), abs=1e-9)


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
    tokens, log_probs = Candidates(7, banned).top(array, count)
    np.testing.assert_array_equal(array, np.array(logits, np.float32))
    for row, scores in enumerate(logits):
        possible = any(math.isfinite(x) for x in scores)
        expected = naive.top(scores, count, banned) if possible else []
        missing = count - len(expected)
        assert tokens[row].tolist() == [i for i, _ in expected] + [-1] * missing
        assert log_probs[row].tolist() == pytest.approx(
            [p for _, p in expected] + [-math.inf] * missing, abs=1e-9
        )


@pytest.mark.parametrize("count", [1, 8, 70])
def test_candidates_of_many(count: int) -> None:
    logits = (np.random.default_rng(count).integers(-80, 80, (2, 1500)) / 8).astype(np.float32)
    tokens, log_probs = Candidates(1500, [3]).top(logits, count)
    for row, scores in enumerate(logits.tolist()):
        expected = naive.top(scores, count, [3])
        assert tokens[row].tolist() == [i for i, _ in expected]
        assert log_probs[row].tolist() == pytest.approx([p for _, p in expected], abs=1e-9)


def test_infinite_logits_are_no_candidates() -> None:
    tokens, _ = Candidates(2, []).top(np.array([[math.inf, 0.0]], np.float32), 2)
    assert tokens.tolist() == [[-1, -1]]


# --- beam search ------------------------------------------------------------------------------

NORMALIZATIONS: list[tuple[Normalization, float]] = [("none", 0.6), ("mean", 0.6), ("wu", 0.9)]


@pytest.mark.parametrize(("normalization", "penalty"), NORMALIZATIONS)
@pytest.mark.parametrize("end", [END, None])
@few
@given(seed=st.integers(0, 10**6), length=st.integers(1, 4))
def test_widest_beam_is_exhaustive(
    normalization: Normalization, penalty: float, end: int | None, seed: int, length: int
) -> None:
    model = Tree(seed)
    options = BeamOptions(VOCAB**length, 3, normalization, penalty, end)
    found = search(model, [0, 2], length, options)
    for first, best in zip([0, 2], found, strict=True):
        every = naive.every_sequence(model.log_probs(first), VOCAB, length, end)
        ranked = sorted(((options.normalized(p, len(s)), s) for p, s in every), reverse=True)
        assert [h.ids.tolist() for h in best] == [s for _, s in ranked[:3]]
        assert [h.score for h in best] == pytest.approx([score for score, _ in ranked[:3]])
        for hypothesis in best:
            check_log_probs(model, first, hypothesis)
            assert hypothesis.finished == (hypothesis.ids[-1] == end)


@pytest.mark.parametrize(("normalization", "penalty"), NORMALIZATIONS)
@few
@given(seed=st.integers(0, 10**6), width=st.integers(1, 6), data=st.data())
def test_beam(
    normalization: Normalization, penalty: float, seed: int, width: int, data: st.DataObject
) -> None:
    """As the slow twin, which knows no early end: many inputs with a greatest length each."""
    n_best = data.draw(st.integers(1, width))
    lengths = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    first = [i % VOCAB for i in range(len(lengths))]
    model = Tree(seed)
    options = BeamOptions(width, n_best, normalization, penalty, END)
    found = search(model, first, lengths, options)
    for begin, length, best in zip(first, lengths, found, strict=True):
        complete = naive.beam(model.log_probs(begin), VOCAB, length, END, width)
        ranked = sorted(
            ((options.normalized(p, len(s)), s) for p, s in complete), key=lambda entry: -entry[0]
        )
        assert [h.ids.tolist() for h in best] == [s for _, s in ranked[:n_best]]
        for hypothesis, (score, _) in zip(best, ranked, strict=False):
            assert hypothesis.score == pytest.approx(score, abs=1e-9)
            check_log_probs(model, begin, hypothesis)
        assert len(best) == n_best or len(complete) < n_best


@pytest.mark.parametrize(("normalization", "penalty"), NORMALIZATIONS)
@few
@given(seed=st.integers(0, 10**6))
@example(seed=0)
def test_a_beam_of_1_is_greedy(normalization: Normalization, penalty: float, seed: int) -> None:
    model = Tree(seed)
    first = np.array([0, 1, 2, 2], np.int32)
    greedy = greedy_search(model, model.start(4), first, 5, END)
    options = BeamOptions(1, 1, normalization, penalty, END)
    for one, (best,), begin in zip(greedy, search(model, [0, 1, 2, 2], 5, options), first,
                                   strict=True):  # fmt: skip
        assert best.ids.tolist() == one.ids.tolist()
        assert best.log_probs.tolist() == one.log_probs.tolist()
        assert best.finished == one.finished
        assert one.score == one.log_prob
        check_log_probs(model, int(begin), one)
        for i, number in enumerate(one.ids.tolist()):
            log_probs = model.log_probs(int(begin))(one.ids[:i].tolist())
            assert number == log_probs.index(max(log_probs))


@few
@given(seed=st.integers(0, 10**6), width=st.integers(1, 26))
def test_no_beam_beats_the_widest(seed: int, width: int) -> None:
    model = Tree(seed)
    (narrow,), (wide,) = (
        search(model, [0], 3, BeamOptions(w, end=END))[0] for w in (width, VOCAB**3)
    )
    assert narrow.score <= wide.score


class Steady(Tree):
    """A model whose logits do not depend on what was read."""

    def step(self, ids: Ids, state: Rows) -> tuple[Logits, Rows]:
        return self.logits[np.zeros(len(ids), np.int64)], state


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
    complete = naive.beam(model.log_probs(0), VOCAB, 3, None, width)
    best = search(model, [0], 3, BeamOptions(width, width))[0]
    assert [h.ids.tolist() for h in best] == [s for _, s in complete]


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
    ],
)
def test_wrong_options(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(SeqtoolError, match=message):
        BeamOptions(**wrong)  # type: ignore[arg-type]
