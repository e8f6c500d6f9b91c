"""Where a score comes from: segments, lengths and rare words.

`explain` collects the findings, `write_explanations` shows them (`seqtool_bleu.explain_text`
does the layout for people).

**One system.** The cost of a segment is what the corpus score would gain if this translation
were perfect and all others stayed as they are. Leaving the segment out instead would mix two
things: how bad it is and how hard a case of its length is for the metric (without a short
segment the brevity penalty changes, a good one can "cost" points). Replacing asks what a
reader wants to know: where are the points to be won? A metric that cannot say what a perfect
translation counts (one of a third party) falls back to leaving out.

**Two systems.** The difference in a segment is what the first system's corpus score would gain
if it took the other's translation of that segment.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from seqtool_bleu.report import json_value, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from seqtool_bleu.corpus import SystemStats
    from seqtool_bleu.metric import Metric

    Table = npt.NDArray[np.float64]
    Tokenize = Callable[[str], list[str]]
    Lines = Sequence[str | None]

LENGTH_STEP = 10
LONGEST_BUCKET = 60
FREQUENCIES = ((1, 1), (2, 2), (3, 4), (5, 9), (10, 99), (100, None))
CHUNK_ROWS = 1 << 16


class Segment(NamedTuple):
    """One segment worth looking at.

    ``points`` are corpus-score points: what a perfect translation would gain (one system), or
    what the first system would gain with the second's translation (two); for an error rate a
    gain is a fall. ``lengths`` are words, of the reference and then of each system.
    """

    number: int
    points: float
    lengths: list[int]
    reference: str
    hypotheses: list[str]


class LengthBucket(NamedTuple):
    """Segments whose reference has ``first`` to ``last`` words (no end if None)."""

    first: int
    last: int | None
    segments: int
    scores: list[float]
    precisions: list[list[float]]


class FrequencyBucket(NamedTuple):
    """Words that are ``first`` to ``last`` times in the reference; a number a system each."""

    first: int
    last: int | None
    words: int
    recall: list[float]
    precision: list[float]
    f1: list[float]


class Explanation(NamedTuple):
    """What `explain` found. ``segments`` is empty for two systems, the last two for one."""

    metric: str
    higher_is_better: bool
    systems: list[str]
    scores: list[float]
    segments: list[Segment]
    by_length: list[LengthBucket]
    first_better: list[Segment]
    second_better: list[Segment]
    by_frequency: list[FrequencyBucket]

    def fields(self) -> dict[str, object]:
        """The findings with stable names, for JSON."""
        fields: dict[str, Any] = self._asdict()
        for name, value in fields.items():
            if isinstance(value, list) and value and isinstance(value[0], tuple):
                fields[name] = [row._asdict() for row in value]
        return {name: json_value(value) for name, value in fields.items()}


def explain(
    metric: Metric,
    systems: Sequence[SystemStats],
    references: Sequence[Lines],
    hypotheses: Sequence[Lines],
    tokenize: Tokenize,
    top: int = 5,
) -> Explanation:
    """Find out what the scores of one or two systems are made of.

    Args:
        metric: makes scores from summed statistics.
        systems: statistics of one system or two, over the same segments.
        references: lines of each reference; None or an empty line where one is missing.
            Lengths, frequencies and shown texts are those of a segment's first reference.
        hypotheses: lines of each system.
        tokenize: cuts a line into words.
        top: how many segments to show (in each direction for two systems).
    """
    shown = [_first_reference(lines) for lines in zip(*references, strict=True)]
    words = [tokenize(line) for line in shown]
    lengths = [len(line) for line in words]

    def segment(index: int, points: float) -> Segment:
        texts = [lines[index] or "" for lines in hypotheses]
        counts = [lengths[index], *(len(tokenize(text)) for text in texts)]
        return Segment(index + 1, float(points), counts, shown[index], texts)

    segments: list[Segment] = []
    first_better: list[Segment] = []
    second_better: list[Segment] = []
    by_frequency: list[FrequencyBucket] = []
    if len(systems) == 1:
        points = _cost(metric, systems[0])
        segments = [segment(index, points[index]) for index in _largest(points, top)]
    else:
        points = _swap_gain(metric, systems[0], systems[1])
        second_better = [segment(index, points[index]) for index in _largest(points, top)]
        first_better = [segment(index, points[index]) for index in _largest(-points, top)]
        by_frequency = _by_frequency(words, hypotheses, tokenize)
    return Explanation(
        metric=metric.label,
        higher_is_better=metric.higher_is_better,
        systems=[system.name for system in systems],
        scores=[float(metric.score(system.total)) for system in systems],
        segments=segments,
        by_length=_by_length(metric, systems, lengths),
        first_better=first_better,
        second_better=second_better,
        by_frequency=by_frequency,
    )


def write_explanations(
    explanations: Sequence[Explanation],
    stream: TextIO,
    output_format: str = "text",
    width: int = 2,
    columns: int | None = None,
) -> None:
    """Write explanations, one a metric, as ``text`` or ``json``.

    Args:
        explanations: of `explain`; JSON of a single one is an object, of several a list.
        stream: where to; coloured only if this is a terminal.
        output_format: ``text`` or ``json``.
        width: decimals of scores in text.
        columns: width of the text; None takes the terminal's.
    """
    if output_format == "json":
        fields = [explanation.fields() for explanation in explanations]
        write_json(fields[0] if len(fields) == 1 else fields, stream)
        return
    from seqtool_bleu.explain_text import write_text

    for number, explanation in enumerate(explanations):
        if number:
            stream.write("\n\n")
        write_text(explanation, stream, width, columns)


def _first_reference(lines: Sequence[str | None]) -> str:
    return next((line for line in lines if line), "")


def _table(system: SystemStats) -> Table:
    """A system's statistics as (segments, columns)."""
    import numpy as np

    return np.frombuffer(system.stats, dtype=np.float64).reshape(system.segments, -1)


