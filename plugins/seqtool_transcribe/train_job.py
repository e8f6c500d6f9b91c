"""The options of `seqtool transcribe train`."""

from __future__ import annotations

import math
from typing import Any

import click

from seqtool import options
from seqtool.nn.training_options import SECTION, precision_option, training_options
from seqtool.options import number_option, rate_option, together

_SECTIONS = {
    "Sound": ("rate", "mels", "normalise", "errors"),
    "Text": ("level", "vocab_size", "tokenizer"),
    "Examples": ("join", "empty", "noise", "snr", "speed", "echo", "spec_augment"),
    "Model": (
        "cell", "hidden", "layers", "unidirectional", "convolutions", "channels", "stride",
        "dropout", "loss", "precision",
    ),
    **SECTION,
}  # fmt: skip

_EXAMPLES = [
    ("seqtool transcribe train clips.tsv -o m.safetensors", "lines of path, tab, text"),
    ("seqtool transcribe train recordings/ -o m.safetensors", "a folder: a.wav beside a.txt"),
    (
        "seqtool transcribe train words.tsv --join 3..7 --empty 0.1 -o m.safetensors",
        "from single words to strings of them",
    ),
    (
        "seqtool transcribe train clips.tsv --noise noise/ --snr 5..30 --spec-augment"
        " -o m.safetensors",
        "make it robust",
    ),
]


def _range(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    """LOW..HIGH as two finite numbers."""
    if value is None:
        return None
    try:
        low, high = map(float, value.split(".."))
    except ValueError:
        low, high = 1.0, 0.0
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise click.BadParameter(f"'{value}' is no range: write for example {option.metavar}")
    return low, high


def _speeds(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    found = _range(context, option, value)
    if found and not 0.5 <= found[0] <= found[1] <= 2:
        raise click.BadParameter(f"'{value}': speeds are from 0.5 to 2")
    return found


def _counts(context: click.Context, option: click.Parameter, value: str | None) -> Any:
    found = _range(context, option, value)
    if found is None:
        return None
    low, high = map(int, found)
    if (low, high) != found or not 1 <= low <= high <= 1000:
        raise click.BadParameter(f"'{value}': counts are from 1 to 1000")
    return low, high


def _range_option(name: str, check: Any, example: str, text: str) -> Any:
    return click.option(name, callback=check, metavar=example, help=text)


_sound_options = together(
    click.option(
        "--rate",
        type=click.IntRange(4000, 48000),
        default=16000,
        show_default=True,
        metavar="HZ",
        help="Samples a second that the model hears; others are resampled.",
    ),
    number_option("--mels", 40, "Numbers of a frame: mel filters.", most=256),
    click.option(
        "--normalise",
        type=click.Choice(["level", "utterance"]),
        default="level",
        show_default=True,
        help="Take away a recording's loudness, or the mean and deviation of each band.",
    ),
    options.errors_option,
)

_text_options = together(
    click.option(
        "--level",
        type=click.Choice(["char", "word", "subword"]),
        default="char",
        show_default=True,
        help="What a symbol is: a character, what stands between white space, or a piece of a "
        "word.",
    ),
    number_option(
        "--vocab-size", None, "Symbols at most.  [default: all characters, 10000 words, 320 pieces]"
    ),
    click.option(
        "--tokenizer", metavar="FILE", type=click.Path(), help="Subwords of this tokenizer."
    ),
)

_example_options = together(
    _range_option(
        "--join", _counts, "3..7", "Join so many recordings of a speaker, with pauses between."
    ),
    rate_option("--empty", 0.0, "Share of examples with silence or noise, and an empty text."),
    click.option(
        "--noise",
        metavar="DIR",
        type=click.Path(),
        help="Recordings of noise to lay under; without it noise is made.",
    ),
    _range_option("--snr", _range, "5..30", "Lay noise under, so many decibels below speech."),
    _range_option("--speed", _speeds, "0.9..1.1", "Play slower and faster."),
    click.option(
        "--echo",
        is_flag=True,
        help="Let examples sound as by other microphones, and some of them as in a room.",
    ),
    click.option(
        "--spec-augment", is_flag=True, help="Hide stretches of time and bands of frequency."
    ),
)

_model_options = together(
    click.option(
        "--cell",
        default="gru",
        show_default=True,
        metavar="NAME",
        help="gru, lstm, simple-gru, rnn, relu-rnn, or one that a plugin adds.",
    ),
    number_option("--hidden", 128, "Size of a state, in each direction."),
    number_option("--layers", 2, "Recurrent layers.", most=1000),
    click.option("--unidirectional", is_flag=True, help="Hear only forwards."),
    number_option("--convolutions", 2, "Convolutions below the recurrent layers.", 0, 10),
    number_option("--channels", 64, "Outputs of a convolution."),
    number_option("--stride", 2, "Frames of which a convolution makes one step.", most=16),
    rate_option("--dropout", 0.1, "Share of numbers that are dropped between layers."),
    click.option(
        "--loss",
        type=click.Choice(["ctc", "attention", "both"]),
        default="ctc",
        show_default=True,
        help="Say symbols where they are heard, write them while looking at all that was heard, "
        "or learn both at once.",
    ),
    precision_option("How weights are stored; float16 is half the size."),
)


def add_train(command: click.Group) -> None:
    """Add the job to the command."""

    @command.command("train", cls=options.ExamplesFirst, examples=_EXAMPLES, sections=_SECTIONS)
    @click.argument("manifests", nargs=-1, required=True, metavar="MANIFEST...", type=click.Path())
    @_text_options
    @_sound_options
    @_example_options
    @_model_options
    @training_options(
        epochs=40,
        batch_size=16,
        learning_rate=0.002,
        schedule="cosine",
        clip_norm=1.0,
        validation="0.1",
    )
    @options.output_file_option("The model: FILE.safetensors.")
    @options.common_options
    def train(manifests: tuple[str, ...], **settings: Any) -> None:
        """Learn to write down speech from recordings and their texts.

        MANIFEST is a file with lines of path, tab, text and perhaps tab, speaker; a .jsonl file
        with "audio", "text" and "speaker"; or a folder whose recordings have their texts beside
        them, as a.wav and a.txt. Paths are relative to the manifest.

        After every epoch the validation recordings are written down. The weights with the lowest
        sum of WER and CER are kept, of equals those with less loss. A training that is stopped
        leaves FILE.checkpoint behind for --resume: the model is the same, byte for byte, as without
        the stop.
        """
        from seqtool_transcribe.train import run_train

        run_train(manifests, settings)
