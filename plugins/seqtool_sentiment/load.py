"""The classifier that a command line names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtool.models import resolve_model
from seqtool_sentiment.classifier import Classifier, load_classifier


def load(settings: Mapping[str, Any]) -> Classifier:
    """The classifier of ``-m``, or the built-in one. Raises SeqtoolError."""
    return load_classifier(resolve_model("sentiment", settings["model"]))
