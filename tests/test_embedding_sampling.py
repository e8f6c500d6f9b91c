"""What is drawn and chosen while word vectors are trained, against slow twins."""

from itertools import pairwise

import embedding_helper_kernels as compiled
import numpy as np
import pytest
from embedding_numbers import COUNTS, ONE, few, slow_objective
from hypothesis import example, given
from hypothesis import strategies as st
from naive import embeddings as slow

from seqtool_train_embeddings.sampling import Paths, alias_table, huffman_paths, keep_chances
from seqtool_train_embeddings.targets import OBJECTIVES, Targets
from seqtool_train_embeddings.trainer import chunk_bounds

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """No example of hypothesis is slow because it compiles."""
    compiled.draw(np.ones(1, np.int64), 0, np.zeros(1, np.int64))
    huffman_paths(COUNTS)


# --- random numbers and what is drawn with them -----------------------------------------------


@few
@given(state=st.integers(1, 2**63 - 1), limit=st.integers(1, 2**31 - 1))
@example(state=2**63 - 1, limit=1)
def test_random_numbers(state: int, limit: int) -> None:
    for bound in (0, limit):
        random = slow.Random(state)
        place, out = np.array([state]), np.zeros(20, np.int64)
        compiled.draw(place, bound, out)
        assert out.tolist() == [random.below(bound) if bound else random.next() for _ in out]
        assert place[0] == random.state


def test_random_numbers_are_even() -> None:
    out = np.zeros(3000, np.int64)
    compiled.draw(np.array([Targets.random_state(1, 0)]), 10, out)
    assert abs(np.bincount(out, minlength=10) - 300).max() < 90


@pytest.mark.parametrize("sample", [0.0, 1e-3, 0.05, 10.0])
def test_keep_chances(sample: float) -> None:
    total = int(COUNTS.sum())
    expected = [slow.keep_chance(n, total, sample) for n in COUNTS.tolist()]
    np.testing.assert_allclose(keep_chances(COUNTS, sample) / ONE, expected, rtol=1e-6)


@few
@given(weights=st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=12))
@example(weights=[1.0])
@example(weights=[1.0, 1.0, 1.0])
@example(weights=[1e6, 1e-3, 1e-3])
def test_alias_table_stands_for_the_weights(weights: list[float]) -> None:
    table = alias_table(np.array(weights))
    chances = slow.alias_chances(table.chances.tolist(), table.others.tolist())
    np.testing.assert_allclose(chances, np.array(weights) / sum(weights), rtol=1e-9, atol=1e-9)
    assert sum(chances) == pytest.approx(1, abs=1e-12)
    assert ((table.chances >= 0) & (table.chances <= ONE)).all()


@few
@given(
    weights=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=9),
    state=st.integers(1, 2**62),
    draws=st.integers(0, 9),
)
def test_negatives(weights: list[float], state: int, draws: int) -> None:
    table = alias_table(np.array(weights))
    place, out = np.array([state]), np.zeros(draws, np.int64)
    compiled.negatives_of(len(weights), *table, place, out)
    random = slow.Random(state)
    objective = slow.Objective("ns", len(weights), draws, *(a.tolist() for a in table))
    assert out.tolist() == objective.draw(draws, random)
    assert place[0] == random.state


def test_negatives_come_as_often_as_they_should() -> None:
    table = alias_table(COUNTS.astype(np.float64))
    out = np.zeros(6000, np.int64)
    compiled.negatives_of(len(COUNTS), *table, np.array([Targets.random_state(1, 0)]), out)
    expected = COUNTS / COUNTS.sum() * len(out)
    assert (np.abs(np.bincount(out, minlength=6) - expected) < 5 * np.sqrt(expected)).all()


# --- the Huffman tree -------------------------------------------------------------------------


def codes(paths: Paths) -> list[str]:
    """The turns of every word's path."""
    return [
        "".join("0" if sign > 0 else "1" for sign in paths.signs[begin:end])
        for begin, end in pairwise(paths.starts.tolist())
    ]


