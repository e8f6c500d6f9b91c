"""A DET curve: misses against false alarms, on axes of normal deviates (Martin et al. 1997)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqtool.pictures import open_figure
from seqtool_detect_trigger.stream_plot import check_plot

_INCHES = (6.5, 5.5)
_SHARES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9)  # of ticks
_RATES = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # false alarms an hour


def write_det(path: str, tables: Sequence[Mapping[str, Any]], places: float) -> None:
    """Draw a curve for each table of `seqtool_detect_trigger.evaluate`.

    False alarms an hour are brought to a share of the ``places`` an hour where there could be one,
    as normal deviates need shares. What was never seen has no place on these axes: curves end
    where there are no more false alarms, or no more misses. Raises click.UsageError and
    SeqtoolError as `check_plot` does.
    """
    format = check_plot(path)
    with open_figure(path, format, _INCHES) as figure:
        axes = figure.subplots()
        for table in tables:
            rows = [row for row in table["rows"] if row["misses"] and row["false_alarms"]]
            across = deviates([row["false_alarms_an_hour"] / places for row in rows])
            up = deviates([row["miss_rate"] for row in rows])
            label = "as recorded" if table["snr"] is None else f"{table['snr']:g} dB"
            (line,) = axes.plot(across, up, label=label)
            chosen = table["chosen"]
            if chosen["misses"] and chosen["false_alarms"]:
                axes.plot(
                    deviates([chosen["false_alarms_an_hour"] / places]),
                    deviates([chosen["miss_rate"]]),
                    "o",
                    color=line.get_color(),
                )
        _ticks(axes.set_xticks, axes.set_xlim, [rate / places for rate in _RATES], _RATES, "{:g}")
        _ticks(axes.set_yticks, axes.set_ylim, _SHARES, [100 * x for x in _SHARES], "{:g} %")
        axes.set_xlabel("false alarms an hour")
        axes.set_ylabel("misses")
        axes.grid(linewidth=0.4)
        axes.legend()
        figure.tight_layout()


def deviates(shares: Sequence[float]) -> NDArray[np.float64]:
    """Where the normal distribution has these shares below it."""
    normal = NormalDist()
    return np.array([normal.inv_cdf(min(max(share, 1e-9), 1 - 1e-9)) for share in shares])


def _ticks(
    set_ticks: Any, set_limits: Any, shares: Sequence[float], values: Sequence[float], text: str
) -> None:
    places = deviates(shares)
    set_ticks(places, [text.format(value) for value in values])
    set_limits(places[0], places[-1])
