"""Options of training that cannot work, refused before anything is read."""

from __future__ import annotations

import os
from typing import Any

import click

from seqtool.errors import SeqtoolError
from seqtool.nn.training_options import check_training_options
from seqtool.options import refuse_overwriting
from seqtool_detect_trigger.model_files import is_name


def check(settings: dict[str, Any]) -> None:
    """Refuse options that contradict each other. Raises click.UsageError and SeqtoolError."""
    if not settings["output"].endswith(".safetensors"):
        raise click.UsageError(f"-o {settings['output']}: end it in .safetensors")
    if isinstance(settings["validation"], str):
        raise click.UsageError("--validation is a share of the clips here, such as 0.15")
    if settings["kernel"] < settings["stride"]:
        raise click.UsageError("--kernel is at least --stride: else frames are left out")
    if settings["name"] is not None and not is_name(settings["name"]):
        raise click.UsageError(f"--name {settings['name']!r} cannot stand in a line")
    check_training_options(settings)
    for path in filter(None, (settings["output"], settings["log"])):
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            raise SeqtoolError(f"{folder}: no such folder")
    read = [*settings["positive"], *settings["negative"], *settings["noise"]]
    refuse_overwriting((settings["output"], settings["log"]), read)
