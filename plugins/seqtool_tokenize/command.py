"""The command `seqtool tokenize` and its jobs: their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from seqtool import options

_EXAMPLES = [
    ("echo 'Hello world' | seqtool tokenize", "pieces of the built-in model, a line for a line"),
    ("seqtool tokenize --ids -m tok.json corpus.txt.gz -o ids.txt", "ids of your own model"),
    ("seqtool tokenize --format jsonl < text.txt", "ids, pieces, and where each stands"),
    ("seqtool tokenize train corpus.txt --vocab-size 16000 -o tok.json", "byte-level BPE"),
    ("seqtool tokenize train c.txt --model unigram -o tok.json", "a unigram language model"),
    ("seqtool tokenize < text.txt | seqtool tokenize decode", "pieces back to text"),
    ("seqtool tokenize inspect text.txt", "how well the model fits a text"),
    ("seqtool tokenize words --rules 13a text.txt", "words by rules, without a model"),
]

_TRAIN_SECTIONS = {
    "Model": (
        "kind", "vocab_size", "pretokenize", "special", "byte_fallback", "min_frequency", "extend",
    ),
    "Text": ("normalize", "lowercase", "strip_accents", "errors"),
    "Work": ("memory", "threads"),
}  # fmt: skip

_RULES = ("unicode", "13a", "whitespace")


_files = click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
_model = options.model_option("Tokenizer (tokenizer.json, tiktoken ranks, sentencepiece .model)")
_ids = click.option("--ids", is_flag=True, help="Numbers instead of pieces.")
_rules = click.option(
    "--rules",
    type=click.Choice(_RULES),
    default=_RULES[0],
    show_default=True,
    help="Words of Unicode's UAX 29, words and punctuation as mteval-v13a, or what is between "
    "white space.",
)
_encoding = options.together(
    _files,
    _model,
    _ids,
    options.format_option("text", "jsonl"),
    click.option(
        "--nbest", metavar="N", type=click.IntRange(min=1), help="The N best cuts of each line."
    ),
    click.option(
        "--sample",
        metavar="ALPHA",
        type=options.FiniteRange(min=0),
        help="Draw a cut by P(x) to the power ALPHA (unigram; Kudo 2018).",
    ),
    click.option(
        "--dropout",
        metavar="P",
        type=options.FiniteRange(min=0, max=1),
        help="Leave out each merge with chance P (BPE; Provilkov et al. 2020).",
    ),
    options.seed_option(1),
    click.option("--bos", is_flag=True, help="Begin each line with <s>."),
    click.option("--eos", is_flag=True, help="End each line with </s>."),
    click.option(
        "--match-special", is_flag=True, help="Special tokens may stand in the text as they are."
    ),
    options.errors_option,
    options.threads_option,
    options.output_option,
    options.common_options,
)


@click.group("tokenize", cls=options.CommandWithJobs, examples=_EXAMPLES)
@_encoding
def command(files: tuple[str, ...], **settings: Any) -> None:
    """Cut text into pieces of a vocabulary: byte-level BPE, unigram, words, characters.

    Reads files or stdin and writes a line for a line, as they come. Pieces are separated by
    spaces; byte-level ones show a space as Ġ. A file that is called like another job, as "train",
    is named behind --.
    """
    from seqtool_tokenize.encode import run_encode

    run_encode(files, settings)


def _job(name: str, *examples: tuple[str, str], **more: Any) -> Callable[[Any], Any]:
    return command.command(name, cls=options.ExamplesFirst, examples=list(examples), **more)


@_job(
    "train",
    ("seqtool tokenize train corpus.txt --vocab-size 16000 -o tok.json", "byte-level BPE"),
    ("seqtool tokenize train 'news/*.gz' --model unigram --normalize nfkc -o tok.json", "unigram"),
    ("seqtool tokenize train c.txt --special '<sep>' --special '<cls>' -o tok.json", "own tokens"),
    ("seqtool tokenize train more.txt --extend tok.json --vocab-size 20000 -o big.json", "add"),
    sections=_TRAIN_SECTIONS,
)
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...", type=click.Path())
@click.option(
    "--model",
    "kind",
    type=click.Choice(["bpe", "unigram", "word", "char"]),
    default="bpe",
    show_default=True,
    help="Byte-level BPE, a unigram language model, whole words or single characters.",
)
@click.option(
    "--vocab-size",
    metavar="N",
    type=click.IntRange(min=1),
    default=16_000,
    show_default=True,
    help="Pieces, special tokens included; fewer if the corpus gives no more.",
)
@click.option(
    "--pretokenize",
    type=click.Choice(["gpt2", "gpt4", "whitespace", "none"]),
    help="Pieces do not reach beyond words of this kind.  [default: bpe gpt2, others whitespace]",
)
@click.option(
    "--special",
    multiple=True,
    metavar="TOKEN",
    help="A token of your own; may be repeated. <unk> <s> </s> <pad> are always there.",
)
@click.option(
    "--byte-fallback",
    is_flag=True,
    help="Unknown characters as 256 pieces of a byte each (unigram, char; bpe always).",
)
@click.option(
    "--min-frequency",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Leave out what occurs less often: merges of bpe, words, characters.",
)
@click.option(
    "--extend",
    metavar="FILE",
    type=click.Path(),
    help="Go on from this tokenizer: its pieces keep their ids, options of the model are its.",
)
@click.option("--normalize", type=click.Choice(["nfc", "nfkc"]), help="Unicode normalization.")
@click.option("--lowercase", is_flag=True, help="Take text in lower case.")
@click.option("--strip-accents", is_flag=True, help="Take letters without their accents.")
@options.memory_option
@options.errors_option
@options.threads_option
@options.output_option
@options.common_options
def train(corpus: tuple[str, ...], **settings: Any) -> None:
    """Learn a vocabulary from text.

    CORPUS is files, patterns in quotes, compressed files, and - for stdin. FILE of -o is a
    tokenizer.json as of Hugging Face tokenizers. What normalization and --lowercase change is
    lost; without them decode gives the bytes of the text back (bpe).
    """
    from seqtool_tokenize.train import run_train

    run_train(corpus, settings)


@_job(
    "encode",
    ("seqtool tokenize encode --ids text.txt", "the same as the bare command"),
    ("seqtool tokenize encode --dropout 0.1 --seed 7 text.txt", "other cuts every time"),
)
@_encoding
def encode(files: tuple[str, ...], **settings: Any) -> None:
    """Cut text into pieces: what the bare command does."""
    from seqtool_tokenize.encode import run_encode

    run_encode(files, settings)


@_job(
    "decode",
    ("seqtool tokenize text.txt | seqtool tokenize decode", "from pieces"),
    ("seqtool tokenize decode --ids -m tok.json ids.txt", "from numbers"),
)
@_files
@_model
@_ids
@options.output_option
@options.common_options
def decode(files: tuple[str, ...], **settings: Any) -> None:
    """Put pieces or ids together to text, a line for a line.

    Byte-level models give the bytes that were encoded. <s>, </s> and <pad> give nothing.
    """
    from seqtool_tokenize.decode import run_decode

    run_decode(files, settings)


@_job(
    "words",
    ("seqtool tokenize words text.txt", "words by Unicode's rules, without punctuation"),
    ("seqtool tokenize words --rules 13a < text.txt", "as BLEU is computed on"),
)
@_files
@_rules
@options.errors_option
@options.threads_option
@options.output_option
@options.common_options
def words(files: tuple[str, ...], **settings: Any) -> None:
    """Words by rules, separated by spaces; needs no model."""
    from seqtool_tokenize.words import run_words

    run_words(files, settings)


@_job(
    "count",
    ("seqtool tokenize count text.txt | head", "the most frequent words"),
    ("seqtool tokenize count --rules whitespace --memory 500M 'news/*.xz' -o counts.tsv", "large"),
)
@_files
@_rules
@click.option("--lowercase", is_flag=True, help="Count words in lower case.")
@click.option(
    "--min-frequency",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Leave out words that occur less often.",
)
@options.memory_option
@options.errors_option
@options.threads_option
@options.output_option
@options.common_options
def count(files: tuple[str, ...], **settings: Any) -> None:
    """How often each word occurs: lines "word TAB count", the most frequent first."""
    from seqtool_tokenize.words import run_count

    run_count(files, settings)


@_job(
    "inspect",
    ("seqtool tokenize inspect text.txt", "the built-in model on your text"),
    ("seqtool tokenize inspect -m tok.json --format json text.txt", "figures for a program"),
)
@_files
@_model
@options.format_option("text", "json")
@options.errors_option
@options.threads_option
@options.output_option
@options.common_options
def inspect(files: tuple[str, ...], **settings: Any) -> None:
    """How well a tokenizer fits a text: tokens a word, unknown words, what of it is used."""
    from seqtool_tokenize.inspect import run_inspect

    run_inspect(files, settings)
