"""`seqtool sentiment`: a label for every line of text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from seqtool.output import open_output
from seqtool.text import explain_bad_bytes, read_blocks
from seqtool_sentiment.load import load

Probabilities = npt.NDArray[np.float32]


def run_apply(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Label the lines of files, as they come. Raises SeqtoolError."""
    classifier = load(settings)
    with open_output(settings["output"]) as stream:
        writer = AnswerWriter(stream, settings["format"], classifier.labels)
        for path in files or ["-"]:
            before = 0
            for block in read_blocks(path, settings["errors"]):
                explain_bad_bytes(block, path, before)
                texts = block.decode("utf-8").split("\n")[:-1]
                before += len(texts)
                writer.write(classifier.probabilities(texts, settings["threads"]))
                stream.flush()
        writer.close()


class AnswerWriter:
    """Writes labels and probabilities as they come, a line a text.

    text: label, tab, its probability; tsv: the same under a header, and all probabilities behind
    it; jsonl and json: objects with label, probability and probabilities.
    """

    def __init__(self, stream: TextIO, format: str, labels: Sequence[str]) -> None:
        self._stream = stream
        self._format = format
        self._labels = labels
        self._count = 0
        self._names = [json.dumps(label, ensure_ascii=False) for label in labels]
        if format == "tsv":
            stream.write("\t".join(["label", "probability", *labels]) + "\n")

    def write(self, probabilities: Probabilities) -> None:
        """Write the answers for some texts, (texts, labels)."""
        best = probabilities.argmax(axis=1).tolist()
        if self._format == "text":
            tops = probabilities.max(axis=1).tolist()
            labels = self._labels
            lines = [f"{labels[k]}\t{top:.4f}\n" for k, top in zip(best, tops, strict=True)]
            self._stream.write("".join(lines))
            return
        line = self._line()
        lines = [line(k, row) for k, row in zip(best, probabilities.tolist(), strict=True)]
        if self._format == "json" and lines:
            self._stream.write((",\n" if self._count else "[\n") + ",\n".join(lines))
        else:
            self._stream.write("".join(f"{text}\n" for text in lines))
        self._count += len(lines)

    def _line(self) -> Callable[[int, list[float]], str]:
        if self._format == "tsv":
            form = "%s\t%.6f" + "\t%.6f" * len(self._labels)
            return lambda k, row: form % (self._labels[k], row[k], *row)
        names = [name.replace("%", "%%") for name in self._names]
        fields = ", ".join(f"{name}: %.6f" for name in names)
        form = '{"label": %s, "probability": %.6f, "probabilities": {' + fields + "}}"
        return lambda k, row: form % (self._names[k], row[k], *row)

    def close(self) -> None:
        """Write what ends the result."""
        if self._format == "json":
            self._stream.write("\n]\n" if self._count else "[]\n")
