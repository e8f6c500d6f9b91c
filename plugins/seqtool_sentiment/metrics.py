"""How good labels and probabilities are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 10  # of the reliability table


def confusion_matrix(
    wanted: npt.NDArray[np.int32], predicted: npt.NDArray[np.integer[Any]], labels: int
) -> npt.NDArray[np.int64]:
    """How many texts of each true label (row) got each label (column)."""
    cells = wanted.astype(np.int64) * labels + predicted
    return np.bincount(cells, minlength=labels * labels).reshape(labels, labels)


def by_label(confusion: npt.NDArray[np.int64], labels: list[str]) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each label, in percent; None where they divide by zero."""
    rows = []
    for number, label in enumerate(labels):
        right = int(confusion[number, number])
        given, texts = int(confusion[:, number].sum()), int(confusion[number].sum())
        row = {
            "label": label,
            "precision": _percent(right, given),
            "recall": _percent(right, texts),
            "f1": _percent(2 * right, given + texts),
            "texts": texts,
        }
        rows.append(row)
    return rows


def macro_f1(rows: list[dict[str, Any]]) -> float:
    """The mean F1 of the labels that occur, or are given, at least once."""
    found = [row["f1"] for row in rows if row["f1"] is not None]
    return float(np.mean(found)) if found else 0.0


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def reliability(
    confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """Texts by the probability of their label, in BINS parts of 0 to 1: is it the accuracy?"""
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    rows = []
    for number in range(BINS):
        inside = bins == number
        count = int(inside.sum())
        row = {
            "from": number / BINS,
            "to": (number + 1) / BINS,
            "texts": count,
            "confidence": float(confidence[inside].mean()) if count else None,
            "accuracy": float(right[inside].mean()) if count else None,
        }
        rows.append(row)
    return rows


def expected_calibration_error(rows: list[dict[str, Any]]) -> float:
    """The mean distance of confidence and accuracy over texts (Guo et al. 2017, equation 3)."""
    texts = sum(row["texts"] for row in rows)
    gaps = (row["texts"] * abs(row["confidence"] - row["accuracy"]) for row in rows if row["texts"])
    return float(sum(gaps) / texts)


def brier_score(probabilities: npt.NDArray[np.float64], wanted: npt.NDArray[np.int32]) -> float:
    """The mean squared distance from the truth, summed over labels (Brier 1950): 0 to 2."""
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(wanted)), wanted] = 1
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def log_loss(probabilities: npt.NDArray[np.float64], wanted: npt.NDArray[np.int32]) -> float:
    """The mean of -log p of the true label, p at least 1e-15."""
    chances = probabilities[np.arange(len(wanted)), wanted]
    return float(-np.log(np.maximum(chances, 1e-15)).mean())
