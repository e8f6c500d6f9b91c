"""`seqtool translate eval`: translate, and score the translations, in one go."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

from seqtool.columns import columns
from seqtool.errors import SeqtoolError
from seqtool.output import open_output
from seqtool.progress import Progress
from seqtool.text import display_name
from seqtool_bleu.bleu import Bleu
from seqtool_bleu.chrf import Chrf
from seqtool_bleu.lines import score_lines
from seqtool_bleu.metric import Metric
from seqtool_bleu.tokenizers import tokenizer
from seqtool_translate.apply import warn_of_cuts
from seqtool_translate.lengths import bounds, label, row_of
from seqtool_translate.lines import read_pairs
from seqtool_translate.score import check_pairs
from seqtool_translate.settings import check_search, make_translator
from seqtool_translate.translator import Translator


class Translated(NamedTuple):
    """Sentences, what they should become, and what they became.

    Attributes: ``tokens`` of all translations, with ``</s>``, and ``seconds`` of translating.
    """

    sources: list[str]
    references: list[str]
    translations: list[str]
    tokens: int
    seconds: float


def run_eval(settings: Mapping[str, Any]) -> None:
    """Translate the source, and score against the target. Raises SeqtoolError."""
    check_pairs(settings)
    if settings["source"] is None:
        raise click.UsageError("eval needs --source and --target")
    check_search(settings)
    translator = make_translator(settings)
    found = _translate(translator, settings)
    if not found.sources:
        raise SeqtoolError(f"{display_name(settings['source'])} has no lines")
    record = evaluation(found, translator)
    with open_output(settings["output"]) as out:
        if settings["format"] == "json":
            out.write(json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        else:
            out.writelines(f"{line}\n" for line in _text(record))


def _translate(translator: Translator, settings: Mapping[str, Any]) -> Translated:
    sources: list[str] = []
    references: list[str] = []
    translations: list[str] = []
    tokens, seconds = 0, 0.0
    files = (settings["source"], settings["target"], settings["errors"])
    with Progress("translating", "sentences", quiet=settings["quiet"]) as progress:
        for source, target in read_pairs(*files):
            texts = translator.encode(source.texts)
            warn_of_cuts(source, texts, settings)
            start = time.perf_counter()
            found = [best[0] for best in translator.translate_texts(source.texts, texts)]
            seconds += time.perf_counter() - start
            tokens += sum(len(translation.ids) for translation in found)
            sources += source.texts
            references += target.texts
            translations += [translation.text for translation in found]
            progress.advance(len(found))
    return Translated(sources, references, translations, tokens, seconds)


def evaluation(found: Translated, translator: Translator) -> dict[str, Any]:
    """All figures, in fields fit for JSON."""
    metrics: list[Metric] = [Bleu(tokenizer("13a")), Chrf()]
    scores = []
    for metric in metrics:
        result = score_lines(found.translations, found.references, translator.threads, metric)
        scores.append(
            {
                "metric": result.metric,
                "score": result.score,
                "signature": result.signature,
                **result.details,
                "description": result.description,
            }
        )
    count, seconds = len(found.sources), max(found.seconds, 1e-9)
    return {
        "model": translator.models[0].path,
        "search": _search(translator),
        "sentences": count,
        "tokens": found.tokens,
        "scores": scores,
        "by_length": _by_length(found, metrics, translator.threads),
        "seconds": found.seconds,
        "sentences_per_second": count / seconds,
        "tokens_per_second": found.tokens / seconds,
    }


def _search(translator: Translator) -> str:
    """How translations were looked for, as a signature."""
    search = translator.search
    parts = [f"beam:{search.beam}", f"penalty:{search.penalty}[{search.length_penalty:g}]"]
    if search.coverage_penalty:
        parts.append(f"coverage:{search.coverage_penalty:g}")
    parts.append(f"ratio:{search.max_ratio:g}")
    if search.no_repeat_ngram:
        parts.append(f"ngram:{search.no_repeat_ngram}")
    if len(translator.models) > 1:
        parts.append(f"models:{len(translator.models)}")
    return "|".join(parts)


def _by_length(found: Translated, metrics: Sequence[Metric], threads: int) -> list[dict[str, Any]]:
    """The scores of sentences of about a length, in words of the source."""
    chosen: dict[int, list[int]] = {}
    for number, line in enumerate(found.sources):
        chosen.setdefault(row_of(line), []).append(number)
    rows = []
    for place, numbers in sorted(chosen.items()):
        first, last = bounds(place)
        row: dict[str, Any] = {"from": first, "to": last, "sentences": len(numbers)}
        for metric in metrics:
            hypotheses = [found.translations[number] for number in numbers]
            references = [found.references[number] for number in numbers]
            row[metric.label] = score_lines(hypotheses, references, threads, metric).score
        rows.append(row)
    return rows


def _text(record: Mapping[str, Any]) -> list[str]:
    """The figures for people."""
    lines = []
    for score in record["scores"]:
        line = f"{score['metric']}|{score['signature']} = {score['score']:.2f}"
        lines.append(f"{line} {score['description']}".rstrip())
    names = [score["metric"] for score in record["scores"]]
    rows = [["source words", "sentences", *names]]
    for row in record["by_length"]:
        words = label(row["from"], row["to"])
        rows.append([words, f"{row['sentences']:,}", *(f"{row[name]:.2f}" for name in names)])
    lines += ["", *columns(rows)]
    speed = (
        f"{record['sentences']:,} sentences, {record['tokens']:,} tokens in "
        f"{record['seconds']:.1f} s: {record['sentences_per_second']:,.0f} sentences/s, "
        f"{record['tokens_per_second']:,.0f} tokens/s"
    )
    return [*lines, "", speed, record["search"]]
