"""How corpora are cut into batches and batches into shards."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtool.errors import SeqtoolError
from seqtool.nn.batches import SequenceBatches, StreamBatches, cut_rows
from seqtool.nn.types import Shard


@given(st.integers(1, 2000))
def test_shards_of_a_batch(rows: int) -> None:
    cuts = cut_rows(rows)
    taken = [row for cut in cuts for row in range(rows)[cut]]
    assert taken == list(range(rows))
    sizes = [cut.stop - cut.start for cut in cuts]
    assert max(sizes) <= 32
    assert all(size % 8 == 0 for size in sizes[:-1])
    assert max(sizes) - min(sizes) < 16
    assert len(cuts) == 1 if rows < 16 else len(cuts) % 2 == 0


def test_shards_of_usual_batches() -> None:
    assert [cut.stop - cut.start for cut in cut_rows(64)] == [32, 32]
    assert [cut.stop - cut.start for cut in cut_rows(32)] == [16, 16]
    assert [cut.stop - cut.start for cut in cut_rows(20)] == [8, 12]
    assert [cut.stop - cut.start for cut in cut_rows(100)] == [24, 24, 24, 28]


def rows_of(shard: Shard) -> list[tuple[list[int], list[int]]]:
    """(inputs, targets) of the rows, without padding; a single target as a list of one."""
    time, rows = shard.inputs.shape
    lengths = np.full(rows, time) if shard.lengths is None else shard.lengths
    assert shard.inputs.dtype == shard.targets.dtype == np.int32
    targets = shard.targets if shard.targets.ndim == 2 else shard.targets[np.newaxis]
    return [
        (shard.inputs[:length, row].tolist(), targets[:length, row].tolist())
        for row, length in enumerate(lengths.tolist())
    ]


# --- streams ----------------------------------------------------------------------------------


@given(st.integers(2, 400), st.integers(1, 40), st.integers(1, 20), st.integers(0, 3))
def test_every_pair_of_a_stream_is_seen_once(
    tokens: int, rows: int, steps: int, epoch: int
) -> None:
    ids = np.arange(100, 100 + tokens, dtype=np.int32)
    batches = StreamBatches(ids, rows, steps, seed=1)
    streams: dict[int, list[int]] = {}
    seen: Counter[int] = Counter()
    count = batches.start_epoch(epoch)
    for number in range(count):
        row = 0
        for shard in batches.batch(number):
            assert shard.carries == (number > 0)
            assert len(shard.inputs) <= steps + 1
            assert number == count - 1 or len(shard.inputs) == steps
            found = rows_of(shard)
            assert shard.target_count == sum(len(inputs) for inputs, _ in found)
            for inputs, targets in found:
                assert [x + 1 for x in inputs] == targets
                streams.setdefault(row, []).extend(inputs)
                seen.update(inputs)
                row += 1
    assert seen == Counter(range(100, 100 + tokens - 1))
    assert len(streams) == min(rows, tokens - 1)
    for stream in streams.values():  # windows follow each other, around the end of the text
        steps_taken = np.diff(stream)
        assert np.isin(steps_taken, (1, 2 - tokens)).all()
    sizes = [len(stream) for stream in streams.values()]
    assert max(sizes) - min(sizes) <= 1
    if epoch == 0:
        assert streams[0][0] == 100


def flat(shards: list[Shard]) -> list[Any]:
    """The numbers of shards, to compare them."""
    return [rows_of(shard) for shard in shards]


def test_streams_begin_elsewhere_in_later_epochs() -> None:
    ids = np.arange(1000, dtype=np.int32)
    one, two = (StreamBatches(ids, 4, 10, seed=1) for _ in range(2))
    first = {}
    for epoch in range(4):
        one.start_epoch(epoch)
        first[epoch] = flat(one.batch(0))
    assert len({str(shards) for shards in first.values()}) == 4
    two.start_epoch(3)  # by seed and epoch alone
    assert flat(two.batch(0)) == first[3]
    other = StreamBatches(ids, 4, 10, seed=2)
    other.start_epoch(3)
    assert flat(other.batch(0)) != first[3]


def test_a_text_without_a_pair() -> None:
    with pytest.raises(SeqtoolError, match="too short"):
        StreamBatches(np.zeros(1, np.int32), 4, 10, seed=1)


# --- sequences --------------------------------------------------------------------------------


def sequences(count: int, least: int, seed: int = 1) -> list[list[int]]:
    """Lists of different numbers, of different lengths."""
    random = np.random.default_rng(seed)
    lengths = random.integers(least, 40, count)
    ends = np.cumsum(lengths) + 1  # 0 is padding
    return [list(range(end - length, end)) for length, end in zip(lengths, ends, strict=True)]


def packed(lists: list[list[int]]) -> tuple[Any, Any]:
    """(ids, starts) of sequences."""
    starts = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(part) for part in lists], out=starts[1:])
    return np.array([x for part in lists for x in part], np.int32), starts


def all_rows(batches: SequenceBatches, epoch: int) -> list[tuple[list[int], list[int]]]:
    """All rows of an epoch."""
    return [
        row
        for number in range(batches.start_epoch(epoch))
        for shard in batches.batch(number)
        for row in rows_of(shard)
    ]


def test_every_sequence_predicts_itself_once_an_epoch() -> None:
    lists = sequences(500, 2)
    batches = SequenceBatches(*packed(lists), 24, seed=1)
    for epoch in range(2):
        rows = all_rows(batches, epoch)
        assert sorted(rows) == sorted((part[:-1], part[1:]) for part in lists)


def test_labels_and_their_weights_stay_with_their_sequences() -> None:
    lists = sequences(300, 1)
    labels = np.array([part[0] % 7 for part in lists], np.int32)
    weights = (labels * 0.5).astype(np.float32)
    batches = SequenceBatches(*packed(lists), 24, seed=1, labels=labels, weights=weights)
    rows = all_rows(batches, 0)
    assert sorted(rows) == sorted((part, [part[0] % 7]) for part in lists)
    for number in range(batches.start_epoch(0)):
        names = batches.sequences_of(number).tolist()
        for shard in batches.batch(number):
            assert shard.weights is not None
            np.testing.assert_array_equal(shard.weights, shard.targets * np.float32(0.5))
            assert shard.target_count == len(shard.targets)
            assert not shard.carries
            for inputs, _ in rows_of(shard):
                assert lists[names.pop(0)] == inputs


def test_sequences_lie_beside_others_of_their_length() -> None:
    lists = sequences(2000, 2)
    batches = SequenceBatches(*packed(lists), 32, seed=1)
    padded = real = 0
    for number in range(batches.start_epoch(0)):
        for shard in batches.batch(number):
            padded += shard.inputs.size
            real += shard.target_count
            behind = np.arange(len(shard.inputs))[:, None] >= (
                np.full(shard.inputs.shape[1], len(shard.inputs))
                if shard.lengths is None
                else shard.lengths
            )
            assert not shard.inputs[behind].any()
            if shard.lengths is not None:
                assert (np.diff(shard.lengths) <= 0).all()
    assert real == sum(len(part) - 1 for part in lists)
    assert padded < 1.05 * real


def test_the_order_of_sequences_follows_from_seed_and_epoch() -> None:
    parts = packed(sequences(200, 2))
    one, two = (SequenceBatches(*parts, 16, seed=1) for _ in range(2))
    orders = [all_rows(one, epoch) for epoch in range(3)]
    assert orders[0] != orders[1] != orders[2]
    assert all_rows(two, 2) == orders[2]
    assert all_rows(SequenceBatches(*parts, 16, seed=2), 2) != orders[2]


def test_batches_by_tokens() -> None:
    lists = [*sequences(400, 2), list(range(1, 300))]
    batches = SequenceBatches(*packed(lists), 64, seed=1, tokens=200)
    assert sorted(all_rows(batches, 0)) == sorted((part[:-1], part[1:]) for part in lists)
    sizes = []
    for number in range(batches.start_epoch(0)):
        shards = batches.batch(number)
        rows = sum(shard.inputs.shape[1] for shard in shards)
        longest = max(len(shard.inputs) for shard in shards)
        assert rows == 1 or rows * longest <= 200
        sizes.append(rows)
    assert 1 in sizes
    assert max(sizes) > 20


def test_sequences_that_cannot_be_trained_on() -> None:
    with pytest.raises(SeqtoolError, match="nothing to train on"):
        SequenceBatches(*packed([]), 4, seed=1)
    with pytest.raises(ValueError, match="sequence 1 is too short"):
        SequenceBatches(*packed([[1, 2], [3]]), 4, seed=1)
    label = np.zeros(2, np.int32)
    assert SequenceBatches(*packed([[1, 2], [3]]), 4, seed=1, labels=label).start_epoch(0) == 1
