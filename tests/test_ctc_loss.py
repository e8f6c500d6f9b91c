"""The CTC loss: against all paths one by one, PyTorch's stored values, and slopes."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from naive import ctc as naive
from nn_gradients import check_slopes, interpreted

from seqtool.ctc.loss import CtcLoss, frames_needed
from seqtool.nn.parameters import Parameters
from seqtool.nn.workspace import Workspace

pytestmark = pytest.mark.kernel

REFERENCES = Path(__file__).parent / "data" / "ctc_references.npz"
Array = npt.NDArray[Any]


def workspace(training: bool = True, dtype: Any = np.float32, scale: float = 1.0) -> Workspace:
    """Memory for a loss, which has no weights."""
    parameters = Parameters()
    parameters.allocate(dtype)
    work = Workspace(parameters, training)
    work.scale = scale
    return work


def rows_of(labels: list[list[int]]) -> tuple[Array, Array]:
    """Labels as a padded array (label time, rows), and their lengths."""
    lengths = np.array([len(row) for row in labels], np.int64)
    padded = np.full((max(lengths, default=0), len(labels)), 99, np.int32)
    for row, symbols in enumerate(labels):
        padded[: len(symbols), row] = symbols
    return padded, lengths


@pytest.mark.parametrize("seed", range(6))
def test_loss_and_gradient_of_all_paths(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = [[1, 2], [2, 2], [], [3], [1, 1, 1], [3, 1, 3]]
    lengths = np.array([5, 3, 4, 1, 5, 5], np.int64)
    logits = (random.normal(size=(5, len(labels), 4)) * 3).astype(np.float32)
    padded, label_lengths = rows_of(labels)
    gradient = logits.copy()
    found = CtcLoss("ctc").losses(workspace(), gradient, lengths, padded, label_lengths)
    for row, symbols in enumerate(labels):
        frames = lengths[row]
        loss, wanted = naive.loss(logits[:frames, row].astype(np.float64), symbols)
        assert found[row] == pytest.approx(loss, abs=2e-6)
        np.testing.assert_allclose(gradient[:frames, row], wanted, atol=1e-6)
        assert (gradient[frames:, row] == 0).all()


@pytest.mark.parametrize("case", ["plain", "long", "sharp"])
def test_values_of_pytorch(case: str) -> None:
    with np.load(REFERENCES, allow_pickle=False) as stored:
        values = {key.split("/")[1]: stored[key] for key in stored if key.startswith(f"{case}/")}
    logits = values["logits"].astype(np.float32)
    arguments = values["lengths"], values["labels"].astype(np.int32), values["label_lengths"]
    losses = CtcLoss("ctc").losses(workspace(), logits, *arguments)
    # What rounding the logits to float32 does to the loss is not the loss's doing.
    np.testing.assert_allclose(losses, values["losses"], rtol=1e-5)
    np.testing.assert_allclose(logits, values["gradient"], atol=1e-5)


@pytest.mark.parametrize("labels", [[[1, 2, 2]], [[3, 1], [1, 1]], [[], [2]]])
def test_slopes(labels: list[list[int]]) -> None:
    random = np.random.default_rng(3)
    logits = random.normal(size=(6, len(labels), 4))
    lengths = np.full(len(labels), 6, np.int64)
    lengths[-1] = 5
    padded, label_lengths = rows_of(labels)
    work = workspace(dtype=np.float64, scale=0.5)
    loss = CtcLoss("ctc")

    def value() -> float:
        return 0.5 * loss.forward(work, logits.copy(), lengths, padded, label_lengths)

    with interpreted():
        gradient = logits.copy()
        loss.forward(work, gradient, lengths, padded, label_lengths)
        check_slopes(value, logits, gradient, "logits", 1e-6)


@pytest.mark.parametrize("spread", [1.0, 60.0])
def test_long_rows_keep_their_precision(spread: float) -> None:
    """States whose share is below 1e-300 at first are the ones that win in the end."""
    random = np.random.default_rng(5)
    time, count = 2000, 24
    labels = random.integers(1, 5, count).tolist()
    logits = (random.normal(size=(time, 1, 5)) * spread).astype(np.float32)
    logits[: time - 2 * count, :, 0] += 30 * spread  # nothing but blanks, until it is almost over
    padded, label_lengths = rows_of([labels])
    gradient = logits.copy()
    lengths = np.array([time], np.int64)
    found = CtcLoss("ctc").forward(workspace(), gradient, lengths, padded, label_lengths)
    assert found == pytest.approx(naive.lattice_loss(logits[:, 0], labels), rel=1e-7, abs=1e-4)
    # Every label is somewhere: the shares of a symbol's frames sum to at least its count.
    probabilities = np.exp(naive.log_softmax(logits[:, 0].astype(np.float64)))
    shares = (probabilities - gradient[:, 0]).sum(axis=0)
    assert (shares[1:] > np.bincount(labels, minlength=5)[1:] - 1e-3).all()
    np.testing.assert_allclose(gradient.sum(axis=2), 0, atol=2e-6)


def test_a_row_too_short_for_its_labels_counts_for_nothing() -> None:
    labels = [[1, 1, 2], [1, 1, 2], [1], [1]]
    padded, label_lengths = rows_of(labels)
    lengths = np.array([3, 4, 0, 1], np.int64)
    logits = np.random.default_rng(0).normal(size=(4, 4, 3)).astype(np.float32)
    losses = CtcLoss("ctc").losses(workspace(), logits, lengths, padded, label_lengths)
    assert losses[0] == 0
    assert losses[2] == 0
    assert losses[1] > 0
    assert losses[3] > 0
    assert (logits[:, [0, 2]] == 0).all()
    assert (logits[:, 1] != 0).all()


def test_forbidden_labels() -> None:
    logits = np.zeros((3, 2, 3), np.float32)
    logits[:, 0, 2] = -np.inf
    padded, label_lengths = rows_of([[2], [2]])
    lengths = np.array([3, 3], np.int64)
    losses = CtcLoss("ctc").losses(workspace(), logits, lengths, padded, label_lengths)
    assert losses[0] == np.inf
    assert np.isfinite(losses[1])
    assert (logits[:, 0] == 0).all()


def test_not_a_number_is_not_hidden() -> None:
    logits = np.zeros((3, 1, 3), np.float32)
    logits[1, 0, 1] = np.nan
    padded, label_lengths = rows_of([[2]])
    with np.errstate(over="ignore"):  # the interpreted form of e^x is numpy's
        losses = CtcLoss("ctc").losses(workspace(), logits, np.array([3]), padded, label_lengths)
    assert np.isnan(losses[0])


def test_outside_of_training_logits_stay() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
    before = logits.copy()
    padded, label_lengths = rows_of([[1], [2, 1]])
    arguments = np.array([4, 3], np.int64), padded, label_lengths
    loss = CtcLoss("ctc")
    total = loss.forward(workspace(training=False), logits, *arguments)
    np.testing.assert_array_equal(logits, before)
    assert total == loss.forward(workspace(scale=3.0), logits, *arguments)


def test_the_gradient_is_scaled() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 1, 3)).astype(np.float32)
    other = logits.copy()
    padded, label_lengths = rows_of([[1, 2]])
    loss = CtcLoss("ctc")
    for array, scale in [(logits, 1.0), (other, 0.25)]:
        loss.forward(workspace(scale=scale), array, np.array([4]), padded, label_lengths)
    np.testing.assert_allclose(other, logits * 0.25, rtol=1e-6)


def test_what_is_refused() -> None:
    loss, work = CtcLoss("ctc"), workspace()
    logits = np.zeros((4, 2, 3), np.float32)
    full = np.array([4, 4], np.int64)
    for wrong in (0, 3, -1):
        labels = np.array([[1, wrong]], np.int32)
        with pytest.raises(IndexError, match="from 1 to 2"):
            loss.forward(work, logits, full, labels, np.array([1, 1]))
    labels = np.ones((2, 2), np.int32)
    one = np.array([1, 1], np.int64)
    with pytest.raises(ValueError, match="contiguous"):
        loss.forward(work, logits.transpose(0, 2, 1), full, labels, one)
    with pytest.raises(ValueError, match="longer"):
        loss.forward(work, logits, full + 1, labels, one)
    with pytest.raises(ValueError, match="longer"):
        loss.forward(work, logits, full, labels, one + 2)
    with pytest.raises(ValueError, match="not of 2 rows"):
        loss.forward(work, logits, full[:1], labels, one)


def test_frames_needed() -> None:
    assert [frames_needed(labels) for labels in ([], [1], [1, 2], [1, 1], [2, 2, 2, 1])] == [
        0, 1, 2, 3, 6,
    ]  # fmt: skip
