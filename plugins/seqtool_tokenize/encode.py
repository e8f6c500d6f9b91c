"""`seqtool tokenize` and `seqtool tokenize encode`: text into pieces or ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import click
import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.output import open_binary_output
from seqtool.tokenizers.batches import texts_of
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.types import Batch, Encoded
from seqtool_tokenize.lines import Lines, read_lines
from seqtool_tokenize.load import load_model
from seqtool_tokenize.writers import JsonWriter, TextWriter


def run_encode(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Encode files line by line. Raises SeqtoolError and click.UsageError."""
    _check(settings)
    tokenizer = load_model(settings)
    encoder = _Encoder(tokenizer, settings)
    with open_binary_output(settings["output"]) as out:
        for lines in read_lines(files, settings["errors"]):
            encoder.write(lines, out)
            out.flush()


def _check(settings: Mapping[str, Any]) -> None:
    """Refuse options that contradict each other."""
    given = [name for name in ("nbest", "sample", "dropout") if settings[name] is not None]
    if len(given) > 1:
        raise click.UsageError(f"--{given[0]} and --{given[1]} do not go together")
    if settings["ids"] and settings["format"] == "jsonl":
        raise click.UsageError("--ids is for --format text: jsonl has ids and pieces")
    if settings["nbest"] is not None and settings["match_special"]:
        raise click.UsageError("--nbest and --match-special do not go together")


class _Encoder:
    """Encodes lines by the settings of the command line."""

    def __init__(self, tokenizer: Tokenizer, settings: Mapping[str, Any]) -> None:
        self._tokenizer = tokenizer
        self._settings = settings
        self._random = np.random.default_rng(settings["seed"])
        self._json = settings["format"] == "jsonl"
        self._amount = settings["sample"]
        for name, kind in (("sample", "unigram"), ("dropout", "bpe")):
            if settings[name] is not None:
                if tokenizer.model.kind != kind:
                    raise SeqtoolError(
                        f"--{name} needs a {kind} model, this is a {tokenizer.model.kind} model"
                    )
                self._amount = settings[name]
        if settings["nbest"] is not None and tokenizer.model.kind != "unigram":
            raise SeqtoolError(f"--nbest needs a unigram model, not {tokenizer.model.kind}")
        self._writer = (
            JsonWriter(tokenizer) if self._json else TextWriter(tokenizer, settings["ids"])
        )

    def write(self, lines: Lines, out: BinaryIO) -> None:
        """Write the tokens of lines. Raises SeqtoolError with the place of what has none."""
        batch = lines.batch()
        try:
            if self._settings["nbest"] is None:
                self._writer.write(batch, self._encode(batch), out)
            else:
                for text in texts_of(batch):
                    self._write_best(text, out)
        except SeqtoolError as error:
            raise SeqtoolError(f"{self._place_of_failure(lines)}: {error}") from error

    def _encode(self, batch: Batch) -> Encoded:
        """The tokens of texts: the best cut, or a random one."""
        about = {
            "bos": self._settings["bos"],
            "eos": self._settings["eos"],
            "with_ends": self._json,
            "match_special": self._settings["match_special"],
        }
        if self._amount is not None:
            return self._tokenizer.sample(batch, self._amount, self._random, **about)
        return self._tokenizer.encode_batch(batch, self._settings["threads"], **about)

    def _write_best(self, text: bytes, out: BinaryIO) -> None:
        """Several cuts of one text, a line each."""
        for ids, score in self._tokenizer.nbest(
            text, self._settings["nbest"], self._settings["bos"], self._settings["eos"]
        ):
            self._writer.write_scored(ids, score, out)

    def _place_of_failure(self, lines: Lines) -> str:
        """``file:line`` of the first line that cannot be encoded."""
        for number, text in enumerate(texts_of(lines.batch())):
            try:
                self._tokenizer.encode_batch([text])
            except SeqtoolError:
                return lines.place(number)
        return lines.place(0)
