"""From samples to what is said, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from seqtool.ctc.types import CtcHypothesis
from seqtool.errors import SeqtoolError
from seqtool.nn.parameters import Floats
from seqtool.nn.workspace import Workspace
from seqtool.parallel import map_each
from seqtool_transcribe.decoders import Decoder, LogProbs, default_decoder
from seqtool_transcribe.front_end import hear, is_steady
from seqtool_transcribe.model_files import Loaded
from seqtool_transcribe.words import Word, words_of

Item = TypeVar("Item")
Result = TypeVar("Result")

_NEVER = np.float32(-1e4)  # log-probability of a symbol that is not written


class Recogniser:
    """Hears recordings, each by itself, in several threads.

    What comes out does not depend on the other recordings, nor on the number of threads. The
    model's weights must not change.

    Args:
        loaded: the model.
        threads: that work side by side.
        decoder: finds the best string; greedy by default.
    """

    def __init__(self, loaded: Loaded, threads: int = 1, decoder: Decoder | None = None) -> None:
        self.loaded, self.threads = loaded, threads
        self._decoder = decoder or default_decoder(loaded)
        self._silent = loaded.alphabet.silent
        self._works: list[Workspace] = []

    def log_probs(self, frames: Floats) -> LogProbs:
        """Natural logs of the symbols' probabilities (steps, symbols) in frames (frames, size).

        Raises SeqtoolError where they are no numbers, as weights that are far too large make them.
        """
        if not len(frames):
            return np.zeros((0, self.loaded.alphabet.symbols), np.float32)
        with self._work() as work:
            lengths = np.array([len(frames)], np.int64)
            rows = self.loaded.model.log_probs(work, frames[:, np.newaxis], lengths)
            found: LogProbs = rows[:, 0].copy()
        if np.isnan(found).any():
            raise SeqtoolError(
                f"{self.loaded.path}: its probabilities are no numbers: the weights are damaged, "
                "or training went wrong"
            )
        found[:, self._silent] = _NEVER
        return found

    def decode(self, frames: Floats) -> CtcHypothesis:
        """The best string in frames (frames, size)."""
        if not len(frames):
            nothing = np.zeros(0, np.int64)
            return CtcHypothesis(
                np.zeros(0, np.int32), nothing, nothing, 0.0, 0.0, np.zeros(0, np.float32)
            )
        return self._decoder.decode(frames, self.log_probs)

    def text_of(self, frames: Floats) -> str:
        """What is said in frames (frames, size)."""
        return self.loaded.alphabet.decode(self.decode(frames).ids)

    def words(self, samples: Floats, start: float = 0.0) -> list[Word]:
        """What is said in samples that begin ``start`` seconds after the recording does.

        Samples are float32 (samples,) in -1..1, at the model's rate. Nothing is said in a steady
        tone (`is_steady`).
        """
        loaded = self.loaded
        frames = hear(samples, loaded.front_end)
        if not len(frames) or is_steady(frames, loaded.front_end):
            return []
        found = self.decode(frames)
        end = start + len(samples) / loaded.rate
        return words_of(found, loaded.alphabet, loaded.step_seconds, start, end)

    def for_all(self, items: Sequence[Item], work: Callable[[Item], Result]) -> list[Result]:
        """What ``work`` makes of items, in their order."""
        with threadpool_limits(1, "blas"):
            return map_each(items, work, self.threads)

    @contextmanager
    def _work(self) -> Iterator[Workspace]:
        """Memory that no other thread uses meanwhile."""
        try:
            work = self._works.pop()
        except IndexError:
            work = Workspace(self.loaded.model.parameters, training=False)
            work.constant = True
        yield work
        self._works.append(work)
