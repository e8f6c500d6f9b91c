"""The picture as PNG or SVG, by matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtool.pictures import open_figure
from seqtool_analogy.colours import colour
from seqtool_analogy.plot import Map

INCHES = 12.0
FONT_POINTS = 8.0


def write_picture(path: str, format: str, drawn: Map, labels: int) -> None:
    """Draw points coloured by cluster, and the first ``labels`` words where there is room."""
    with open_figure(path, format, (INCHES, INCHES)) as figure:
        axes: Any = figure.add_axes((0.01, 0.01, 0.98, 0.98))
        axes.set_axis_off()
        axes.set_xlim(-1.08, 1.08)
        axes.set_ylim(-1.08, 1.08)
        colours = [colour(int(number)) for number in drawn.clusters]
        size = float(np.clip(6000 / len(drawn.words), 4, 36))
        axes.scatter(*drawn.places.T, s=size, c=colours, alpha=0.75, linewidths=0)
        _write_labels(axes, drawn, colours, labels)


def _write_labels(axes: Any, drawn: Map, colours: list[str], labels: int) -> None:
    """Label words in their order, leaving out those that would cover another label."""
    points = INCHES * 72 / 2.16  # points of the font a unit of the picture
    height = 1.15 * FONT_POINTS / points
    taken: list[tuple[float, float, float, float]] = []
    for word, (x, y), ink in zip(drawn.words, drawn.places.tolist(), colours, strict=True):
        if len(taken) == labels:
            return
        width = 0.62 * len(word) * FONT_POINTS / points
        box = (x - width / 2, y, x + width / 2, y + height)
        if any(
            box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
            for other in taken
        ):
            continue
        taken.append(box)
        axes.annotate(
            word,
            (x, y),
            xytext=(0, 2.5),
            textcoords="offset points",
            ha="center",
            fontsize=FONT_POINTS,
            color=_darker(ink),
        )


def _darker(ink: str) -> str:
    """The colour at 60 % of its brightness: letters are thinner than points."""
    return "#" + "".join(f"{int(ink[i : i + 2], 16) * 6 // 10:02x}" for i in (1, 3, 5))
