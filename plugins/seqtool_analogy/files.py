"""`export` and `info`: vectors as files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import numpy as np

from seqtool.output import open_output
from seqtool.vectors import describe, save_vectors
from seqtool_analogy.load import load, path_of
from seqtool_analogy.tables import write_json, write_tsv

WORDS_SHOWN = 10


def run_export(settings: Mapping[str, Any]) -> None:
    """Write the vectors in the format that the ending of --output names."""
    vectors = load(settings)
    output = settings["output"]
    save_vectors(output, vectors, vectors.metadata)
    if not settings["quiet"]:
        click.echo(
            f"seqtool analogy: wrote {len(vectors):,} words of {vectors.dimensions} dimensions"
            f" to {output}",
            err=True,
        )


def run_info(settings: Mapping[str, Any]) -> None:
    """Write what the vectors are."""
    path = path_of(settings)
    vectors = load(settings)
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors.matrix, vectors.matrix, dtype=np.float64))
    facts: dict[str, Any] = {
        "file": path,
        "format": describe(path)["format"],
        "words": len(vectors),
        "dimensions": vectors.dimensions,
        "subwords": vectors.subwords is not None,
        "first_words": vectors.words[:WORDS_SHOWN],
        "mean_length": float(f"{lengths.mean():.6g}"),
        "zero_vectors": int((lengths == 0).sum()),
        "metadata": {str(key): value for key, value in vectors.metadata.items()},
    }
    with open_output(settings["output"]) as stream:
        if settings["format"] in ("json", "jsonl"):
            write_json(stream, facts)
            return
        flat = {**facts, "first_words": " ".join(facts["first_words"])}
        del flat["metadata"]
        flat |= {f"metadata.{key}": value for key, value in facts["metadata"].items()}
        if settings["format"] == "tsv":
            write_tsv(stream, [{"name": key, "value": value} for key, value in flat.items()])
            return
        width = max(map(len, flat))
        for key, value in flat.items():
            shown = f"{value:,}" if type(value) is int else value
            stream.write(f"{key.replace('_', ' '):{width}}  {shown}\n")
