"""The command `seqtool analogy` and its jobs: their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from seqtool import options
from seqtool_analogy.names import FORMATS, METRICS, NEIGHBOUR_METRICS

_EXAMPLES = [
    ("seqtool analogy man woman king", "man is to woman as king is to ?"),
    ("seqtool analogy paris:france::rome:?", "the same, written in one word"),
    ("seqtool analogy -m vectors.bin --metric mul --top 3 walk walked run", "other vectors"),
    ("seqtool analogy < questions.txt", "a question a line, an answer a line"),
    ("seqtool analogy neighbours king", "the words nearest to a word"),
    ("seqtool analogy eval questions-words.txt", "how many questions are answered rightly"),
    ("seqtool analogy plot -o map.html", "a map of the most frequent words"),
]


def _vocab(default: int | None = None) -> Callable[[Any], Any]:
    return click.option(
        "--vocab",
        metavar="N",
        type=click.IntRange(min=0),
        default=default,
        show_default=default is not None,
        help="Only the first N words of the vectors, the most frequent; 0 for all.",
    )


def _metric(names: tuple[str, ...]) -> Callable[[Any], Any]:
    meaning = "What near means: cosine (3CosAdd), Euclidean distance"
    if "mul" in names:
        meaning += ", or the product of cosines (3CosMul)"
    return click.option(
        "--metric",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help=f"{meaning}.",
    )


_model = options.model_option("Word vectors (word2vec, GloVe, fastText .bin, safetensors)")
_lowercase = click.option("--lowercase", is_flag=True, help="Look words up in lower case.")
_case = click.option(
    "--case-insensitive/--case-sensitive",
    default=True,
    show_default=True,
    help="Words that differ in case only are one, the most frequent of them.",
)
_asking = options.together(
    click.option(
        "--top",
        metavar="N",
        type=click.IntRange(min=1),
        help="How many answers.  [default: 10; 1 a line of stdin]",
    ),
    _vocab(),
    _lowercase,
    click.option(
        "--skip-unknown",
        is_flag=True,
        help="On stdin: an empty answer to questions with unknown words, instead of an error.",
    ),
    options.errors_option,
)
_result = options.together(
    options.format_option(*FORMATS),
    options.output_option,
    options.common_options,
)


@click.group("analogy", cls=options.CommandWithJobs, examples=_EXAMPLES)
@click.argument("words", nargs=-1, metavar="[A B C]")
@_model
@_metric(METRICS)
@_asking
@_result
def command(words: tuple[str, ...], **settings: Any) -> None:
    """Solve analogies with word vectors: A is to B as C is to ?

    Without words questions are read from stdin, a line each, and answered a line each as they
    come. The words of a question are never its answer. A first word that is the name of another
    job, as in "plot", is asked about behind --: seqtool analogy -- plot plots word.
    """
    from seqtool_analogy.ask import ask_analogy

    ask_analogy(words, settings)


def _job(name: str, *examples: tuple[str, str]) -> Callable[[Any], Any]:
    return command.command(name, cls=options.ExamplesFirst, examples=list(examples))


@_job(
    "neighbours",
    ("seqtool analogy neighbours king queen", "the words nearest to each of two"),
    ("seqtool analogy neighbours --top 5 --format tsv < words.txt", "a word a line"),
)
@click.argument("words", nargs=-1, metavar="[WORD]...")
@_model
@_metric(NEIGHBOUR_METRICS)
@_asking
@_result
def neighbours(words: tuple[str, ...], **settings: Any) -> None:
    """The words nearest to a word.

    Without words they are read from stdin, a line each.
    """
    from seqtool_analogy.ask import ask_neighbours

    ask_neighbours(words, settings)


@_job(
    "similarity",
    ("seqtool analogy similarity king queen", "the cosine of two words"),
    ("seqtool analogy similarity --pairs wordsim353.tsv", "agreement with people's scores"),
)
@click.argument("words", nargs=-1, metavar="[WORD WORD]")
@click.option(
    "--pairs",
    metavar="FILE",
    type=click.Path(),
    help='Lines "word word score": Spearman and Pearson correlation of scores and cosines.',
)
@_model
@_vocab()
@_lowercase
@_case
@options.errors_option
@_result
def similarity(words: tuple[str, ...], **settings: Any) -> None:
    """How similar two words are, or how well similarities follow people's.

    Pairs with a word that has no vector are left out and counted. --case-insensitive is about
    --pairs only.
    """
    from seqtool_analogy.similarity import run_similarity

    run_similarity(words, settings)


@_job(
    "eval",
    ("seqtool analogy eval questions-words.txt", "within the 30,000 most frequent words"),
    ("seqtool analogy eval -m vectors.bin --vocab 0 --metric mul questions.txt", "all words"),
)
@click.argument("file", metavar="FILE", type=click.Path())
@_model
@_metric(METRICS)
@_vocab(30_000)
@_case
@options.errors_option
@options.threads_option
@_result
def evaluate(file: str, **settings: Any) -> None:
    """Share of analogy questions answered rightly, by section.

    FILE has sections (": name") of questions (four words a line), as questions-words.txt.
    Questions with a word that has no vector are left out and counted. Sections named gram... are
    syntactic, the others semantic. The figures are those of gensim's evaluate_word_analogies.
    """
    from seqtool_analogy.evaluate import run_eval

    run_eval(file, settings)


@_job(
    "plot",
    ("seqtool analogy plot -o map.html", "a page to zoom, point at and search"),
    ("seqtool analogy plot -o map.png --words animals.txt --clusters 4", "chosen words"),
)
@options.output_file_option("The picture: .png, .svg or .html (one file, works offline).")
@click.option(
    "--words", metavar="FILE", type=click.Path(), help="Show the words of FILE; - is stdin."
)
@click.option(
    "--top",
    metavar="N",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Without --words: show the N most frequent words.",
)
@click.option(
    "--clusters",
    metavar="N",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Colour so many groups of similar words.",
)
@click.option(
    "--labels",
    metavar="N",
    type=click.IntRange(min=0),
    default=300,
    show_default=True,
    help="Label at most so many words of a .png or .svg.",
)
@click.option(
    "--perplexity",
    metavar="X",
    type=options.FiniteRange(min=1),
    default=30.0,
    show_default=True,
    help="About how many neighbours of a word t-SNE keeps near it.",
)
@_model
@_vocab()
@_lowercase
@options.errors_option
@options.seed_option(1)
@click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    envvar="SEQTOOL_THREADS",
    help="More threads are faster; the map differs a little for each number of them.",
)
@options.common_options
def plot(**settings: Any) -> None:
    """A map of words: near each other where their vectors are (t-SNE).

    Needs the extra: pip install 'seqtool[plot]'.
    """
    from seqtool_analogy.plot import run_plot

    run_plot(settings)


@_job(
    "export",
    ("seqtool analogy export -m vectors.bin -o vectors.safetensors", "from word2vec's format"),
    ("seqtool analogy export -o small.vec --vocab 5000", "the most frequent words as text"),
)
@options.output_file_option("The copy: .bin or .vec (word2vec), .txt (GloVe) or .safetensors.")
@_model
@_vocab()
@options.common_options
def export(**settings: Any) -> None:
    """Write vectors in another format, which the ending of FILE names."""
    from seqtool_analogy.files import run_export

    run_export(settings)


@_job("info", ("seqtool analogy info -m vectors.bin", "what is in a file"))
@_model
@_vocab()
@_result
def info(**settings: Any) -> None:
    """What the vectors are: format, words, dimensions, how they were made."""
    from seqtool_analogy.files import run_info

    run_info(settings)
