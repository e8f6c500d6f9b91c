"""The attention decoder and its model: against naive twins, finite differences and themselves."""

from typing import Any

import numpy as np
import pytest
from naive.attention import decode
from naive.recurrent import gru, lstm, rnn
from nn_gradients import check_loss, interpreted
from numpy.typing import NDArray

from seqtool.nn.attention import Memory
from seqtool.nn.decoder import Decoder, DecoderSettings, DecoderState
from seqtool.nn.encoder_decoder import EncoderDecoder, EncoderDecoderSettings
from seqtool.nn.parameters import Parameters
from seqtool.nn.shards import Shards
from seqtool.nn.translation_steps import TranslationSteps
from seqtool.nn.types import Shard
from seqtool.nn.workspace import Workspace

CELLS = {"lstm": lstm, "gru": gru, "rnn": rnn}
PARTS = {"lstm": 2, "gru": 1, "rnn": 1}
VOCAB, TIME, SOURCE_TIME, ROWS = 7, 4, 5, 3
LENGTHS, SOURCE_LENGTHS = [4, 2, 3], [3, 5, 1]

# One of each kind, and their combinations.
SHAPES: list[dict[str, Any]] = [
    {"attention": "general"},
    {"attention": "additive"},
    {"attention": "additive", "coverage": True},
    {"attention": "additive", "coverage": True, "feeding": False},
    {"attention": "dot", "feeding": False},
    {"attention": "none", "feeding": False},
    {"attention": "general", "layers": 2, "cell": "gru"},
    {"attention": "dot", "cell": "rnn", "layers": 3, "feeding": False},
    {"attention": "additive", "cell": "rnn", "bidirectional": False, "tied": False},
    {"attention": "none", "feeding": False, "layers": 2, "cell": "gru", "shared": True},
    {"attention": "general", "shared": True},
]
IDS = ["-".join(str(value) for value in shape.values()) for shape in SHAPES]


def shard(random: np.random.Generator, rows: int = ROWS, vocab: int = VOCAB) -> Shard:
    """Random ids; what lies behind a row's end is no token at all."""
    source = random.integers(0, vocab, (SOURCE_TIME, rows)).astype(np.int32)
    inputs, targets = random.integers(0, vocab, (2, TIME, rows)).astype(np.int32)
    lengths, source_lengths = np.resize(LENGTHS, rows), np.resize(SOURCE_LENGTHS, rows)
    return Shard(
        inputs, targets, lengths, int(lengths.sum()), source=source, source_lengths=source_lengths
    )


def build(
    shape: dict[str, Any], dtype: type[np.floating[Any]] = np.float32, **more: Any
) -> EncoderDecoder:
    """A model with weights that are not small, so that every part of it matters."""
    settings = EncoderDecoderSettings(VOCAB, VOCAB, 3, 4)._replace(**{**shape, **more})
    model = EncoderDecoder(settings, dtype)
    model.initialise(1)
    random = np.random.default_rng(2)
    for weight in model.parameters.values():
        weight[...] += random.normal(scale=0.4, size=weight.shape)
    return model


@pytest.mark.kernel
@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
def test_decoder_is_the_naive_one(shape: dict[str, Any]) -> None:
    own = {key: shape[key] for key in shape if key not in ("bidirectional", "tied", "shared")}
    settings = DecoderSettings(3, 4, 4, **own)
    parameters = Parameters()
    decoder = Decoder("decoder", parameters, settings)
    parameters.allocate(np.float32)
    random = np.random.default_rng(3)
    decoder.initialise(random)
    for weight in parameters.values():
        weight[...] += random.normal(scale=0.4, size=weight.shape)
    work = Workspace(parameters, training=False)
    values = random.normal(size=(SOURCE_TIME, 2, 4)).astype(np.float32)
    lengths, owners = np.array([3, 5]), np.array([1, 0, 1])
    memory: Memory | None = None
    if decoder.attention:
        memory = decoder.attention.memorise(work, values, lengths, owners)
    embedded = random.normal(size=(TIME, ROWS, 3)).astype(np.float32)
    parts = PARTS[settings.cell]
    cells = [
        tuple(random.normal(size=(ROWS, 4)).astype(np.float32) for _ in range(parts))
        for _ in range(settings.layers)
    ]
    outputs, _ = decoder.forward(work, embedded, np.array(LENGTHS), DecoderState(cells), memory)
    looked = decoder.attention_weights(work)
    weights = {name.removeprefix("decoder.attention."): array for name, array in parameters.items()}
    for row in range(ROWS):
        stack = [
            (CELLS[settings.cell], under(parameters, f"decoder.cells.{number}."))
            for number in range(settings.layers)
        ]
        wanted, shares = decode(
            stack,
            [[part[row] for part in state] for state in cells],
            embedded[: LENGTHS[row], row],
            values[: lengths[owners[row]], owners[row]],
            parameters["decoder.combine"],
            settings.attention,
            weights,
            settings.feeding,
            settings.coverage,
        )
        np.testing.assert_allclose(outputs[: LENGTHS[row], row], wanted, rtol=1e-4, atol=1e-5)
        if looked is not None:
            found = looked[: LENGTHS[row], row, : lengths[owners[row]]]
            np.testing.assert_allclose(found, shares, rtol=1e-4, atol=1e-5)


