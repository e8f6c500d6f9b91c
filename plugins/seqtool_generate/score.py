"""`seqtool generate score`: how probable each line is."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TextIO

import click

from seqtool.output import open_output
from seqtool.text import explain_bad_bytes, read_blocks
from seqtool_generate.model_files import Loaded, load
from seqtool_generate.scoring import LogProbs, Totals, make_scorer
from seqtool_generate.text_side import Ids


class ScoredLine(NamedTuple):
    """A line, its tokens with the end of the line, and their log-probabilities (nats)."""

    text: str
    ids: Ids
    log_probs: LogProbs
    unknown: int

    @property
    def log_prob(self) -> float:
        """That of the line."""
        return float(self.log_probs.sum()) + 0.0  # no -0


def run_score(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Score the lines of files, as they come. Raises SeqtoolError."""
    loaded = load(settings["model"])
    totals, count = Totals(), 0
    with open_output(settings["output"]) as out:
        writer = _Writer(out, settings["format"], loaded.text.names)
        for path in files or ["-"]:
            before = 0
            for block in read_blocks(path, settings["errors"]):
                explain_bad_bytes(block, path, before)
                before += block.count(b"\n")
                for line in score_lines(loaded, block, settings["threads"]):
                    writer.write(line)
                    totals.add(line.log_probs, line.unknown, len(line.text) + 1)
                out.flush()
            count += before
        writer.close(totals)
    if not settings["quiet"] and totals.tokens:
        click.echo(
            f"{count:,} lines, {totals.tokens:,} tokens, {totals.unknown:,} unknown: "
            f"perplexity {shown(totals.perplexity)}, "
            f"{totals.bits_a_character:.4f} bits a character",
            err=True,
        )


def shown(perplexity: float | None) -> str:
    """A perplexity for people."""
    return "too large" if perplexity is None else f"{perplexity:,.4f}"


def score_lines(loaded: Loaded, block: bytes, threads: int) -> Iterator[ScoredLine]:
    """Score lines, each of which ends in a newline."""
    text = loaded.text
    texts = text.as_sequences(text.encode_block(block, threads))
    scores = make_scorer(loaded).sequences(texts, threads)
    lines = block.decode("utf-8").split("\n")
    for number, log_probs in enumerate(scores):
        ids = texts.ids[texts.starts[number] + 1 : texts.starts[number + 1]]
        yield ScoredLine(lines[number], ids, log_probs, loaded.count_unknown(ids))


def totals_record(totals: Totals) -> dict[str, Any]:
    """Sums and means, in fields fit for JSON."""
    return {
        "tokens": totals.tokens,
        "unknown": totals.unknown,
        "characters": totals.characters,
        "log_prob": -totals.nats + 0.0,
        "nats_per_token": totals.loss,
        "perplexity": totals.perplexity,
        "bits_per_character": totals.bits_a_character,
    }


class _Writer:
    """Writes scores as they come: text has a number a line, the others have fields."""

    def __init__(self, out: TextIO, format: str, names: Sequence[str]) -> None:
        self._out = out
        self._format = format
        self._names = names
        self._count = 0
        if format == "tsv":
            out.write("log_prob\ttokens\tunknown\tperplexity\n")
        elif format == "json":
            out.write('{"lines": [')

    def write(self, line: ScoredLine) -> None:
        """Write the score of a line."""
        number = f"{line.log_prob:.4f}"
        number = "0.0000" if number == "-0.0000" else number
        if self._format == "text":
            self._out.write(f"{number}\n")
            return
        mean = -line.log_prob / max(len(line.ids), 1)
        perplexity = math.exp(mean) if mean < 700 else None
        if self._format == "tsv":
            last = "" if perplexity is None else f"{perplexity:.4f}"
            self._out.write(f"{number}\t{len(line.ids)}\t{line.unknown}\t{last}\n")
            return
        record: dict[str, Any] = {
            "text": line.text,
            "log_prob": line.log_prob,
            "tokens": len(line.ids),
            "unknown": line.unknown,
            "perplexity": perplexity,
        }
        if self._format == "jsonl":
            record["pieces"] = [self._names[number] for number in line.ids.tolist()]
            record["log_probs"] = line.log_probs.tolist()
        self._out.write((",\n" if self._count else "\n") if self._format == "json" else "")
        self._out.write(json.dumps(record, ensure_ascii=False, allow_nan=False))
        self._out.write("\n" if self._format == "jsonl" else "")
        self._count += 1

    def close(self, totals: Totals) -> None:
        """Write what ends the result."""
        if self._format == "json":
            total = json.dumps(totals_record(totals), allow_nan=False)
            self._out.write(f'\n], "total": {total}}}\n')
