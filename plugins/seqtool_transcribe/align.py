"""`seqtool transcribe align`: when each word of a known text is said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray

from seqtool.audio.pauses import Piece
from seqtool.audio.raw import RawFormat
from seqtool.columns import cell
from seqtool.ctc.align import align
from seqtool.ctc.types import CtcHypothesis
from seqtool.errors import SeqtoolError
from seqtool.nn.parameters import Floats
from seqtool.output import open_output
from seqtool.text import display_name, numbered_lines
from seqtool_transcribe.alphabet import Alphabet, whole_characters
from seqtool_transcribe.front_end import hear
from seqtool_transcribe.model_files import load
from seqtool_transcribe.pieces import read_pieces
from seqtool_transcribe.recogniser import Recogniser
from seqtool_transcribe.words import Segment, Word, words_of
from seqtool_transcribe.writers import make_writer, record_of

_MOST_CELLS = 1 << 31  # of the lattice: steps times twice the symbols, a byte each
_SILENT = np.float32(-40.0)  # log-probability of a symbol in silence


class Heard(NamedTuple):
    """What a recording sounds like.

    Attributes:
        log_probs: float32 (steps, symbols).
        times: when each step begins, and the end, seconds (steps + 1,).
    """

    log_probs: Floats
    times: NDArray[np.float64]


def run_align(audio: str, text: str, settings: Mapping[str, Any]) -> None:
    """Align a recording and its text. Raises SeqtoolError and click.UsageError."""
    if audio == text == "-":
        raise click.UsageError("- (stdin) can stand for one file only")
    loaded = load(settings["model"])
    if loaded.model.settings.loss == "attention":
        raise SeqtoolError(f"{loaded.path}: was trained without CTC: it cannot align")
    words = read_text(text, loaded.alphabet, settings["errors"])
    heard = hear_all(Recogniser(loaded, settings["threads"]), audio, settings["raw"])
    found = aligned(heard, words, loaded.alphabet, audio, text)
    whole = words_of(found, loaded.alphabet, 1.0, 0.0, np.inf)
    parts = _characters(found, loaded.alphabet)
    whole, parts = _in_seconds(whole, heard.times), _in_seconds(parts, heard.times)
    rows = whole if settings["unit"] == "word" else parts
    with open_output(settings["output"]) as out:
        if settings["format"] == "json":
            records = {
                "file": display_name(audio),
                "seconds": round(float(heard.times[-1]), 3),
                "words": [record_of(word) for word in whole],
                "characters": [record_of(part, "character") for part in parts],
            }
            out.write(json.dumps(records, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        elif settings["format"] == "tsv":
            out.write(f"start\tend\tconfidence\t{settings['unit']}\n")
            out.writelines(
                f"{row.start:.3f}\t{row.end:.3f}\t{row.confidence:.4f}\t{cell(row.text)}\n"
                for row in rows
            )
        else:
            writer = make_writer(out, settings["format"])
            writer.write(Segment(audio, 0.0, float(heard.times[-1]), rows))
            writer.close()


def read_text(path: str, alphabet: Alphabet, errors: str) -> str:
    """The words of a file in one line.

    Raises SeqtoolError for a word that the alphabet has no symbols for.
    """
    lines = []
    for number, line in numbered_lines(path, errors):
        word = alphabet.unknown_in(line)
        if word is not None:
            raise SeqtoolError(
                f"{display_name(path)}:{number}: the model has no symbols for '{word}': write it "
                "as its training texts do"
            )
        lines += line.split()
    return " ".join(lines)


def hear_all(recogniser: Recogniser, path: str, raw: RawFormat | None) -> Heard:
    """A whole recording, piece by piece as it is transcribed. Raises SeqtoolError."""
    return hear_pieces(recogniser, list(read_pieces(path, recogniser.loaded.rate, raw)))


def hear_pieces(recogniser: Recogniser, pieces: Sequence[Piece]) -> Heard:
    """What all pieces of a recording sound like; nothing can be said in silent ones."""
    loaded = recogniser.loaded
    symbols, seconds = loaded.alphabet.symbols, loaded.step_seconds

    def listen(number: int) -> Floats:
        piece = pieces[number]
        if not piece.silent:
            return recogniser.log_probs(hear(piece.samples, loaded.front_end))
        steps = int(len(piece.samples) / loaded.rate / seconds)
        found = np.full((steps, symbols), _SILENT, np.float32)
        found[:, 0] = 0
        return found

    parts = recogniser.for_all(range(len(pieces)), listen)
    times = [
        piece.start_seconds + np.arange(len(part)) * seconds
        for piece, part in zip(pieces, parts, strict=True)
    ]
    last = pieces[-1] if pieces else None
    end = last.start_seconds + len(last.samples) / loaded.rate if last else 0.0
    nothing = np.zeros((0, symbols), np.float32)
    return Heard(np.concatenate([nothing, *parts]), np.concatenate([*times, [end]]))


def aligned(heard: Heard, text: str, alphabet: Alphabet, audio: str, path: str) -> CtcHypothesis:
    """The symbols of a text, each in its steps.

    Raises SeqtoolError, which names the two files, where the text does not fit.
    """
    labels = alphabet.encode([text])[0]
    steps = len(heard.log_probs)
    if steps * (2 * len(labels) + 1) > _MOST_CELLS:
        raise SeqtoolError(
            f"{display_name(audio)}: {heard.times[-1]:,.0f} s and {len(labels):,} symbols are too "
            "much at once: align it in parts"
        )
    try:
        found = align(heard.log_probs, labels)
    except ValueError as error:
        raise SeqtoolError(
            f"{display_name(path)}: {len(labels):,} symbols do not fit into the "
            f"{heard.times[-1]:.2f} s of {display_name(audio)}: is it the text of this recording?"
        ) from error
    total = float(found.log_probs.sum())
    confidences = np.exp(found.log_probs).astype(np.float32)
    return CtcHypothesis(labels, found.starts, found.ends, total, total, confidences)


def _characters(found: CtcHypothesis, alphabet: Alphabet) -> list[Word]:
    """The symbols that are more than space, in steps."""
    rows = []
    for number, first, last, confidence in zip(
        found.ids.tolist(), found.frames, found.ends, found.confidences, strict=True
    ):
        text = whole_characters(alphabet.texts[number]).strip()
        if text:
            rows.append(Word(text, float(first), float(last), min(1.0, float(confidence))))
    return rows


def _in_seconds(words: Sequence[Word], times: NDArray[np.float64]) -> list[Word]:
    return [
        word._replace(start=float(times[int(word.start)]), end=float(times[int(word.end)]))
        for word in words
    ]
