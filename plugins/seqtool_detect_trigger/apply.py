"""`seqtool detect-trigger`: sound in, a line an event out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
import numpy as np

from seqtool.audio.reading import audio_blocks
from seqtool.nn.parameters import Floats
from seqtool.options import refuse_overwriting
from seqtool.output import open_output
from seqtool.progress import Progress
from seqtool.text import display_name
from seqtool_detect_trigger.actions import Action
from seqtool_detect_trigger.clips import RATE
from seqtool_detect_trigger.listening import Heard, Listener
from seqtool_detect_trigger.microphone import import_sounddevice, microphone_blocks
from seqtool_detect_trigger.model_files import TriggerModel, load
from seqtool_detect_trigger.stream_plot import StreamPlot, check_plot
from seqtool_detect_trigger.writers import EventWriter

MICROPHONE = "microphone"  # in the place of a file's name
_LIVE = 0.06  # seconds of a stream that are listened to at once
_STORED = 4.0  # of a file


def run_apply(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Listen to files, one after the other. Raises SeqtoolError and click.UsageError."""
    paths = [MICROPHONE] if settings["mic"] else list(files or ["-"])
    _check(files, paths, settings)
    models = [_changed(load(name), settings) for name in settings["models"] or [None]]
    action = None
    if settings["exec"] is not None:
        names = [model.name for model in models]
        action = Action(settings["exec"], settings["shell"], names, _warner(settings["quiet"]))
    quiet = settings["quiet"] or (settings["output"] in (None, "-") and _on_terminal())
    with (
        open_output(settings["output"]) as out,
        Progress("listening", "seconds", quiet=quiet) as progress,
    ):
        writer = EventWriter(out, settings["format"], len(paths) > 1)
        for path in paths:
            watch = _Watch(models, path, writer, action, settings)
            for block in _blocks(path, settings):
                watch.push(block)
                progress.advance(watch.new_seconds())
            watch.finish()
        out.flush()
        if action:
            action.wait()


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _warner(quiet: bool) -> Callable[[str], None]:
    return (
        (lambda line: None)
        if quiet
        else (lambda line: click.echo(f"seqtool detect-trigger: {line}", err=True))
    )


def _check(files: Sequence[str], paths: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Refuse options that contradict each other."""
    if settings["mic"]:
        if files or settings["raw"]:
            raise click.UsageError("--mic goes with neither FILE nor --raw")
        import_sounddevice()
    if paths.count("-") > 1:
        raise click.UsageError("- (stdin) can be read only once: name it once")
    if settings["probabilities"] and settings["format"] != "jsonl":
        raise click.UsageError("--probabilities goes with --format jsonl")
    if settings["shell"] and settings["exec"] is None:
        raise click.UsageError("--shell goes with --exec")
    if settings["plot"]:
        if len(paths) > 1 or settings["mic"]:
            raise click.UsageError("--plot draws one file: name one")
        check_plot(settings["plot"])
    refuse_overwriting((settings["output"], settings["plot"]), [*files, *settings["models"]])


def _changed(model: TriggerModel, settings: Mapping[str, Any]) -> TriggerModel:
    """The model with the rule that options ask for."""
    names = ("threshold", "refractory")
    given = {name: settings[name] for name in names if settings[name] is not None}
    return model._replace(rule=model.rule._replace(**given))


def _blocks(path: str, settings: Mapping[str, Any]) -> Iterator[Floats]:
    if settings["mic"]:
        return gathered(microphone_blocks(_warner(settings["quiet"])), round(_LIVE * RATE))
    seconds = _STORED if os.path.isfile(path) else _LIVE
    return gathered(audio_blocks(path, RATE, settings["raw"], seconds), round(_LIVE * RATE))


def gathered(blocks: Iterator[Floats], least: int) -> Iterator[Floats]:
    """The samples of blocks in blocks of at least ``least``, but for the last.

    Each block costs time, however short it is.
    """
    waiting: list[Floats] = []
    for block in blocks:
        waiting.append(block)
        if sum(map(len, waiting)) >= least:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)


class _Watch:
    """Listens to one file with all models."""

    def __init__(
        self,
        models: Sequence[TriggerModel],
        path: str,
        writer: EventWriter,
        action: Action | None,
        settings: Mapping[str, Any],
    ) -> None:
        self._listeners = [Listener(model) for model in models]
        self._file = path if settings["mic"] else display_name(path)
        self._writer, self._action = writer, action
        self._every = settings["probabilities"]
        self._plot = StreamPlot(settings["plot"], models) if settings["plot"] else None
        self._samples = self._told = 0

    def push(self, samples: Floats) -> None:
        """Hear some samples, and tell what happened."""
        self._samples += len(samples)
        if self._plot:
            self._plot.sound(samples)
        self._tell([listener.push(samples) for listener in self._listeners])

    def finish(self) -> None:
        """The stream is over."""
        self._tell([listener.finish() for listener in self._listeners])
        if self._plot:
            self._plot.write(self._file)

    def new_seconds(self) -> int:
        """Whole seconds that were heard since this was asked for the last time."""
        before, self._told = self._told, self._samples // RATE
        return self._told - before

    def _tell(self, heard: Sequence[Heard]) -> None:
        """Write what is new in the order of time, whatever piece it came with."""
        news: list[tuple[float, int, int, Any]] = []
        for number, (listener, some) in enumerate(zip(self._listeners, heard, strict=True)):
            if self._plot:
                self._plot.heard(number, some)
            if self._every:
                for step, probability in enumerate(some.probabilities.tolist(), some.first):
                    news.append((listener.model.heard(step), number, 0, probability))
            news += [(event.heard, number, 1, event) for event in some.events]
        for time, number, kind, what in sorted(news, key=lambda item: item[:3]):
            if kind == 0:
                name = self._listeners[number].model.name
                self._writer.probability(self._file, name, time, what)
                continue
            self._writer.event(self._file, what)
            if self._action:
                self._action.run(what)
        self._writer.flush()