@few
@given(counts=st.lists(st.integers(1, 50), min_size=1, max_size=40))
@example(counts=[3])
@example(counts=[5, 2])
@example(counts=[1, 1])
@example(counts=[4] * 8)
@example(counts=[4] * 7)
@example(counts=[2**k for k in range(20)])
@example(counts=[10**9] * 3)
def test_huffman_tree(counts: list[int]) -> None:
    counts.sort(reverse=True)
    paths = huffman_paths(np.array(counts, np.int64))
    found = codes(paths)
    length = sum(n * len(code) for n, code in zip(counts, found, strict=True))
    expected = slow.huffman_codes(counts)
    assert length == slow.huffman_merges(counts)
    assert length == sum(n * len(code) for n, code in zip(counts, expected, strict=True))
    ordered = sorted(found)
    assert len(counts) == 1 or all(not b.startswith(a) for a, b in pairwise(ordered))
    assert sum(2.0 ** -len(code) for code in found) == 1  # no code is missing
    # A node is known by the turns that lead to it: the same node always, another nowhere.
    names: dict[str, int] = {}
    for code, (begin, end) in zip(found, pairwise(paths.starts.tolist()), strict=True):
        for depth, node in enumerate(paths.nodes[begin:end].tolist()):
            assert names.setdefault(code[:depth], node) == node
    assert sorted(names.values()) == list(range(len(counts) - 1))
    if len(counts) > 1:
        assert names[""] == len(counts) - 2  # the root


# --- sentences and contexts -------------------------------------------------------------------

STREAMS = st.lists(st.integers(-1, 3), max_size=30)


