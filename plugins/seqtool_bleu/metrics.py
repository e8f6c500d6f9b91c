"""Metrics by name, from the options of the command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

import seqtool_bleu
from seqtool_bleu.names import METRICS

if TYPE_CHECKING:
    from seqtool_bleu.metric import Metric

Factory = Callable[[Mapping[str, Any]], "Metric"]


def metrics_by_name(names: list[str], settings: Mapping[str, Any]) -> list[Metric]:
    """The metrics of the names, in their order; other plugins are asked for unknown names.

    Raises click.UsageError for a name that no plugin knows.
    """
    factories: dict[str, Factory] = {}
    seqtool_bleu.register_metrics(factories.__setitem__)
    if not set(names) <= set(factories):
        from seqtool.plugins import call_hook

        call_hook("register_metrics", register=factories.setdefault)
    for name in names:
        if name not in factories:
            raise click.UsageError(
                f"no metric {name!r}: --metric takes {', '.join(sorted(factories))}"
            )
    return [factories[name](settings) for name in names]


def built_in(name: str, settings: Mapping[str, Any]) -> Metric:
    """One of `seqtool_bleu.names.METRICS`, with the options that concern it."""
    assert name in METRICS
    if name == "bleu":
        return _bleu(settings)
    if name in ("chrf", "chrf++"):
        return _chrf(name, settings)
    if name == "ter":
        from seqtool_bleu.ter import Ter

        return Ter(
            normalized=settings["ter_normalized"],
            no_punct=settings["ter_no_punct"],
            asian_support=settings["ter_asian_support"],
            case_sensitive=settings["ter_case_sensitive"],
        )
    from seqtool_bleu.error_rate import ErrorRate

    return ErrorRate(name, lowercase=settings["lowercase"])


def _bleu(settings: Mapping[str, Any]) -> Metric:
    from seqtool_bleu.bleu import Bleu
    from seqtool_bleu.tokenizers import tokenizer

    return Bleu(
        tokenizer(settings["tokenize"]),
        lowercase=settings["lowercase"],
        max_order=settings["max_order"],
        smooth=settings["smooth"],
        smooth_value=settings["smooth_value"],
        effective_order=settings["effective_order"] or settings["sentence"],
    )


def _chrf(name: str, settings: Mapping[str, Any]) -> Metric:
    from seqtool_bleu.chrf import Chrf

    return Chrf(
        name,
        char_order=settings["chrf_char_order"],
        word_order=2 if name == "chrf++" else settings["chrf_word_order"],
        beta=settings["chrf_beta"],
        lowercase=settings["lowercase"],
        whitespace=settings["chrf_whitespace"],
        eps_smoothing=settings["chrf_eps_smoothing"],
    )
