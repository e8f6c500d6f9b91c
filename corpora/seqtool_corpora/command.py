"""The command `seqtool corpora` and its jobs: their options."""

from __future__ import annotations

from typing import Any

import click

from seqtool import options

_EXAMPLES = [
    ("seqtool corpora", "what can be made"),
    ("seqtool corpora make dates --count 10000 -o dates.tsv", "10,000 dates, and what they mean"),
    (
        "seqtool corpora make dates --seed 2 --held-out dates.tsv --count 1000 -o test.tsv",
        "others, to test on",
    ),
]


@click.group("corpora", cls=options.CommandWithJobs, examples=_EXAMPLES)
@options.format_option("text", "json")
@options.output_option
@options.common_options
def command(format: str, output: str | None, **settings: Any) -> None:
    """List the corpora that can be made; make one.

    They are for trying things out: small, made by rules, with right answers. Plugins can add
    their own.
    """
    from seqtool_corpora.make import run_list

    run_list(format, output)


@command.command(
    "make",
    cls=options.ExamplesFirst,
    examples=[
        ("seqtool corpora make dates --count 5", "a few lines"),
        ("seqtool corpora make dates --count 20000 --seed 1 -o train.tsv", "to learn from"),
        (
            "seqtool corpora make dates --seed 2 --held-out train.tsv -o test.tsv",
            "to test on: none of them is in train.tsv",
        ),
    ],
)
@click.argument("name", metavar="NAME")
@click.option(
    "--count",
    metavar="N",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="So many lines, all different.",
)
@click.option(
    "--held-out",
    metavar="FILE",
    type=click.Path(),
    help="Leave out the lines of FILE; - is stdin.",
)
@options.seed_option(1)
@options.output_option
@options.common_options
def make(name: str, **settings: Any) -> None:
    """Write lines of a corpus.

    What the columns of a line are, which tabs separate, is in the list of `seqtool corpora`.
    With the same seed, a smaller N gives the first lines of a larger one.
    """
    from seqtool_corpora.make import run_make

    run_make(name, settings)
