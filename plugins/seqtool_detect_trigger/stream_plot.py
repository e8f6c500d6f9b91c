"""`--plot`: a stream's sound and the probabilities over time, with its events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seqtool.nn.parameters import Floats
from seqtool.pictures import import_extra, open_figure, picture_format
from seqtool_detect_trigger.clips import RATE
from seqtool_detect_trigger.listening import Event, Heard
from seqtool_detect_trigger.model_files import TriggerModel

FORMATS = ("png", "svg")
_INCHES = (10.0, 4.5)
_MOST = 1 << 14  # numbers of a track; then pairs of them become one
_COLUMN = 160  # samples, at first


def check_plot(path: str) -> str:
    """The format of a picture: "png" or "svg", as the ending of its file says.

    Raises click.UsageError for another ending and SeqtoolError where matplotlib is missing.
    """
    format = picture_format(path, FORMATS)
    import_extra("matplotlib")
    return format


class Track:
    """The highest of every so many numbers of a stream, in memory that does not grow with it."""

    def __init__(self, span: int) -> None:
        self.span = span  # numbers that one of `values` stands for
        self._values: list[float] = []
        self._rest: NDArray[np.floating] = np.zeros(0)

    def push(self, numbers: NDArray[np.floating]) -> None:
        """Take the next numbers."""
        joined = np.concatenate([self._rest, numbers])
        whole = len(joined) // self.span * self.span
        self._values += joined[:whole].reshape(-1, self.span).max(axis=1).tolist()
        self._rest = joined[whole:]
        while len(self._values) >= 2 * _MOST:
            pairs = np.array(self._values[: len(self._values) // 2 * 2]).reshape(-1, 2)
            odd = self._values[len(pairs) * 2 :]
            self._rest = np.concatenate([np.repeat(odd, self.span), self._rest])
            self._values = pairs.max(axis=1).tolist()
            self.span *= 2

    @property
    def values(self) -> list[float]:
        """What there is, the begun one with it."""
        return self._values + ([float(self._rest.max())] if len(self._rest) else [])


class StreamPlot:
    """Collects what is drawn of a stream.

    Args:
        path: a file whose name ends in .png or .svg; written whole or not at all.
        models: that listen.
    """

    def __init__(self, path: str, models: Sequence[TriggerModel]) -> None:
        self._path, self._models = path, models
        self._format = check_plot(path)
        self._highest, self._lowest = Track(_COLUMN), Track(_COLUMN)
        self._tracks = [Track(1) for _ in models]
        self._events: list[list[Event]] = [[] for _ in models]

    def sound(self, samples: Floats) -> None:
        """Take samples."""
        self._highest.push(samples)
        self._lowest.push(-samples)

    def heard(self, number: int, heard: Heard) -> None:
        """Take what model ``number`` heard."""
        self._tracks[number].push(heard.smoothed)
        self._events[number] += heard.events

    def write(self, title: str) -> None:
        """Draw the picture."""
        with open_figure(self._path, self._format, _INCHES) as figure:
            above, below = figure.subplots(2, 1, sharex=True)
            highest, lowest = self._highest.values, [-x for x in self._lowest.values]
            seconds = np.arange(len(highest)) * self._highest.span / RATE
            above.fill_between(seconds, lowest, highest, step="post", linewidth=0.5)
            above.set_ylabel("sound")
            above.set_title(title, fontsize=10)
            for number, (model, track) in enumerate(zip(self._models, self._tracks, strict=True)):
                colour = f"C{number + 1}"
                times = [
                    model.heard((place + 1) * track.span - 1) for place in range(len(track.values))
                ]
                below.plot(times, track.values, color=colour, label=model.name)
                below.axhline(model.rule.threshold, color=colour, linestyle=":", linewidth=1)
                for event in self._events[number]:
                    for axes in (above, below):
                        axes.axvline(event.time, color=colour, linestyle="--", linewidth=1)
            below.set_ylim(0, 1.02)
            below.set_ylabel("probability (smoothed)")
            below.set_xlabel("seconds")
            below.legend(loc="upper left", fontsize=9)
            figure.tight_layout()