def under(parameters: Parameters, prefix: str) -> dict[str, NDArray[Any]]:
    """The weights of one layer, without its name."""
    return {n.removeprefix(prefix): a for n, a in parameters.items() if n.startswith(prefix)}


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
def test_gradients(shape: dict[str, Any]) -> None:
    tiny = {"source_vocab": 3, "target_vocab": 3, "embedding": 2, "hidden": 2}
    model = build(shape, np.float64, dropout=0.2, smoothing=0.1, **tiny)
    batch = shard(np.random.default_rng(4), rows=2, vocab=3)
    check_loss(model.parameters, lambda work: model.loss(work, batch), tolerance=2e-6)


def test_the_loss_is_that_of_the_log_probabilities() -> None:
    model = build({"attention": "general"}, np.float64)
    batch = shard(np.random.default_rng(4))
    with interpreted():
        work = Workspace(model.parameters, training=False)
        forced = model.forced(work, batch)
        assert model.loss(work, batch) == pytest.approx(-forced.log_probs.sum(), rel=1e-12)
    behind = np.arange(TIME)[:, None] >= np.array(LENGTHS)
    assert (forced.log_probs[behind] == 0).all()
    assert (forced.log_probs[~behind] < 0).all()


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
def test_attention_is_a_share_of_the_source(shape: dict[str, Any]) -> None:
    model = build(shape)
    forced = model.forced(
        Workspace(model.parameters, training=False), shard(np.random.default_rng(4))
    )
    if shape["attention"] == "none":
        assert forced.attention is None
        return
    assert forced.attention is not None
    for row in range(ROWS):
        inside = forced.attention[: LENGTHS[row], row]
        np.testing.assert_allclose(inside.sum(axis=1), 1, rtol=1e-5)
        assert (inside[:, SOURCE_LENGTHS[row] :] == 0).all()
        assert (forced.attention[LENGTHS[row] :, row] == 0).all()


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
def test_steps_give_the_forced_probabilities(shape: dict[str, Any]) -> None:
    model = build(shape)
    batch = shard(np.random.default_rng(5))
    assert batch.source is not None
    assert batch.source_lengths is not None
    forced = model.forced(Workspace(model.parameters, training=False), batch)
    steps = TranslationSteps(model)
    state = steps.encode(batch.source, batch.source_lengths)
    for t in range(TIME):
        logits, state = steps.step(batch.inputs[t], state)
        log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        for row in range(ROWS):
            if t < LENGTHS[row]:
                found = log_probs[row, batch.targets[t, row]]
                assert found == pytest.approx(forced.log_probs[t, row], abs=1e-5)
    covered = steps.covered(state)
    if forced.attention is None:
        assert (covered == 1).all()
        return
    for row in range(ROWS):
        assert (covered[row, SOURCE_LENGTHS[row] :] == 1).all()
        if LENGTHS[row] == TIME:
            inside = forced.attention[:, row, : SOURCE_LENGTHS[row]].sum(axis=0)
            np.testing.assert_allclose(covered[row, : SOURCE_LENGTHS[row]], inside, rtol=1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
def test_a_row_does_not_depend_on_others(shape: dict[str, Any]) -> None:
    """Bit for bit: a sentence is translated alike whatever it is batched with."""
    model = build(shape)
    steps = TranslationSteps(model)
    random = np.random.default_rng(6)
    batch = shard(random, rows=21)
    assert batch.source is not None
    assert batch.source_lengths is not None
    state = steps.encode(batch.source, batch.source_lengths)
    chosen = np.array([20, 3, 3, 8])
    length = int(batch.source_lengths[8])
    alone = steps.encode(batch.source[:length, 8:9], batch.source_lengths[8:9])
    few = steps.select(state, chosen)
    for t in range(TIME):
        logits, state = steps.step(batch.inputs[t], state)
        logits = logits.copy()  # the next step overwrites them
        logits_few, few = steps.step(batch.inputs[t, chosen], few)
        logits_few = logits_few.copy()
        logits_alone, alone = steps.step(batch.inputs[t, 8:9], alone)
        np.testing.assert_array_equal(logits[chosen], logits_few)
        np.testing.assert_array_equal(logits[8], logits_alone[0])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_change_gradients(threads: int) -> None:
    model = build({"attention": "general"}, dropout=0.3)
    random = np.random.default_rng(7)
    shards = [shard(random), shard(random, 2), shard(random, 5)]
    wanted = Shards(model, 1, training=True)
    found = Shards(model, threads, training=True)
    assert wanted.loss(shards, 0.1, 1, 5) == found.loss(shards, 0.1, 1, 5)
    for one, other in zip(wanted.works, found.works, strict=True):
        np.testing.assert_array_equal(one.flat_gradient, other.flat_gradient)


@pytest.mark.parametrize(
    "wrong",
    [
        {"attention": "dot", "coverage": True},
        {"attention": "none"},
        {"shared": True, "target_vocab": 9},
        {"hidden": 5},
        {"attention": "elsewhere", "cell": "lstm"},
    ],
)
def test_what_does_not_fit_together(wrong: dict[str, Any]) -> None:
    settings = EncoderDecoderSettings(VOCAB, VOCAB, 3, 4)._replace(**wrong)
    with pytest.raises(ValueError, match=r".{10}"):
        EncoderDecoder(settings)
