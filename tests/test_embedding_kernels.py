"""Whole steps of training word vectors, against slow twins and finite differences."""

import math
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from embedding_numbers import COUNTS, IDS, OBJECTIVES, Floats, numbers, slow_objective
from naive import embeddings as slow

from seqtool.errors import SeqtoolError
from seqtool_train_embeddings import windows
from seqtool_train_embeddings.nnlm import Context, NeuralModel
from seqtool_train_embeddings.targets import Targets
from seqtool_train_embeddings.trainer import START, Events, Place, Plan, chunk_bounds
from seqtool_train_embeddings.trainer import train as train_model
from seqtool_train_embeddings.windows import DRAWS, GROUP, NO_NGRAMS, NgramRows, WindowModel

pytestmark = pytest.mark.kernel

GRADIENTS = [slow.textbook_gradient, slow.numeric_gradient]


# --- whole training steps ---------------------------------------------------------------------


def make_targets(objective: str, sample: float = 0.0) -> Targets:
    return Targets(objective, COUNTS, 3, 0.75, sample)


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


def train_skipgram(
    ids: Sequence[int], objective: slow.Objective, *arguments: Any, **options: Any
) -> tuple[float, int]:
    """The twin with groups and negatives as the program has them."""
    group = 1 if objective.name == "hs" else GROUP
    draws = math.ceil(DRAWS * objective.negatives)
    return slow.train_skipgram(ids, objective, *arguments, group=group, draws=draws, **options)


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
        train = slow.train_cbow if method == "cbow" else train_skipgram
        return train(
            IDS.tolist(),
            slow_objective(objective, targets),
            arrays,
            random,
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
    step = slow.Group("ns", [(0, [slow.Target(1, 1.0), slow.Target(2, -1.0, 0.5)])])
    of_mean = slow.textbook_gradient(step, {**arrays, "hidden": rows.mean(axis=0)[None]})["hidden"]
    shift = np.zeros_like(rows)
    shift[1, 2] = 1e-5
    above, below = (
        step.loss({**arrays, "hidden": (rows + sign * shift).mean(axis=0)[None]})
        for sign in (1, -1)
    )
    assert (above - below) / 2e-5 == pytest.approx(of_mean[0, 2] / len(rows), rel=1e-6)


# --- models and the loop ----------------------------------------------------------------------


def test_softmax_refuses_large_vocabularies() -> None:
    with pytest.raises(SeqtoolError, match="50,001 words are too many"):
        Targets("softmax", np.ones(50_001, np.int64), 1, 0.75, 0.0)
    targets = Targets("softmax", np.ones(50_000, np.int64), 1, 0.75, 0.0)
    assert targets.scratch(1, 0).tolist() == list(range(50_000))


def test_only_negative_sampling_draws_negatives() -> None:
    assert [make_targets(name).negatives for name in OBJECTIVES] == [3, 0, 0]


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
        total += train_skipgram(
            LONG[begin:end].tolist(),
            slow_objective("ns", targets),
            arrays,
            slow.Random(Targets.random_state(3, number)),
            window=2,
            keep=targets.keep.tolist(),
            ngrams=[[]] * len(COUNTS),
            rate=0.05 * (1 - begin / len(LONG)),
        )
    assert events.losses == pytest.approx([total[0] / total[1]], rel=1e-5)
    np.testing.assert_allclose(model.inputs[:, :4], arrays["inputs"], rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_vectors_that_grow_without_end_are_reported() -> None:
    with pytest.raises(SeqtoolError, match="lower --learning-rate"):
        train_model(window_model(), LONG, Plan(20, 1e30, 1), Events(), START)


# --- several threads --------------------------------------------------------------------------


@pytest.mark.parametrize("subwords", [False, True], ids=["words", "subwords"])
@pytest.mark.parametrize("method", ["skipgram", "cbow"])
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("hot", [1, 5])
def test_a_threads_own_rows_change_nothing_but_the_rounding(
    method: str, objective: str, subwords: bool, hot: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "HOT_ROWS", hot)
    ids = np.tile(IDS, 60)  # so that rows are exchanged on the way, too
    found = []
    for threads, thread in ((1, 0), (2, 1), (3, 1)):
        ngrams = ngram_table() if subwords else NO_NGRAMS
        model = WindowModel(make_targets(objective), method, 5, 3, 1, ngrams, threads)
        fill(*model.state().values(), columns=(5, 5))
        loss = np.zeros(2)
        model.make_worker(ids, loss, thread)(0, len(ids), 5, 0.1)
        found.append((loss, model.state()))
    (loss, tables), *others = found
    assert tables["outputs"].shape == (len(COUNTS), 16)
    for other_loss, other_tables in others:
        np.testing.assert_allclose(other_loss, loss, rtol=1e-4)
        assert other_tables.keys() == tables.keys()
        for name, table in tables.items():
            assert other_tables[name].shape == table.shape
            np.testing.assert_allclose(other_tables[name], table, rtol=1e-2, atol=1e-3)


def test_a_thread_starts_from_the_common_rows() -> None:
    """What a checkpoint or another thread has put there counts, not what it had itself before."""
    model = WindowModel(make_targets("ns"), "skipgram", 5, 3, 1, threads=2)
    same = WindowModel(make_targets("ns"), "skipgram", 5, 3, 1)
    for each in (model, same):
        loss = np.zeros(2)
        work = each.make_worker(IDS, loss, 0)
        work(0, len(IDS), 5, 0.1)
        fill(*each.state().values(), columns=(5, 5))
        work(0, len(IDS), 6, 0.1)
    for name, table in same.state().items():
        np.testing.assert_allclose(model.state()[name], table, rtol=1e-4, atol=1e-5)


class Counter:
    """A model that trains nothing, and notes which thread it is asked to work for."""

    def __init__(self, threads: int) -> None:
        self.threads: list[int] = []
        self._all_here = threading.Barrier(threads, timeout=60)

    def make_worker(
        self, ids: npt.NDArray[np.int32], loss: npt.NDArray[np.float64], thread: int
    ) -> Callable[[int, int, int, float], int]:
        self.threads.append(thread)
        self._all_here.wait()

        def work(start: int, stop: int, number: int, rate: float) -> int:
            loss[:] += stop - start, 1
            return stop

        return work

    def state(self) -> dict[str, Floats]:
        return {}


@pytest.mark.usefixtures("_small_rounds")
def test_every_thread_has_a_number_of_its_own() -> None:
    model, events = Counter(4), Recorder()
    events.save = lambda place: None  # type: ignore[method-assign]
    train_model(model, LONG, Plan(2, 0.05, 4), events)
    rounds = [model.threads[at : at + 4] for at in range(0, len(model.threads), 4)]
    assert len(rounds) == 2  # one an epoch
    assert all(sorted(numbers) == [0, 1, 2, 3] for numbers in rounds)
    assert events.losses == pytest.approx([len(LONG) / (len(chunk_bounds(LONG, 20)) - 1)] * 2)


@pytest.mark.parametrize("method", ["skipgram", "cbow", "nnlm"])
@pytest.mark.usefixtures("_small_rounds")
def test_threads_learn_as_well_as_one(method: str) -> None:
    losses = []
    for threads in (1, 2):
        model: WindowModel | NeuralModel
        if method == "nnlm":
            model = NeuralModel(make_targets("ns"), Context(left=2), 4, 5, 3)
        else:
            model = WindowModel(make_targets("ns"), method, 4, 2, 3, threads=threads)
        events = Recorder()
        events.save = lambda place: None  # type: ignore[method-assign]
        train_model(model, LONG, Plan(4, 0.2, threads), events)
        losses.append(events.losses)
        assert all(np.isfinite(table).all() for table in model.state().values())
    assert losses[1] == pytest.approx(losses[0], rel=0.1)
    assert losses[0][-1] < losses[0][0]
