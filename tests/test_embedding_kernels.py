"""The kernels that train word vectors, against slow twins and finite differences."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import embedding_helper_kernels as compiled
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from naive import embeddings as slow

from seqtool.errors import SeqtoolError
from seqtool_train_embeddings.group_kernels import DRAWS, GROUP
from seqtool_train_embeddings.nnlm import Context, NeuralModel
from seqtool_train_embeddings.sampling import Paths, alias_table, huffman_paths, keep_chances
from seqtool_train_embeddings.targets import Targets, padded
from seqtool_train_embeddings.trainer import START, Events, Place, Plan, chunk_bounds
from seqtool_train_embeddings.trainer import train as train_model
from seqtool_train_embeddings.update_kernels import exp_negative
from seqtool_train_embeddings.windows import NO_NGRAMS, NgramRows, WindowModel

pytestmark = pytest.mark.kernel
few = settings(max_examples=15, deadline=None)

ONE = 1 << 32
COUNTS = np.array([9, 7, 4, 4, 2, 1])
IDS = np.array([0, 1, 2, -1, 3, -1, 0, 4, 1, 5, 3, 2, -1, -1, 1, 1, 0], np.int32)
GRADIENTS = [slow.textbook_gradient, slow.numeric_gradient]
OBJECTIVES = ["ns", "hs", "softmax"]

Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """No example of hypothesis is slow because it compiles."""
    out = np.zeros(1, np.float32)
    compiled.exp_all(out, out)
    huffman_paths(COUNTS)


def numbers(*shape: int, seed: int = 1, scale: float = 1.0) -> Floats:
    """Random numbers around 0."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


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


# --- arithmetic -------------------------------------------------------------------------------


