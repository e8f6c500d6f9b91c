"""The command `seqtool sentiment` and its jobs: their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from seqtool import options

_FORMATS = ("text", "tsv", "json", "jsonl")

_EXAMPLES = [
    ("seqtool sentiment reviews.txt", "label and probability for every line"),
    ("tail -f comments.txt | seqtool sentiment --format jsonl", "as lines come, as JSON"),
    ("seqtool sentiment train stars.tsv -o stars.safetensors", "learn labels of your own"),
    ("seqtool sentiment -m stars.safetensors reviews.txt", "use them"),
    ("seqtool sentiment eval -m stars.safetensors test.tsv", "how often it is right"),
    ("seqtool sentiment explain good food but slow service", "what each word contributed"),
]

_SECTIONS = {
    "Data": ("validation", "label_column", "text_column", "errors"),
    "Model": ("model", "dim", "min_count", "embeddings", "freeze"),
    "Averaged model": ("ngrams", "subwords", "min_ngram", "max_ngram", "buckets", "members"),
    "Recurrent models": (
        "hidden", "layers", "bidirectional", "pooling", "projection", "max_vocab",
        "word_dropout", "label_smoothing", "batch_size",
    ),
    "Training": (
        "epochs", "learning_rate", "dropout", "class_weights", "patience", "resume", "log",
        "threads", "seed",
    ),
}  # fmt: skip


def _file(name: str, metavar: str, text: str) -> Callable[[Any], Any]:
    return click.option(name, metavar=metavar, type=click.Path(), help=text)


_recurrent = options.together(
    options.number_option("--hidden", 128, "Size of the state of a layer."),
    options.number_option("--layers", 1, "Recurrent layers on top of each other.", most=100),
    click.option(
        "--bidirectional/--one-way",
        default=True,
        show_default=True,
        help="Read in both directions, or from first to last only.",
    ),
    click.option(
        "--pooling",
        type=click.Choice(["last", "mean", "max", "attention"]),
        default="attention",
        show_default=True,
        help="What goes to the softmax: the last state, or what of all states.",
    ),
    options.number_option(
        "--projection",
        None,
        "Learn to bring vectors to N numbers; only those are kept, so long vectors make a small "
        "and fast model.",
    ),
    options.number_option("--max-vocab", 30000, "Words of --embeddings are kept up to N in all."),
    options.rate_option("--word-dropout", 0.1, "Share of words that are left out at random."),
    options.rate_option("--label-smoothing", 0.1, "Probability to share out among all labels."),
    options.number_option("--batch-size", 32, "Texts between two changes of the weights."),
)
_model = options.model_option("Classifier")
_result = options.together(
    options.errors_option,
    options.threads_option,
    options.output_option,
    options.common_options,
)
_columns = options.together(
    click.option(
        "--label-column", metavar="NAME", help='Column or field of the label.  [default: "label"]'
    ),
    click.option(
        "--text-column", metavar="NAME", help='Column or field of the text.  [default: "text"]'
    ),
)


@click.group("sentiment", cls=options.CommandWithJobs, examples=_EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@_model
@options.format_option(*_FORMATS)
@_result
def command(files: tuple[str, ...], **settings: Any) -> None:
    """Label texts: positive or negative, or the labels of a model you train.

    A line in, a line out: its label, a tab and the label's probability. Other formats hold the
    probabilities of all labels. Without files the lines come from stdin.
    """
    from seqtool_sentiment.apply import run_apply

    run_apply(files, settings)


def _job(name: str, *examples: tuple[str, str], **extra: Any) -> Callable[[Any], Any]:
    return command.command(name, cls=options.ExamplesFirst, examples=list(examples), **extra)


@_job(
    "train",
    ("seqtool sentiment train reviews.tsv -o reviews.safetensors", "a label, a tab, a text a line"),
    ("seqtool sentiment train a.csv --validation b.csv -o m.safetensors", "keep the best epoch"),
    ("seqtool sentiment train a.tsv --embeddings v.vec -o m.safetensors", "words known elsewhere"),
    sections=_SECTIONS,
)
@click.argument("data", nargs=-1, required=True, metavar="DATA...", type=click.Path())
@_file("--validation", "FILE", "Labelled texts to test every epoch on; the best epoch is kept.")
@_columns
@options.errors_option
@click.option(
    "--model",
    type=click.Choice(["average", "rnn", "simple-gru", "gru", "lstm"]),
    default="average",
    show_default=True,
    help="Kind of model: the mean of word and n-gram vectors, or a recurrent network that reads "
    "word after word; then a softmax.",
)
@options.number_option(
    "--dim",
    None,
    "Dimensions of the vectors.  [default: 16, with two labels 2, recurrent 100, or those of "
    "--embeddings]",
)
@options.number_option("--min-count", 1, "Leave out words that occur less often.")
@click.option(
    "--embeddings",
    metavar="VECTORS",
    type=click.Path(),
    multiple=True,
    help="Start from the word vectors of a file. A recurrent model takes several: the vectors of a "
    "word are put end to end.",
)
@click.option("--freeze", is_flag=True, help="Leave the vectors of words as they are.")
@options.number_option("--ngrams", 2, "Longest n-grams of words.", most=8)
@click.option("--subwords", is_flag=True, help="Take n-grams of letters, too.")
@options.number_option("--min-ngram", 4, "Shortest n-grams of letters.", most=32)
@options.number_option("--max-ngram", 5, "Longest n-grams of letters.", most=32)
@options.number_option(
    "--buckets", 1 << 18, "Rows that n-grams are hashed into, a power of two.", most=1 << 30
)
@options.number_option("--members", 2, "Models to train side by side and average.")
@_recurrent
@options.number_option("--epochs", 10, "Passes over the data.")
@click.option(
    "--learning-rate",
    type=options.FiniteRange(min=0, min_open=True),
    metavar="X",
    help="First rate; it falls to zero.  [default: 0.2, recurrent 0.002]",
)
@click.option(
    "--dropout",
    type=options.FiniteRange(min=0, max=1, max_open=True),
    metavar="X",
    help="Share of words and n-grams, or of the numbers that go in and out of a network, that are "
    "left out at random.  [default: 0.6, recurrent 0.4]",
)
@click.option(
    "--class-weights",
    type=click.Choice(["none", "balanced"]),
    default="none",
    show_default=True,
    help="Whether rare labels count as much as frequent ones.",
)
@options.number_option(
    "--patience", 3, "With --validation: stop after N epochs that are no better."
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with a training that was stopped; other options as before.",
)
@_file("--log", "FILE", "Write a line of JSON for every epoch.")
@options.output_file_option("The model, FILE.safetensors.")
@options.threads_option
@options.seed_option(1)
@options.common_options
def train(data: tuple[str, ...], **settings: Any) -> None:
    """Learn labels from labelled texts.

    DATA is lines of label, tab and text; CSV whose first line names its columns; JSONL with the
    fields label and text; or fastText's __label__x text. A training that is stopped leaves
    FILE.work behind for --resume: the model is the same, byte for byte, as without the stop.
    """
    from seqtool_sentiment.train import run_train

    run_train(data, settings)


@_job(
    "eval",
    ("seqtool sentiment eval test.tsv", "scores of the built-in model"),
    ("seqtool sentiment eval -m stars.safetensors --format json test.csv", "for a program"),
)
@click.argument("data", nargs=-1, required=True, metavar="DATA...", type=click.Path())
@_model
@_columns
@options.format_option("text", "json")
@_result
def evaluate(data: tuple[str, ...], **settings: Any) -> None:
    """Accuracy, F1, confusion matrix and calibration on labelled texts.

    DATA is as for train. Calibration is whether labels of probability 0.8 are right 8 times of 10.
    """
    from seqtool_sentiment.evaluate import run_eval

    run_eval(data, settings)


@_job(
    "explain",
    ("seqtool sentiment explain good food but slow service", "one text"),
    ("seqtool sentiment explain --format jsonl reviews.txt", "a text a line"),
)
@click.argument("words", nargs=-1, metavar="[TEXT|FILE]")
@_model
@options.format_option(*_FORMATS)
@_result
def explain(words: tuple[str, ...], **settings: Any) -> None:
    """What each word contributed to the label of a text.

    It is how much lower the log-odds of the label are when the word is left out; words with a
    minus speak against the label. On a terminal they are coloured, green for and red against,
    unless NO_COLOR is set. The texts are the lines of FILE, or of stdin.
    """
    from seqtool_sentiment.explain import run_explain

    run_explain(words, settings)
