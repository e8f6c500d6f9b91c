"""`seqtool bleu`: score translations and transcripts."""

from collections.abc import Callable, Mapping
from typing import Any

from seqtool.hookspecs import hookimpl


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Add `seqtool bleu`."""
    register(
        "seqtool_bleu.command:command",
        name="bleu",
        help="Score translations: BLEU, chrF, chrF++, TER; transcripts: WER, CER.",
    )


@hookimpl
def register_metrics(register: Callable[[str, Callable[..., Any]], None]) -> None:
    """Add the built-in metrics."""
    from functools import partial

    from seqtool_bleu.names import METRICS

    for name in METRICS:
        register(name, partial(_make_metric, name))


def _make_metric(name: str, settings: Mapping[str, Any]) -> Any:
    from seqtool_bleu.metrics import built_in

    return built_in(name, settings)
