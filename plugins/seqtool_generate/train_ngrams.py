"""Estimating an n-gram model, the baseline of neural ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from seqtool.ngrams.estimate import estimate
from seqtool_generate.model_files import Loaded, save_ngram_model
from seqtool_generate.scoring import Totals, score_texts
from seqtool_generate.text_side import Texts, TextSide


def train_ngrams(
    text: TextSide,
    train: Texts,
    validation: Texts | None,
    about: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Estimate, validate and write an n-gram model. Raises SeqtoolError."""
    model = estimate(train.ids, train.starts, text.names, settings["order"])
    fields = dict(about)
    if validation is not None:
        totals = Totals()
        for scores in score_texts(Loaded("", model, text), validation, settings["threads"]):
            totals.add(scores)
        fields["validation_loss"] = totals.loss
        if not settings["quiet"]:
            click.echo(f"validation loss {totals.loss:.4f}", err=True)
    save_ngram_model(settings["output"], model, text, fields)
