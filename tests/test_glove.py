"""GloVe: the kernel against its slow twin, that against finite differences; same bytes again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from naive import glove as slow

from seqtool.errors import SeqtoolError
from seqtool_train_embeddings.cooccurrence import Cooccurrences, count_cooccurrences
from seqtool_train_embeddings.glove import Glove
from seqtool_train_embeddings.glove_cells import Cells, arrange_cells, groups_for
from seqtool_train_embeddings.glove_kernels import MEMBER_BITS, update_block

pytestmark = pytest.mark.kernel

WORDS = 40
DIMENSIONS = 5


def test_gradient_matches_finite_differences() -> None:
    rng = np.random.default_rng(2)
    for x in (0.3, 7.0, 150.0):
        both = rng.normal(size=(2, DIMENSIONS + 1))
        w, c = both.tolist()
        gradients = slow.cell_gradients(w, c, x, 100.0, 0.75)
        for side in (0, 1):
            for k in range(DIMENSIONS + 1):
                moved = np.zeros_like(both)
                moved[side, k] = 1e-6
                costs = []
                for sign in (1, -1):
                    w, c = (both + sign * moved).tolist()
                    costs.append(slow.cell_cost(w, c, x, 100.0, 0.75))
                above, below = costs
                assert gradients[side][k] == pytest.approx((above - below) / 2e-6, rel=1e-6)


@pytest.mark.parametrize("dimensions", [1, 5, 16, 33])
def test_update_matches_the_slow_twin(dimensions: int) -> None:
    rng = np.random.default_rng(dimensions)
    width = dimensions + 1
    words, contexts = (
        np.concatenate([rng.normal(size=(4, width)) / 2, rng.uniform(1, 3, (4, width))], axis=1)
        for _ in range(2)
    )
    rows, columns = rng.integers(0, 2, (2, 12))
    amounts = rng.uniform(0.1, 20, 12)
    fast = [array.astype(np.float32).reshape(-1) for array in (words, contexts)]
    cost = update_block(
        ((rows << MEMBER_BITS) | columns).astype(np.uint32),
        np.log(amounts).astype(np.float32),
        np.minimum(1, (amounts / 10) ** 0.75).astype(np.float32),
        12, 1, 2, dimensions, 0.05, *fast,
    )  # fmt: skip
    expected = 0.0
    for row, column, x in zip(rows + 1, columns + 2, amounts.tolist(), strict=True):
        w, w_sums = words[row, :width].tolist(), words[row, width:].tolist()
        c, c_sums = contexts[column, :width].tolist(), contexts[column, width:].tolist()
        expected += slow.cell_cost(w, c, x, 10, 0.75)
        w_gradient, c_gradient = slow.cell_gradients(w, c, x, 10, 0.75)
        words[row] = np.concatenate(slow.adagrad(w, w_sums, w_gradient, 0.05))
        contexts[column] = np.concatenate(slow.adagrad(c, c_sums, c_gradient, 0.05))
    assert cost == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(fast[0].reshape(4, -1), words, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(fast[1].reshape(4, -1), contexts, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Cooccurrences:
    """Co-occurrences of a small corpus, in which neighbouring numbers go together."""
    rng = np.random.default_rng(3)
    steps = rng.integers(-2, 3, 600)
    ids = (np.cumsum(steps) % WORDS).astype(np.int32)
    ids[::25] = -1
    return count_cooccurrences(ids, WORDS, 3, folder=str(tmp_path_factory.mktemp("table")))


@pytest.fixture(scope="module")
def cells(table: Cooccurrences, tmp_path_factory: pytest.TempPathFactory) -> Cells:
    """Its cells, arranged for training."""
    return arrange_cells(table, str(tmp_path_factory.mktemp("cells")))


def test_every_cell_is_in_its_block(table: Cooccurrences, cells: Cells) -> None:
    found: dict[tuple[int, int], float] = {}
    for a in range(cells.groups):
        for b in range(cells.groups):
            pairs, amounts = cells.block(a * cells.groups + b)
            rows = (pairs >> MEMBER_BITS).astype(int) * cells.groups + a
            columns = (pairs & 0xFFFF).astype(int) * cells.groups + b
            found |= dict(zip(zip(rows.tolist(), columns.tolist()), amounts.tolist()))  # noqa: B905
    rows = np.repeat(np.arange(WORDS), np.diff(table.offsets)).tolist()
    places = zip(rows, table.columns.tolist(), strict=True)
    assert found == dict(zip(places, table.values.tolist(), strict=True))
    assert cells.count == table.cells


@pytest.mark.parametrize(("memory", "threads"), [(1, 1), (1 << 10, 2), (1 << 30, 3)])
def test_arranging_depends_on_the_seed_alone(
    table: Cooccurrences, cells: Cells, tmp_path: Path, memory: int, threads: int
) -> None:
    again = arrange_cells(table, str(tmp_path), memory=memory, threads=threads)
    blocks = range(cells.groups**2)
    assert all(np.array_equal(cells.block(b), again.block(b)) for b in blocks)
    other = arrange_cells(table, str(tmp_path), seed=2)
    assert not all(np.array_equal(cells.block(b), other.block(b)) for b in blocks)


def test_groups_can_name_all_their_members() -> None:
    assert groups_for(1) == 1
    for words in (5, 8, 9, 71_000, 10_000_000, 100_000_000):
        groups = groups_for(words)
        assert groups <= words
        assert -(-words // groups) <= 1 << MEMBER_BITS


def test_the_same_bytes_for_any_threads_and_the_loss_falls(cells: Cells) -> None:
    def trained(**settings: Any) -> tuple[list[float], np.ndarray[Any, Any]]:
        model = Glove(cells, 8, **settings)
        losses = [model.train_epoch() for _ in range(6)]
        return losses, model.vectors()

    losses, one = trained(threads=1, x_max=10)
    assert losses[-1] < losses[0] / 2
    for threads in (2, 3):
        assert trained(threads=threads, x_max=10)[1].tobytes() == one.tobytes()
    assert trained(seed=2, x_max=10)[1].tobytes() != one.tobytes()
    assert one.shape == (WORDS, 8)


def test_the_loss_is_the_mean_cost_of_the_cells(cells: Cells, table: Cooccurrences) -> None:
    """With steps too small to matter it is that of the model as it is."""
    model = Glove(cells, 4, learning_rate=1e-9, x_max=10)
    before = {name: array.tolist() for name, array in model.state().items()}
    loss = model.train_epoch()
    expected = 0.0
    for row in range(WORDS):
        for k in range(table.offsets[row], table.offsets[row + 1]):
            word, context = before["words"][row][:5], before["contexts"][table.columns[k]][:5]
            expected += slow.cell_cost(word, context, float(table.values[k]), 10, 0.75)
    assert loss == pytest.approx(expected / table.cells, rel=1e-5)


def test_going_on_from_a_state(cells: Cells) -> None:
    whole = Glove(cells, 4)
    losses = [whole.train_epoch() for _ in range(2)]
    first = Glove(cells, 4)
    for _ in range(3):
        first.train_stratum()
    second = Glove(cells, 4, threads=2)
    second.restore(first.state())
    assert [second.train_epoch() for _ in range(2)] == losses
    assert second.vectors().tobytes() == whole.vectors().tobytes()
    assert second.vectors(sum_contexts=False).tobytes() != whole.vectors().tobytes()


def test_a_state_is_checked(cells: Cells) -> None:
    model = Glove(cells, 4)
    wrong: list[dict[str, Any]] = [
        {"words": np.ones((WORDS, 12), np.float32)},
        {"costs": np.zeros(1)},
        {"place": np.array([0, 99])},
    ]
    for change in wrong:
        with pytest.raises(SeqtoolError, match="checkpoint"):
            model.restore({**model.state(), **change})


def test_starting_from_vectors(cells: Cells) -> None:
    model = Glove(cells, 4)
    before = model.vectors()
    numbers, vectors = np.array([3, 17]), np.arange(8, dtype=np.float32).reshape(2, 4)
    model.set_vectors(numbers, vectors)
    after = model.vectors()
    assert np.array_equal(after[numbers], vectors)
    others = np.setdiff1d(np.arange(WORDS), numbers)
    assert np.array_equal(after[others], before[others])


def test_divergence_is_told(cells: Cells) -> None:
    model = Glove(cells, 4)
    model.set_vectors(np.array([0]), np.full((1, 4), np.inf, np.float32))
    with pytest.raises(SeqtoolError, match="lower --learning-rate"), np.errstate(all="ignore"):
        model.train_epoch()
