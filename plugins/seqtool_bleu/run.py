"""What `seqtool bleu` does once its options are read."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import click

from seqtool.output import open_output
from seqtool.progress import Progress
from seqtool_bleu.corpus import Corpus, SystemStats
from seqtool_bleu.lines import signature_of
from seqtool_bleu.metric import Metric
from seqtool_bleu.metrics import metrics_by_name
from seqtool_bleu.names import SMOOTHINGS
from seqtool_bleu.report import Result, SentenceWriter, write_results


def run(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Score the files and write the result. Raises SeqtoolError and click.UsageError."""
    references, systems = _roles(files, settings["hyp"])
    _check(settings, len(systems))
    names = [name.strip() for value in settings["metric"] for name in value.split(",")]
    metrics = metrics_by_name(list(dict.fromkeys(names)), settings)
    corpus = Corpus(metrics, references, systems, settings["errors"], settings["skip_empty_refs"])
    if settings["sentence"]:
        _sentences(corpus, settings)
    elif settings["explain"]:
        _explain(corpus, settings)
    else:
        _corpus_scores(corpus, settings)


def _roles(files: Sequence[str], hyp: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    references, systems = (files, hyp) if hyp else (files[:-1], files[-1:])
    if not references:
        raise click.UsageError(
            f"only one file ({files[0]}): give the reference first, then the hypothesis"
        )
    if [*references, *systems].count("-") > 1:
        raise click.UsageError("- (stdin) can stand for one file only")
    return references, systems


def _check(settings: Mapping[str, Any], systems: int) -> None:
    """Refuse options that contradict each other."""
    paired = settings["paired_bootstrap"] or settings["paired_ar"]
    if settings["paired_bootstrap"] and settings["paired_ar"]:
        raise click.UsageError("--paired-bootstrap and --paired-ar are two tests: choose one")
    if paired and systems < 2:
        raise click.UsageError("a paired test compares systems: give --hyp twice or more")
    if settings["sentence"]:
        if systems > 1:
            raise click.UsageError("--sentence scores one system")
        if paired or settings["confidence"] or settings["explain"]:
            raise click.UsageError("--sentence goes with neither statistics nor --explain")
    if settings["explain"]:
        if systems > 2:
            raise click.UsageError("--explain looks at one system or at two")
        if paired or settings["confidence"]:
            raise click.UsageError("--explain makes no tests: run them on their own")
        if settings["score_only"]:
            raise click.UsageError("--explain shows more than scores: leave --score-only out")
        if settings["format"] not in ("text", "json"):
            raise click.UsageError("--explain writes --format text or json")
    if settings["smooth_value"] is not None and not math.isfinite(settings["smooth_value"]):
        raise click.UsageError("--smooth-value is a finite number")
    if settings["smooth_value"] is not None and SMOOTHINGS[settings["smooth"]] is None:
        raise click.UsageError(f"--smooth {settings['smooth']} takes no --smooth-value")


def _signature(metric: Metric, corpus: Corpus, settings: Mapping[str, Any]) -> str:
    more: list[tuple[str, object]] = []
    if settings["paired_ar"]:
        more = [("ar", settings["trials"]), ("seed", settings["seed"])]
    elif settings["confidence"] or settings["paired_bootstrap"]:
        more = [("bs", settings["samples"]), ("seed", settings["seed"])]
    return signature_of(metric, corpus.references, more)


def _corpus_scores(corpus: Corpus, settings: Mapping[str, Any]) -> None:
    keep = settings["confidence"] or settings["paired_bootstrap"] or settings["paired_ar"]
    with Progress("scoring", "segments", quiet=settings["quiet"]) as progress:
        corpus.count(
            settings["threads"],
            keep_rows=keep,
            on_rows=lambda segments, _: progress.advance(segments),
        )
    results = []
    for metric, systems in zip(corpus.metrics, corpus.counted, strict=True):
        signature = _signature(metric, corpus, settings)
        results += _results(metric, systems, signature, settings)
    with open_output(settings["output"]) as stream:
        write_results(
            results, stream, settings["format"], settings["width"], settings["score_only"]
        )


def _results(
    metric: Metric,
    systems: Sequence[SystemStats],
    signature: str,
    settings: Mapping[str, Any],
) -> list[Result]:
    """Results of all systems for one metric, with the statistics that were asked for."""
    results = [
        Result(
            system=system.name,
            metric=metric.label,
            score=float(metric.score(system.total)),
            signature=signature,
            segments=system.segments,
            details=metric.details(system.total),
            description=metric.describe(system.total),
            higher_is_better=metric.higher_is_better,
        )
        for system in systems
    ]
    if settings["paired_bootstrap"] or settings["paired_ar"]:
        from seqtool_bleu.significance import paired_bootstrap, paired_randomisation

        if settings["paired_ar"]:
            tests = paired_randomisation(metric, systems, settings["trials"], settings["seed"])
        else:
            tests = paired_bootstrap(metric, systems, settings["samples"], settings["seed"])
        for result, test in zip(results, tests, strict=True):
            result.mean, result.ci, result.p_value = test.mean, test.half_width, test.p_value
    elif settings["confidence"]:
        from seqtool_bleu.significance import confidence

        for result, system in zip(results, systems, strict=True):
            interval = confidence(metric, system, settings["samples"], settings["seed"])
            result.mean, result.ci = interval
    return results


def _sentences(corpus: Corpus, settings: Mapping[str, Any]) -> None:
    metrics = corpus.metrics
    with open_output(settings["output"]) as stream:
        writer = SentenceWriter(
            stream, [metric.label for metric in metrics], settings["format"], settings["width"]
        )

        def write(segments: int, rows: list[array[float]]) -> None:
            writer.write(
                [
                    [_segment_score(m, r, s) for m, r in zip(metrics, rows, strict=True)]
                    for s in range(segments)
                ]
            )
            stream.flush()

        corpus.count(settings["threads"], on_rows=write)
        writer.close()


def _segment_score(metric: Metric, rows: array[float], segment: int) -> float:
    columns = metric.columns
    return metric.score(rows[segment * columns : (segment + 1) * columns])


def _explain(corpus: Corpus, settings: Mapping[str, Any]) -> None:
    from seqtool_bleu.explain import explain, write_explanations

    corpus.count(settings["threads"], keep_rows=True, keep_texts=True)
    split = len(corpus.reference_files)
    references, hypotheses = corpus.texts[:split], corpus.texts[split:]
    explanations = [
        explain(metric, systems, references, hypotheses, metric.words)
        for metric, systems in zip(corpus.metrics, corpus.counted, strict=True)
    ]
    with open_output(settings["output"]) as stream:
        write_explanations(explanations, stream, settings["format"], settings["width"])
