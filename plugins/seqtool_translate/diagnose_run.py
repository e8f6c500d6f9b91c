"""`seqtool translate diagnose`: scores from a model, and the result for people and programs."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from seqtool import __version__
from seqtool.columns import columns
from seqtool.decode.beam import BeamOptions
from seqtool.errors import SeqtoolError
from seqtool.output import open_output
from seqtool.progress import Progress
from seqtool.text import display_name
from seqtool_translate.apply import warn_of_cuts
from seqtool_translate.diagnose import KINDS, Case, Diagnosis, Kind, Scored, Tally, search_share
from seqtool_translate.lengths import bounds, label
from seqtool_translate.lines import Lines, read_pairs
from seqtool_translate.model_files import Loaded, load
from seqtool_translate.score import check_pairs
from seqtool_translate.settings import check_search
from seqtool_translate.translator import SearchOptions, Texts, Translator, encode_lines
from seqtool_translate.writers import decimal

_HEADINGS: dict[Kind, str] = {
    "same": "same",
    "search": "search errors",
    "model": "model errors",
}
_WORST: dict[Kind, str] = {
    "search": "search errors: the model prefers the human translation, the search missed it",
    "model": "model errors: the model prefers its own translation",
}
_HOW_TO_READ = (
    "Of translations that are not the human one, errors of the search are those whose human\n"
    "translation the model scores higher: a wider beam may find it. All others are the model's:\n"
    "more data, longer training or another network may help, a wider beam will not."
)


def run_diagnose(settings: Mapping[str, Any]) -> None:
    """Compare the model's translations with human ones. Raises SeqtoolError and UsageError."""
    check_pairs(settings)
    if settings["source"] is None:
        raise click.UsageError("diagnose needs --source and --target")
    loaded = load(settings["model"])
    judge = _Judge(loaded, settings)
    diagnosis = Diagnosis(settings["beams"], settings["worst"])
    digest = hashlib.sha256()
    with Progress("translating", "sentences", quiet=settings["quiet"]) as progress:
        for sources, targets in read_pairs(
            settings["source"], settings["target"], settings["errors"]
        ):
            for pair in zip(sources.texts, targets.texts, strict=True):
                digest.update("\t".join(pair).encode("utf-8", "surrogatepass") + b"\n")
            judge.compare(diagnosis, sources, targets, progress)
    if not diagnosis.sentences:
        raise SeqtoolError(f"{display_name(settings['source'])}: no sentences to compare")
    record = report(diagnosis, settings["length_penalty"], digest.hexdigest(), loaded.path)
    with open_output(settings["output"]) as out:
        if settings["format"] == "json":
            out.write(json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        else:
            out.writelines(f"{line}\n" for line in _text(record))


class _Judge:
    """A model's scores, and what its searches find."""

    def __init__(self, loaded: Loaded, settings: Mapping[str, Any]) -> None:
        check_search({**settings, "coverage_penalty": 0.0})
        self._settings = settings
        self._translators = {
            beam: Translator(
                [loaded],
                SearchOptions(
                    beam=beam,
                    length_penalty=settings["length_penalty"],
                    max_ratio=settings["max_ratio"],
                    max_input=settings["max_input"],
                ),
                settings["threads"],
            )
            for beam in settings["beams"]
        }

    def compare(
        self, diagnosis: Diagnosis, sources: Lines, targets: Lines, progress: Progress
    ) -> None:
        """Compare some sentences."""
        first = next(iter(self._translators.values()))
        texts = first.encode(sources.texts)
        warn_of_cuts(sources, texts, self._settings)
        references = self._scored(first, texts, targets.texts)

        def search(beam: int) -> Sequence[Scored]:
            found = self._translators[beam].translate_texts(sources.texts, texts)
            progress.advance(len(found))
            return [Scored(best.text, best.ids, best.score) for best, *_ in found]

        diagnosis.add(sources.before + 1, sources.texts, references, search)

    def _scored(
        self, translator: Translator, texts: Texts, references: Sequence[str]
    ) -> list[Scored]:
        """The human translations with the model's scores, by the length that the search knows."""
        by_length = BeamOptions(
            normalization="mean", length_penalty=self._settings["length_penalty"]
        )
        wanted = encode_lines(translator.target, references)
        return [
            Scored(
                reference.strip(),
                wanted.line(number),
                by_length.normalized(float(log_probs.sum()), len(log_probs)),
            )
            for number, (reference, log_probs) in enumerate(
                zip(references, translator.force(texts, wanted), strict=True)
            )
        ]


def report(diagnosis: Diagnosis, length_penalty: float, sha256: str, model: str) -> dict[str, Any]:
    """The result, in fields fit for JSON; ``sha256`` is that of the pairs."""
    beams = ",".join(map(str, diagnosis.tallies))
    signature = (
        f"pairs:{sha256[:12]}|beams:{beams}|penalty:length[{length_penalty:g}]"
        f"|version:seqtool-{__version__}"
    )
    return {
        "model": model,
        "sentences": diagnosis.sentences,
        "empty": diagnosis.empty,
        "length_penalty": length_penalty,
        "beams": [_beam_record(beam, tally) for beam, tally in diagnosis.tallies.items()],
        "signature": signature,
    }


def _beam_record(beam: int, tally: Tally) -> dict[str, Any]:
    by_length = []
    for row, counts in enumerate(tally.rows):
        if counts:
            first, last = bounds(row)
            by_length.append({"from": first, "to": last, **_counted(counts)})
    return {
        "beam": beam,
        **_counted(tally.counts),
        "by_length": by_length,
        "worst_search_errors": [_case_record(case) for case in tally.worst["search"]],
        "worst_model_errors": [_case_record(case) for case in tally.worst["model"]],
    }


def _counted(counts: Counter[Kind]) -> dict[str, Any]:
    """Counts, and shares of all sentences; ``search_share`` is of errors, null without any."""
    total = counts.total()
    names = {kind: heading.replace(" ", "_") for kind, heading in _HEADINGS.items()}
    return {
        "sentences": total,
        **{names[kind]: counts[kind] for kind in KINDS},
        "shares": {names[kind]: counts[kind] / total for kind in KINDS},
        "search_share": search_share(counts),
    }


def _case_record(case: Case) -> dict[str, Any]:
    return {
        "line": case.line,
        "source": case.source,
        "reference": case.reference.text,
        "output": case.output.text,
        "reference_score": case.reference.score,
        "output_score": case.output.score,
        "difference": case.difference,
    }


def _text(record: Mapping[str, Any]) -> Iterator[str]:
    """The result for people."""
    empty = f", {record['empty']:,} with an empty side left out" if record["empty"] else ""
    yield f"{record['sentences']:,} sentences{empty}"
    yield ""
    rows = [_cells(f"{beam['beam']:,}", beam) for beam in record["beams"]]
    yield from _table("beam", rows)
    for beam in record["beams"]:
        yield ""
        yield f"beam {beam['beam']:,}"
        yield ""
        rows = [_cells(label(row["from"], row["to"]), row) for row in beam["by_length"]]
        yield from _table("source words", rows)
        for kind, heading in _WORST.items():
            cases = beam[f"worst_{kind}_errors"]
            if cases:
                yield ""
                yield f"worst {heading}"
                for case in cases:
                    yield from _case(case)
    yield ""
    yield _HOW_TO_READ
    yield ""
    yield record["signature"]


def _cells(first: str, counted: Mapping[str, Any]) -> list[str]:
    names = ("same", "search_errors", "model_errors")
    shares = (f"{counted[name]:,} {100 * counted['shares'][name]:5.1f} %" for name in names)
    blame = counted["search_share"]
    last = "" if blame is None else f"{100 * blame:.1f} %"
    return [first, f"{counted['sentences']:,}", *shares, last]


def _table(first: str, rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Counts and shares under their headings."""
    headings = [first, "sentences", *(_HEADINGS[kind] for kind in KINDS), "search's share"]
    return columns([headings, *rows])


def _case(case: Mapping[str, Any]) -> Iterator[str]:
    yield f"  line {case['line']:,}  {case['source']}"
    yield f"    human  {decimal(case['reference_score']):>9}  {case['reference']}"
    yield f"    output {decimal(case['output_score']):>9}  {case['output']}".rstrip()
