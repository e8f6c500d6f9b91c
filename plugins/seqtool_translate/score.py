"""`seqtool translate score`: how probable translations are that are given."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TextIO

import click

from seqtool.decode.types import Ids, Scores
from seqtool.errors import SeqtoolError
from seqtool.output import open_output
from seqtool.records import Records
from seqtool_translate.apply import warn_of_cuts
from seqtool_translate.lines import Lines, read_lines, read_pairs
from seqtool_translate.model_files import load
from seqtool_translate.translator import SearchOptions, Translator, encode_lines
from seqtool_translate.writers import decimal


class ScoredPair(NamedTuple):
    """A pair, the ids of its target with ``</s>``, and their log-probabilities (nats)."""

    source: str
    target: str
    ids: Ids
    log_probs: Scores

    @property
    def log_prob(self) -> float:
        """That of the target."""
        return float(self.log_probs.sum()) + 0.0  # no -0


def run_score(pairs: str | None, settings: Mapping[str, Any]) -> None:
    """Score pairs of lines, as they come. Raises SeqtoolError and click.UsageError."""
    check_pairs(settings, pairs)
    search = SearchOptions(max_input=settings["max_input"])
    translator = Translator([load(settings["model"])], search, settings["threads"])
    count, tokens, nats = 0, 0, 0.0
    with open_output(settings["output"]) as out:
        writer = _Writer(out, settings["format"], translator.target.names)
        for sources, targets in _pairs(pairs, settings):
            for pair in score_pairs(translator, sources, targets, settings):
                writer.write(pair)
                count += 1
                tokens += len(pair.ids)
                nats -= pair.log_prob
            out.flush()
        writer.close()
    if count and not settings["quiet"]:
        mean = nats / tokens
        perplexity = f"{math.exp(mean):,.4f}" if mean < 700 else "too large"
        click.echo(f"{count:,} pairs, {tokens:,} tokens: perplexity {perplexity}", err=True)


def check_pairs(settings: Mapping[str, Any], pairs: str | None = None) -> None:
    """Refuse anything but two files, or a file of pairs. Raises click.UsageError."""
    source, target = settings["source"], settings["target"]
    if (source is None) != (target is None):
        raise click.UsageError("--source and --target go together")
    if source is not None and pairs is not None:
        raise click.UsageError(f"{pairs}: give a file of pairs, or --source and --target")
    if source == target == "-":
        raise click.UsageError("- (stdin) can stand for one file only")


def _pairs(pairs: str | None, settings: Mapping[str, Any]) -> Iterator[tuple[Lines, Lines]]:
    """Lines of the source and of the target, from two files or from one."""
    errors = settings["errors"]
    if settings["source"] is not None:
        yield from read_pairs(settings["source"], settings["target"], errors)
        return
    for lines in read_lines([pairs or "-"], errors):
        sources, targets = [], []
        for number, line in enumerate(lines.texts):
            source, tab, rest = line.partition("\t")
            if not tab:
                raise SeqtoolError(
                    f"{lines.place(number)}: write a sentence, a tab and its translation"
                )
            sources.append(source)
            targets.append(rest.partition("\t")[0])
        yield lines._replace(texts=sources), lines._replace(texts=targets)


def score_pairs(
    translator: Translator, sources: Lines, targets: Lines, settings: Mapping[str, Any]
) -> Iterator[ScoredPair]:
    """The log-probability of each target, given its source."""
    texts = translator.encode(sources.texts)
    warn_of_cuts(sources, texts, settings)
    wanted = encode_lines(translator.target, targets.texts)
    scores = translator.force(texts, wanted)
    for number, log_probs in enumerate(scores):
        yield ScoredPair(
            sources.texts[number], targets.texts[number], wanted.line(number), log_probs
        )


class _Writer:
    """Writes scores as they come: text has a number a line, the others have fields."""

    def __init__(self, out: TextIO, format: str, names: list[str]) -> None:
        self._out = out
        self._format = format
        self._names = names
        self._records = Records(out, lines=format == "jsonl")
        if format == "tsv":
            out.write("log_prob\ttokens\tper_token\n")

    def write(self, pair: ScoredPair) -> None:
        """Write the score of a pair."""
        mean = pair.log_prob / len(pair.ids)
        if self._format == "text":
            self._out.write(f"{decimal(pair.log_prob)}\n")
            return
        if self._format == "tsv":
            cells = (decimal(pair.log_prob), str(len(pair.ids)), decimal(mean))
            self._out.write("\t".join(cells) + "\n")
            return
        record: dict[str, Any] = {
            "source": pair.source,
            "target": pair.target,
            "log_prob": pair.log_prob,
            "per_token": mean,
            "tokens": [self._names[number] for number in pair.ids.tolist()],
            "log_probs": pair.log_probs.tolist(),
        }
        self._records.write(record)

    def close(self) -> None:
        """Write what ends the result."""
        if self._format == "json":
            self._records.close()
