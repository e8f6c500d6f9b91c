"""The command `seqtool transcribe` and its jobs: their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from seqtool import options
from seqtool.audio.raw import raw_option
from seqtool_transcribe.option_groups import SECTIONS, model_option, search_options
from seqtool_transcribe.train_job import add_train

_EXAMPLES = [
    ("seqtool transcribe call.wav", "by the built-in model, which knows English digits"),
    ("seqtool transcribe train clips.tsv -o m.safetensors", "learn from lines of path, tab, text"),
    ("seqtool transcribe -m m.safetensors --format srt talk.flac", "subtitles"),
    ("seqtool transcribe -m m.safetensors --lm words.arpa talk.flac", "with a language model"),
    ("arecord -f S16_LE -r 16000 | seqtool transcribe", "a WAV stream, as it comes"),
    ("seqtool transcribe align talk.flac talk.txt -m m.safetensors", "when is each word said?"),
    ("seqtool transcribe eval test.tsv -m m.safetensors", "word error rate, and which errors"),
]


@click.group("transcribe", cls=options.CommandWithJobs, examples=_EXAMPLES, sections=SECTIONS)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@model_option
@search_options
@raw_option
@options.format_option("text", "srt", "vtt", "json", "jsonl", "ctm", "tsv")
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(),
    help="Draw the first minute: wave, log-mel frames and symbols, as FILE.png or FILE.svg.",
)
@options.threads_option
@options.output_option
@options.common_options
def command(files: tuple[str, ...], **settings: Any) -> None:
    """Write down what is said in recordings.

    A line a recording; an empty one where nothing is said. Without files sound comes from stdin.
    Long recordings are cut at pauses, and memory does not grow with their length.
    """
    from seqtool_transcribe.apply import run_apply

    run_apply(files, settings)


def _job(name: str, *examples: tuple[str, str], **extra: Any) -> Callable[[Any], Any]:
    return command.command(name, cls=options.ExamplesFirst, examples=list(examples), **extra)


add_train(command)


@_job(
    "align",
    ("seqtool transcribe align talk.wav talk.txt", "a line a word: start, end, confidence, word"),
    ("seqtool transcribe align talk.wav talk.txt --format srt", "subtitles of a known text"),
    (
        "echo one two | seqtool transcribe align call.wav - --unit character",
        "character by character",
    ),
)
@click.argument("audio", type=click.Path())
@click.argument("text", type=click.Path())
@model_option
@raw_option
@click.option(
    "--unit",
    type=click.Choice(["word", "character"]),
    default="word",
    show_default=True,
    help="What has a row; JSON has both.",
)
@options.format_option("tsv", "json", "ctm", "srt", "vtt")
@options.errors_option
@options.threads_option
@options.output_option
@options.common_options
def align(audio: str, text: str, **settings: Any) -> None:
    """When each word of a known text is said.

    TEXT is a file, or - for stdin; AUDIO may be -, too.
    """
    from seqtool_transcribe.align import run_align

    run_align(audio, text, settings)


@_job(
    "eval",
    ("seqtool transcribe eval test.tsv -m m.safetensors", "WER and CER, by speaker and length"),
    ("seqtool transcribe eval test.tsv --beam 50 --format json", "for a program"),
    sections={"Searching": SECTIONS["Searching"]},
)
@click.argument("manifests", nargs=-1, required=True, metavar="MANIFEST...", type=click.Path())
@model_option
@search_options
@options.number_option("--list", 20, "Recordings with errors to show; 0 for none.", 0)
@options.format_option("text", "json")
@options.errors_option
@options.threads_option
@options.output_option
@options.common_options
def evaluate(manifests: tuple[str, ...], **settings: Any) -> None:
    """Write down recordings, and compare with their texts.

    MANIFEST is as for train. Word and character error rates are those of seqtool bleu, with their
    signatures and 95 % intervals, in all, by speaker, and by length of the text.
    """
    from seqtool_transcribe.evaluate import run_eval

    run_eval(manifests, settings)
