"""How pairs of sequences are cut into batches and shards."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtool.errors import SeqtoolError
from seqtool.nn.pair_batches import PairBatches, SequencePairs, Side
from seqtool.nn.types import Shard

BEGIN, END = 1, 2
Row = tuple[tuple[int, ...], tuple[int, ...]]  # source, target


def side(sequences: list[list[int]]) -> Side:
    """Sequences as ids and starts."""
    starts = np.zeros(len(sequences) + 1, np.int64)
    np.cumsum([len(sequence) for sequence in sequences], out=starts[1:])
    return Side(np.array([x for sequence in sequences for x in sequence], np.int32), starts)


def some_pairs(count: int, seed: int = 1) -> tuple[list[Row], SequencePairs]:
    """Pairs of different numbers from 10 on; an empty sentence is its end alone."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    for number in range(count):
        lengths = random.integers(0, 30), random.integers(0, 30)
        source, target = ([10 + number] * length + [END] for length in lengths)
        rows.append((tuple(source), tuple(target)))
    return rows, SequencePairs(*(side([list(row[i]) for row in rows]) for i in (0, 1)))


def rows_of(shard: Shard) -> list[Row]:
    """The pairs of a shard, when all else in it is as it must be."""
    assert shard.lengths is not None
    assert shard.source is not None
    assert shard.source_lengths is not None
    assert shard.inputs.shape == shard.targets.shape
    assert {shard.inputs.dtype, shard.targets.dtype, shard.source.dtype} == {np.dtype(np.int32)}
    assert len(shard.targets) == shard.lengths.max()
    assert len(shard.source) == shard.source_lengths.max()
    assert (np.diff(shard.lengths) <= 0).all()
    assert shard.target_count == shard.lengths.sum()
    assert not shard.carries
    rows = []
    lengths = zip(shard.source_lengths.tolist(), shard.lengths.tolist(), strict=True)
    for row, (source_length, length) in enumerate(lengths):
        targets = shard.targets[:, row].tolist()
        inputs = shard.inputs[:, row].tolist()
        source = shard.source[:, row].tolist()
        assert inputs[:length] == [BEGIN, *targets[: length - 1]]
        assert not any(inputs[length:] + targets[length:] + source[source_length:])
        rows.append((tuple(source[:source_length]), tuple(targets[:length])))
    return rows


def epoch_of(batches: PairBatches, epoch: int) -> list[list[list[Row]]]:
    """The pairs of all shards of all batches."""
    count = batches.start_epoch(epoch)
    return [[rows_of(shard) for shard in batches.batch(number)] for number in range(count)]


def flat(batches: list[list[list[Row]]]) -> list[Row]:
    """All pairs in their order."""
    return [row for batch in batches for shard in batch for row in shard]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 150), st.integers(1, 40), st.integers(0, 2))
def test_every_pair_comes_once_an_epoch(count: int, rows: int, epoch: int) -> None:
    expected, pairs = some_pairs(count)
    batches = epoch_of(PairBatches(pairs, BEGIN, rows, seed=3), epoch)
    assert sorted(flat(batches)) == sorted(expected)
    sizes = [sum(map(len, batch)) for batch in batches]
    assert max(sizes) <= rows
    assert len(sizes) == -(-count // rows)


def test_pairs_lie_beside_others_of_their_length() -> None:
    _, pairs = some_pairs(1500)
    batches = PairBatches(pairs, BEGIN, 16, seed=1)
    padded = real = 0
    spreads = []
    for number in range(batches.start_epoch(0)):
        for shard in batches.batch(number):
            assert shard.source is not None
            assert shard.source_lengths is not None
            padded += shard.targets.size
            real += shard.target_count
            spreads.append(int(np.ptp(shard.source_lengths)))
    assert padded < 1.05 * real
    # Of targets of one length those with sources of a length are together; else it would be 22.
    assert np.mean(spreads) < 16


def test_shards_of_a_batch() -> None:
    _, pairs = some_pairs(64)
    batches = epoch_of(PairBatches(pairs, BEGIN, 64, seed=1), 0)
    assert [[len(shard) for shard in batch] for batch in batches] == [[32, 32]]


def test_the_order_follows_from_seed_and_epoch() -> None:
    _, pairs = some_pairs(200)
    one, two = (PairBatches(pairs, BEGIN, 16, seed=1) for _ in range(2))
    orders = [epoch_of(one, epoch) for epoch in range(3)]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert epoch_of(two, 2) == orders[2]  # without those before
    assert epoch_of(two, 0) == orders[0]
    assert epoch_of(PairBatches(pairs, BEGIN, 16, seed=2), 0) != orders[0]


def test_every_epoch_may_have_other_sequences() -> None:
    asked: list[int] = []

    def pairs_of(epoch: int) -> SequencePairs:
        asked.append(epoch)
        return SequencePairs(side([[epoch + 5, END]] * 3), side([[epoch + 6, END]] * 3))

    batches = PairBatches(pairs_of, BEGIN, 2, seed=1)
    for epoch in (0, 0, 3):
        assert set(flat(epoch_of(batches, epoch))) == {((epoch + 5, END), (epoch + 6, END))}
    assert asked == [0, 3]


def test_no_pairs() -> None:
    nothing: Any = side([])
    batches = PairBatches(SequencePairs(nothing, nothing), BEGIN, 2, seed=1)
    with pytest.raises(SeqtoolError, match="nothing to train on"):
        batches.start_epoch(0)
