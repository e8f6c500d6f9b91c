"""Options that several jobs of `seqtool transcribe` share."""

from __future__ import annotations

import click

from seqtool import options

# Heading -> parameters, for help pages.
SEARCH = ("decoder", "beam", "lm", "lm_weight", "word_bonus", "hotwords")
SECTIONS = {"Searching": SEARCH}

model_option = options.model_option("Recogniser")

search_options = options.together(
    click.option(
        "--decoder",
        type=click.Choice(["ctc", "attention"]),
        help="What writes, for models that learned both.  [default: ctc]",
    ),
    options.number_option(
        "--beam",
        None,
        "Texts that are kept while searching; 1 is greedy.  [default: 1, with --lm or --hotwords "
        "100]",
        most=10_000,
    ),
    click.option(
        "--lm",
        metavar="FILE",
        type=click.Path(),
        help="n-grams of words that make probable texts win: ARPA, or of seqtool generate.",
    ),
    options.amount_option("--lm-weight", 0.5, "How much the n-grams count beside the sound."),
    options.amount_option("--word-bonus", 1.5, "What each word adds, for n-grams shorten texts."),
    click.option(
        "--hotwords",
        metavar="FILE|A,B",
        help="Words to listen for, in a file or with commas between.",
    ),
)
