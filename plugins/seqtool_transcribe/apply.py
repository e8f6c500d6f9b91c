"""`seqtool transcribe`: sound in, text out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from seqtool.options import refuse_overwriting
from seqtool.output import open_output
from seqtool.progress import Progress
from seqtool_transcribe.pieces import transcribed
from seqtool_transcribe.plot import check_plot, write_plot
from seqtool_transcribe.settings import check_search, make_recogniser
from seqtool_transcribe.writers import ONE_FILE, make_writer


def run_apply(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Write down what is said in files. Raises SeqtoolError and click.UsageError."""
    paths = list(files) or ["-"]
    _check(paths, settings)
    recogniser = make_recogniser(settings)
    if settings["plot"]:
        write_plot(settings["plot"], recogniser, paths[0], settings["raw"])
    quiet = settings["quiet"] or (settings["output"] in (None, "-") and _on_terminal())
    with (
        open_output(settings["output"]) as out,
        Progress("listening", "seconds", quiet=quiet) as progress,
    ):
        writer = make_writer(out, settings["format"])
        before = 0.0
        for spoken in transcribed(recogniser, paths, settings["raw"]):
            if spoken.segment is None:
                writer.end_file(spoken.file, spoken.seconds)
                before = 0.0
            else:
                writer.write(spoken.segment)
                progress.advance(int(spoken.seconds) - int(before))
                before = spoken.seconds
            out.flush()
        writer.close()


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _check(paths: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Refuse options that contradict each other."""
    check_search(settings)
    format = settings["format"]
    if paths.count("-") > 1:
        raise click.UsageError("- (stdin) can stand for one file only")
    if format in ONE_FILE and len(paths) > 1:
        raise click.UsageError(f"--format {format} holds one recording: name one file")
    if settings["plot"]:
        check_plot(settings["plot"])
        if len(paths) > 1 or paths == ["-"]:
            raise click.UsageError("--plot draws one recording: name one file")
    refuse_overwriting([settings["output"], settings["plot"]], [*paths, settings["lm"]])
