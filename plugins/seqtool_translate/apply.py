"""`seqtool translate`: a line in, a line out."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.output import open_output
from seqtool.progress import Progress
from seqtool_translate.attention_plot import check_plot, write_plot
from seqtool_translate.constraints import ConstraintFile
from seqtool_translate.forcing import Weights
from seqtool_translate.heat_map import heat_map
from seqtool_translate.lines import Lines, read_lines
from seqtool_translate.settings import check_drawing, check_search, make_translator
from seqtool_translate.translator import Texts, Translation, Translator
from seqtool_translate.unknown_words import (
    Dictionary,
    read_dictionary,
    replace_unknown,
    source_words,
)
from seqtool_translate.writers import Answer, Writer, make_writer, readable

_PICTURES = ("attention", "heat_map", "attention_plot")


def run_apply(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Translate the lines of files, as they come. Raises SeqtoolError and click.UsageError."""
    paths = files or ["-"]
    _check(paths, settings)
    translator = make_translator(settings)
    _check_attention(translator, settings)
    job = _Job(translator, settings)
    quiet = settings["quiet"] or (settings["output"] in (None, "-") and _on_terminal())
    with (
        open_output(settings["output"]) as out,
        Progress("translating", "lines", quiet=quiet) as progress,
    ):
        writer = make_writer(out, settings, translator)
        for lines in _some(paths, settings):
            _write(writer, job.answers(lines), settings)
            out.flush()
            progress.advance(len(lines.texts))
        job.finish()
        writer.close()


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _check(paths: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Refuse options that contradict each other."""
    check_search(settings)
    check_drawing(settings)
    format = settings["format"]
    if settings["nbest"] > 1 and format == "text":
        raise click.UsageError(
            "--nbest gives several translations of a line: use --format tsv, json or jsonl"
        )
    if settings["attention"] and format not in ("json", "jsonl"):
        raise click.UsageError("--attention goes with --format json or jsonl")
    if settings["heat_map"] and format != "text":
        raise click.UsageError("--heat-map goes with --format text")
    if settings["dictionary"] and not settings["replace_unk"]:
        raise click.UsageError("--dictionary goes with --replace-unk")
    if settings["attention_plot"]:
        check_plot(settings["attention_plot"])
    if [*paths, settings["constraint"], settings["dictionary"]].count("-") > 1:
        raise click.UsageError("- (stdin) can stand for one file only")


def _check_attention(translator: Translator, settings: Mapping[str, Any]) -> None:
    """Refuse what needs attention where there is none."""
    wanted = [name for name in ("replace_unk", *_PICTURES) if settings[name]]
    if wanted and not translator.attends:
        raise SeqtoolError(
            f"{translator.models[0].path} has no attention: --{wanted[0].replace('_', '-')} "
            "needs a model that was trained with --attention"
        )


def _some(paths: Sequence[str], settings: Mapping[str, Any]) -> Iterator[Lines]:
    """The lines of the input; for a picture there must be one, which is known beforehand."""
    found = read_lines(paths, settings["errors"])
    if not settings["attention_plot"]:
        yield from found
        return
    first = [lines for _, lines in zip(range(2), found, strict=False)]
    if sum(len(lines.texts) for lines in first) != 1:
        raise SeqtoolError(
            f"--attention-plot draws one sentence: give it one line, not "
            f"{'several' if first else 'none'}"
        )
    yield from first


class _Job:
    """Makes answers of lines."""

    def __init__(self, translator: Translator, settings: Mapping[str, Any]) -> None:
        self._translator = translator
        self._settings = settings
        self._pictures = any(settings[name] for name in _PICTURES)
        self._constraints: ConstraintFile | None = None
        if settings["constraint"]:
            self._constraints = ConstraintFile(
                settings["constraint"], translator.target, settings["errors"]
            )
        self._dictionary: Dictionary = {}
        if settings["dictionary"]:
            self._dictionary = read_dictionary(settings["dictionary"], settings["errors"])

    def answers(self, lines: Lines) -> Iterator[Answer]:
        """Translate some lines."""
        texts = self._translator.encode(lines.texts)
        warn_of_cuts(lines, texts, self._settings)
        phrases = self._constraints.take(len(lines.texts)) if self._constraints else None
        found = self._translator.translate_texts(lines.texts, texts, phrases, lines.first)
        flat = [
            (number, rank)
            for number, translations in enumerate(found)
            for rank, translation in enumerate(translations)
            if self._is_looked_at(translation)
        ]
        weights = self._translator.attend(
            texts, [number for number, _ in flat], [found[n][rank].ids for n, rank in flat]
        )
        attention = dict(zip(flat, weights, strict=True))
        for number, translations in enumerate(found):
            some = [attention.get((number, rank)) for rank in range(len(translations))]
            yield Answer(
                lines.first + number + 1,
                lines.texts[number],
                texts.line(number),
                self._replaced(translations, some, lines.texts[number], texts, number),
                some if self._pictures else None,
            )

    def _is_looked_at(self, translation: Translation) -> bool:
        """Whether it matters what its words attend to."""
        if not len(translation.ids):
            return False
        return self._pictures or bool(self._settings["replace_unk"] and self._unknown(translation))

    def _unknown(self, translation: Translation) -> bool:
        return bool((translation.ids == self._translator.target.unknown).any())

    def _replaced(
        self,
        translations: list[Translation],
        weights: list[Weights | None],
        line: str,
        texts: Texts,
        number: int,
    ) -> list[Translation]:
        """Translations with words in place of ``<unk>``, if that is wanted."""
        if not self._settings["replace_unk"]:
            return translations
        sides = self._translator
        words: list[str] | None = None
        ready = []
        for translation, attention in zip(translations, weights, strict=True):
            if attention is not None and self._unknown(translation):
                words = words or source_words(sides.source, line, len(texts.line(number)))
                text = replace_unknown(
                    translation.text, translation.ids, attention, sides.target, words,
                    self._dictionary,
                )  # fmt: skip
                translation = translation._replace(text=text)
            ready.append(translation)
        return ready

    def finish(self) -> None:
        """Raise SeqtoolError if there are constraints for more lines than there were."""
        if self._constraints:
            self._constraints.finish()


def warn_of_cuts(lines: Lines, texts: Texts, settings: Mapping[str, Any]) -> None:
    """Say which lines were too long."""
    for number in [] if settings["quiet"] else texts.cut:
        click.echo(
            f"{lines.place(number)}: more than {settings['max_input']:,} tokens: "
            "the rest is left out (see --max-input)",
            err=True,
        )


def _write(writer: Writer, answers: Iterator[Answer], settings: Mapping[str, Any]) -> None:
    """Write answers, and pictures of them."""
    for answer in answers:
        writer.write(answer)
        weights = answer.weights and answer.weights[0]
        if weights is None:
            continue
        source, target = writer.translator.source, writer.translator.target
        about = (
            readable(source, answer.source_ids),
            readable(target, answer.translations[0].ids),
            np.asarray(weights),
        )
        if settings["heat_map"]:
            width = shutil.get_terminal_size().columns
            writer.out.writelines(f"{line}\n" for line in [*heat_map(*about, width), ""])
        if settings["attention_plot"]:
            write_plot(settings["attention_plot"], *about)
