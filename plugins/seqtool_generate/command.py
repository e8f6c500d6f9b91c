"""The command `seqtool generate` and its jobs: their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from seqtool import options
from seqtool.decode_options import SAMPLING, sampling_options
from seqtool.nn.training_options import SECTION, precision_option, training_options

_EXAMPLES = [
    ("seqtool generate --prompt 'ROMEO:'", "go on from a prompt, by the built-in model"),
    ("seqtool generate --temperature 0.5 --top-p 0.9 --count 3", "three texts, less daring"),
    ("seqtool generate train names.txt --one-per-line -o names.safetensors", "learn from a list"),
    ("seqtool generate -m names.safetensors --count 10 --seed 7", "invent names"),
    ("seqtool generate train text.txt --model ngram --order 5 -o text.arpa", "a baseline"),
    ("seqtool generate score -m text.arpa lines.txt", "log-probability of every line"),
    ("seqtool generate eval -m text.arpa test.txt", "perplexity and bits a character"),
]

_SECTIONS = {
    "What follows": (
        "prompt", "length", "stop", "count", "allow_unknown",
    ),
    "Sampling": (
        *SAMPLING, "seed",
    ),
    "Searching": ("greedy", "beam", "length_penalty"),
}  # fmt: skip

_TRAIN_SECTIONS = {
    "Text": (
        "level", "one_per_line", "tokenizer", "vocab_size", "min_count", "errors",
    ),
    "Model": (
        "model", "order", "cell", "embedding", "hidden", "layers", "dropout", "variational",
        "layer_norm", "residual", "tied", "label_smoothing", "embeddings", "steps", "precision",
    ),
    **SECTION,
}  # fmt: skip


_model = options.model_option("Language model (.safetensors, .arpa, .arpa.gz)")
_files = click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())


@click.group("generate", cls=options.CommandWithJobs, examples=_EXAMPLES, sections=_SECTIONS)
@_model
@click.option(
    "--prompt",
    default="",
    metavar="TEXT",
    help="What the text begins with; - takes a prompt a line from stdin.",
)
@options.number_option("--length", 200, "Tokens at most.")
@click.option(
    "--stop", multiple=True, metavar="TEXT", help="End before this text; may be repeated."
)
@options.number_option("--count", 1, "Texts for each prompt.")
@click.option("--allow-unknown", is_flag=True, help="<unk> may come, too.")
@sampling_options(temperature=0.8)
@options.seed_option(1)
@click.option("--greedy", is_flag=True, help="Always the most probable token.")
@options.number_option("--beam", None, "Beam search: of N texts side by side, the most probable.")
@options.amount_option(
    "--length-penalty", 0.0, "With --beam: X above 0 is for longer texts (Wu et al. 2016)."
)
@options.format_option("text", "jsonl")
@options.output_option
@options.common_options
def command(**settings: Any) -> None:
    """Write text by a language model, token by token as it is drawn.

    The filters work in this order: repetition penalty, top-k, top-p, min-p, and then
    temperature. The same seed gives the same text; another --seed gives another.
    """
    from seqtool_generate.sample import run_generate

    run_generate(settings)


def _job(name: str, *examples: tuple[str, str], **extra: Any) -> Callable[[Any], Any]:
    return command.command(name, cls=options.ExamplesFirst, examples=list(examples), **extra)


@_job(
    "train",
    ("seqtool generate train text.txt -o text.safetensors", "an LSTM of characters"),
    ("seqtool generate train names.txt --one-per-line -o names.safetensors", "from a list"),
    (
        "seqtool generate train text.txt --level word --cell gru --tied -o words.safetensors",
        "of words",
    ),
    ("seqtool generate train text.txt --level subword -o s.safetensors", "of pieces of words"),
    ("seqtool generate train text.txt --model ngram --order 5 -o text.arpa.gz", "n-grams"),
    sections=_TRAIN_SECTIONS,
)
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...", type=click.Path())
@click.option(
    "--level",
    type=click.Choice(["char", "word", "subword"]),
    default="char",
    show_default=True,
    help="What a token is: a character, what stands between white space, or a piece of a word.",
)
@click.option(
    "--one-per-line", is_flag=True, help="The corpus is a list: every line is a text of its own."
)
@click.option(
    "--tokenizer",
    metavar="FILE",
    type=click.Path(),
    help="Subwords of this tokenizer.  [default: byte-level BPE, learned from the corpus]",
)
@options.number_option(
    "--vocab-size",
    None,
    "Tokens at most, the rest is <unk>.  [default: all characters, 10000 words, 4000 subwords]",
)
@options.number_option("--min-count", 1, "Characters and words that come less often are <unk>.")
@options.errors_option
@click.option(
    "--model",
    type=click.Choice(["neural", "ngram"]),
    default="neural",
    show_default=True,
    help="A recurrent network, or n-grams (modified Kneser-Ney).",
)
@options.number_option("--order", 5, "Tokens of the longest n-grams.")
@click.option(
    "--cell",
    default="lstm",
    show_default=True,
    metavar="NAME",
    help="lstm, gru, simple-gru, rnn, relu-rnn, or one that a plugin adds.",
)
@options.number_option(
    "--embedding", None, "Size of a token's vector.  [default: characters 64, others 256]"
)
@options.number_option("--hidden", 256, "Size of a layer's state.")
@options.number_option("--layers", 2, "Recurrent layers.")
@options.rate_option("--dropout", 0.2, "Share of numbers that are dropped between layers.")
@click.option("--variational", is_flag=True, help="Drop the same numbers at every step.")
@click.option("--layer-norm", is_flag=True, help="Normalise what comes out of a layer.")
@click.option("--residual", is_flag=True, help="Add what goes into a layer to what comes out.")
@click.option("--tied", is_flag=True, help="One table for the tokens that come in and go out.")
@options.rate_option("--label-smoothing", 0.0, "Probability that is spread over all tokens.")
@click.option(
    "--embeddings",
    metavar="VECTORS",
    type=click.Path(),
    help="Begin with these word vectors (--level word).",
)
@options.number_option("--steps", 64, "Tokens of a text that gradients go back through.")
@precision_option("How weights are stored; float16 is half the size, and samples twice as fast.")
@training_options(
    epochs=20,
    batch_size=32,
    learning_rate=0.002,
    schedule="cosine",
    clip_norm=1.0,
    validation="0.1",
)
@options.output_file_option("The model: FILE.safetensors; n-grams also FILE.arpa or FILE.arpa.gz.")
@options.common_options
def train(corpus: tuple[str, ...], **settings: Any) -> None:
    """Learn a language model from text.

    CORPUS is files, patterns in quotes, compressed files, and - for stdin. Without --one-per-line
    it is one long text. A share for --validation is the end of a text, or random lines of a list.
    A training that is stopped leaves FILE.checkpoint behind for --resume: the model is the same,
    byte for byte, as without the stop.
    """
    from seqtool_generate.train import run_train

    run_train(corpus, settings)


@_job(
    "score",
    ("seqtool generate score lines.txt", "natural log of the probability of every line"),
    ("seqtool generate score -m text.arpa --format jsonl < lines.txt", "with every token's"),
)
@_files
@_model
@options.format_option("text", "tsv", "json", "jsonl")
@options.errors_option
@options.threads_option
@options.output_option
@options.common_options
def score(files: tuple[str, ...], **settings: Any) -> None:
    """Log-probability of every line, its end included.

    The numbers are natural logs. A line is scored by itself, whatever lines are beside it.
    """
    from seqtool_generate.score import run_score

    run_score(files, settings)


@_job(
    "eval",
    ("seqtool generate eval test.txt", "figures of the built-in model"),
    ("seqtool generate eval -m text.arpa --format json test.txt", "of n-grams, for a program"),
)
@_files
@_model
@options.format_option("text", "json")
@options.errors_option
@options.threads_option
@options.output_option
@options.common_options
def evaluate(files: tuple[str, ...], **settings: Any) -> None:
    """Perplexity and bits a character of a text.

    A model of a stream reads all files as one text, a model of lines scores each line. Perplexities
    can be compared if the signatures have the same tokens and vocabulary, bits a character always.
    """
    from seqtool_generate.evaluate import run_eval

    run_eval(files, settings)
