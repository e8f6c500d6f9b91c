"""Sequences of ids out of a model: drawn at random, or searched for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from seqtool.decode.beam import BeamOptions, beam_search
from seqtool.decode.sampling import Sampler, SamplingOptions, sample
from seqtool.decode.types import Hypothesis, Ids, StartingModel
from seqtool.ngrams.model import NgramModel
from seqtool.nn.language_model import LanguageModel
from seqtool.nn.sampling_loop import SamplingLoop, has_loop
from seqtool_generate.model_files import Loaded
from seqtool_generate.step_models import NgramStepModel


def draw(loaded: Loaded, prompt: Ids, options: SamplingOptions, stream: int) -> Iterator[Ids]:
    """Draw what follows a prompt, in short arrays of ids, at least up to what ends a text.

    Stream number ``stream`` of the seed's random numbers decides. The prompt counts for the
    repetition penalty, but not the id that every text begins with.
    """
    if isinstance(loaded.model, LanguageModel) and has_loop(loaded.model):
        end = loaded.text.end if loaded.text.lines else None
        yield from _loop(loaded.model).sample(prompt, options, stream, end)
        return
    model = _step_model(loaded)
    sampler = Sampler(options, model.vocab_size, [stream])
    sampler.read(prompt[1:])
    yield from sample(model, _read(model, prompt[:-1]), prompt[-1:], sampler)


@lru_cache(maxsize=1)
def _loop(model: LanguageModel) -> SamplingLoop:
    """The model laid out for sampling: made once for all texts."""
    return SamplingLoop(model)


def search(loaded: Loaded, prompt: Ids, length: int, options: BeamOptions) -> list[Hypothesis]:
    """The best continuations of a prompt, of at most ``length`` ids."""
    model = _step_model(loaded)
    return beam_search(model, _read(model, prompt[:-1]), prompt[-1:], length, options)[0]


def _step_model(loaded: Loaded) -> StartingModel[Any]:
    model = loaded.model
    return NgramStepModel(model) if isinstance(model, NgramModel) else model


def _read(model: StartingModel[Any], ids: Ids) -> Any:
    """The state of one sequence behind some ids."""
    state = model.start(1)
    for number in ids:
        state = model.step(np.array([number], np.int32), state)[1]
    return state