def exp_of(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """``exp_negative``, compiled."""
    array = np.array(x, np.float32)
    out = np.zeros_like(array)
    compiled.exp_all(array, out)
    return out


def test_exp_negative_is_accurate() -> None:
    x = np.concatenate([-np.geomspace(1e-30, 83, 2000), -np.linspace(0, 83, 2000)])
    x = x.astype(np.float32)
    expected = np.exp(x.astype(np.float64))
    # x * log2(e) is a rounded product with a rounded constant, and exp magnifies by x.
    tolerance = 2e-7 + np.abs(x) * 7.5e-8
    assert (np.abs(exp_of(x) / expected - 1) < tolerance).all()
    near = np.abs(x) < 1
    assert (np.abs(exp_of(x[near]) / expected[near] - 1) < 2e-7).all()


def test_exp_negative_at_the_ends() -> None:
    assert exp_of([0.0, -0.0]) == pytest.approx(1, abs=1e-7)
    lowest = exp_of([-84, -100, -1e6, -1e38, -np.inf, np.nan])
    np.testing.assert_allclose(lowest, 2.0**-120, rtol=2e-7)
    assert (np.diff(exp_of(-np.linspace(0, 100, 1000))) <= 1e-7).all()
    assert exp_negative(np.float32(-1)) == pytest.approx(math.exp(-1), rel=2e-7)


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
@pytest.mark.parametrize("targets", [0, 1, 2, 3, 4, 7])
def test_products(rows: int, targets: int) -> None:
    width = 16
    hidden, output = numbers(6, width), numbers(8, width, seed=2)
    chosen = np.array([4, 0, 4, 5, 1][:rows])
    places = np.array([3, 3, 7, 0, 1, 2, 6, 9][:targets], np.int64)  # one comes twice
    scores = np.full(rows * targets + 1, 99, np.float32)
    shared = (hidden.reshape(-1), chosen, rows, output.reshape(-1), places, targets, width)
    compiled.all_scores(*shared, scores)
    expected = hidden[chosen] @ output[places].T
    np.testing.assert_allclose(scores[:-1], expected.reshape(-1), rtol=1e-5, atol=1e-5)
    assert scores[-1] == 99

    gradients = numbers(rows, targets, seed=3)
    result = np.full(rows * width + 1, 99, np.float32)
    before = output.copy()
    after = before.astype(np.float64)
    for j, place in enumerate(places):
        after[place] += gradients[:, j] @ hidden[chosen]
    compiled.both_sides(gradients.reshape(-1), *shared, result)
    hidden_change = gradients @ before[places]
    np.testing.assert_allclose(result[:-1], hidden_change.reshape(-1), rtol=1e-5, atol=1e-5)
    assert result[-1] == 99
    np.testing.assert_allclose(output, after, rtol=1e-5, atol=1e-5)


def test_means() -> None:
    table = numbers(6, 16)
    members = np.array([9, 2, 5, 2, 9])
    hidden = np.zeros((3, 16), np.float32)
    mean = table[[2, 5, 2]].mean(axis=0)
    expected = table.copy()
    expected[5] += mean
    expected[2] += 2 * mean
    compiled.mean_and_back(table.reshape(-1), members, 1, 4, 16, hidden.reshape(-1), 1)
    np.testing.assert_allclose(hidden[1], mean, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(table, expected, rtol=1e-6, atol=1e-6)
    assert not hidden[[0, 2]].any()


@pytest.mark.parametrize("scale", [0.1, 3.0, 40.0])
@pytest.mark.parametrize(("rows", "targets"), [(1, 1), (3, 5), (2, 300), (1, 0)])
def test_logistic_gradient(rows: int, targets: int, scale: float) -> None:
    scores = numbers(rows, targets, scale=scale)
    labels = np.where(np.arange(targets) % 3 == 0, 1, -1).astype(np.float32)
    flat, loss = scores.reshape(-1).copy(), np.array([10.0, 20.0])
    compiled.logistic(flat, rows, labels, targets, 0.5, loss)
    exact = scores.astype(np.float64)
    expected = 0.5 * labels / (1 + np.exp(labels * exact))
    np.testing.assert_allclose(flat, expected.reshape(-1), rtol=1e-5, atol=1e-12)
    expected_loss = np.logaddexp(0, -labels * exact).sum()
    assert loss[0] - 10 == pytest.approx(expected_loss, rel=1e-6, abs=1e-7 * targets)
    assert loss[1] == 20 + rows


@pytest.mark.parametrize("scale", [0.1, 3.0, 40.0])
@pytest.mark.parametrize(("rows", "words"), [(1, 1), (1, 40), (3, 7)])
def test_softmax_gradient(rows: int, words: int, scale: float) -> None:
    scores = numbers(rows, words, scale=scale)
    word = words - 1
    flat, loss = scores.reshape(-1).copy(), np.array([10.0, 20.0])
    compiled.softmax(flat, rows, word, words, 0.5, loss)
    exact = scores.astype(np.float64)
    chances = np.exp(exact - exact.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    expected = 0.5 * (np.eye(words)[word] - chances)
    np.testing.assert_allclose(flat, expected.reshape(-1), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(loss[0] - 10, -np.log(chances[:, word]).sum(), rtol=1e-5, atol=1e-6)
    assert loss[1] == 20 + rows


def test_nan_shows_in_the_loss() -> None:
    for call in ("logistic", "softmax"):
        loss = np.zeros(2)
        scores = np.array([1, np.nan, 2], np.float32)
        if call == "logistic":
            compiled.logistic(scores, 1, np.ones(3, np.float32), 3, 0.1, loss)
        else:
            compiled.softmax(scores, 1, 1, 3, 0.1, loss)
        assert math.isnan(loss[0])


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


# --- whole training steps ---------------------------------------------------------------------


def make_targets(objective: str, sample: float = 0.0) -> Targets:
    return Targets(objective, COUNTS, 3, 0.75, sample)


def slow_objective(name: str, targets: Targets) -> slow.Objective:
    """The same objective for the twin."""
    nodes, signs = targets.paths.nodes.tolist(), targets.paths.signs.tolist()
    paths = [
        list(zip(nodes[begin:end], signs[begin:end], strict=True))
        for begin, end in pairwise(targets.paths.starts.tolist())
    ]
    chances, others = (a.tolist() for a in targets.alias)
    return slow.Objective(name, len(COUNTS), 3, chances, others, paths)


def fill(*tables: Floats, columns: Sequence[int]) -> None:
    """Random numbers in the columns that are in use: a new model's outputs are all zero."""
    for seed, (table, used) in enumerate(zip(tables, columns, strict=True)):
        table[:, :used] = numbers(len(table), used, seed=seed, scale=0.7)


def check_step(model: Any, twin: Any, objective: str, columns: dict[str, int]) -> None:
    """A pass of the kernel over the corpus changes what the twin changes and finds its loss."""
    fill(*model.state().values(), columns=list(columns.values()))
    arrays = {
        name: table[:, : columns[name]].astype(np.float64) for name, table in model.state().items()
    }
    loss = np.zeros(2)
    before = {name: table.copy() for name, table in model.state().items()}
    assert model.make_worker(IDS, loss)(0, len(IDS), 5, 0.1) == len(IDS)
    state = Targets.random_state(1, 5)
    expected = twin(arrays, slow.Random(state), 0.1)
    np.testing.assert_allclose(loss, expected, rtol=2e-6)
    for name, table in model.state().items():
        used = table[:, : columns[name]]
        np.testing.assert_allclose(used, arrays[name], rtol=1e-4, atol=2e-6, err_msg=name)
        assert not table[:, columns[name] :].any(), f"{name}: padding stays zero"
        assert (used != before[name][:, : columns[name]]).any(), f"{name}: nothing changed"


NGRAMS = [[6, 7], [7, 7, 8], [], [9], [6, 8], [8]]


def ngram_table() -> NgramRows:
    starts = np.cumsum([0, *map(len, NGRAMS)])
    return NgramRows(starts, np.array([row for rows in NGRAMS for row in rows]), 4)


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("subwords", [False, True], ids=["words", "subwords"])
@pytest.mark.parametrize("method", ["skipgram", "cbow"])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_window_step(method: str, objective: str, subwords: bool, gradient: slow.Gradient) -> None:
    targets = make_targets(objective, sample=0.1)
    ngrams = ngram_table() if subwords else NO_NGRAMS
    model = WindowModel(targets, method, 5, 3, 1, ngrams)

    def twin(arrays: dict[str, slow.Array], random: slow.Random, rate: float) -> Any:
        common = (IDS.tolist(), slow_objective(objective, targets), arrays, random)
        if (method, objective, subwords) == ("skipgram", "ns", False):
            return slow.train_groups(
                *common,
                window=3,
                keep=targets.keep.tolist(),
                rate=rate,
                group=GROUP,
                draws=DRAWS,
                gradient=gradient,
            )
        return slow.train_windows(
            *common,
            cbow=method == "cbow",
            window=3,
            keep=targets.keep.tolist(),
            ngrams=NGRAMS if subwords else [[]] * len(COUNTS),
            rate=rate,
            gradient=gradient,
        )

    check_step(model, twin, objective, {"inputs": 5, "outputs": 5})


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize(
    "context",
    [Context(left=3), Context(left=2, right=2), Context(left=1), Context(nearby=2)],
    ids=str,
)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_neural_step(objective: str, context: Context, gradient: slow.Gradient) -> None:
    targets = make_targets(objective, sample=0.1)
    model = NeuralModel(targets, context, 3, 4, 1)

    def twin(arrays: dict[str, slow.Array], random: slow.Random, rate: float) -> Any:
        return slow.train_nnlm(
            IDS.tolist(),
            slow_objective(objective, targets),
            arrays,
            random,
            kind=context,
            keep=targets.keep.tolist(),
            rate=rate,
            gradient=gradient,
        )

    columns = {"inputs": 3, "weights": 3 * context.words + 1, "outputs": 5}
    check_step(model, twin, objective, columns)


def test_the_mean_of_a_window_moves_by_its_gradient() -> None:
    """What the docstring says of means: a row gets n times its own share of the gradient."""
    arrays = {"outputs": numbers(4, 3).astype(np.float64)}
    rows = numbers(3, 3, seed=5).astype(np.float64)
    step = slow.Window("ns", [(1, 1.0), (2, -1.0)])
    of_mean = slow.textbook_gradient(step, {**arrays, "hidden": rows.mean(axis=0)[None]})["hidden"]
    shift = np.zeros_like(rows)
    shift[1, 2] = 1e-5
    above, below = (
        step.loss({**arrays, "hidden": (rows + sign * shift).mean(axis=0)[None]})
        for sign in (1, -1)
    )
    assert (above - below) / 2e-5 == pytest.approx(of_mean[0, 2] / len(rows), rel=1e-6)


# --- models and the loop ----------------------------------------------------------------------


def test_rows_are_padded() -> None:
    assert [padded(n) for n in (1, 15, 16, 17, 100)] == [16, 16, 16, 32, 112]


def test_softmax_refuses_large_vocabularies() -> None:
    with pytest.raises(SeqtoolError, match="50,001 words are too many"):
        Targets("softmax", np.ones(50_001, np.int64), 1, 0.75, 0.0)
    assert Targets("softmax", np.ones(50_000, np.int64), 1, 0.75, 0.0).most == 50_000


def window_model(dimensions: int = 4) -> WindowModel:
    return WindowModel(make_targets("ns"), "skipgram", dimensions, 2, 3)


def test_a_new_model_is_small_and_depends_on_its_seed() -> None:
    model = window_model()
    assert np.abs(model.inputs).max() <= 0.125
    assert model.inputs[:, :4].std() > 0.03
    assert not model.outputs.any()
    np.testing.assert_array_equal(model.inputs, window_model().inputs)
    other = WindowModel(make_targets("ns"), "skipgram", 4, 2, 4)
    assert (model.inputs[:, :4] != other.inputs[:, :4]).all()


class Recorder(Events):
    """Keeps what the loop tells."""

    checkpoint_seconds = -1.0

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.rates: list[float] = []
        self.words = 0
        self.saved: list[tuple[Place, dict[str, Floats]]] = []
        self.model: WindowModel | None = None

    def chunks_done(self, words: int, place: Place, rate: float) -> None:
        self.words += words
        self.rates.append(rate)

    def epoch_done(self, epoch: int, mean_loss: float, seconds: float) -> None:
        self.losses.append(mean_loss)

    def save(self, place: Place) -> None:
        assert self.model is not None
        self.saved.append((place, {k: v.copy() for k, v in self.model.state().items()}))


LONG = np.tile(IDS, 12)


@pytest.fixture
def _small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three chunks a round, a few rounds an epoch."""
    monkeypatch.setattr("seqtool_train_embeddings.trainer._ROUND", 3)
    monkeypatch.setattr(
        "seqtool_train_embeddings.trainer.chunk_bounds", lambda i: chunk_bounds(i, 20)
    )


@pytest.mark.usefixtures("_small_rounds")
def test_any_checkpoint_leads_to_the_same_model() -> None:
    plan = Plan(2, 0.05, 1)
    model, events = window_model(), Recorder()
    events.model = model
    train_model(model, LONG, plan, events)
    assert events.words == 2 * len(LONG)
    assert events.rates == sorted(events.rates, reverse=True)
    assert 0 < events.rates[-1] < 0.05 / 4
    assert len(events.saved) >= 6
    for place, arrays in events.saved[::2]:
        again, heard = window_model(), Recorder()
        again.inputs[:], again.outputs[:] = arrays["inputs"], arrays["outputs"]
        heard.model = again
        train_model(again, LONG, plan, heard, place)
        np.testing.assert_array_equal(again.inputs, model.inputs)
        np.testing.assert_array_equal(again.outputs, model.outputs)
        assert heard.losses == pytest.approx(events.losses[place.epoch :], rel=1e-12)


@pytest.mark.usefixtures("_small_rounds")
def test_an_epochs_loss_is_the_mean_of_what_was_measured() -> None:
    model, events = window_model(), Recorder()
    events.model = model
    train_model(model, LONG, Plan(1, 0.05, 1), events)
    targets = make_targets("ns")
    arrays = {k: v[:, :4].astype(np.float64) for k, v in window_model().state().items()}
    bounds = chunk_bounds(LONG, 20)
    total = np.zeros(2)
    for number, (begin, end) in enumerate(pairwise(bounds)):
        total += slow.train_groups(
            LONG[begin:end].tolist(),
            slow_objective("ns", targets),
            arrays,
            slow.Random(Targets.random_state(3, number)),
            window=2,
            keep=targets.keep.tolist(),
            rate=0.05 * (1 - begin / len(LONG)),
            group=GROUP,
            draws=DRAWS,
        )
    assert events.losses == pytest.approx([total[0] / total[1]], rel=1e-5)
    np.testing.assert_allclose(model.inputs[:, :4], arrays["inputs"], rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_vectors_that_grow_without_end_are_reported() -> None:
    with pytest.raises(SeqtoolError, match="lower --learning-rate"):
        train_model(window_model(), LONG, Plan(20, 1e30, 1), Events(), START)
