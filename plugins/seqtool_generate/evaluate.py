"""`seqtool generate eval`: how well a model predicts a text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from seqtool import __version__
from seqtool.errors import SeqtoolError
from seqtool.output import open_output
from seqtool.progress import Progress
from seqtool.text import display_name
from seqtool_generate.corpus import text_blocks
from seqtool_generate.model_files import Loaded, load
from seqtool_generate.score import shown, totals_record
from seqtool_generate.scoring import Totals, make_scorer
from seqtool_generate.text_side import MARKS


def run_eval(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Measure a model on files and write the figures. Raises SeqtoolError."""
    loaded = load(settings["model"])
    paths = files or ["-"]
    with Progress("scoring", "tokens", quiet=settings["quiet"]) as progress:
        totals, sha256 = _measure(loaded, paths, settings, progress)
    if not totals.tokens:
        raise SeqtoolError(f"{', '.join(map(display_name, paths))}: there is no text")
    record = totals_record(totals)
    record["unknown_share"] = totals.unknown / totals.tokens
    record["signature"] = _signature(loaded, totals, sha256)
    with open_output(settings["output"]) as out:
        if settings["format"] == "json":
            out.write(json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
            return
        rows = [
            ("tokens", f"{totals.tokens:,}"),
            ("unknown", f"{totals.unknown:,} ({100 * record['unknown_share']:.2f} %)"),
            ("characters", f"{totals.characters:,}"),
            ("nats a token", f"{totals.loss:.4f}"),
            ("perplexity", shown(totals.perplexity)),
            ("bits a character", f"{totals.bits_a_character:.4f}"),
        ]
        out.writelines(f"{name:<17} {value}\n" for name, value in rows)
        out.write(f"\n{record['signature']}\n")


def _measure(
    loaded: Loaded, paths: Sequence[str], settings: Mapping[str, Any], progress: Progress
) -> tuple[Totals, str]:
    """(sums, SHA-256 of the text): line by line, or all files as one stream."""
    text, scorer = loaded.text, make_scorer(loaded)
    totals, digest = Totals(), hashlib.sha256()
    for block in text_blocks(paths, settings["errors"]):
        digest.update(block)
        texts = text.encode_block(block, settings["threads"])
        totals.unknown += loaded.count_unknown(texts.ids)
        totals.characters += len(block.decode("utf-8"))
        before = totals.tokens
        if text.lines:
            for scores in scorer.sequences(text.as_sequences(texts), settings["threads"]):
                totals.add(scores)
        else:
            totals.add(scorer.stream(text.as_stream(texts)))
        progress.advance(totals.tokens - before)
    totals.add(scorer.finish())
    return totals, digest.hexdigest()


def _signature(loaded: Loaded, totals: Totals, sha256: str) -> str:
    """What must be equal for perplexities to be comparable: text, tokens, vocabulary."""
    names = sorted(name for name in loaded.text.names if name not in MARKS)
    words = hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass")).hexdigest()
    parts = [
        f"text:{sha256[:12]}",
        f"tokens:{totals.tokens}",
        f"unknown:{totals.unknown}",
        f"by:{'lines' if loaded.text.lines else 'stream'}",
        f"vocabulary:{len(names)}-{words[:8]}",
        f"version:seqtool-{__version__}",
    ]
    return "|".join(parts)
