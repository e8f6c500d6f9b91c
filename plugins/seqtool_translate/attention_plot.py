"""`--attention-plot`: which source tokens each token of a translation looked at, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqtool.pictures import import_extra, open_figure, picture_format
from seqtool.tokenizers.visible import SPACE

FORMATS = ("png", "svg")
LONGEST_SIDE = 30.0  # inches that cells take at most
CELL = (0.07, 0.32)  # inches of a cell's side, at least and at most
FONT_SHARE = 0.62  # of a cell's side that the letters of its token are high
LARGEST_FONT = 11.0  # points
UPRIGHT = 2  # characters of a source token that there is room for side by side
BAR_INCHES = 0.12  # width of the scale beside the cells
POINTS_AN_INCH = 72


def check_plot(path: str) -> str:
    """The format of a picture: "png" or "svg", as the ending of its file says.

    Raises click.UsageError for another ending and SeqtoolError where matplotlib is missing.
    """
    format = picture_format(path, FORMATS)
    import_extra("matplotlib")
    return format


def write_plot(
    path: str,
    source_tokens: Sequence[str],
    target_tokens: Sequence[str],
    weights: NDArray[np.floating[Any]],
) -> None:
    """Draw attention weights: a row a target token, a column a source token.

    Args:
        path: a file whose name ends in .png or .svg; written whole or not at all.
        source_tokens, target_tokens: as people read them.
        weights: (target tokens, source tokens), from 0 to 1.

    Raises click.UsageError and SeqtoolError as `check_plot` does.
    """
    format = check_plot(path)
    side = float(np.clip(LONGEST_SIDE / max(1, *weights.shape), *CELL))
    height, width = (max(count, 1) * side for count in weights.shape)
    font = min(LARGEST_FONT, side * POINTS_AN_INCH * FONT_SHARE)
    with open_figure(path, format, (width, height), bbox_inches="tight", pad_inches=0.1) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        _name_cells(axes, source_tokens, target_tokens, font)
        _add_scale(figure, image, width, height, max(font, LARGEST_FONT - 2))


def _name_cells(axes: Any, source: Sequence[str], target: Sequence[str], font: float) -> None:
    """The source above, read upwards; the target at the left; thin lines between the cells."""
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(source)), _drawn(source), rotation=90, fontsize=font)
    axes.set_yticks(range(len(target)), _drawn(target), fontsize=font)
    if all(len(token) <= UPRIGHT for token in source[:-1]):
        for label, token in zip(axes.get_xticklabels(), source, strict=True):
            label.set_rotation(0 if len(token) <= UPRIGHT else 90)
    axes.tick_params(length=0, pad=3)
    axes.set_xticks(np.arange(len(source) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(target) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="#dddddd", linewidth=min(0.6, font / 16))
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_color("#999999")


def _drawn(tokens: Sequence[str]) -> list[str]:
    """Tokens with a thin mark for spaces."""
    return [token.replace(SPACE, "␣") for token in tokens]


def _add_scale(figure: Any, image: Any, width: float, height: float, font: float) -> None:
    """What the shades stand for, at the right."""
    gap = BAR_INCHES / width
    bar = figure.add_axes((1 + gap, 0, BAR_INCHES / width, min(1.0, 3 / height)))
    figure.colorbar(image, cax=bar, ticks=(0, 0.5, 1))
    bar.tick_params(length=0, labelsize=font)
    bar.set_yticklabels(("0", "½", "1"))
    bar.spines["outline"].set_color("#999999")
