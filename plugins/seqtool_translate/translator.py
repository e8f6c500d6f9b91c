"""Lines of text into lines of another language, many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from seqtool.decode.beam import BeamOptions, beam_search
from seqtool.decode.constraints import Phrases
from seqtool.decode.ensemble import Ensemble
from seqtool.decode.sampling import SamplingOptions
from seqtool.decode.sampling_search import sample_search
from seqtool.decode.types import Hypothesis, Ids, Rows, Scores
from seqtool.errors import SeqtoolError
from seqtool.nn.batches import in_columns
from seqtool.nn.translation_steps import TranslationSteps
from seqtool.parallel import for_each
from seqtool_translate.forcing import Weights, attention_of, force_rows

if TYPE_CHECKING:
    from seqtool_translate.model_files import Loaded
    from seqtool_translate.text_side import TextSide

Penalty = Literal["length", "gnmt"]
Batch = NDArray[np.int64]

_LINES = 64  # that go through a model at once
_ROWS = 320  # of hypotheses: more make products no faster
_POSITIONS = 16384  # of source tokens times rows: bounds the memory of long lines
_ATTENDED = 8  # rows that a pair counts for whose attention is asked for
_FORCED = 4  # rows that a pair counts for when it is forced
_EXTRA = 10  # ids that a translation may have beyond the ratio
_LARGEST_RATIO = 1e6  # more is as good as no bound


@dataclass(frozen=True)
class SearchOptions:
    """How translations are looked for.

    Attributes:
        beam: hypotheses a line; 1 is greedy search.
        nbest: translations a line, at most ``beam`` unless they are drawn.
        penalty: "length" divides log-probabilities by length ** length_penalty, "gnmt" is that of
            Wu et al. 2016, equation 14.
        length_penalty: the exponent of either.
        coverage_penalty: beta of "gnmt".
        max_ratio: a translation has at most so many ids a source token, and 10 more.
        max_input: tokens of a line that are read; the rest is cut off.
        no_repeat_ngram: so many ids never come twice in a row; 0 allows it.
        sampling: draw at random instead.
    """

    beam: int = 5
    nbest: int = 1
    penalty: Penalty = "length"
    length_penalty: float = 0.7
    coverage_penalty: float = 0.0
    max_ratio: float = 2.0
    max_input: int = 500
    no_repeat_ngram: int = 0
    sampling: SamplingOptions | None = None


class Translation(NamedTuple):
    """What a line became.

    Attributes:
        text: without a line break.
        ids: int32 (length,), with ``</s>`` if it is finished; none for an empty line.
        log_probs: float64 (length,), the natural log-probability of each id.
        score: what translations are ranked by, the higher the better.
        finished: whether it ended by itself, and not because it was as long as allowed.
    """

    text: str
    ids: Ids
    log_probs: Scores
    score: float
    finished: bool

    @property
    def log_prob(self) -> float:
        """The natural log-probability of the whole."""
        return float(self.log_probs.sum()) + 0.0  # no -0


NOTHING = Translation("", np.empty(0, np.int32), np.empty(0), 0.0, True)


class Texts(NamedTuple):
    """Lines as ids: line i is ``ids[starts[i]:starts[i] + lengths[i]]``, with ``</s>``.

    Attributes: ``ids`` int32, ``starts`` and ``lengths`` int64 (lines,), ``cut`` the numbers of
    the lines that were too long.
    """

    ids: Ids
    starts: Rows
    lengths: Rows
    cut: list[int]

    def line(self, number: int) -> Ids:
        """The ids of a line."""
        start = self.starts[number]
        return self.ids[start : start + self.lengths[number]]


def encode_lines(side: TextSide, lines: Sequence[str], longest: int | None = None) -> Texts:
    """Lines as ids; of each at most ``longest``, and ``</s>``."""
    encoded = side.encode(lines)
    starts = encoded.starts[:-1].astype(np.int64)
    lengths = np.diff(encoded.starts).astype(np.int64)
    if longest is None:
        return Texts(encoded.ids, starts, lengths, [])
    cut = np.flatnonzero(lengths > longest + 1)
    ids = encoded.ids
    if len(cut):
        ids = ids.copy()
        ids[starts[cut] + longest] = side.end
        lengths[cut] = longest + 1
    return Texts(ids, starts, lengths, cut.tolist())


def batches_of(lengths: Rows, lines: Batch, rows: int, threads: int) -> list[Batch]:
    """Lines of about equal length together, the longest first.

    ``rows`` is how many rows a line takes. There is a batch for each thread where lines are few.
    """
    order = lines[np.argsort(-lengths[lines], kind="stable")]
    most = max(1, min(_LINES, _ROWS // rows, -(-len(order) // threads)))
    batches, start = [], 0
    while start < len(order):
        longest = int(lengths[order[start]])
        count = max(1, min(most, _POSITIONS // (longest * rows)))
        batches.append(order[start : start + count])
        start += count
    return batches


class Translator:
    """Translates by one model, or by several whose probabilities are averaged.

    A line's translation does not depend on the lines beside it, nor on ``threads``. Raises
    SeqtoolError for models of different vocabularies.
    """

    def __init__(
        self, models: Sequence[Loaded], search: SearchOptions | None = None, threads: int = 1
    ) -> None:
        _check_same(models)
        self.models = models
        self.source, self.target = models[0].source, models[0].target
        self.search = search or SearchOptions()
        self.threads = threads
        steps = [TranslationSteps(loaded.model) for loaded in models]
        self._model: Any = steps[0] if len(steps) == 1 else Ensemble(steps)
        self._beam = self._beam_options()

    def _beam_options(self) -> BeamOptions:
        search = self.search
        return BeamOptions(
            width=search.beam,
            n_best=min(search.nbest, search.beam),
            normalization="wu" if search.penalty == "gnmt" else "mean",
            length_penalty=search.length_penalty,
            coverage_penalty=search.coverage_penalty,
            no_repeat_ngram=search.no_repeat_ngram,
            end=self.target.end,
            banned=banned(self.target),
        )

    @property
    def attends(self) -> bool:
        """Whether there is attention to look at."""
        return any(loaded.model.settings.attention != "none" for loaded in self.models)

    def encode(self, lines: Sequence[str]) -> Texts:
        """Lines of the source language as ids, those that are too long cut."""
        return encode_lines(self.source, lines, self.search.max_input)

    def translate(
        self,
        lines: Sequence[str],
        constraints: Sequence[Phrases] | None = None,
        first_line: int = 0,
    ) -> list[list[Translation]]:
        """The best translations of each line, the best first.

        A line of white space has one, which is empty. ``constraints`` are phrases of target ids
        that must come in the translation of each line. ``first_line`` is the number of the first
        line among all that are drawn for, so that each has random numbers of its own.
        """
        return self.translate_texts(lines, self.encode(lines), constraints, first_line)

    def translate_texts(
        self,
        lines: Sequence[str],
        texts: Texts,
        constraints: Sequence[Phrases] | None = None,
        first_line: int = 0,
    ) -> list[list[Translation]]:
        """See `translate`; ``texts`` are the lines by `encode_lines`."""
        found = [[NOTHING] for _ in lines]
        wanted = np.array([n for n, line in enumerate(lines) if line.strip()], np.int64)

        def run(batch: Batch) -> None:
            some = None if constraints is None else [constraints[n] for n in batch.tolist()]
            hypotheses = self._search(texts, batch, some, first_line)
            ready = self._translations([one for each in hypotheses for one in each])
            for number, each in zip(batch.tolist(), hypotheses, strict=True):
                found[number] = [next(ready) for _ in each]

        self._for_batches(batches_of(texts.lengths, wanted, self._rows, self.threads), run)
        return found

    @property
    def _rows(self) -> int:
        """How many rows a line takes."""
        return self.search.nbest if self.search.sampling else self.search.beam

    def _for_batches(self, batches: Sequence[Batch], run: Callable[[Batch], None]) -> None:
        with threadpool_limits(1, "blas"):
            for_each(batches, lambda: run, max(1, min(self.threads, len(batches))))

    def _search(
        self, texts: Texts, batch: Batch, constraints: Sequence[Phrases] | None, first_line: int
    ) -> list[list[Hypothesis]]:
        """The hypotheses of each line of a batch."""
        search = self.search
        if search.sampling:
            batch = np.repeat(batch, search.nbest)
        lengths = texts.lengths[batch]
        state = self._model.encode(in_columns(texts.ids, texts.starts[batch], lengths), lengths)
        first = np.full(len(batch), self.target.begin, np.int32)
        ratio = min(search.max_ratio, _LARGEST_RATIO)
        longest = np.floor((lengths - 1) * ratio).astype(np.int64) + _EXTRA
        if constraints is not None:
            longest += [sum(map(len, phrases)) for phrases in constraints]
        if search.sampling:
            streams = first_line * search.nbest + batch * search.nbest
            streams += np.tile(np.arange(search.nbest), len(batch) // search.nbest)
            drawn = sample_search(
                self._model,
                state,
                first,
                longest,
                search.sampling,
                self.target.end,
                streams.tolist(),
            )
            each = list(map(self._scored, drawn))
            return [each[at : at + search.nbest] for at in range(0, len(each), search.nbest)]
        return beam_search(self._model, state, first, longest, self._beam, constraints)

    def _scored(self, hypothesis: Hypothesis) -> Hypothesis:
        """With the score that a beam search would have given it."""
        score = self._beam.normalized(hypothesis.log_prob, len(hypothesis.ids))
        return Hypothesis(hypothesis.ids, hypothesis.log_probs, score, hypothesis.finished)

    def _translations(self, hypotheses: Sequence[Hypothesis]) -> Iterator[Translation]:
        """Hypotheses with their text."""
        ids = np.concatenate([hypothesis.ids for hypothesis in hypotheses])
        starts = np.cumsum([0, *(len(hypothesis.ids) for hypothesis in hypotheses)])
        texts = self.target.decode_batch(ids, starts)
        for text, one in zip(texts, hypotheses, strict=True):
            yield Translation(text, one.ids, one.log_probs, one.score + 0.0, one.finished)

    def force(self, sources: Texts, targets: Texts) -> list[Scores]:
        """The log-probability of each id of each target, given its source; float64 (length,).

        Both are made by `encode_lines`. A pair's numbers do not depend on the other pairs.
        """
        found = [np.empty(0)] * len(targets.lengths)

        def run(batch: Batch) -> None:
            lengths = sources.lengths[batch]
            columns = in_columns(sources.ids, sources.starts[batch], lengths)
            state = self._model.encode(columns, lengths)
            wanted = [targets.line(number) for number in batch.tolist()]
            scores = force_rows(self._model, state, self.target.begin, wanted)
            for number, log_probs in zip(batch.tolist(), scores, strict=True):
                found[number] = log_probs

        longer = np.maximum(sources.lengths, targets.lengths)
        everything = np.arange(len(longer))
        self._for_batches(batches_of(longer, everything, _FORCED, self.threads), run)
        return found

    def attend(self, sources: Texts, lines: Sequence[int], targets: Sequence[Ids]) -> list[Weights]:
        """What some targets attend to: float32 (target length, source length) each.

        Target i is a translation of line ``lines[i]`` of ``sources``.
        """
        found = [np.empty((0, 0), np.float32)] * len(targets)
        lengths = np.array([len(target) for target in targets], np.int64)
        lengths = np.maximum(lengths, sources.lengths[np.array(lines, np.int64)])

        def run(batch: Batch) -> None:
            numbers = batch.tolist()
            weights = attention_of(
                self.models,
                self.target.begin,
                [sources.line(lines[number]) for number in numbers],
                [targets[number] for number in numbers],
            )
            for number, each in zip(numbers, weights, strict=True):
                found[number] = each

        everything = np.arange(len(targets))
        self._for_batches(batches_of(lengths, everything, _ATTENDED, self.threads), run)
        return found


def banned(side: TextSide) -> list[int]:
    """Ids that never come; ``<unk>`` is one of them where everything is made of bytes."""
    if side.unknown is None or side.tokenizer.form != "bytes":
        return side.silent()
    return [*side.silent(), side.unknown]


def _check_same(models: Sequence[Loaded]) -> None:
    first = models[0]
    for other in models[1:]:
        for what in ("source", "target"):
            one, two = (getattr(loaded, what).names for loaded in (first, other))
            if one != two:
                raise SeqtoolError(
                    f"{first.path} and {other.path} have different {what} vocabularies: "
                    "an ensemble needs the same tokenizers"
                )
