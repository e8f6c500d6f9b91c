"""Pictures by matplotlib, which is an extra: whole files, the same bytes for the same picture."""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from seqtool.errors import SeqtoolError
from seqtool.output import open_binary_output

DOTS_AN_INCH = 150

# A salt and no date: the same picture is the same file. Text stays text, whatever signs are in it.
_SETTINGS: Any = {"svg.hashsalt": "seqtool", "svg.fonttype": "none", "text.parse_math": False}


def import_extra(name: str) -> None:
    """Import a library that draws. Raises SeqtoolError, which says how to get it."""
    try:
        importlib.import_module(name)
    except ImportError as error:
        raise SeqtoolError(
            f"pictures need {name}, which is not installed: pip install 'seqtool[plot]'"
        ) from error


def picture_format(path: str, formats: Sequence[str]) -> str:
    """The format that a file name's ending names, e.g. "png". Raises click.UsageError."""
    ending = os.path.splitext(path)[1].lower()[1:]
    if ending not in formats:
        choice = ", ".join(f".{format}" for format in formats)
        raise click.UsageError(f"{path}: the ending says the format: {choice}")
    return ending


@contextmanager
def open_figure(
    path: str, format: str, inches: tuple[float, float], **saving: Any
) -> Iterator[Any]:
    """A matplotlib ``Figure``, written to ``path`` when the block ends, whole or not at all.

    ``inches`` are width and height, ``saving`` further arguments of its ``savefig``. The default
    font lacks some scripts: a .png then has boxes, a .svg leaves the font to its viewer.
    """
    os.environ.setdefault("MPLBACKEND", "agg")  # no window, whatever the person's settings say
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure = Figure(figsize=inches, dpi=DOTS_AN_INCH)
        FigureCanvasAgg(figure)
        yield figure
        metadata = {"Date": None} if format == "svg" else {"Software": "seqtool"}
        with open_binary_output(path) as file:
            figure.savefig(file, format=format, metadata=metadata, **saving)
