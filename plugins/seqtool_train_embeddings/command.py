"""The command `seqtool train-embeddings`: its options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from seqtool import options

_EXAMPLES = [
    ("seqtool train-embeddings corpus.txt -o vectors.safetensors", "skip-gram vectors"),
    ("seqtool train-embeddings wiki.txt.xz --lowercase --method cbow -o wiki.vec", "CBOW, as text"),
    ("seqtool train-embeddings 'news/*.gz' --method glove --window 10 -o news.bin", "GloVe"),
    ("seqtool train-embeddings c.txt --subwords -o c.safetensors", "vectors for unseen words, too"),
    ("seqtool train-embeddings c.txt --eval questions-words.txt -o c.vec", "test every epoch"),
    ("seqtool train-embeddings corpus.txt -o vectors.safetensors --resume", "after a stop"),
]

_SECTIONS = {
    "Corpus": (
        "lowercase", "tokenizer", "sentences", "min_count", "max_vocab", "phrases", "memory",
        "errors",
    ),
    "Model": ("method", "objective", "dim", "window", "negatives", "power", "sample", "init"),
    "Subwords": ("subwords", "min_ngram", "max_ngram", "buckets"),
    "Neural model": ("context", "hidden"),
    "GloVe": ("x_max", "alpha", "sum_contexts"),
    "Training": ("epochs", "learning_rate", "eval", "deterministic", "resume", "threads", "seed"),
}  # fmt: skip


def _flag(name: str, text: str) -> Callable[[Any], Any]:
    return click.option(name, is_flag=True, help=text)


def _number(name: str, default: int | None, text: str, least: int = 1) -> Callable[[Any], Any]:
    return click.option(
        name,
        type=click.IntRange(min=least),
        default=default,
        show_default=default is not None,
        metavar="N",
        help=text,
    )


def _real(name: str, default: float | None, text: str, **bounds: Any) -> Callable[[Any], Any]:
    return click.option(
        name,
        type=options.FiniteRange(min=0, **bounds),
        default=default,
        show_default=default is not None,
        metavar="X",
        help=text,
    )


@click.command(
    "train-embeddings", cls=options.ExamplesFirst, examples=_EXAMPLES, sections=_SECTIONS
)
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...", type=click.Path())
@_flag("--lowercase", "Take words in lower case.")
@click.option(
    "--tokenizer",
    metavar="FILE",
    help="Take the pieces of a tokenizer, or of an installed one, as words.",
)
@click.option(
    "--sentences",
    type=click.Choice(["lines", "documents"]),
    default="lines",
    show_default=True,
    help="Windows end with a line, or with a blank line.",
)
@_number("--min-count", 5, "Leave out words that occur less often.")
@_number("--max-vocab", None, "Keep only the N most frequent words.")
@_number("--phrases", 0, "Join frequent pairs of words, in N passes (new_york).", least=0)
@options.memory_option
@options.errors_option
@click.option(
    "--method",
    type=click.Choice(["skipgram", "cbow", "glove", "nnlm"]),
    default="skipgram",
    show_default=True,
    help="How words and contexts predict each other.",
)
@click.option(
    "--objective",
    type=click.Choice(["ns", "hs", "softmax"]),
    help="Negative sampling, hierarchical softmax or full softmax.  [default: ns; nnlm: softmax]",
)
@_number("--dim", 100, "Dimensions of the vectors.")
@_number("--window", 5, "Words on either side.")
@_number("--negatives", 5, "Negative samples a word.")
@_real("--power", 0.75, "Negatives are drawn by counts to this power.")
@_real("--sample", 1e-3, "Subsample words more frequent than this; 0 keeps all.")
@click.option(
    "--init", metavar="VECTORS", type=click.Path(), help="Start from the vectors of a file."
)
@_flag("--subwords", "Vectors of character n-grams, so that unseen words have one.")
@_number("--min-ngram", 3, "Shortest n-grams.")
@_number("--max-ngram", 6, "Longest n-grams.")
@_number("--buckets", 2_000_000, "Rows that n-grams are hashed into.")
@click.option(
    "--context",
    default="last:4",
    show_default=True,
    metavar="KIND:N",
    help="What predicts: last:N words, around:N on either side, or nearby:1.",
)
@_number("--hidden", 128, "Hidden units.")
@_real("--x-max", 100.0, "Counts from here on weigh the same.", min_open=True)
@_real("--alpha", 0.75, "Lower counts weigh (count / x-max) to this power.")
@click.option(
    "--sum-contexts/--no-sum-contexts",
    default=True,
    show_default=True,
    help="Add up word and context vectors (w + w~), or take w.",
)
@_number("--epochs", 5, "Passes over the corpus.")
@_real(
    "--learning-rate",
    None,
    "First rate; it falls to zero.  [default: skipgram 0.025, others 0.05]",
    min_open=True,
)
@click.option(
    "--eval",
    multiple=True,
    metavar="FILE",
    type=click.Path(),
    help="Analogy questions or word similarities to test after every epoch.",
)
@_flag("--deterministic", "Same vectors for any --threads: one thread does the updates.")
@_flag("--resume", "Go on with a training that was stopped; other options as before.")
@options.output_option
@click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1),
    default=options.usable_cores,
    show_default="usable cores",
    envvar="SEQTOOL_THREADS",
    help="Threads; with more than one they update the vectors without waiting for each other, "
    "and runs differ a little.",
)
@options.seed_option(1)
@options.common_options
def command(corpus: tuple[str, ...], **settings: Any) -> None:
    """Train word vectors: word2vec, fastText, GloVe, a neural language model.

    CORPUS is text with words between white space, a sentence a line; several files, patterns in
    quotes, compressed files, and - for stdin. -o decides the format: .safetensors, .bin and .vec
    (word2vec), .txt (GloVe). A training that is stopped leaves FILE.work behind for --resume:
    with --threads 1 the result is the same, byte for byte, as without the stop.
    """
    from seqtool_train_embeddings.run import run

    run(corpus, settings)
