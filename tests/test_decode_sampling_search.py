"""Sequences drawn for several inputs at once."""

import math

import numpy as np
import pytest
from decode_models import END, VOCAB, Steady, Tree, check_log_probs
from naive.decode import log_softmax

from seqtool.decode.sampling import Sampler, SamplingOptions, sample
from seqtool.decode.sampling_search import sample_search
from seqtool.decode.types import Hypothesis
from seqtool.errors import SeqtoolError

pytestmark = pytest.mark.kernel


def draw(
    model: Tree,
    first: list[int],
    lengths: int | list[int],
    streams: list[int],
    options: SamplingOptions | None = None,
    end: int | None = END,
) -> list[Hypothesis]:
    """Draw from the start."""
    ids = np.array(first, np.int32)
    options = options or SamplingOptions()
    return sample_search(model, model.start(len(ids)), ids, lengths, options, end, streams)


def test_an_input_does_not_depend_on_the_others() -> None:
    model = Tree(1)
    options = SamplingOptions(temperature=1.5, repetition_penalty=1.3)
    first, lengths, streams = [0, 1, 2, 0, 2, 1], [5, 4, 1, 5, 3, 5], [7, 8, 9, 10, 11, 12]
    together = draw(model, first, lengths, streams, options)
    for i, one in enumerate(together):
        (alone,) = draw(model, first[i : i + 1], lengths[i], streams[i : i + 1], options)
        assert alone.ids.tolist() == one.ids.tolist()
        assert alone.log_probs.tolist() == one.log_probs.tolist()
        assert alone.score == one.score
    assert len({tuple(one.ids.tolist()) for one in together}) > 2


def test_what_is_drawn() -> None:
    """The ids of `sample`, up to the end or the greatest length, and the model's probabilities."""
    model = Tree(2)
    options = SamplingOptions(temperature=2.0, top_k=2)
    streams = list(range(20))
    found = draw(model, [0] * 20, 5, streams, options)
    sampler = Sampler(options, VOCAB, streams)
    steps = sample(model, model.start(20), np.zeros(20, np.int32), sampler)
    columns = np.array([next(steps) for _ in range(5)]).T.tolist()
    for one, column in zip(found, columns, strict=True):
        stop = column.index(END) + 1 if END in column else 5
        assert one.ids.tolist() == column[:stop]
        assert one.finished == (END in column)
        assert one.score == pytest.approx(one.log_prob, abs=1e-12)
        check_log_probs(model, 0, one)
    assert {one.finished for one in found} == {True, False}


def test_frequencies_are_the_probabilities() -> None:
    rows = 3000
    found = draw(Steady(0), [0] * rows, 1, list(range(rows)))
    counts = np.bincount([one.ids[0] for one in found], minlength=VOCAB)
    probabilities = np.exp(log_softmax(Steady(0).logits[0].tolist()))
    deviation = np.sqrt(rows * probabilities * (1 - probabilities))
    assert (abs(counts - rows * probabilities) <= 4 * deviation).all()


def test_without_an_end() -> None:
    found = draw(Tree(1), [0, 1], [2, 5], [0, 1], end=None)
    assert [len(one.ids) for one in found] == [2, 5]
    assert not any(one.finished for one in found)
    assert draw(Tree(1), [], 3, []) == []


def test_a_model_that_gives_nothing() -> None:
    model = Tree(0)
    model.logits[:] = math.nan
    with pytest.raises(SeqtoolError, match="finite score"):
        draw(model, [0], 3, [0])
