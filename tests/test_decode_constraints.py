"""Phrases that must appear: against a slow twin and exhaustive search."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from decode_models import END, VOCAB, Tree, check_log_probs, rules_of, score_of, search
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive import beam as naive

from seqtool.decode.beam import BeamOptions
from seqtool.decode.constraint_kernels import MAX_PHRASES
from seqtool.decode.constraints import MAX_IDS, constraint_tries
from seqtool.decode.types import Hypothesis
from seqtool.errors import SeqtoolError

pytestmark = pytest.mark.kernel

few = settings(max_examples=40, deadline=None)

# Of two ids, so that phrases overlap, contain each other and come twice.
PHRASES = st.lists(st.lists(st.sampled_from([0, 2]), min_size=1, max_size=3), max_size=3)


def check(best: Sequence[Hypothesis], expected: Sequence[naive.Found]) -> None:
    """The hypotheses are those that a twin found."""
    assert [h.ids.tolist() for h in best] == [one.ids for one in expected]
    assert [h.score for h in best] == pytest.approx([one.score for one in expected], abs=5e-6)


@few
@given(seed=st.integers(0, 10**6), phrases=PHRASES, length=st.integers(1, 5))
@example(seed=0, phrases=[[0, 0, 2], [0, 2, 2]], length=5)
@example(seed=0, phrases=[[0, 2], [2, 0]], length=4)
def test_widest_beam_is_exhaustive(seed: int, phrases: list[list[int]], length: int) -> None:
    model = Tree(seed)
    options = BeamOptions(VOCAB**length, 3, "mean", 0.7, end=END)
    (best,) = search(model, [0], length, options, [phrases])
    rules = rules_of(model, 0, length, options, phrases)
    check(best, naive.every_sequence(model.log_probs(0), rules)[:3])


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    width=st.integers(1, 6),
    constraints=st.lists(PHRASES, min_size=1, max_size=3),
    ngram=st.sampled_from([0, 0, 2]),
    data=st.data(),
)
def test_beam(
    seed: int, width: int, constraints: list[list[list[int]]], ngram: int, data: st.DataObject
) -> None:
    """As the slow twin, whose banks, phrases and early end follow their definitions."""
    options = BeamOptions(
        width, data.draw(st.integers(1, width)), "mean", 0.7, no_repeat_ngram=ngram, end=END
    )
    model = Tree(seed)
    lengths = data.draw(
        st.lists(st.integers(1, 5), min_size=len(constraints), max_size=len(constraints))
    )
    found = search(model, [0] * len(lengths), lengths, options, constraints)
    for length, phrases, best in zip(lengths, constraints, found, strict=True):
        rules = rules_of(model, 0, length, options, phrases)
        rules = rules._replace(bound=partial(options.normalized, length=length))
        check(best, naive.beam(model.log_probs(0), rules)[: options.n_best])
        for hypothesis in best:
            check_log_probs(model, 0, hypothesis)


@few
@given(seed=st.integers(0, 10**6), width=st.integers(1, 5), phrases=PHRASES)
def test_phrases_are_there(seed: int, width: int, phrases: list[list[int]]) -> None:
    """Even a beam of 1 has them if there is room: an id of a phrase comes at each step."""
    room = sum(len(phrase) for phrase in phrases) + 1
    if room > 6:
        return
    options = BeamOptions(width, end=END)
    (best,) = search(Tree(seed), [0], room, options, [phrases])[0]
    assert all(naive.contains(best.ids.tolist(), phrase) for phrase in phrases)


def test_too_little_room() -> None:
    """The best of those that have most of the phrases."""
    model = Tree(4)
    options = BeamOptions(30, 2, end=END)
    phrases = [[0, 0, 0], [2, 2], [2]]
    (best,) = search(model, [0], 3, options, [phrases])
    assert [naive.met(h.ids.tolist(), phrases) for h in best] == [3, 3]
    assert not any(h.finished for h in best)
    rules = rules_of(model, 0, 3, options, phrases)
    check(best, naive.every_sequence(model.log_probs(0), rules)[:2])


def test_a_phrase_that_cannot_come() -> None:
    model = Tree(2)
    options = BeamOptions(3, end=END, banned=[2])
    (best,) = search(model, [0], 4, options, [[[2], [0]]])[0]
    assert best.ids.tolist() == [0, 0, 0, 0]
    assert not best.finished


def test_a_search_with_coverage() -> None:
    model = Tree(7)
    options = BeamOptions(VOCAB**4, 5, "wu", 0.6, 0.3, end=END)
    phrases = [[2, 0]]
    (best,) = search(model, [0], 4, options, [phrases])
    rules = rules_of(model, 0, 4, options, phrases)
    check(best, naive.every_sequence(model.log_probs(0), rules)[:5])
    score = score_of(model, 0, options)
    assert best[0].score == pytest.approx(score(best[0].log_prob, best[0].ids.tolist()), abs=5e-6)


def test_no_constraints_are_no_phrases() -> None:
    options = BeamOptions(4, 4, "mean", 0.7, end=END)
    found = [
        search(Tree(3), [0], 5, options),
        search(Tree(3), [0], 5, options, [[]]),
        search(Tree(3), [0], 5, options, [[[]]]),
    ]
    one, other, third = ([h.ids.tolist() for h in best] for (best,) in found)
    assert one == other == third


def test_tries() -> None:
    tries = constraint_tries([[], [[5, 6, 5], [6, 5], [6, 5]], [np.array([9], np.int32)]], 10)
    assert tries.roots.tolist() == [0, 1, 7]
    assert tries.lengths.tolist() == [3, 2, 1]
    assert tries.starts.tolist() == [0, 0, 2, 3]
    assert (tries.most_places, tries.most_ids) == (6, 5)


def test_more_than_a_search_can_take() -> None:
    most = [[i] for i in range(MAX_PHRASES)]
    constraint_tries([most, [range(MAX_IDS)]], MAX_IDS)
    with pytest.raises(SeqtoolError, match="63 phrases of 63 tokens must appear"):
        constraint_tries([[*most, [MAX_PHRASES]]], MAX_IDS)
    with pytest.raises(SeqtoolError, match="name at most 62 of 1,000 tokens"):
        constraint_tries([[range(MAX_IDS), [0]]], MAX_IDS)


@pytest.mark.parametrize("wrong", [-1, VOCAB])
def test_an_id_outside_the_vocabulary(wrong: int) -> None:
    with pytest.raises(SeqtoolError, match=f"the id {wrong} is not in the vocabulary of 3"):
        search(Tree(0), [0], 3, BeamOptions(), [[[0, wrong]]])


def test_phrases_for_other_inputs() -> None:
    with pytest.raises(ValueError, match="1 lists of phrases for 2 inputs"):
        search(Tree(0), [0, 1], 3, BeamOptions(), [[[0]]])
