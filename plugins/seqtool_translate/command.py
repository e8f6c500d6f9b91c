"""The command `seqtool translate` and its jobs: their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from seqtool import options
from seqtool_translate.diagnose_job import add_diagnose
from seqtool_translate.option_groups import (
    SECTIONS,
    drawing_options,
    model_option,
    pair_options,
    search_options,
)
from seqtool_translate.train_job import add_train

_EXAMPLES = [
    ("echo 'Ein Hund rennt über die Wiese.' | seqtool translate", "by the built-in model"),
    ("seqtool translate train --source a.de --target a.en -o m.safetensors", "learn from pairs"),
    ("seqtool translate -m m.safetensors < in.de > out.en", "a line in, a line out"),
    ("seqtool translate < in.de | seqtool bleu in.en -", "how good is it?"),
    ("seqtool translate eval --source in.de --target in.en", "the same, and how fast it is"),
    ("seqtool translate --nbest 3 --format tsv in.de", "three translations of each line"),
    ("seqtool translate diagnose --source in.de --target in.en", "model or search: who errs?"),
]


@click.group("translate", cls=options.CommandWithJobs, examples=_EXAMPLES, sections=SECTIONS)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@model_option
@search_options
@options.number_option("--nbest", 1, "Translations of each line; text has room for one.")
@click.option(
    "--constraint",
    metavar="FILE",
    type=click.Path(),
    help="Words that must come: line i has those of translation i, with tabs between.",
)
@drawing_options
@click.option(
    "--replace-unk", is_flag=True, help="In place of <unk> write the source word it looks at."
)
@click.option(
    "--dictionary",
    metavar="FILE",
    type=click.Path(),
    help="With --replace-unk: what to write for source words; lines of word, tab, translation.",
)
@click.option(
    "--scores", is_flag=True, help="The log-probability of every translation and token, too."
)
@click.option("--attention", is_flag=True, help="With json and jsonl: what each token looks at.")
@click.option("--heat-map", is_flag=True, help="Draw the attention below each translation.")
@click.option(
    "--attention-plot",
    metavar="FILE",
    type=click.Path(),
    help="Draw the attention of one sentence: FILE.png or FILE.svg.",
)
@options.format_option("text", "tsv", "json", "jsonl")
@options.errors_option
@options.threads_option
@options.output_option
@options.common_options
def command(files: tuple[str, ...], **settings: Any) -> None:
    """Translate text: a line in, a line out.

    An empty line stays empty. Without files the lines come from stdin. A line's translation does
    not depend on the lines beside it.
    """
    from seqtool_translate.apply import run_apply

    run_apply(files, settings)


def _job(name: str, *examples: tuple[str, str], **extra: Any) -> Callable[[Any], Any]:
    return command.command(name, cls=options.ExamplesFirst, examples=list(examples), **extra)


add_train(command)


@_job(
    "score",
    ("seqtool translate score --source a.de --target a.en", "a number for every pair"),
    ("seqtool translate score --format jsonl pairs.tsv", "with every token's"),
)
@click.argument("pairs", required=False, metavar="[PAIRS]", type=click.Path())
@pair_options
@model_option
@options.number_option("--max-input", 500, "Tokens of a source that are read; the rest is cut.")
@options.format_option("text", "tsv", "json", "jsonl")
@options.errors_option
@options.threads_option
@options.output_option
@options.common_options
def score(pairs: str | None, **settings: Any) -> None:
    """How probable given translations are.

    PAIRS has lines of sentence, tab, translation; or name two files. The numbers are natural logs
    of probabilities, the end of the sentence included.
    """
    from seqtool_translate.score import run_score

    run_score(pairs, settings)


@_job(
    "eval",
    ("seqtool translate eval --source test.de --target test.en", "BLEU, chrF and speed"),
    ("seqtool translate eval --beam 1 --format json --source a.de --target a.en", "greedily"),
)
@pair_options
@model_option
@search_options
@options.format_option("text", "json")
@options.errors_option
@options.threads_option
@options.output_option
@options.common_options
def evaluate(**settings: Any) -> None:
    """Translate, and score against the target.

    BLEU and chrF are those of seqtool bleu, with their signatures, in all and by the length of
    the source. Speed is that of translating alone.
    """
    from seqtool_translate.evaluate import run_eval

    run_eval(settings)


add_diagnose(command)