@few
@given(ids=STREAMS, state=st.integers(1, 2**62), chance=st.sampled_from([0, ONE // 2, ONE]))
@example(ids=[-1], state=1, chance=ONE)
@example(ids=[0, 1], state=1, chance=ONE)
def test_reading_of_sentences(ids: list[int], state: int, chance: int) -> None:
    keep = np.array([chance, ONE, ONE // 3, ONE])
    place, length = np.array([state]), np.zeros(1, np.int64)
    sentence = np.zeros(1000, np.int64)
    stream = np.array(ids, np.int32)
    found, at = [], 0
    while at < len(ids):
        before = at
        at = compiled.one_sentence(stream, at, keep, place, sentence, length)
        assert at > before
        assert at == len(ids) or ids[at - 1] == -1
        found.append(sentence[: length[0]].tolist())
    expected = list(slow.kept_sentences(ids, keep.tolist(), slow.Random(state)))
    assert [s for s in found if s] == [s for s in expected if s]


def test_a_sentence_is_cut_where_its_space_ends() -> None:
    ids = np.zeros(1500, np.int32)
    sentence, length = np.zeros(1000, np.int64), np.zeros(1, np.int64)
    arguments = (np.array([ONE]), np.array([1]), sentence, length)
    assert compiled.one_sentence(ids, 0, *arguments) == 1000
    assert compiled.one_sentence(ids, 1000, *arguments) == 1500
    assert length[0] == 500


@few
@given(ids=STREAMS, size=st.integers(1, 12))
@example(ids=[0] * 20, size=5)
def test_chunks(ids: list[int], size: int) -> None:
    bounds = chunk_bounds(np.array(ids, np.int32), size)
    assert bounds[0] == 0
    assert bounds[-1] == len(ids)
    assert all(a < b for a, b in pairwise(bounds))  # so everything is covered once
    assert all(ids[at - 1] == -1 for at in bounds[1:-1])
    assert all(b - a >= size for a, b in list(pairwise(bounds))[:-1])


def test_chunks_of_long_sentences() -> None:
    ids = np.zeros(5000, np.int32)
    ids[[3500, 4200]] = -1
    assert chunk_bounds(ids, 100) == [0, 3501, 4201, 5000]
    assert chunk_bounds(ids[:0]) == [0]


@few
@given(
    sentence=st.lists(st.integers(0, 9), min_size=1, max_size=7),
    kind=st.sampled_from([(4, 0, 0), (2, 2, 0), (1, 0, 0), (0, 3, 0), (0, 0, 1), (0, 0, 5)]),
    state=st.integers(1, 2**62),
)
def test_contexts(sentence: list[int], kind: tuple[int, int, int], state: int) -> None:
    place, context = np.array([state]), np.zeros(8, np.int64)
    random = slow.Random(state)
    for at in range(len(sentence)):
        used = compiled.one_context(
            np.array(sentence), len(sentence), at, *kind, 99, place, context
        )
        assert context[:used].tolist() == slow.nnlm_context(sentence, at, kind, 99, random)


@few
@given(
    n=st.integers(1, 12),
    begin=st.integers(0, 11),
    group=st.integers(1, 5),
    window=st.integers(1, 4),
    state=st.integers(1, 2**62),
)
@example(n=1, begin=0, group=5, window=3, state=1)
def test_windows_of_a_group(n: int, begin: int, group: int, window: int, state: int) -> None:
    begin = min(begin, n - 1)
    end = min(begin + group, n)
    random, place = slow.Random(state), np.array([state])
    windows = [slow.window_places(range(n), center, window, random) for center in range(begin, end)]
    firsts, lasts, span = (np.zeros(size, np.int64) for size in (group, group, 2))
    inside = np.full(group * (group + 2 * window), 9, np.float32)
    pairs = compiled.group_windows(begin, end, n, window, place, firsts, lasts, inside, span)
    assert pairs == sum(map(len, windows))
    assert place[0] == random.state
    reached = {*range(begin, end), *(k for places in windows for k in places)}
    assert span.tolist() == [min(reached), max(reached) + 1]
    expected = [float(k in places) for places in windows for k in range(*span.tolist())]
    used = len(expected)
    assert inside[:used].tolist() == expected
    assert (inside[used:] == 9).all()


def test_input_rows_of_words() -> None:
    words, members = np.array([2, 0, 1, 2]), np.zeros(12, np.int64)
    none = np.zeros(0, np.int64)
    assert compiled.members_of(words, none, none, members) == 4
    assert members[:4].tolist() == words.tolist()
    starts, rows = np.array([0, 2, 2, 3]), np.array([7, 8, 9])
    assert compiled.members_of(words, starts, rows, members) == 8
    assert members[:8].tolist() == [2, 9, 0, 7, 8, 1, 2, 9]


# --- targets ----------------------------------------------------------------------------------


@few
@given(
    words=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    drawn=st.lists(st.integers(0, 5), max_size=6),
    hot=st.integers(0, 5),
)
@example(words=[3, 1, 3], drawn=[1, 3, 1], hot=0)
@example(words=[3, 1, 3], drawn=[1, 3, 1], hot=3)
@example(words=[5], drawn=[0, 0, 5, 0], hot=1)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_targets_of_a_group(name: str, words: list[int], drawn: list[int], hot: int) -> None:
    """What each target counts for each word; negatives that are words of the group are left out."""
    paths = huffman_paths(COUNTS)
    if name != "ns":
        words, drawn = words[:1], []
    begin, shift, most = 1, 100, 16
    near = [row + shift if begin <= row < begin + hot else row for row in range(6)]
    targets = np.arange(most) if name == "softmax" else np.full(most, -1)
    positive, total = (np.full(5 * most, 9, np.float32) for _ in range(2))
    found = compiled.targets_of(
        OBJECTIVES[name], np.array([0, *words, 0]), 1, 1 + len(words), 6, np.array(drawn, np.int64),
        0.5, *paths, targets, begin, begin + hot, shift, most, positive, total,
    )  # fmt: skip
    objective = slow_objective(name, Targets(name, COUNTS, 3, 0.75, 0.0))
    left = [other for other in drawn if other not in words]
    predictions = [objective.targets(word, left, 0.5) for word in words]
    if name == "softmax":
        assert (found, targets.tolist()) == (6, list(range(most)))
    elif name == "hs":
        assert targets[:found].tolist() == [near[t.row] for t in predictions[0]]
    else:
        assert targets[:found].tolist() == [near[row] for row in [*words, *left]]
    for i, prediction in enumerate(predictions):
        sums = {1.0: np.zeros(200), -1.0: np.zeros(200)}
        for target in prediction:
            row = target.row if name == "softmax" else near[target.row]
            sums[target.label][row] += target.weight
        row_positive, row_total = (a[i * most : (i + 1) * most] for a in (positive, total))
        found_sums = np.zeros((2, 200))
        np.add.at(found_sums[0], targets[:found], row_positive[:found])
        np.add.at(found_sums[1], targets[:found], row_total[:found])
        np.testing.assert_array_equal(found_sums[0], sums[1.0])
        if name != "softmax":
            np.testing.assert_array_equal(found_sums[1] - found_sums[0], sums[-1.0])
        assert not row_positive[found:].any()
        assert not row_total[found:].any()
