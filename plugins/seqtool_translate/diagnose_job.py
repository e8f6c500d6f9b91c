"""The options of `seqtool translate diagnose`."""

from __future__ import annotations

from typing import Any

import click

from seqtool import options
from seqtool_translate.option_groups import model_option, pair_options

_WIDEST = 1000


def _beams(context: click.Context, option: click.Parameter, value: str) -> tuple[int, ...]:
    """Sizes of beams, rising."""
    words = [word.strip() for word in value.split(",")]
    if not all(word.isdecimal() and 1 <= int(word) <= _WIDEST for word in words):
        raise click.BadParameter(
            f"{value!r}: write numbers from 1 to {_WIDEST} with commas between, as 1,3,10"
        )
    return tuple(sorted({int(word) for word in words}))


def add_diagnose(command: click.Group) -> None:
    """Add the job to `seqtool translate`."""

    @command.command(
        "diagnose",
        cls=options.ExamplesFirst,
        examples=[
            ("seqtool translate diagnose --source test.de --target test.en", "who errs?"),
            (
                "seqtool translate diagnose --beams 1,5 --worst 20 --format json "
                "--source test.de --target test.en",
                "for a program",
            ),
        ],
    )
    @pair_options
    @model_option
    @click.option(
        "--beams",
        metavar="N,...",
        default="1,3,10,100",
        show_default=True,
        callback=_beams,
        help="Sizes of the beam to compare; 1 is greedy.",
    )
    @options.amount_option(
        "--length-penalty", 0.7, "Scores are log-probability / length^X, in the search, too."
    )
    @options.amount_option(
        "--max-ratio", 2.0, "At most X tokens for each token of the source, and 10 more."
    )
    @options.number_option("--max-input", 500, "Tokens of a line that are read; the rest is cut.")
    @options.number_option("--worst", 3, "So many of the worst sentences of each kind.", least=0)
    @options.format_option("text", "json")
    @options.errors_option
    @options.threads_option
    @options.output_option
    @options.common_options
    def diagnose(**settings: Any) -> None:
        """Model or search: which of them is to blame?

        For every sentence the model's score of the human translation is compared with that of its
        own one. If the human one's is higher, the search missed it: a search error, which a wider
        beam may mend. If not, the model prefers what is wrong: a model error, which no beam mends.
        Equal translations are counted apart.
        """
        from seqtool_translate.diagnose_run import run_diagnose

        run_diagnose(settings)
