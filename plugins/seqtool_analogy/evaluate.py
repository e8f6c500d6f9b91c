"""`eval`: how many analogy questions of a file the vectors answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from seqtool import __version__
from seqtool.output import open_output
from seqtool.vectors.evaluation import Evaluation
from seqtool_analogy.load import load
from seqtool_analogy.tables import write_json, write_text, write_tsv


def run_eval(path: str, settings: Mapping[str, Any]) -> None:
    """Answer the questions of a file and write the result. Raises SeqtoolError."""
    evaluation = Evaluation(load(settings), settings["case_insensitive"])
    evaluation.read(path, settings["errors"])
    evaluation.answer(settings["metric"], settings["threads"])
    rows = evaluation.rows()
    signature = "|".join(
        [
            f"metric:{settings['metric']}",
            f"vocab:{len(evaluation.vectors)}",
            f"case:{'folded' if settings['case_insensitive'] else 'mixed'}",
            f"version:seqtool-{__version__}",
        ]
    )
    with open_output(settings["output"]) as stream:
        _write(stream, settings["format"], rows, signature)


def _write(stream: TextIO, format: str, rows: list[dict[str, Any]], signature: str) -> None:
    if format == "text":
        write_text(stream, rows)
        stream.write(f"\n{signature}\n")
    elif format == "tsv":
        write_tsv(stream, rows)
    elif format == "jsonl":
        for row in rows:
            write_json(stream, {**row, "signature": signature})
    else:
        write_json(stream, {"signature": signature, "sections": rows})
