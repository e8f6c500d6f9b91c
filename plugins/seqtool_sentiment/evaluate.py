"""`eval`: how good a classifier is on labelled texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from seqtool import __version__
from seqtool.columns import columns
from seqtool.output import open_output
from seqtool.progress import Progress
from seqtool_sentiment import metrics
from seqtool_sentiment.classifier import Classifier
from seqtool_sentiment.data import Columns, label_numbers, read_labelled
from seqtool_sentiment.load import load

_TEXTS_AT_ONCE = 8192


def run_eval(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Label texts whose labels are known, and write the scores. Raises SeqtoolError."""
    classifier = load(settings)
    columns = Columns(settings["label_column"], settings["text_column"])
    data = read_labelled(files, columns, settings["errors"])
    wanted = label_numbers(data, classifier.labels, files)
    found = []
    with Progress("labelling", "texts", total=len(wanted), quiet=settings["quiet"]) as progress:
        for begin in range(0, len(wanted), _TEXTS_AT_ONCE):
            part = data.texts[begin : begin + _TEXTS_AT_ONCE]
            found.append(classifier.probabilities(part, settings["threads"]))
            progress.advance(len(part))
    record = evaluation(classifier, np.concatenate(found), wanted, data.sha256)
    with open_output(settings["output"]) as stream:
        if settings["format"] == "json":
            stream.write(json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        else:
            _write_text(stream, record)


def evaluation(
    classifier: Classifier,
    probabilities: npt.NDArray[np.float32],
    wanted: npt.NDArray[np.int32],
    sha256: str,
) -> dict[str, Any]:
    """All scores, in fields fit for JSON."""
    labels = classifier.labels
    chances = probabilities.astype(np.float64)
    predicted = probabilities.argmax(axis=1)
    right = predicted == wanted
    confusion = metrics.confusion_matrix(wanted, predicted, len(labels))
    rows = metrics.by_label(confusion, labels)
    table = metrics.reliability(chances.max(axis=1), right)
    signature = [
        f"texts:{len(wanted)}",
        f"data:{sha256[:12]}",
        f"labels:{len(labels)}",
        f"bins:{metrics.BINS}",
        f"version:seqtool-{__version__}",
    ]
    return {
        "texts": len(wanted),
        "accuracy": 100 * float(right.mean()),
        "macro_f1": metrics.macro_f1(rows),
        "log_loss": metrics.log_loss(chances, wanted),
        "calibration_error": metrics.expected_calibration_error(table),
        "brier_score": metrics.brier_score(chances, wanted),
        "labels": rows,
        "confusion": {"labels": labels, "counts": confusion.tolist()},
        "reliability": table,
        "signature": "|".join(signature),
    }


def _write_text(stream: TextIO, record: Mapping[str, Any]) -> None:
    summary = [
        ("accuracy", f"{record['accuracy']:.2f} %"),
        ("macro F1", f"{record['macro_f1']:.2f} %"),
        ("log loss", f"{record['log_loss']:.4f}"),
        ("calibration error", f"{record['calibration_error']:.4f}"),
        ("Brier score", f"{record['brier_score']:.4f}"),
    ]
    stream.writelines(f"{name:<18} {value}\n" for name, value in summary)
    names = ("label", "precision", "recall", "f1", "texts")
    rows = [[_cell(row[name]) for name in names] for row in record["labels"]]
    _write_table(stream, [["label", "precision", "recall", "F1", "texts"], *rows])
    labels = record["confusion"]["labels"]
    counts = [
        [label, *map(_cell, line)]
        for label, line in zip(labels, record["confusion"]["counts"], strict=True)
    ]
    _write_table(stream, [["true \\ given", *labels], *counts])
    table = [
        [f"{row['from']:.1f} to {row['to']:.1f}", *(_cell(row[name]) for name in
         ("texts", "confidence", "accuracy"))]
        for row in record["reliability"]
        if row["texts"]
    ]  # fmt: skip
    _write_table(stream, [["probability", "texts", "mean", "accuracy"], *table])
    stream.write(f"\n{record['signature']}\n")


def _cell(value: float | int | str | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}" if value <= 1 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else value


def _write_table(stream: TextIO, rows: Sequence[Sequence[str]]) -> None:
    """A blank line, and a table."""
    stream.writelines(f"{line}\n" for line in ["", *columns(rows)])
