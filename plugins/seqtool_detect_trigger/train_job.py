"""The options of `seqtool detect-trigger train`."""

from __future__ import annotations

from typing import Any

import click

from seqtool import options
from seqtool.nn.training_options import SECTION, precision_option, training_options
from seqtool.options import amount_option, number_option, rate_option, together

_SECTIONS = {
    "Sound": ("positive", "negative", "noise", "name"),
    "Streams": ("streams", "seconds", "snr", "label_seconds"),
    "Model": (
        "mels", "channels", "kernel", "stride", "hidden", "layers", "dropout", "precision",
    ),
    "Threshold": ("false_alarms", "smoothing", "refractory"),
    **SECTION,
}  # fmt: skip

_EXAMPLES = [
    (
        "seqtool detect-trigger train --positive yes/ --negative no/ -o m.safetensors",
        "from two folders of clips",
    ),
    (
        "seqtool detect-trigger train --positive yes/ --negative no/ --negative talk/ "
        "--noise noise/ -o m.safetensors",
        "with more that is not the word, and background",
    ),
    (
        "seqtool detect-trigger train --positive yes/ --negative no/ --false-alarms 0.1 "
        "-o m.safetensors",
        "rather miss one than be wrong",
    ),
]


def _folders(name: str, text: str, required: bool = False) -> Any:
    return click.option(
        name, multiple=True, required=required, metavar="DIR", type=click.Path(), help=text
    )


def _range(context: click.Context, option: click.Parameter, value: str) -> tuple[float, float]:
    """Two numbers of dB, the lower one first."""
    try:
        low, high = sorted(float(part) for part in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: write two numbers of dB, such as 0,20") from error
    if not -60 <= low <= high <= 120:
        raise click.BadParameter(f"{value}: -60 to 120 dB work")
    return low, high


_sound_options = together(
    _folders("--positive", "Clips with the trigger once each; may be repeated.", required=True),
    _folders("--negative", "Other sounds: speech, similar words; may be repeated.", required=True),
    _folders("--noise", "Background, laid under all; without it coloured noise is made."),
    click.option("--name", help="What events are called.  [default: the first folder's name]"),
)

_stream_options = together(
    number_option(
        "--streams", 600, "Streams that are made anew for every epoch.", most=100_000
    ),
    amount_option("--seconds", 10.0, "Length of a stream.", most=600, min_open=True),
    click.option(
        "--snr",
        default="0,20",
        show_default=True,
        callback=_range,
        metavar="DB,DB",
        help="How far clips stand above the background.",
    ),
    amount_option(
        "--label-seconds", 0.4, "What follows a trigger's end is labelled 1.", most=10,
        min_open=True,
    ),
)  # fmt: skip

_model_options = together(
    number_option("--mels", 40, "Log-mel energies of a frame of 10 ms.", most=200),
    number_option("--channels", 96, "Outputs of the convolution.", most=4096),
    number_option("--kernel", 8, "Frames that it sees.", most=1000),
    number_option("--stride", 4, "Frames that become one step.", most=100),
    number_option("--hidden", 128, "Size of a state of the GRU.", most=4096),
    number_option("--layers", 2, "Layers of the GRU.", most=20),
    rate_option("--dropout", 0.2, "Share of numbers that are dropped between layers."),
    precision_option("How weights are stored; float16 is half the size."),
)

_threshold_options = together(
    amount_option("--false-alarms", 0.5, "An hour, which the threshold is chosen for."),
    number_option("--smoothing", 2, "Steps that a probability is the mean of.", most=1000),
    amount_option("--refractory", 1.0, "Seconds after an event without another.", most=3600),
)


def add_train(command: click.Group) -> None:
    """Add the job to the command."""

    @command.command("train", cls=options.ExamplesFirst, examples=_EXAMPLES, sections=_SECTIONS)
    @_sound_options
    @_stream_options
    @_model_options
    @_threshold_options
    @training_options(
        epochs=40,
        batch_size=16,
        learning_rate=0.003,
        schedule="cosine",
        clip_norm=1.0,
        validation="0.15",
    )
    @options.output_file_option("The model: FILE.safetensors.")
    @options.common_options
    def train(**settings: Any) -> None:
        """Learn a trigger word from clips.

        DIR is a folder, with those in it, of sound that libsndfile reads. Streams are made of the
        clips: background, triggers and other sounds at random places. From the second epoch on,
        half of the other sounds are what the model took for the trigger so far.

        Clips that are held back for --validation decide which weights are kept, and the threshold:
        one with no more than --false-alarms, and some room above the lowest such one. A training
        that is stopped leaves FILE.checkpoint behind for --resume: the model is the same, byte for
        byte, as without the stop.
        """
        from seqtool_detect_trigger.train import run_train

        run_train(settings)
