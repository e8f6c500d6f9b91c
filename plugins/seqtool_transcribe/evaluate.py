"""`seqtool transcribe eval`: write down recordings, and compare with their texts."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from seqtool.columns import columns
from seqtool.output import open_output
from seqtool.progress import Progress
from seqtool_bleu.error_rate import ErrorRate
from seqtool_bleu.lines import count_lines, signature_of
from seqtool_bleu.significance import confidence
from seqtool_transcribe.listing import Pair, align_words, listing
from seqtool_transcribe.manifest import Clip, find_manifests, read_manifests
from seqtool_transcribe.pieces import transcribed
from seqtool_transcribe.recogniser import Recogniser
from seqtool_transcribe.settings import check_search, make_recogniser, search_signature

_SAMPLES, _SEED = 1000, 12345  # of the bootstrap, as in seqtool bleu
_RATES = ("wer", "cer")
_MOST_CELLS = 4_000_000  # of the table that aligns two texts
_FIRSTS = (0, 1, 2, 6, 11, 21)  # words of a text at which a row of lengths begins


class Transcribed(NamedTuple):
    """Recordings, and what was written.

    Attributes: ``clips``, their ``texts``, their length in ``seconds``, and how many seconds it
    ``took`` to read and write them down.
    """

    clips: Sequence[Clip]
    texts: Sequence[str]
    seconds: float
    took: float

    @property
    def references(self) -> list[str]:
        """What is said, with one space between words."""
        return [" ".join(clip.text.split()) for clip in self.clips]


def run_eval(manifests: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Write down the recordings of manifests, and score. Raises SeqtoolError."""
    check_search(settings)
    clips = read_manifests(find_manifests(manifests), settings["errors"])
    recogniser = make_recogniser(settings)
    found = _transcribe(recogniser, clips, settings)
    record = {
        "model": recogniser.loaded.path,
        "search": search_signature(settings, recogniser.loaded),
        **evaluation(found, settings["threads"]),
        "errors": _errors(found, settings["list"], settings["threads"]),
    }
    with open_output(settings["output"]) as out:
        if settings["format"] == "json":
            out.write(json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        else:
            out.writelines(f"{line}\n" for line in _text(record))


def _transcribe(
    recogniser: Recogniser, clips: Sequence[Clip], settings: Mapping[str, Any]
) -> Transcribed:
    texts: list[str] = []
    words: list[str] = []
    seconds = 0.0
    start = time.perf_counter()
    with Progress("listening", "recordings", len(clips), quiet=settings["quiet"]) as progress:
        for spoken in transcribed(recogniser, [clip.path for clip in clips], None):
            if spoken.segment is not None:
                words += [word.text for word in spoken.segment.words]
                continue
            texts.append(" ".join(words))
            words = []
            seconds += spoken.seconds
            progress.advance()
    return Transcribed(clips, texts, seconds, time.perf_counter() - start)


def evaluation(found: Transcribed, threads: int) -> dict[str, Any]:
    """All figures, in fields fit for JSON."""
    references = found.references
    lengths = [len(text.split()) for text in references]
    speakers = [clip.speaker for clip in found.clips]
    rows = [sum(length >= first for first in _FIRSTS) - 1 for length in lengths]
    by_length = _grouped(found, rows, threads)
    by_speaker = _grouped(found, speakers, threads) if any(speakers) else {}
    took = max(found.took, 1e-9)
    return {
        "recordings": len(references),
        "words": sum(lengths),
        "right": sum(a == b for a, b in zip(references, found.texts, strict=True)),
        **{name: _score(name, found.texts, references, threads) for name in _RATES},
        "by_length": [
            {"from": first, "to": last, **by_length[row]}
            for row, (first, last) in enumerate(_bounds())
            if row in by_length
        ],
        "by_speaker": [{"speaker": name, **by_speaker[name]} for name in sorted(by_speaker)],
        "seconds": found.seconds,
        "took": found.took,
        "times_real_time": found.seconds / took,
    }


def _bounds() -> list[tuple[int, int | None]]:
    """How many words the texts of each row have at least, and at most."""
    lasts = [following - 1 for following in _FIRSTS[1:]]
    return list(zip(_FIRSTS, [*lasts, None], strict=True))


def _score(
    name: str, texts: Sequence[str], references: Sequence[str], threads: int
) -> dict[str, Any]:
    """An error rate with its interval, half the width of the central 95 % of resampled ones."""
    metric = ErrorRate(name)
    counted = count_lines(texts, references, threads, metric)
    interval = confidence(metric, counted, _SAMPLES, _SEED)
    return {
        "metric": metric.label,
        "score": float(metric.score(counted.total)),
        "mean": interval.mean,
        "ci": interval.half_width,
        "signature": signature_of(metric, "1", [("bs", _SAMPLES), ("seed", _SEED)]),
        **metric.details(counted.total),
    }


def _grouped(found: Transcribed, keys: Sequence[Any], threads: int) -> dict[Any, dict[str, Any]]:
    """Figures of the recordings that have a key, by key."""
    members: dict[Any, list[int]] = {}
    for number, key in enumerate(keys):
        members.setdefault(key, []).append(number)
    references = found.references
    rows = {}
    for key, numbers in members.items():
        row: dict[str, Any] = {"recordings": len(numbers)}
        texts, wanted = [found.texts[n] for n in numbers], [references[n] for n in numbers]
        for name in _RATES:
            metric = ErrorRate(name)
            row[name] = float(metric.score(count_lines(texts, wanted, threads, metric).total))
        rows[key] = row
    return rows


def _errors(found: Transcribed, count: int, threads: int) -> list[dict[str, Any]]:
    """The recordings with the most wrong words, in their order in the manifest.

    Without words where texts are so long that aligning them takes too much memory.
    """
    metric = ErrorRate("wer")
    references = found.references
    stats = count_lines(found.texts, references, threads, metric).stats
    edits = [int(sum(stats[at : at + 3])) for at in range(0, len(stats), metric.columns)]
    wrong = [number for number in range(len(references)) if edits[number]]
    chosen = sorted(wrong, key=lambda number: -edits[number])[:count]
    return [
        {
            "file": found.clips[number].path,
            "speaker": found.clips[number].speaker,
            "edits": edits[number],
            "words": [
                {"reference": reference, "hypothesis": hypothesis}
                for reference, hypothesis in _aligned(references[number], found.texts[number])
            ],
        }
        for number in sorted(chosen)
    ]


def _aligned(reference: str, text: str) -> list[Pair]:
    words, others = reference.split(), text.split()
    return align_words(words, others) if len(words) * len(others) <= _MOST_CELLS else []


# --- for people -----------------------------------------------------------------------------------


def _text(record: Mapping[str, Any]) -> list[str]:
    """The figures for people."""
    lines = []
    for score in map(record.__getitem__, _RATES):
        lines.append(
            f"{score['metric']}|{score['signature']} = {score['score']:.2f} "
            f"(mean {score['mean']:.2f} +- {score['ci']:.2f}; sub = {score['substitutions']} "
            f"del = {score['deletions']} ins = {score['insertions']} "
            f"ref_len = {score['ref_length']})"
        )
    lines += ["", *_table("words", [(_label(row), row) for row in record["by_length"]])]
    if record["by_speaker"]:
        rows = [(row["speaker"] or "(none)", row) for row in record["by_speaker"]]
        lines += ["", *_table("speaker", rows)]
    for error in record["errors"]:
        pairs = [(each["reference"], each["hypothesis"]) for each in error["words"]]
        who = f" ({error['speaker']})" if error["speaker"] else ""
        lines += ["", f"{error['file']}{who}: {error['edits']} wrong", *listing(pairs)]
    speed = (
        f"{record['recordings']:,} recordings, {record['right']:,} without an error; "
        f"{record['seconds']:,.1f} s of sound in {record['took']:.1f} s: "
        f"{record['times_real_time']:,.0f} times real time"
    )
    return [*lines, "", speed, record["search"]]


def _label(row: Mapping[str, Any]) -> str:
    first, last = row["from"], row["to"]
    if last is None:
        return f"{first} or more"
    return str(first) if first == last else f"{first} to {last}"


def _table(name: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    cells = [[name, "recordings", "WER", "CER"]]
    for label, row in rows:
        cells.append([label, f"{row['recordings']:,}", *(f"{row[name]:.2f}" for name in _RATES)])
    return list(columns(cells))
