"""The command `seqtool bleu`: its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from seqtool import options
from seqtool_bleu.names import METRICS, SMOOTHINGS, TOKENIZERS

_EXAMPLES = [
    ("seqtool bleu ref.txt hyp.txt", "BLEU of a system against a reference"),
    ("seqtool bleu --metric bleu,chrf,ter ref.txt hyp.txt", "several metrics"),
    ("seqtool bleu ref-a.txt ref-b.txt - < hyp.txt", "two references, the system on stdin"),
    ("seqtool bleu ref.txt --hyp a.txt --hyp b.txt --paired-bootstrap", "is b better than a?"),
    ("seqtool bleu ref.txt --hyp a.txt --hyp b.txt --explain", "where do they differ?"),
    ("tail -f hyp.txt | seqtool bleu --sentence ref.txt -", "one score a line"),
]

_SECTIONS = {
    "What to score": ("hyp", "metric", "lowercase", "skip_empty_refs", "sentence", "errors"),
    "BLEU": ("tokenize", "smooth", "smooth_value", "max_order", "effective_order"),
    "chrF": (
        "chrf_char_order",
        "chrf_word_order",
        "chrf_beta",
        "chrf_whitespace",
        "chrf_eps_smoothing",
    ),
    "TER": ("ter_normalized", "ter_no_punct", "ter_asian_support", "ter_case_sensitive"),
    "Significance": ("confidence", "samples", "paired_bootstrap", "paired_ar", "trials", "seed"),
    "Result": ("explain", "format", "score_only", "width", "output"),
}

_LONGEST_NGRAM = 50


def _flag(name: str, text: str) -> Callable[[Any], Any]:
    return click.option(name, is_flag=True, help=text)


def _number(
    name: str, default: int, text: str, least: int = 1, most: int | None = None
) -> Callable[[Any], Any]:
    return click.option(
        name,
        type=click.IntRange(min=least, max=most),
        default=default,
        show_default=True,
        metavar="N",
        help=text,
    )


@click.command("bleu", cls=options.ExamplesFirst, examples=_EXAMPLES, sections=_SECTIONS)
@click.argument("files", nargs=-1, required=True, metavar="REF... HYP", type=click.Path())
@click.option(
    "--hyp",
    multiple=True,
    metavar="FILE",
    type=click.Path(),
    help="A system's output; give it once a system. All other files are references then.",
)
@click.option(
    "--metric",
    multiple=True,
    default=("bleu",),
    metavar="NAME",
    help=f"Any of {', '.join(METRICS)}; several with commas or by repeating the option.  "
    "[default: bleu]",
)
@_flag("--lowercase", "Ignore case (TER does unless --ter-case-sensitive).")
@_flag(
    "--skip-empty-refs",
    "An empty line in one of several reference files means: no such reference.",
)
@_flag("--sentence", "One score a line, as the lines come; BLEU with --effective-order.")
@options.errors_option
@click.option(
    "--tokenize",
    type=click.Choice(TOKENIZERS),
    default="13a",
    show_default=True,
    help="Tokenizer; the last four need a library or a model of their own.",
)
@click.option(
    "--smooth",
    type=click.Choice(list(SMOOTHINGS)),
    default="exp",
    show_default=True,
    help="What an n-gram order without a match counts as.",
)
@click.option(
    "--smooth-value",
    type=options.FiniteRange(min=0),
    metavar="X",
    help="Value for --smooth floor (default 0.1) and add-k (default 1).",
)
@_number("--max-order", 4, "Longest n-grams.", most=_LONGEST_NGRAM)
@_flag("--effective-order", "Leave out orders that the hypothesis is too short for.")
@_number("--chrf-char-order", 6, "Longest character n-grams.", most=_LONGEST_NGRAM)
@_number("--chrf-word-order", 0, "Longest word n-grams; chrf++ is chrf with 2.", 0, _LONGEST_NGRAM)
@_number("--chrf-beta", 2, "How much more recall counts than precision.", most=1_000_000)
@_flag("--chrf-whitespace", "White space counts as characters.")
@_flag("--chrf-eps-smoothing", "Smooth as chrF++.py, Moses and NLTK do.")
@_flag("--ter-normalized", "Separate punctuation as Tercom does.")
@_flag("--ter-no-punct", "Leave out punctuation.")
@_flag("--ter-asian-support", "With either of these: East Asian characters and marks, too.")
@_flag("--ter-case-sensitive", "Case counts.")
@_flag("--confidence", "95 % confidence interval by bootstrap resampling.")
@_number("--samples", 1000, "Bootstrap resamples.")
@_flag("--paired-bootstrap", "Paired bootstrap test of every system against the first.")
@_flag("--paired-ar", "Paired approximate randomisation test against the first system.")
@_number("--trials", 10_000, "Trials of --paired-ar.")
@options.seed_option(12345)
@_flag("--explain", "What costs most (one system), or where two systems differ.")
@options.format_option("text", "json", "jsonl", "tsv")
@_flag("--score-only", "Scores alone, one a line.")
@_number("--width", 2, "Decimals of scores in text.", least=0, most=20)
@options.output_option
@options.threads_option
@options.common_options
def command(files: tuple[str, ...], **settings: Any) -> None:
    """Score translations: BLEU, chrF, chrF++, TER; transcripts: WER, CER.

    The last file is the hypothesis, the others are references, each a sentence a line; - is
    stdin, and .gz, .xz, .bz2 and .zst files are read as they are. Scores, signatures, intervals
    and p-values are those of sacrebleu for the same choices.
    """
    from seqtool_bleu.run import run

    run(files, settings)
