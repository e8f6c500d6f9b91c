"""Reading translations that are given, to see how probable they are and what they attend to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqtool.decode.candidate_kernels import chosen_log_probs
from seqtool.decode.types import Ids, Scores
from seqtool.nn.batches import in_columns
from seqtool.nn.types import Shard
from seqtool.nn.workspace import Workspace

if TYPE_CHECKING:
    from seqtool_translate.model_files import Loaded

Weights = NDArray[np.float32]


def force_rows(model: Any, state: Any, begin: int, targets: Sequence[Ids]) -> list[Scores]:
    """The log-probability of each id of some targets, step by step.

    ``model`` is a `seqtool.decode.types.StepModel`, ``state`` has a row a target. A target's
    numbers do not depend on those beside it, as long as the model's rows do not.
    """
    lengths = np.array([len(target) for target in targets], np.int64)
    order = np.argsort(-lengths, kind="stable")
    targets = [targets[number] for number in order.tolist()]
    state = model.select(state, order)
    falling = lengths[order]
    starts = np.cumsum(falling) - falling
    wanted = in_columns(np.concatenate(targets), starts, falling)
    scores, scratch = np.zeros(wanted.shape), np.empty(32)
    current = np.full(len(targets), begin, np.int32)
    for step, ids in enumerate(wanted):
        rows = int(np.count_nonzero(falling > step))
        if rows < len(current):
            current, state = current[:rows], model.select(state, np.arange(rows))
        logits, state = model.step(current, state)
        current = np.ascontiguousarray(ids[:rows])
        chosen_log_probs(logits.reshape(-1), current, scratch, scores[step, :rows])
    found = [np.empty(0)] * len(targets)
    for row, number in enumerate(order.tolist()):
        found[number] = scores[: falling[row], row].copy()
    return found


def attention_of(
    models: Sequence[Loaded], begin: int, sources: Sequence[Ids], targets: Sequence[Ids]
) -> list[Weights]:
    """What each id of each target attends to: float32 (target length, source length).

    Of several models it is the mean over those that have attention; rows sum to 1.
    """
    attending = [loaded.model for loaded in models if loaded.model.settings.attention != "none"]
    shard = forced_shard(begin, sources, targets)
    total: Any = 0.0
    for model in attending:
        attention = model.forced(Workspace(model.parameters, training=False), shard).attention
        assert attention is not None  # it has one
        total = total + attention / len(attending)
    return [
        np.ascontiguousarray(total[: len(target), row, : len(source)], np.float32)
        for row, (source, target) in enumerate(zip(sources, targets, strict=True))
    ]


def forced_shard(begin: int, sources: Sequence[Ids], targets: Sequence[Ids]) -> Shard:
    """Sources and targets as a model reads them in training."""
    source, source_lengths = _columns(sources)
    wanted, lengths = _columns(targets)
    inputs = np.full_like(wanted, begin)
    inputs[1:] = wanted[:-1]
    return Shard(
        inputs,
        wanted,
        lengths,
        int(lengths.sum()),
        source=source,
        source_lengths=source_lengths,
    )


def _columns(sequences: Sequence[Ids]) -> tuple[Ids, NDArray[np.int64]]:
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    return in_columns(np.concatenate(sequences), np.cumsum(lengths) - lengths, lengths), lengths
