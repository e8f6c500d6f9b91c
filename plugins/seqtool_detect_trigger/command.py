"""The command `seqtool detect-trigger` and its jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from seqtool import options
from seqtool.audio.raw import raw_option
from seqtool_detect_trigger.train_job import add_train

_EXAMPLES = [
    ("seqtool detect-trigger talk.wav", "where is 'alexa' said? time, score, name"),
    (
        "arecord -q -t raw -f S16_LE -r 16000 | seqtool detect-trigger --raw s16le:16000 -",
        "listen to a stream",
    ),
    ("seqtool detect-trigger --mic --exec 'echo {name} at {time}'", "run a command each time"),
    ("seqtool detect-trigger -m a.safetensors -m b.safetensors talk.wav", "two models at once"),
    ("seqtool detect-trigger train --positive yes/ --negative no/ -o m.safetensors", "a new word"),
    ("seqtool detect-trigger eval --positive yes/ --negative no/", "misses and false alarms"),
]
_SECTIONS = {
    "Input": ("raw", "mic"),
    "Detecting": ("model", "threshold", "refractory"),
    "Result": ("format", "probabilities", "exec", "shell", "plot", "output"),
}


def _models(text: str) -> Callable[[Any], Any]:
    return click.option(
        "-m",
        "--model",
        "models",
        multiple=True,
        metavar="FILE",
        envvar="SEQTOOL_MODEL",
        help=f"{text}  [default: the built-in one]",
    )


@click.group("detect-trigger", cls=options.CommandWithJobs, examples=_EXAMPLES, sections=_SECTIONS)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@raw_option
@click.option("--mic", is_flag=True, help="Listen to the microphone, until Ctrl-C.")
@_models("What to listen for: a file, or the name of an installed model; may be repeated.")
@click.option(
    "--threshold",
    type=options.FiniteRange(0, 1, min_open=True),
    metavar="X",
    help="Smoothed probability that is an event.  [default: the model's]",
)
@click.option(
    "--refractory",
    type=options.FiniteRange(min=0, max=3600),
    metavar="SECONDS",
    help="Time after an event without another.  [default: the model's]",
)
@options.format_option("text", "tsv", "jsonl")
@click.option(
    "--probabilities", is_flag=True, help="With jsonl: the probability of every step, too."
)
@click.option(
    "--exec",
    metavar="COMMAND",
    help="Run this at each event, without a shell; {time}, {score} and {name} are filled in.",
)
@click.option("--shell", is_flag=True, help="Let a shell run the command of --exec.")
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(),
    help="Draw the sound and the probability over time: FILE.png or FILE.svg.",
)
@options.output_option
@options.common_options
def command(files: tuple[str, ...], **settings: Any) -> None:
    """Watch sound for a trigger word: a line an event.

    A line has time, score and name, with tabs between, and the file if there are several. Times
    are seconds from the begin; a line is written as soon as the word ends. FILE is any sound that
    libsndfile reads, - or nothing is stdin: WAV, or PCM with --raw.
    """
    from seqtool_detect_trigger.apply import run_apply

    run_apply(files, settings)


add_train(command)


@command.command(
    "eval",
    cls=options.ExamplesFirst,
    examples=[
        ("seqtool detect-trigger eval --positive yes/ --negative no/", "as recorded"),
        (
            "seqtool detect-trigger eval --positive yes/ --negative no/ --noise noise/ "
            "--snr 20,10,5",
            "in noise",
        ),
    ],
)
@options.together(
    click.option(
        "--positive",
        multiple=True,
        required=True,
        metavar="DIR",
        help="Clips with the trigger once each; may be repeated.",
    ),
    click.option(
        "--negative",
        multiple=True,
        required=True,
        metavar="DIR",
        help="Other sounds; may be repeated.",
    ),
    click.option(
        "--noise",
        multiple=True,
        metavar="DIR",
        help="Background for --snr; without it coloured noise is made.",
    ),
    click.option(
        "--snr",
        metavar="DB,...",
        help="Add noise so many dB below each clip; one table for each number.",
    ),
    click.option(
        "--refractory",
        type=options.FiniteRange(min=0, max=3600),
        metavar="SECONDS",
        help="Time after an event without another.  [default: the model's]",
    ),
    click.option(
        "--plot",
        metavar="FILE",
        type=click.Path(),
        help="Draw misses against false alarms: FILE.png or FILE.svg.",
    ),
)
@options.model_option("Trigger model")
@options.number_option("--rounds", 1, "Hear all clips so often, each time with other noise.")
@options.format_option("text", "json")
@options.threads_option
@options.seed_option(1)
@options.output_option
@options.common_options
def evaluate(**settings: Any) -> None:
    """Misses against false alarms an hour.

    Each positive clip is heard in a stream of its own and is found if the threshold is reached
    between its begin and a second behind its end; the negative clips are heard as long streams.
    Misses have 95 % intervals of Wilson, false alarms an hour exact ones of Poisson, from the
    length of the clips alone: the same clip with other noise is no new clip.
    """
    from seqtool_detect_trigger.evaluate import run_eval

    run_eval(settings)
