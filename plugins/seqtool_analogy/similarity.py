"""`similarity`: the cosine of two words, or how well cosines follow people's judgements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click
import numpy as np

from seqtool import __version__
from seqtool.output import open_output
from seqtool.vectors.evaluation import correlate, cosines
from seqtool_analogy.answers import number
from seqtool_analogy.load import load
from seqtool_analogy.questions import Lexicon
from seqtool_analogy.tables import write_json, write_text, write_tsv


def run_similarity(words: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Compare two words, or the pairs of a file. Raises SeqtoolError and click.UsageError."""
    if settings["pairs"] is not None:
        if words:
            raise click.UsageError("give two words, or --pairs FILE, not both")
        _run_pairs(settings["pairs"], settings)
        return
    if len(words) != 2:
        raise click.UsageError(f"{len(words)} words: give two, or --pairs FILE")
    vectors = load(settings)
    lexicon = Lexicon(vectors, settings["lowercase"])
    rows = np.array(lexicon.rows(words), np.int32)
    cosine = float(cosines(vectors, rows[:1], rows[1:], lexicon.extra)[0])
    row = {"a": words[0], "b": words[1], "cosine": number(cosine)}
    with open_output(settings["output"]) as stream:
        if settings["format"] == "text":
            stream.write(f"{cosine:.4f}\n")
        elif settings["format"] == "tsv":
            write_tsv(stream, [row])
        else:
            write_json(stream, row)


def _run_pairs(path: str, settings: Mapping[str, Any]) -> None:
    vectors = load(settings)
    fold_case = settings["case_insensitive"]
    found = correlate(vectors, path, fold_case, settings["errors"])
    result = {
        "spearman": _finite(found.spearman),
        "pearson": _finite(found.pearson),
        "pairs": found.pairs,
        "left_out": found.left_out,
    }
    signature = (
        f"metric:cosine|vocab:{len(vectors)}|case:{'folded' if fold_case else 'mixed'}"
        f"|version:seqtool-{__version__}"
    )
    with open_output(settings["output"]) as stream:
        if settings["format"] == "text":
            write_text(stream, [result], decimals=4)
            stream.write(f"\n{signature}\n")
        elif settings["format"] == "tsv":
            write_tsv(stream, [result])
        else:
            write_json(stream, {**result, "signature": signature})


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
