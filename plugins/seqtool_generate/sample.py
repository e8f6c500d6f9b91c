"""`seqtool generate`: texts that go on from prompts, written while they are drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

import click
import numpy as np
from threadpoolctl import threadpool_limits

from seqtool.decode.beam import BeamOptions
from seqtool.decode.sampling import SamplingOptions
from seqtool.decode.stop import Reason, TokenStream
from seqtool.errors import SeqtoolError
from seqtool.options import given
from seqtool.output import open_output
from seqtool.text import numbered_lines
from seqtool_generate.draw import draw, search
from seqtool_generate.model_files import Loaded, load
from seqtool_generate.scoring import make_scorer
from seqtool_generate.text_side import Ids, Texts

_OF_SAMPLING = (
    "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "greedy", "seed",
)  # fmt: skip


def run_generate(settings: Mapping[str, Any]) -> None:
    """Generate and write texts. Raises SeqtoolError and click.UsageError."""
    _check(settings)
    loaded = load(settings["model"])
    with threadpool_limits(1, "blas"), open_output(settings["output"]) as out:
        writer = _Writer(out, settings["format"], loaded)
        made = 0
        for prompt in _prompts(settings["prompt"]):
            ids = _read_prompt(loaded, prompt, settings["quiet"])
            for text in _texts(loaded, prompt, ids, settings, made):
                writer.write(text)
            made += settings["count"]


def _check(settings: Mapping[str, Any]) -> None:
    """Refuse options that contradict each other."""
    if settings["beam"] is not None:
        for name in _OF_SAMPLING:
            if given(name):
                raise click.UsageError(f"--{name.replace('_', '-')} does not go with --beam")
        if settings["count"] > settings["beam"]:
            raise click.UsageError("--count is more than --beam holds")
    elif settings["length_penalty"]:
        raise click.UsageError("--length-penalty goes with --beam")
    if settings["greedy"]:
        if given("temperature"):
            raise click.UsageError("--temperature does not go with --greedy")
        if settings["count"] > 1:
            raise click.UsageError("--greedy has one result: leave --count out")


def _prompts(prompt: str) -> Iterator[str]:
    if prompt != "-":
        yield prompt
        return
    for _, line in numbered_lines("-"):
        yield line


def _read_prompt(loaded: Loaded, prompt: str, quiet: bool) -> Ids:
    """The ids of a prompt; says what of it the model does not know."""
    if loaded.text.lines and "\n" in prompt:
        raise SeqtoolError(
            f"{loaded.path} knows single lines: a prompt has no line break (a prompt a line: "
            "--prompt - and stdin)"
        )
    ids = loaded.text.encode_prompt(prompt)
    unknown = [] if quiet else loaded.text.unknown_parts(prompt)
    if unknown:
        shown = ", ".join(map(repr, unknown[:10])) + (", ..." if len(unknown) > 10 else "")
        click.echo(f"the vocabulary lacks {shown}: read as <unk>", err=True)
    return ids


def _texts(
    loaded: Loaded, prompt: str, ids: Ids, settings: Mapping[str, Any], first: int
) -> Iterator[_Text]:
    """The texts for one prompt."""
    banned = loaded.text.banned(settings["allow_unknown"])
    if settings["beam"] is not None:
        options = BeamOptions(
            width=settings["beam"],
            n_best=settings["count"],
            normalization="wu" if settings["length_penalty"] else "none",
            length_penalty=settings["length_penalty"],
            end=loaded.text.end if loaded.text.lines else None,
            banned=banned,
        )
        for hypothesis in search(loaded, ids, settings["length"], options):
            yield _Text(loaded, prompt, ids, iter([hypothesis.ids]), settings)
        return
    sampling = SamplingOptions(
        temperature=0.0 if settings["greedy"] else settings["temperature"],
        top_k=settings["top_k"],
        top_p=settings["top_p"],
        min_p=settings["min_p"],
        repetition_penalty=settings["repetition_penalty"],
        banned=banned,
        seed=settings["seed"],
    )
    for number in range(first, first + settings["count"]):
        yield _Text(loaded, prompt, ids, draw(loaded, ids, sampling, number), settings)


class _Text:
    """A text that is being made: `parts` gives it piece by piece.

    Attributes: ``ids`` so far, and ``reason``, why it ended.
    """

    def __init__(
        self,
        loaded: Loaded,
        prompt: str,
        prompt_ids: Ids,
        drawn: Iterator[Ids],
        settings: Mapping[str, Any],
    ) -> None:
        self.prompt = prompt
        self.ids: list[int] = []
        self._loaded = loaded
        self._prompt_ids = prompt_ids
        self._drawn = drawn
        end = [loaded.text.end] if loaded.text.lines and loaded.text.end is not None else []
        self._stream = TokenStream(settings["length"], end, settings["stop"])

    @property
    def reason(self) -> Reason | None:
        """Why it ended: "end", "length" or "string"."""
        return self._stream.reason

    def parts(self) -> Iterator[str]:
        """The text behind the prompt, as soon as it is certain."""
        side = self._loaded.text
        drop_space = side.spaced and (not self.prompt or self.prompt[-1].isspace())
        for some in self._drawn:
            ready = ""
            for token in some.tolist():
                piece = side.pieces[token]
                if drop_space and piece:
                    piece = piece.removeprefix(b" ")
                drop_space = side.spaced and (piece == b"\n" or (drop_space and not piece))
                self.ids.append(token)
                ready += self._stream.feed(token, piece)
                if self.reason is not None:
                    break
            if ready:
                yield ready
            if self.reason is not None:
                return

    def log_prob(self) -> float:
        """The natural log of the probability of what was drawn, whatever the options of drawing."""
        ids = np.concatenate([self._prompt_ids, np.array(self.ids, np.int32)])
        texts = Texts(ids.astype(np.int32), np.array([0, len(ids)], np.int64))
        scores = make_scorer(self._loaded).sequences(texts, 1)[0]
        return float(scores[len(self._prompt_ids) - 1 :].sum())


class _Writer:
    """Writes texts while they are made.

    text: the prompt and what follows; texts of several lines have a blank line between them.
    jsonl: an object a text.
    """

    def __init__(self, out: TextIO, format: str, loaded: Loaded) -> None:
        self._out = out
        self._json = format == "jsonl"
        self._gap = "" if loaded.text.lines else "\n"
        self._count = 0

    def write(self, text: _Text) -> None:
        """Write one text."""
        if self._json:
            whole = "".join(text.parts())
            record = {
                "prompt": text.prompt.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
                "text": whole,
                "log_prob": text.log_prob(),
                "tokens": len(text.ids),
                "reason": text.reason,
            }
            self._out.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")
            self._out.flush()
            return
        last = text.prompt
        self._out.write((self._gap if self._count else "") + text.prompt)
        for part in text.parts():
            self._out.write(part)
            self._out.flush()
            last = part
        self._out.write("" if last.endswith("\n") else "\n")
        self._out.flush()
        self._count += 1
