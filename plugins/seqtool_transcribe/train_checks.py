"""Which options of a training go together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click

from seqtool.errors import SeqtoolError
from seqtool.nn.training_options import check_training_options
from seqtool.options import refuse_overwriting
from seqtool_transcribe.alphabet import check_alphabet


def check(settings: dict[str, Any]) -> None:
    """Refuse options that contradict each other. Raises click.UsageError and SeqtoolError."""
    if not settings["output"].endswith(".safetensors"):
        raise click.UsageError(f"-o {settings['output']}: end it in .safetensors")
    check_alphabet(settings)
    check_training_options(settings)
    if settings["noise"] and not settings["snr"] and not settings["empty"]:
        raise click.UsageError("--noise goes with --snr, or with --empty")
    if settings["stride"] ** settings["convolutions"] > 64:
        raise click.UsageError("--stride and --convolutions: more than 64 frames would be one step")
    for path in filter(None, (settings["output"], settings["log"])):
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            raise SeqtoolError(f"{folder}: no such folder")


def check_different(read: Sequence[str], settings: dict[str, Any]) -> None:
    """Refuse to write over what is read. Raises click.UsageError."""
    refuse_overwriting((settings["output"], settings["log"]), [*read, settings["tokenizer"]])
