"""Networks that listen: convolution, causality, streams, speech and detection."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive.convolution import convolution
from nn_gradients import check_loss, double_parameters
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.nn.acoustic import AcousticSettings
from seqtool.nn.convolution import Convolution
from seqtool.nn.detector import DetectorStream, FrameDetector
from seqtool.nn.frame_batches import FrameBatches
from seqtool.nn.losses import BinaryCrossEntropy
from seqtool.nn.parameters import Parameters
from seqtool.nn.speech import SpeechModel, SpeechSettings, SpeechSteps
from seqtool.nn.stack import StackSettings
from seqtool.nn.types import Shard
from seqtool.nn.workspace import Workspace

FRAMES = np.array([24, 17, 20])


def features(random: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Frames (24, 3, size); what lies behind a row's end is noise."""
    return random.normal(size=(24, 3, size))


# --- convolution ----------------------------------------------------------------------------------


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (5, 2), (4, 2), (3, 3), (7, 3)])
def test_convolution_is_its_definition(kernel: int, stride: int, causal: bool) -> None:
    parameters = Parameters()
    layer = Convolution("c", parameters, 4, 6, kernel, stride, causal)
    parameters.allocate()
    random = np.random.default_rng(1)
    layer.initialise(random)
    parameters["c.bias"][:] = random.normal(size=6)
    inputs = features(random, 4).astype(np.float32)
    outputs = layer.forward(Workspace(parameters), inputs, FRAMES)
    for row, length in enumerate(FRAMES):
        alone = inputs[:length, row].astype(np.float64)
        wanted = convolution(
            alone, parameters["c.weight"].astype(np.float64),
            parameters["c.bias"].astype(np.float64), kernel, stride, causal,
        )  # fmt: skip
        assert len(wanted) == layer.lengths(FRAMES)[row]
        np.testing.assert_allclose(outputs[: len(wanted), row], wanted, atol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_convolution_gradients(causal: bool) -> None:
    parameters = Parameters()
    layer = Convolution("c", parameters, 2, 3, 5, 2, causal)
    double_parameters(parameters, [layer])
    random = np.random.default_rng(2)
    inputs = features(random, 2)
    factors = random.normal(size=(12, 3, 3))
    factors[np.arange(12)[:, None] >= layer.lengths(FRAMES)] = 0
    found: dict[str, Any] = {}

    def loss(work: Workspace) -> float:
        value = float((layer.forward(work, inputs, FRAMES) * factors).sum())
        found["gradient"] = layer.backward(work, factors * work.scale)
        return value

    check_loss(parameters, loss, [(inputs, lambda: found["gradient"])])


def test_a_kernel_shorter_than_the_stride_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves inputs out"):
        Convolution("c", Parameters(), 2, 3, 2, 3)


# --- detector -------------------------------------------------------------------------------------


def detector(dtype: type[np.floating[Any]] = np.float32, **more: Any) -> FrameDetector:
    """A tiny network, whose weights are random."""
    shape: dict[str, Any] = {"channels": 5, "kernel": 5, "stride": 2, "convolutions": 2, **more}
    stack = StackSettings(shape.pop("cell", "gru"), 6, 2)
    model = FrameDetector(AcousticSettings(3, 1, stack, causal=True, **shape), dtype)
    model.initialise(3)
    model.parameters.flat += np.random.default_rng(3).normal(size=len(model.parameters.flat)) * 0.1
    return model


def detector_shard(model: FrameDetector) -> Shard:
    random = np.random.default_rng(4)
    steps = model.acoustic.steps(FRAMES)
    targets = random.integers(0, 2, (int(steps.max()), 3)).astype(np.int32)
    weights = random.uniform(0.5, 2, targets.shape).astype(np.float32)
    return Shard(
        targets, targets, steps, int(steps.sum()), weights=weights,
        source_lengths=FRAMES, features=features(random, 3),
    )  # fmt: skip


def away_from_kinks(parameters: Parameters) -> None:
    """Give every ReLU inputs of one sign: where it bends it has no slope."""
    for name, weight in parameters.items():
        if name.endswith("norm.gain"):
            weight[:] = 0.3
        if name.endswith("norm.bias"):
            weight[:] = np.where(np.arange(len(weight)) % 3 < 2, 1.0, -1.0)


def test_detector_gradients() -> None:
    model = detector(np.float64, channels=3)
    away_from_kinks(model.parameters)
    shard = detector_shard(model)
    check_loss(model.parameters, lambda work: model.loss(work, shard), tolerance=1e-5)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@given(st.lists(st.integers(0, 13), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_a_stream_is_the_same_however_it_is_cut(cell: str, cuts: list[int]) -> None:
    model = detector(cell=cell)
    sound = np.random.default_rng(5).normal(size=(sum(cuts), 3)).astype(np.float32)
    whole = DetectorStream(model).push(sound)
    stream = DetectorStream(model)
    parts = [stream.push(part) for part in np.split(sound, np.cumsum(cuts)[:-1])]
    assert len(whole) == len(sound) // model.acoustic.reduction
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_stream_hears_what_training_hears() -> None:
    model = detector()
    shard = detector_shard(model)
    assert shard.features is not None
    sound = shard.features.astype(np.float32)
    work = Workspace(model.parameters, training=False)
    logits = model.acoustic.logits(work, sound, FRAMES)[:, :, 0]
    for row, length in enumerate(FRAMES):
        found = DetectorStream(model).push(sound[:length, row])
        wanted = 1 / (1 + np.exp(-logits[: len(found), row].astype(np.float64)))
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_detector_is_causal() -> None:
    model = detector()
    sound = np.random.default_rng(6).normal(size=(40, 3)).astype(np.float32)
    before = DetectorStream(model).push(sound)
    sound[20:] += 1
    after = DetectorStream(model).push(sound)
    np.testing.assert_array_equal(before[:5], after[:5])  # 4 frames a step
    assert (before[5:] != after[5:]).all()


def test_binary_cross_entropy() -> None:
    parameters = Parameters()
    parameters.allocate()
    work = Workspace(parameters, training=False)
    logits = np.array([[0, 3], [-90, 2], [90, 5]], np.float32)
    targets = np.array([[1, 0], [0, 0], [0, 0]], np.int32)
    lengths = np.array([3, 1])
    weights = np.array([[2, 1], [1, 1], [1, 1]], np.float32)
    cost = BinaryCrossEntropy("loss")
    loss = cost.forward(work, logits.copy(), targets, lengths, weights)
    assert loss == pytest.approx(2 * np.log(2) + np.log1p(np.exp(3)) + 0 + 90, rel=1e-6)
    assert cost.forward(work, logits, targets, lengths) == pytest.approx(
        np.log(2) + np.log1p(np.exp(3)) + 90, rel=1e-6
    )
    np.testing.assert_allclose(
        logits, [[0.5, 1 / (1 + np.exp(-3))], [0, 0], [1, 0]], rtol=1e-6, atol=1e-12
    )


# --- speech ---------------------------------------------------------------------------------------


def speech(
    loss: str, dtype: type[np.floating[Any]] = np.float32, cell: str = "gru", **more: Any
) -> SpeechModel:
    """A tiny recogniser of three symbols, whose weights are random."""
    stack = StackSettings(cell, 3, 2, bidirectional=True)
    shape = AcousticSettings(2, 4, stack, channels=3, kernel=3, stride=2, **more)
    model = SpeechModel(SpeechSettings(shape, loss, embedding=2, hidden=3, smoothing=0.1), dtype)
    model.initialise(7)
    return model


def speech_shard(size: int = 2) -> Shard:
    random = np.random.default_rng(8)
    labels = random.integers(1, 4, (4, 3)).astype(np.int32)
    counts = np.array([4, 2, 0])
    labels[np.arange(4)[:, None] >= counts] = 0
    sound = features(random, size)
    return Shard(labels, labels, counts, 7, source_lengths=FRAMES, features=sound)


@pytest.mark.parametrize(("loss", "cell"), [("ctc", "gru"), ("attention", "gru"), ("both", "lstm")])
def test_speech_gradients(loss: str, cell: str) -> None:
    model = speech(loss, np.float64, cell, dropout=0.1)
    away_from_kinks(model.parameters)
    shard = speech_shard()
    check_loss(model.parameters, lambda work: model.loss(work, shard), tolerance=1e-5)


@pytest.mark.parametrize("loss", ["ctc", "attention", "both"])
def test_rows_do_not_depend_on_others(loss: str) -> None:
    model, shard = speech(loss), speech_shard()
    assert shard.features is not None
    assert shard.lengths is not None
    sound = shard.features.astype(np.float32)
    work = Workspace(model.parameters, training=False)
    together = model.loss(work, shard._replace(features=sound))
    alone = 0.0
    for row, frames in enumerate(FRAMES):
        labels = shard.targets[: shard.lengths[row], row : row + 1]
        one = Shard(
            labels, labels, shard.lengths[row : row + 1], 1,
            source_lengths=FRAMES[row : row + 1], features=sound[:frames, row : row + 1],
        )  # fmt: skip
        alone += model.loss(work, one)
    assert together == pytest.approx(alone, rel=1e-5)


def test_log_probs_are_logs_of_probabilities() -> None:
    model, shard = speech("ctc"), speech_shard()
    assert shard.features is not None
    work = Workspace(model.parameters, training=False)
    found = model.log_probs(work, shard.features.astype(np.float32), FRAMES)
    assert found.shape == (12, 3, 4)
    np.testing.assert_allclose(np.exp(found).sum(axis=2), 1, rtol=1e-5)


def test_steps_are_the_forced_decoding() -> None:
    model, shard = speech("attention"), speech_shard()
    assert shard.features is not None
    assert model.writer is not None
    sound = shard.features.astype(np.float32)
    work = Workspace(model.parameters, training=False)
    encoded = model.encode(work, sound, FRAMES)
    ids = np.array([[0, 0, 0], [1, 2, 3], [3, 3, 1]], np.int32)
    ends = np.array([[1, 2, 3], [3, 3, 1], [0, 0, 0]], np.int32)
    whole = Shard(ids, ends, np.array([3, 3, 3]), 9)
    wanted = model.writer.forced(work, whole, encoded).log_probs
    steps = SpeechSteps(model)
    state = steps.encode(sound, FRAMES)
    for time in range(3):
        logits, state = steps.step(ids[time], state)
        found = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(found[np.arange(3), ends[time]], wanted[time], atol=1e-5)


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="ctc, attention, both"):
        speech("hmm")


# --- batches --------------------------------------------------------------------------------------


class Numbers:
    """Example i has as many frames as ``lengths`` says, all of them i, and the labels given."""

    def __init__(self, lengths: list[int], labels: list[list[int]]) -> None:
        self._lengths, self._labels = np.array(lengths, np.int64), labels

    def start_epoch(self, epoch: int) -> NDArray[np.int64]:
        return self._lengths

    def features(self, number: int) -> NDArray[np.float32]:
        return np.full((self._lengths[number], 2), number + 1, np.float32)

    def labels(self, number: int) -> NDArray[np.int32]:
        return np.array(self._labels[number], np.int32)


def test_batches_hold_every_example_once() -> None:
    random = np.random.default_rng(9)
    lengths = random.integers(1, 50, 100).tolist()
    labels = [[number + 1] * (number % 4) for number in range(100)]
    batches = FrameBatches(Numbers(lengths, labels), 20, 3, frames=300)
    seen = []
    for number in range(batches.start_epoch(0)):
        shards = batches.batch(number)
        rows = sum(
            len(shard.source_lengths) for shard in shards if shard.source_lengths is not None
        )
        longest = max(len(shard.features) for shard in shards if shard.features is not None)
        assert rows == 1 or rows * longest <= 300
        for shard in shards:
            assert shard.features is not None
            assert shard.source_lengths is not None
            assert shard.lengths is not None
            for row in range(len(shard.lengths)):
                example = int(shard.features[0, row, 0]) - 1
                seen.append(example)
                inside = np.arange(len(shard.features)) < lengths[example]
                assert shard.source_lengths[row] == lengths[example]
                assert (shard.features[:, row, 1] == (example + 1) * inside).all()
                assert shard.targets[: shard.lengths[row], row].tolist() == labels[example]
                assert (shard.targets[shard.lengths[row] :, row] == 0).all()
    assert sorted(seen) == list(range(100))


def test_batches_without_labels_count() -> None:
    batches = FrameBatches(Numbers([3, 4], [[], []]), 20, 3)
    batches.start_epoch(0)
    (shard,) = batches.batch(0)
    assert shard.target_count == 2
    assert shard.targets.shape == (0, 2)


def test_no_examples_are_refused() -> None:
    with pytest.raises(SeqtoolError, match="no sound"):
        FrameBatches(Numbers([], []), 4, 1).start_epoch(0)
