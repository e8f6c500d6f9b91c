"""Options that several jobs of `seqtool translate` share."""

from __future__ import annotations

import click

from seqtool import options
from seqtool.decode_options import SAMPLING, sampling_options

# Heading -> parameters, for help pages.
SEARCH = (
    "beam", "penalty", "length_penalty", "coverage_penalty", "max_ratio", "max_input",
    "no_repeat_ngram", "ensemble",
)  # fmt: skip
SECTIONS = {
    "Searching": (*SEARCH, "nbest", "constraint"),
    "Sampling": ("sample", *SAMPLING, "seed"),
    "Unknown words": ("replace_unk", "dictionary"),
    "Result": (
        "scores", "attention", "heat_map", "attention_plot", "format", "output",
    ),
}  # fmt: skip

model_option = options.model_option("Translation model")

search_options = options.together(
    options.number_option("--beam", 5, "Translations that are kept while searching; 1 is greedy."),
    click.option(
        "--penalty",
        type=click.Choice(["length", "gnmt"]),
        default="length",
        show_default=True,
        help="What makes up for length: log-probability / length^X, or that of Wu et al. 2016.",
    ),
    options.amount_option(
        "--length-penalty", 0.7, "The exponent of either: more is for longer translations."
    ),
    options.amount_option(
        "--coverage-penalty", 0.0, "With --penalty gnmt: above 0 against leaving words out."
    ),
    options.amount_option(
        "--max-ratio", 2.0, "At most X tokens for each token of the source, and 10 more."
    ),
    options.number_option("--max-input", 500, "Tokens of a line that are read; the rest is cut."),
    options.number_option(
        "--no-repeat-ngram", 0, "The same N tokens never come twice; 0 lets them.", least=0
    ),
    click.option(
        "--ensemble",
        multiple=True,
        metavar="FILE",
        help="Average with this model, too; may be repeated. It must have the same tokenizers.",
    ),
)

drawing_options = options.together(
    click.option("--sample", is_flag=True, help="Draw translations at random."),
    sampling_options(temperature=1.0),
    options.seed_option(1),
)

pair_options = options.together(
    click.option(
        "--source", metavar="FILE", type=click.Path(), help="Sentences, one a line; - is stdin."
    ),
    click.option(
        "--target", metavar="FILE", type=click.Path(), help="Their translations, line by line."
    ),
)
