"""How a recogniser finds the best string in what it hears."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from seqtool.ctc.align import align
from seqtool.ctc.greedy import greedy
from seqtool.ctc.types import BLANK, CtcHypothesis
from seqtool.decode.beam import BeamOptions, beam_search
from seqtool.nn.parameters import Floats
from seqtool.nn.speech import SpeechSteps
from seqtool_transcribe.model_files import Loaded

LogProbs = NDArray[np.float32]
Search = Callable[[LogProbs], CtcHypothesis]

_EXTRA = 2  # symbols that may be written beyond one a step


class CtcDecoder:
    """Takes the string that is said, step by step; ``search`` is greedy unless one is given."""

    def __init__(self, search: Search = greedy) -> None:
        self._search = search

    def decode(self, frames: Floats, log_probs: Callable[[Floats], LogProbs]) -> CtcHypothesis:
        """The string in frames (frames, size), whose symbols' log-probabilities can be asked."""
        return self._search(log_probs(frames))


class AttentionDecoder:
    """Writes symbol after symbol while it looks at everything.

    When symbols are said is found by CTC if the model has learned that, too; else nothing is
    known but that they are in the recording.

    Args:
        loaded: a model with a writer; its weights must not change.
        beam: strings that are kept while searching; 1 is greedy.
    """

    def __init__(self, loaded: Loaded, beam: int = 1) -> None:
        self._steps = SpeechSteps(loaded.model)
        self._times = loaded.model.settings.loss == "both"
        self._acoustic = loaded.model.acoustic
        banned = loaded.alphabet.silent
        self._options = BeamOptions(
            width=beam, end=BLANK, banned=banned, normalization="mean" if beam > 1 else "none"
        )

    def decode(self, frames: Floats, log_probs: Callable[[Floats], LogProbs]) -> CtcHypothesis:
        """The string in frames (frames, size), whose symbols' log-probabilities can be asked."""
        steps = self._acoustic.steps(len(frames))
        first = np.array([BLANK], np.int32)
        with np.errstate(under="ignore"):
            state = self._steps.encode(frames[:, np.newaxis], np.array([len(frames)], np.int64))
            ((best,),) = beam_search(self._steps, state, first, steps + _EXTRA, self._options)
        written = best.ids[best.ids != BLANK]
        scores = best.log_probs[: len(written)]
        starts = np.zeros(len(written), np.int64)
        ends = np.full(len(written), steps, np.int64)
        if self._times:
            with suppress(ValueError):  # more symbols than steps: they have no times of their own
                starts, ends, _ = align(log_probs(frames), written)
        return CtcHypothesis(
            written, starts, ends, float(best.log_probs.sum()), best.score,
            np.exp(scores).astype(np.float32),
        )  # fmt: skip


Decoder = CtcDecoder | AttentionDecoder


def default_decoder(loaded: Loaded) -> Decoder:
    """Greedy: by CTC where the model has learned it."""
    return AttentionDecoder(loaded) if loaded.model.settings.loss == "attention" else CtcDecoder()
