"""Scores of lines that a program has at hand, for other plugins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from seqtool import __version__
from seqtool_bleu.batch import Batch
from seqtool_bleu.bleu import Bleu
from seqtool_bleu.corpus import SystemStats
from seqtool_bleu.metric import Metric
from seqtool_bleu.report import Result
from seqtool_bleu.tokenizers import tokenizer


def signature_of(metric: Metric, references: str, more: Iterable[tuple[str, object]] = ()) -> str:
    """Everything that a score depends on besides the text, as sacrebleu orders it.

    ``references`` is the number of references a segment has; ``more`` are fields of statistics.
    """
    fields = [("nrefs", references), *more, *metric.signature_fields()]
    fields.append(("version", f"seqtool-{__version__}"))
    return "|".join(f"{key}:{value}" for key, value in fields)


def count_lines(
    hypotheses: Sequence[str], references: Sequence[str], threads: int, metric: Metric
) -> SystemStats:
    """The statistics of as many lines as there are references, at least one.

    They are kept line by line, too. No line may hold a newline.
    """
    texts = ["".join(f"{line}\n" for line in lines).encode() for lines in (references, hypotheses)]
    batch = Batch(texts, 1, 0, False)
    batch.encode(metric.prepare_references, metric.prepare)
    counted = SystemStats("", metric.columns)
    counted.add(metric.count(batch, 0, threads), True)
    return counted


def score_lines(
    hypotheses: Sequence[str],
    references: Sequence[str],
    threads: int = 1,
    metric: Metric | None = None,
) -> Result:
    """The score of as many lines as there are references, at least one.

    The metric is BLEU unless another is given: cased, `13a` tokens, as `seqtool bleu` has it. No
    line may hold a newline.
    """
    metric = metric or Bleu(tokenizer("13a"))
    counted = count_lines(hypotheses, references, threads, metric)
    return Result(
        "",
        metric.label,
        float(metric.score(counted.total)),
        signature_of(metric, "1"),
        counted.segments,
        metric.details(counted.total),
        metric.describe(counted.total),
        higher_is_better=metric.higher_is_better,
    )
