"""Options of all commands that train a model with `seqtool.nn.trainer`, each defined once."""

import math
from collections.abc import Callable
from typing import Any

import click

from seqtool.options import FiniteRange, seed_option, threads_option, together

_Decorator = Callable[[Any], Any]

# What decides the result, beside options of the command's own: kept in the checkpoint.
DECIDING = (
    "epochs", "batch_size", "optimizer", "learning_rate", "schedule", "warmup", "clip_norm",
    "clip_value", "patience", "seed", "validation",
)  # fmt: skip

# Parameters by heading, for `seqtool.options.ExamplesFirst`.
SECTION = {
    "Training": (
        "epochs", "batch_size", "optimizer", "learning_rate", "schedule", "warmup", "clip_norm",
        "clip_value", "validation", "patience", "resume", "log", "diagnose", "threads", "seed",
    ),
}  # fmt: skip


def _validation(
    context: click.Context, option: click.Parameter, value: str | None
) -> str | float | None:
    """A share as a float, a file as a string."""
    if value is None:
        return None
    try:
        share = float(value)
    except ValueError:
        return value
    if not 0 <= share < 1 or math.isnan(share):
        raise click.BadParameter(f"{value} is no share: write for example 0.1, or name a file")
    return share or None


def _finite(context: click.Context, option: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number")
    return value


def _limit(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """A finite number, or None for no limit."""
    return _finite(context, option, value) if value else None


def _clip_option(name: str, default: float | None, text: str) -> _Decorator:
    return click.option(
        name,
        type=FiniteRange(min=0),
        callback=_limit,
        default=default,
        show_default=default is not None,
        metavar="X",
        help=text,
    )


def _count_option(name: str, default: int | None, text: str, least: int = 1) -> _Decorator:
    return click.option(
        name,
        type=click.IntRange(min=least),
        default=default,
        show_default=default is not None,
        metavar="N",
        help=text,
    )


def _rate_options(rate: float, optimizer: str, schedule: str) -> _Decorator:
    """How far each step goes."""
    return together(
        click.option(
            "--optimizer",
            type=click.Choice(["sgd", "adagrad", "adam", "adamw"]),
            default=optimizer,
            show_default=True,
            help="How gradients change the weights.",
        ),
        click.option(
            "--learning-rate",
            type=FiniteRange(min=0, min_open=True),
            callback=_finite,
            default=rate,
            show_default=True,
            metavar="X",
            help="How far a step goes.",
        ),
        click.option(
            "--schedule",
            type=click.Choice(["constant", "step", "cosine", "plateau"]),
            default=schedule,
            show_default=True,
            help="How the learning rate falls: not at all, in steps, along a cosine to zero, or "
            "whenever the validation gets no better.",
        ),
        _count_option("--warmup", 0, "Steps in which the learning rate rises from zero.", least=0),
    )


def _watching_options(validation: str | None) -> _Decorator:
    """What is measured and written while it runs."""
    return together(
        click.option(
            "--validation",
            metavar="FILE|SHARE",
            default=validation,
            show_default=validation is not None,
            callback=_validation,
            help="Data to validate on after every epoch, or a share of the training data to hold "
            "back, such as 0.1; the weights that do best on it are kept. 0 is none.",
        ),
        _count_option(
            "--patience", None, "Stop when N validations in a row were no better than the best."
        ),
        click.option(
            "--resume",
            is_flag=True,
            help="Go on with a training that was stopped; other options as before.",
        ),
        click.option(
            "--log",
            metavar="FILE",
            type=click.Path(dir_okay=False),
            help="Write loss, learning rate and speed of every step to FILE, as JSON lines.",
        ),
        click.option(
            "--diagnose",
            is_flag=True,
            help="Show after every epoch how gradients vanish or explode: their norms by layer "
            "and by time step.",
        ),
    )


def training_options(
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    optimizer: str = "adam",
    schedule: str = "constant",
    clip_norm: float | None = None,
    validation: str | None = None,
) -> _Decorator:
    """Add the options of a training, with a command's own defaults.

    Passes ``epochs``, ``batch_size``, ``optimizer``, ``learning_rate``, ``schedule``, ``warmup``,
    ``clip_norm`` and ``clip_value`` (None for no clipping), ``validation`` (a path, a share as a
    float, or None), ``patience`` (None for no early stopping), ``seed``, ``threads``, ``resume``,
    ``log`` and ``diagnose``.
    """
    return together(
        _count_option("--epochs", epochs, "Passes over the data."),
        _count_option("--batch-size", batch_size, "Sequences between two changes of the weights."),
        _rate_options(learning_rate, optimizer, schedule),
        _clip_option("--clip-norm", clip_norm, "Shorten longer gradients to this; 0 is never."),
        _clip_option("--clip-value", None, "Cut every number of a gradient off at this size."),
        _watching_options(validation),
        threads_option,
        seed_option(1),
    )


def precision_option(text: str) -> _Decorator:
    """Add ``--precision``, passed as ``precision``; ``text`` is its help."""
    return click.option(
        "--precision",
        type=click.Choice(["float16", "float32"]),
        default="float16",
        show_default=True,
        help=text,
    )


def check_training_options(settings: dict[str, Any]) -> None:
    """Refuse options that contradict each other. Raises click.UsageError."""
    if settings["validation"] is None:
        if settings["patience"] is not None:
            raise click.UsageError("--patience needs --validation")
        if settings["schedule"] == "plateau":
            raise click.UsageError("--schedule plateau needs --validation")
