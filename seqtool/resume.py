"""What a command that can go on after a stop tells its user: the same lines everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtool.errors import SeqtoolError


def refuse_unfinished(path: str, kind: str = "file") -> None:
    """Raise SeqtoolError rather than throw away an unfinished training, kept in ``path``."""
    raise SeqtoolError(
        f"{path} holds an unfinished training: go on with --resume, or remove that {kind} to "
        "start anew"
    )


def refuse_missing(path: str, output: str) -> None:
    """Raise SeqtoolError because there is nothing to resume in ``path``."""
    raise SeqtoolError(
        f"nothing to resume: {path} holds no training of {output} (run without --resume)"
    )


def check_same_settings(output: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise SeqtoolError if a setting differs from what the training of ``output`` began with."""
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            raise SeqtoolError(
                f"cannot resume {output}: it was started with {name} {before.get(name)}, "
                f"now it is {now.get(name)}"
            )
