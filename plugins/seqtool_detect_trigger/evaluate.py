"""`seqtool detect-trigger eval`: misses against false alarms an hour."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
import numpy as np

from seqtool.columns import columns
from seqtool.errors import SeqtoolError
from seqtool.options import refuse_overwriting
from seqtool.output import open_output
from seqtool.progress import Progress
from seqtool_detect_trigger.clips import Clip, aligned, find_clips, read_clips
from seqtool_detect_trigger.det_plot import write_det
from seqtool_detect_trigger.intervals import NONE_AT_MOST, poisson, wilson
from seqtool_detect_trigger.measuring import Measurement, measure
from seqtool_detect_trigger.model_files import TriggerModel, load
from seqtool_detect_trigger.stream_plot import check_plot
from seqtool_detect_trigger.threshold import THRESHOLDS, at

_SHOWN = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)  # thresholds
_SOON = 0.2  # seconds behind a trigger's end


def run_eval(settings: Mapping[str, Any]) -> None:
    """Measure a model on clips. Raises SeqtoolError and click.UsageError."""
    snrs = _snrs(settings)
    if settings["plot"]:
        check_plot(settings["plot"])
    read = [*settings["positive"], *settings["negative"], *settings["noise"], settings["model"]]
    refuse_overwriting((settings["output"], settings["plot"]), read)
    model = load(settings["model"])
    if settings["refractory"] is not None:
        model = model._replace(rule=model.rule._replace(refractory=settings["refractory"]))
    positives, negatives, noises = (
        _clips(settings, name) for name in ("positive", "negative", "noise")
    )
    tables = []
    with Progress("listening", "tables", len(snrs), settings["quiet"]) as progress:
        for snr in snrs:
            tables.append(table_of(model, (aligned(positives), negatives, noises), snr, settings))
            progress.advance()
    record = {"model": model.path, "trigger": model.name, **_about(model), "tables": tables}
    if settings["plot"]:
        write_det(settings["plot"], tables, 3600 / model.step_seconds)
    with open_output(settings["output"]) as out:
        if settings["format"] == "json":
            out.write(json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        else:
            out.writelines(f"{line}\n" for line in _text(record))


def _snrs(settings: Mapping[str, Any]) -> list[float | None]:
    """What --snr says; without it, clips are heard as they are."""
    if settings["snr"] is None:
        if settings["noise"]:
            raise click.UsageError("--noise goes with --snr, which says how loud it is")
        return [None]
    try:
        found = [float(part) for part in settings["snr"].split(",")]
    except ValueError as error:
        raise click.UsageError(f"--snr {settings['snr']}: write numbers such as 20,10,5") from error
    if not all(-60 <= snr <= 120 for snr in found):
        raise click.UsageError(f"--snr {settings['snr']}: -60 to 120 dB work")
    return list(found)


def _clips(settings: Mapping[str, Any], name: str) -> list[Clip]:
    clips = read_clips(find_clips(settings[name]), settings["threads"])
    if settings[name] and not clips:
        raise SeqtoolError(f"--{name}: {settings[name][0]}: all clips are silent")
    return clips


def _about(model: TriggerModel) -> dict[str, Any]:
    rule = model.rule
    return {
        "threshold": rule.threshold,
        "smoothing_seconds": round(rule.smoothing * model.step_seconds, 4),
        "refractory_seconds": rule.refractory,
    }


def table_of(
    model: TriggerModel,
    clips: tuple[Sequence[Clip], Sequence[Clip], Sequence[Clip]],
    snr: float | None,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """What a model hears in (positives, negatives, noises), in fields fit for JSON.

    ``settings`` has ``rounds``, ``seed`` and ``threads``.
    """
    measured = [
        measure(model, *clips, snr, settings["seed"] + number, settings["threads"])
        for number in range(settings["rounds"])
    ]
    distinct = measured[0]
    chosen = _row(measured, model.rule.threshold)
    delays = [delay for part in measured for delay in part.delays(model.rule.threshold)]
    shown = sorted({*_SHOWN, *THRESHOLDS})
    return {
        "snr": snr,
        "triggers": len(distinct.triggers),
        "hours": distinct.hours,
        "rounds": len(measured),
        "no_false_alarms_upper": NONE_AT_MOST / distinct.hours,
        "chosen": chosen,
        "median_delay": float(np.median(delays)) if delays else None,
        "soon": sum(delay <= _SOON for delay in delays) / len(delays) if delays else None,
        "rows": [_row(measured, threshold) for threshold in shown],
    }


def _row(measured: Sequence[Measurement], threshold: float) -> dict[str, Any]:
    """What a threshold costs, with 95 % intervals as wide as distinct clips make them."""
    found = at(measured, threshold)
    rounds = len(measured)
    hours = found.hours / rounds
    misses = wilson(round(found.misses / rounds), len(measured[0].triggers))
    alarms = poisson(round(found.false_alarms / rounds))
    return {
        "threshold": threshold,
        "misses": found.misses,
        "miss_rate": found.misses / max(found.triggers, 1),
        "miss_interval": list(misses),
        "false_alarms": found.false_alarms,
        "false_alarms_an_hour": found.false_alarms / found.hours,
        "false_alarm_interval": [alarms[0] / hours, alarms[1] / hours],
    }


def _text(record: Mapping[str, Any]) -> list[str]:
    """The figures for people."""
    lines = []
    for table in record["tables"]:
        noise = "as recorded" if table["snr"] is None else f"in noise {table['snr']:g} dB below"
        rounds = "" if table["rounds"] == 1 else f", {table['rounds']} times"
        lines.append(
            f"'{record['trigger']}' {noise}: {table['triggers']:,} triggers, "
            f"{table['hours']:.2f} hours of other sounds{rounds}"
        )
        rows = [["threshold", "misses", "95 %", "false alarms/h", "95 %", "count"]]
        rows += [_cells(row) for row in table["rows"] if row["threshold"] in _SHOWN]
        rows.append(_cells(table["chosen"], "the model's "))
        lines += columns(rows)
        if table["median_delay"] is not None:
            lines.append(
                f"events come {1000 * table['median_delay']:.0f} ms behind a trigger's end "
                f"(median), {100 * table['soon']:.0f} % within {1000 * _SOON:.0f} ms"
            )
        lines.append(
            f"no false alarm in {table['hours']:.2f} hours means fewer than "
            f"{table['no_false_alarms_upper']:.1f} an hour (95 %)"
        )
        lines.append("")
    return lines[:-1]


def _cells(row: Mapping[str, Any], label: str = "") -> list[str]:
    low, high = row["miss_interval"]
    least, most = row["false_alarm_interval"]
    return [
        f"{label}{row['threshold']:.3f}",
        f"{100 * row['miss_rate']:.1f} %",
        f"{100 * low:.1f}-{100 * high:.1f}",
        f"{row['false_alarms_an_hour']:.2f}",
        f"{least:.1f}-{most:.1f}",
        str(row["false_alarms"]),
    ]
