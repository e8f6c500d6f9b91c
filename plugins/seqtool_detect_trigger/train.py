"""What `seqtool detect-trigger train` does once its options are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import click
import numpy as np

from seqtool.audio.features import FeatureSettings
from seqtool.errors import SeqtoolError
from seqtool.nn.acoustic import AcousticSettings
from seqtool.nn.checkpoint import Checkpoint
from seqtool.nn.detector import FrameDetector
from seqtool.nn.parameters import Floats
from seqtool.nn.shards import Validation
from seqtool.nn.stack import StackSettings
from seqtool.nn.trainer import Training, make_training
from seqtool.nn.training_log import TrainingLog
from seqtool.nn.training_options import DECIDING
from seqtool_detect_trigger.clips import Clip, aligned, digest, find_clips, read_clips, split_paths
from seqtool_detect_trigger.measuring import measure
from seqtool_detect_trigger.mining import hard_places
from seqtool_detect_trigger.model_files import TriggerModel, save
from seqtool_detect_trigger.rule import Rule
from seqtool_detect_trigger.streams import (
    Material,
    Place,
    StreamSettings,
    StreamSource,
    WeightedBatches,
)
from seqtool_detect_trigger.threshold import Chosen, choose
from seqtool_detect_trigger.train_checks import check

_DECIDING = (
    "name", "streams", "seconds", "snr", "label_seconds", "mels", "channels", "kernel", "stride",
    "hidden", "layers", "dropout", "smoothing", "refractory", "false_alarms", "precision",
    *DECIDING,
)  # fmt: skip
_STATISTICS = 64  # streams that mean and scale of frames are of
_VALIDATED = 0.2  # streams to validate on, as a share of those of an epoch


class Data(NamedTuple):
    """What is trained and validated on; without validation its material is that of training."""

    train: Material
    validation: Material
    held_out: bool


def run_train(settings: dict[str, Any]) -> None:
    """Train, choose a threshold, and write the model. Raises SeqtoolError and click.UsageError."""
    check(settings)
    data = _read(settings)
    about = _about(data, settings)
    _report(data, settings)
    checkpoint = Checkpoint(settings["output"], about)
    checkpoint.begin(settings["resume"])
    model = _model(data, settings)
    source = _source(
        data.train, model, settings, settings["seed"], settings["streams"], hiding=True
    )
    batches = WeightedBatches(source, settings["batch_size"], settings["seed"], settings["threads"])
    log = TrainingLog(checkpoint, settings["log"], settings["quiet"])
    training = make_training(
        model.network, batches, settings, log, _validation(data, model, settings)
    )
    source.find_hard = _Miner(model, data.train, settings, training)
    if settings["resume"]:
        checkpoint.load(training)
    training.run()
    chosen = _choose(model, data, settings)
    rule = model.rule._replace(threshold=chosen.threshold, delay=max(0.0, chosen.delay))
    fields = {**about, **_results(data, chosen, settings)}
    save(settings["output"], model._replace(rule=rule), settings["precision"], fields)
    checkpoint.remove()
    if not settings["quiet"]:
        click.echo(fields["card"].split("\n")[-1], err=True)


# --- data -----------------------------------------------------------------------------------------


def _read(settings: Mapping[str, Any]) -> Data:
    """Find and read all clips, and hold some of each kind back."""
    share, threads = settings["validation"] or 0.0, settings["threads"]
    train: list[list[Clip]] = []
    held: list[list[Clip]] = []
    for name in ("positive", "negative", "noise"):
        paths = split_paths(find_clips(settings[name]), share, settings["seed"])
        parts = [read_clips(part, threads) for part in paths]
        if name == "positive":
            parts = [aligned(part) for part in parts]
        if settings[name] and not parts[0]:
            raise SeqtoolError(f"--{name}: {settings[name][0]}: all clips are silent")
        train.append(parts[0])
        held.append(parts[1])
    material = Material(*train)
    if not held[0] or not held[1]:
        return Data(material, material, False)
    return Data(material, Material(held[0], held[1], held[2] or train[2]), True)


def _about(data: Data, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the result."""
    return {
        "arguments": {name: settings[name] for name in _DECIDING},
        "seed": settings["seed"],
        "corpus_sha256": digest([clip for part in data.train for clip in part]),
        "validation_sha256": digest([clip for part in data.validation for clip in part]),
    }


def _report(data: Data, settings: Mapping[str, Any]) -> None:
    if settings["quiet"]:
        return
    parts = [_said(data.train)]
    if data.held_out:
        parts.append(f"held back: {_said(data.validation)}")
    elif settings["validation"]:
        parts.append("nothing is held back: --validation needs two clips of each kind")
    click.echo("; ".join(parts), err=True)


def _said(material: Material) -> str:
    minutes = [sum(len(clip.samples) for clip in part) / 16_000 / 60 for part in material]
    return (
        f"{len(material.triggers):,} triggers, {minutes[1]:.1f} minutes of other sounds, "
        f"{minutes[2]:.1f} of noise"
    )


