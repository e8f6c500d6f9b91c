"""A `Writer` as the searches step it."""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np

from seqtool.decode.types import Logits, Rows
from seqtool.nn.attention import Memory
from seqtool.nn.decoder import DecoderState
from seqtool.nn.parameters import Floats, Parameters
from seqtool.nn.types import Ids
from seqtool.nn.workspace import Workspace
from seqtool.nn.writer import Encoded, Writer


class WriterState(NamedTuple):
    """Where hypotheses are: the sources that they look at, and a decoder's state a row."""

    memory: Memory | None
    decoder: DecoderState


class WriterSteps:
    """A `Writer` as a `seqtool.decode.types.StepModel`; its weights must not change.

    A row's logits are the same, bit for bit, whatever other rows there are. Threads may share the
    object: each of them lays the weights out once, in memory of its own, `work`.
    """

    def __init__(self, parameters: Parameters, writer: Writer) -> None:
        self._parameters, self._writer = parameters, writer
        self._own = threading.local()

    @property
    def vocab_size(self) -> int:
        """How many ids there are."""
        return self._writer.target.vocab

    @property
    def work(self) -> Workspace:
        """The workspace of this thread."""
        work: Workspace | None = getattr(self._own, "work", None)
        if work is None:
            work = self._own.work = Workspace(self._parameters, training=False)
            work.constant = True
        return work

    def begin(self, encoded: Encoded) -> WriterState:
        """The state of a row for each source, of which nothing is written."""
        memory = encoded.memory
        seen = None
        if memory is not None:
            memory = memory._replace(values=memory.values.copy(), keys=memory.keys.copy())
            seen = np.zeros((len(memory.lengths), len(memory.values)), np.float32)
        cells = [tuple(part.copy() for part in parts) for parts in encoded.cells]
        return WriterState(memory, DecoderState(cells, None, seen))

    def step(self, ids: Ids, state: WriterState) -> tuple[Logits, WriterState]:
        """(logits (rows, vocab), new state) after reading an id of each row.

        The logits are a thread's own, until its next step.
        """
        work = self.work
        lengths = np.ones(len(ids), np.int64)
        before = state.decoder.seen
        outputs, after = self._writer.decode(work, ids[None], lengths, state.decoder, state.memory)
        logits = self._writer.output.forward(work, outputs)
        cells = [tuple(part.copy() for part in parts or ()) for parts in after.cells]
        feed = None if after.feed is None else after.feed.copy()
        weights = self._writer.decoder.attention_weights(work)
        seen = None if before is None or weights is None else before + weights[0]
        return logits[0], WriterState(state.memory, DecoderState(cells, feed, seen))

    def select(self, state: WriterState, rows: Rows) -> WriterState:
        """The state of some of the rows."""
        memory, (cells, feed, seen) = state
        if memory is not None:
            memory = memory._replace(owners=memory.owners[rows])
        chosen = [tuple(part[rows] for part in parts or ()) for parts in cells]
        return WriterState(
            memory,
            DecoderState(
                chosen,
                None if feed is None else feed[rows],
                None if seen is None else seen[rows],
            ),
        )

    def covered(self, state: WriterState) -> Floats:
        """How much attention each position of a row's source has had, (rows, source time).

        1 where there is no position, and everywhere without attention.
        """
        memory, seen = state.memory, state.decoder.seen
        if memory is None or seen is None:
            rows = len((state.decoder.cells[0] or ())[0])
            return np.ones((rows, 1), np.float32)
        behind = np.arange(seen.shape[1]) >= memory.lengths[memory.owners][:, None]
        return np.where(behind, np.float32(1), seen)