def _cost(metric: Metric, system: SystemStats) -> Table:
    """(segments,) points that a perfect translation of each segment would gain."""
    rows = _table(system)
    perfect = perfect_rows(metric, rows)
    return _gain(metric, system, -rows if perfect is None else perfect - rows)


def _swap_gain(metric: Metric, first: SystemStats, second: SystemStats) -> Table:
    """(segments,) points that the first system gains with the second's translation."""
    return _gain(metric, first, _table(second) - _table(first))


def _gain(metric: Metric, system: SystemStats, changes: Table) -> Table:
    """(segments,) points that the corpus score improves by, one change of the sums at a time."""
    import numpy as np

    from seqtool_bleu.significance import score_samples

    total = np.array([system.total], dtype=np.float64)
    scores = np.empty(len(changes))
    for start in range(0, len(changes), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        scores[part] = score_samples(metric, total + changes[part])
    gains: Table = scores - score_samples(metric, total)[0]
    return gains if metric.higher_is_better else -gains


def perfect_rows(metric: Metric, rows: Table) -> Table | None:
    """Statistics (segments, columns) if every hypothesis were its reference.

    None for a metric whose columns are not known here.
    """
    import numpy as np

    perfect: Table = rows.copy()
    if metric.name == "bleu":
        order = (metric.columns - 2) // 2
        # Of the references the one that BLEU chose as the closest in length.
        grams = np.maximum(rows[:, 1:2] - np.arange(order), 0)
        perfect[:, 0] = rows[:, 1]
        perfect[:, 2 : 2 + order] = perfect[:, 2 + order :] = grams
    elif metric.name in ("chrf", "chrf++"):
        perfect[:, 0::3] = perfect[:, 2::3] = rows[:, 1::3]
    elif metric.name == "ter":
        perfect[:, 0] = 0
    elif metric.name in ("wer", "cer"):
        perfect[:, :3] = 0
        perfect[:, 3] = rows[:, 4]
    else:
        return None
    return perfect


def _largest(points: Table, top: int) -> list[int]:
    """Indices of the largest points above zero, in their order; the earlier segment first."""
    import numpy as np

    ordered = np.argsort(-points, kind="stable")[:top]
    return [int(index) for index in ordered if points[index] > 1e-12]


def _by_length(
    metric: Metric, systems: Sequence[SystemStats], lengths: Sequence[int]
) -> list[LengthBucket]:
    """Score by length of the reference; buckets without a segment are left out."""
    import numpy as np

    places = np.minimum(np.array(lengths), LONGEST_BUCKET) // LENGTH_STEP
    tables = [_table(system) for system in systems]
    buckets = []
    for place in range(LONGEST_BUCKET // LENGTH_STEP + 1):
        members = places == place
        if not members.any():
            continue
        sums = [table[members].sum(axis=0).tolist() for table in tables]
        precisions = [_precisions(metric, total) for total in sums]
        first = place * LENGTH_STEP
        last = None if first == LONGEST_BUCKET else first + LENGTH_STEP - 1
        first = first or min(1, *lengths)
        scores = [float(metric.score(total)) for total in sums]
        buckets.append(LengthBucket(first, last, int(members.sum()), scores, precisions))
    return buckets


def _precisions(metric: Metric, total: Sequence[float]) -> list[float]:
    """n-gram precisions in per cent, for BLEU; matches over n-grams, without smoothing."""
    if metric.name != "bleu":
        return []
    order = (metric.columns - 2) // 2
    pairs = zip(total[2 : 2 + order], total[2 + order :], strict=True)
    return [100.0 * match / count if count else 0.0 for match, count in pairs]


def _by_frequency(
    references: Sequence[Sequence[str]], hypotheses: Sequence[Lines], tokenize: Tokenize
) -> list[FrequencyBucket]:
    """Recall, precision and F1 of words by how often the reference has them.

    A word of a hypothesis matches as often as the segment's reference has it.
    """
    frequency = Counter(word for words in references for word in words)
    buckets = {word: _bucket(count) for word, count in frequency.items()}
    zeros = [0] * len(FREQUENCIES)
    total = zeros.copy()
    for word, count in frequency.items():
        total[buckets[word]] += count
    recall, precision, f1 = [], [], []
    for lines in hypotheses:
        found, said = zeros.copy(), zeros.copy()
        for bucket, count, matched in _word_matches(references, lines, tokenize, buckets):
            said[bucket] += count
            found[bucket] += matched
        recall.append(_ratios(found, total))
        precision.append(_ratios(found, said))
        f1.append(
            _ratios([2 * n for n in found], [a + b for a, b in zip(total, said, strict=True)])
        )
    return [
        FrequencyBucket(
            first, last, total[i], *([r[i] for r in rows] for rows in (recall, precision, f1))
        )
        for i, (first, last) in enumerate(FREQUENCIES)
        if total[i]
    ]


def _bucket(frequency: int) -> int:
    return next(
        index for index, (_, last) in enumerate(FREQUENCIES) if last is None or frequency <= last
    )


def _word_matches(
    references: Sequence[Sequence[str]],
    lines: Lines,
    tokenize: Tokenize,
    buckets: dict[str, int],
) -> Iterator[tuple[int, int, int]]:
    """(bucket, count, matched) of every word of a hypothesis that the reference knows at all."""
    for words, line in zip(references, lines, strict=True):
        wanted = Counter(words)
        for word, count in Counter(tokenize(line or "")).items():
            bucket = buckets.get(word)
            if bucket is not None:
                yield bucket, count, min(count, wanted[word])


def _ratios(parts: Sequence[int], wholes: Sequence[int]) -> list[float]:
    """Per cent; 0 of nothing."""
    return [
        100.0 * part / whole if whole else 0.0 for part, whole in zip(parts, wholes, strict=True)
    ]