# --- model and batches ----------------------------------------------------------------------------


def _model(data: Data, settings: Mapping[str, Any]) -> TriggerModel:
    """A model before it is trained; it knows mean and scale of its frames."""
    heard = FeatureSettings(mels=settings["mels"])
    shape = AcousticSettings(
        features=heard.size,
        symbols=1,
        stack=StackSettings(
            cell="gru",
            hidden=settings["hidden"],
            layers=settings["layers"],
            dropout=settings["dropout"],
        ),
        channels=settings["channels"],
        kernel=settings["kernel"],
        stride=settings["stride"],
        convolutions=1,
        causal=True,
        dropout=settings["dropout"],
    )
    network = FrameDetector(shape)
    network.initialise(settings["seed"])
    rule = Rule(0.5, settings["smoothing"], settings["refractory"])
    zeros, ones = np.zeros(heard.size, np.float32), np.ones(heard.size, np.float32)
    model = TriggerModel(settings["output"], _name(settings), network, heard, zeros, ones, rule, {})
    source = _source(data.train, model, settings, settings["seed"], _STATISTICS)
    lengths = source.start_epoch(0)
    frames = np.concatenate([source.features(number) for number in range(len(lengths))])
    mean, deviation = frames.mean(axis=0, dtype=np.float64), frames.std(axis=0, dtype=np.float64)
    scale = 1 / np.maximum(deviation, 1e-3)
    return model._replace(mean=mean.astype(np.float32), scale=scale.astype(np.float32))


def _name(settings: Mapping[str, Any]) -> str:
    """What the trigger is called: --name, or the name of its folder."""
    folder = os.path.basename(os.path.abspath(settings["positive"][0]))
    return str(settings["name"] or os.path.splitext(folder)[0])


def _source(
    material: Material,
    model: TriggerModel,
    settings: Mapping[str, Any],
    seed: int,
    count: int,
    hiding: bool = False,
) -> StreamSource:
    shape = StreamSettings(
        count,
        settings["seconds"],
        settings["snr"],
        settings["label_seconds"],
        model.network.acoustic.reduction,
        hiding,
    )
    source = StreamSource(material, shape, model.features, seed)
    source.mean, source.scale = model.mean, model.scale
    return source


def _validation(
    data: Data, model: TriggerModel, settings: Mapping[str, Any]
) -> Callable[[], float] | None:
    if not data.held_out:
        return None
    count = max(8, round(settings["streams"] * _VALIDATED))
    source = _source(data.validation, model, settings, settings["seed"] + 1, count)
    batches = WeightedBatches(source, settings["batch_size"], settings["seed"], settings["threads"])
    return Validation(model.network, batches, settings["threads"])


class _Miner:
    """Finds hard negatives with the best weights so far.

    These are the same all through an epoch and kept in checkpoints, so what is found is, too.
    """

    def __init__(
        self, model: TriggerModel, material: Material, settings: Mapping[str, Any], of: Training
    ) -> None:
        self._model, self._material, self._settings = model, material, settings
        self._training = of

    def __call__(self, epoch: int) -> Sequence[Place]:
        best = self._training.best
        if best is None:
            return ()
        weights: Floats = self._model.network.parameters.trained
        now = weights.copy()
        weights[:] = best
        try:
            return hard_places(
                self._model,
                self._material.negatives,
                self._material.noises,
                self._settings["snr"],
                (self._settings["seed"], epoch),
                self._settings["threads"],
            )
        finally:
            weights[:] = now


# --- results --------------------------------------------------------------------------------------


def _choose(model: TriggerModel, data: Data, settings: Mapping[str, Any]) -> Chosen:
    """Measure the trained model on what was held back, in different noise."""
    low, high = settings["snr"]
    measured = [
        measure(model, *data.validation, snr, settings["seed"], settings["threads"])
        for snr in (high, (low + high) / 2, low)
    ]
    return choose(measured, settings["false_alarms"])


def _results(data: Data, chosen: Chosen, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the file says of how good the model is, and a card for people."""
    minutes = sum(len(clip.samples) for clip in data.train.negatives) / 16_000 / 60
    card = (
        f"Hears '{_name(settings)}'; trained on {len(data.train.triggers):,} clips of it and "
        f"{minutes:.0f} minutes of other sounds"
    )
    where = "was held back" if data.held_out else "it was trained on"
    card += (
        f"\nOf what {where}, at a threshold of {chosen.threshold:.3f}: misses "
        f"{100 * chosen.misses / max(chosen.triggers, 1):.1f} % of {chosen.triggers:,}, "
        f"{chosen.false_alarms} false alarms in {chosen.hours:.2f} hours"
    )
    return {"validation": {**chosen._asdict(), "held_out": data.held_out}, "card": card}
