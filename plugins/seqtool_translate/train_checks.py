"""Options of training that cannot work, refused before anything is read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import click

from seqtool.errors import SeqtoolError
from seqtool.nn.training_options import check_training_options
from seqtool.options import given, refuse_overwriting
from seqtool_translate.pairs import Files
from seqtool_translate.vocabulary import check_vocabulary


def check(pairs: Sequence[str], settings: dict[str, Any]) -> None:
    """Refuse options that contradict each other. Raises click.UsageError and SeqtoolError."""
    if not settings["output"].endswith(".safetensors"):
        raise click.UsageError(f"-o {settings['output']}: end it in .safetensors")
    _check_sides(pairs, settings)
    check_vocabulary(settings)
    _check_model(settings)
    check_training_options(
        {**settings, "validation": settings["validation_source"] or settings["validation"]}
    )
    for name in ("tokenizer", "source_tokenizer", "target_tokenizer"):
        if settings[name] and not os.path.exists(settings[name]):
            raise SeqtoolError(f"{settings[name]}: no such file")
    for path in filter(None, (settings["output"], settings["log"])):
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            raise SeqtoolError(f"{folder}: no such folder")


def _check_sides(pairs: Sequence[str], settings: Mapping[str, Any]) -> None:
    for one, other in (("source", "target"), ("validation_source", "validation_target")):
        for name, missing in ((one, other), (other, one)):
            if settings[name] and not settings[missing]:
                raise click.UsageError(
                    f"{_option(name)} needs {_option(missing)}, the other side of the same lines"
                )
    if not pairs and not settings["source"]:
        raise click.UsageError("nothing to learn from: name PAIRS, or --source and --target")
    if pairs and settings["source"]:
        raise click.UsageError("PAIRS have both sides: they do not go with --source and --target")
    if settings["validation_source"] and given("validation"):
        raise click.UsageError("--validation does not go with --validation-source")


def _check_model(settings: Mapping[str, Any]) -> None:
    attention, hidden = settings["attention"], settings["hidden"]
    if settings["coverage"] and attention != "additive":
        raise click.UsageError("--coverage goes with --attention additive")
    if settings["feeding"] and attention == "none":
        raise click.UsageError("--feeding needs attention: --attention none has nothing to feed")
    if hidden and hidden % 2 and not settings["unidirectional"]:
        raise click.UsageError(
            f"--hidden {hidden} cannot be halved for two directions: make it even, or use "
            "--unidirectional"
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def check_different(read: Sequence[Files | None], settings: Mapping[str, Any]) -> None:
    """Refuse to write over what is read. Raises click.UsageError."""
    paths = [path for files in read if files for some in files for path in some]
    paths += [settings[name] for name in ("tokenizer", "source_tokenizer", "target_tokenizer")]
    refuse_overwriting((settings["output"], settings["log"]), paths)
