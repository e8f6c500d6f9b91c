"""From the options of a command line to a translator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from seqtool.decode.sampling import SamplingOptions
from seqtool.decode_options import SAMPLING
from seqtool.options import given
from seqtool_translate.model_files import load
from seqtool_translate.translator import SearchOptions, Translator, banned


def check_search(settings: Mapping[str, Any]) -> None:
    """Refuse options of searching that contradict each other. Raises click.UsageError."""
    if settings["coverage_penalty"] and settings["penalty"] != "gnmt":
        raise click.UsageError("--coverage-penalty goes with --penalty gnmt")


def make_translator(settings: Mapping[str, Any]) -> Translator:
    """Load the models and say how to search. Raises SeqtoolError."""
    models = [load(name) for name in (settings["model"], *settings["ensemble"])]
    sampling = None
    if settings.get("sample"):
        drawn = {name: settings[name] for name in SAMPLING}
        sampling = SamplingOptions(**drawn, banned=banned(models[0].target), seed=settings["seed"])
    search = SearchOptions(
        beam=settings["beam"],
        nbest=settings.get("nbest", 1),
        penalty=settings["penalty"],
        length_penalty=settings["length_penalty"],
        coverage_penalty=settings["coverage_penalty"],
        max_ratio=settings["max_ratio"],
        max_input=settings["max_input"],
        no_repeat_ngram=settings["no_repeat_ngram"],
        sampling=sampling,
    )
    return Translator(models, search, settings["threads"])


def check_drawing(settings: Mapping[str, Any]) -> None:
    """Refuse options of drawing that contradict others. Raises click.UsageError."""
    if settings["sample"]:
        for name in ("beam", "no_repeat_ngram", "constraint", "coverage_penalty"):
            if given(name):
                raise click.UsageError(f"--{name.replace('_', '-')} does not go with --sample")
        return
    for name in (*SAMPLING, "seed"):
        if given(name):
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --sample")
    if settings["nbest"] > settings["beam"]:
        raise click.UsageError(f"--nbest {settings['nbest']} is more than --beam holds")
