"""The options of `seqtool translate train`."""

from __future__ import annotations

from typing import Any

import click

from seqtool import options
from seqtool.nn.training_options import SECTION, precision_option, training_options
from seqtool.options import number_option, rate_option, together

_SECTIONS = {
    "Text": (
        "source", "target", "validation_source", "validation_target", "max_length", "level",
        "vocab_size", "joint", "tokenizer", "source_tokenizer", "target_tokenizer",
        "subword_dropout", "errors",
    ),
    "Model": (
        "cell", "embedding", "hidden", "layers", "unidirectional", "attention", "feeding",
        "coverage", "untied", "dropout", "label_smoothing", "precision",
    ),
    **SECTION,
}  # fmt: skip

_EXAMPLES = [
    ("seqtool translate train pairs.tsv -o m.safetensors", "from lines of source, tab, target"),
    ("seqtool translate train --source a.de --target a.en -o m.safetensors", "from two files"),
    (
        "seqtool translate train dates.tsv --level char -o dates.safetensors",
        "character by character",
    ),
    (
        "seqtool translate train pairs.tsv --attention none -o plain.safetensors",
        "what is attention worth?",
    ),
]


def _files(name: str, text: str) -> Any:
    return click.option(name, multiple=True, metavar="FILE", type=click.Path(), help=text)


def _file(name: str, text: str) -> Any:
    return click.option(name, metavar="FILE", type=click.Path(), help=text)


_text_options = together(
    _files("--source", "Lines to translate; may be repeated, and be a pattern in quotes."),
    _files("--target", "Their translations, line by line, a file for every --source."),
    _files("--validation-source", "Lines to validate on; in place of --validation."),
    _files("--validation-target", "Their translations."),
    number_option("--max-length", 200, "Pairs with a side of more tokens are left out."),
    click.option(
        "--level",
        type=click.Choice(["subword", "word", "char"]),
        default="subword",
        show_default=True,
        help="What a token is: a piece of a word, what stands between white space, or a character.",
    ),
    number_option(
        "--vocab-size",
        None,
        "Tokens at most.  [default: 6144 subwords, 10000 words, all characters]",
    ),
    click.option(
        "--joint/--separate",
        default=None,
        help="One vocabulary and one table of vectors for both languages, or one for each.  "
        "[default: joint for subwords, else separate]",
    ),
    _file("--tokenizer", "Subwords of this tokenizer, for both languages."),
    _file("--source-tokenizer", "Subwords of the source."),
    _file("--target-tokenizer", "Subwords of the target."),
    click.option(
        "--subword-dropout",
        type=options.FiniteRange(min=0, max=1, max_open=True),
        metavar="X",
        help="Chance that a merge of BPE is left out, anew in every epoch.  [default: 0.1]",
    ),
    options.errors_option,
)

_model_options = together(
    click.option(
        "--cell",
        default="lstm",
        show_default=True,
        metavar="NAME",
        help="lstm, gru, simple-gru, rnn, relu-rnn, or one that a plugin adds.",
    ),
    number_option(
        "--embedding", None, "Size of a token's vector.  [default: characters 64, others 256]"
    ),
    number_option("--hidden", None, "Size of a state.  [default: characters 128, others 512]"),
    number_option("--layers", 1, "Recurrent layers of the encoder, and of the decoder."),
    click.option("--unidirectional", is_flag=True, help="Read the source only forwards."),
    click.option(
        "--attention",
        type=click.Choice(["none", "additive", "dot", "general"]),
        default="general",
        show_default=True,
        help="How the decoder compares its state with the source.",
    ),
    click.option(
        "--feeding/--no-feeding",
        default=None,
        help="Tell the decoder what it looked at one step before.  [default: with attention]",
    ),
    click.option(
        "--coverage", is_flag=True, help="Tell additive attention what it looked at so far."
    ),
    click.option("--untied", is_flag=True, help="Tables of their own for tokens that go out."),
    rate_option("--dropout", 0.3, "Share of numbers that are dropped between layers."),
    rate_option("--label-smoothing", 0.1, "Probability that is spread over all tokens."),
    precision_option("How weights are stored; float16 is half the size."),
)


def add_train(command: click.Group) -> None:
    """Add the job to the command."""

    @command.command("train", cls=options.ExamplesFirst, examples=_EXAMPLES, sections=_SECTIONS)
    @click.argument("pairs", nargs=-1, metavar="[PAIRS]...", type=click.Path())
    @_text_options
    @_model_options
    @training_options(
        epochs=16,
        batch_size=64,
        learning_rate=0.002,
        schedule="cosine",
        clip_norm=1.0,
        validation="0.05",
    )
    @options.output_file_option("The model: FILE.safetensors.")
    @options.common_options
    def train(pairs: tuple[str, ...], **settings: Any) -> None:
        """Learn to translate from pairs of lines.

        PAIRS is files with lines of source, tab, target (what follows a second tab is not read),
        patterns in quotes, compressed files, and - for stdin; or name the two sides by --source
        and --target. Pairs with an empty side are left out.

        After every epoch the validation pairs are translated greedily. The weights with most BLEU
        are kept, of equals those with less loss. A training that is stopped leaves
        FILE.checkpoint behind for --resume: the model is the same, byte for byte, as without the
        stop.
        """
        from seqtool_translate.train import run_train

        run_train(pairs, settings)
