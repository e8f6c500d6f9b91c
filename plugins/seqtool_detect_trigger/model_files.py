"""Files of trigger models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from seqtool.audio.features import FeatureSettings, checked_settings
from seqtool.errors import SeqtoolError
from seqtool.modelfile import ModelReader, open_model, write_model
from seqtool.models import resolve_model
from seqtool.nn.acoustic import AcousticSettings, fewest_numbers
from seqtool.nn.detector import FrameDetector
from seqtool.nn.model_fields import fields_of, read_settings
from seqtool.nn.model_weights import MOST_LAYERS, check_size, read_weights, weights_as
from seqtool.nn.parameters import Floats
from seqtool_detect_trigger.rule import Rule

KIND = "trigger-detector"
_MOST_FRAME = 10_000  # numbers of a frame, mels, and steps of smoothing that make sense
_LONGEST = 3600.0  # seconds
_LARGEST = 1e9  # of what frames are normalised with


class TriggerModel(NamedTuple):
    """A model that finds one trigger.

    Attributes:
        path: for messages.
        name: of the trigger.
        network: tells the probability of a trigger's end at every step.
        features: what it hears.
        mean, scale: float32 (size,): it hears (frame - mean) * scale.
        rule: when probabilities are an event.
        metadata: all that its file says.
    """

    path: str
    name: str
    network: FrameDetector
    features: FeatureSettings
    mean: Floats
    scale: Floats
    rule: Rule
    metadata: Mapping[str, Any]

    @property
    def step_seconds(self) -> float:
        """From one step to the next."""
        return self.features.hop * self.network.acoustic.reduction

    def heard(self, step: int) -> float:
        """How many seconds of a stream a step has heard at its end."""
        last = (step + 1) * self.network.acoustic.reduction - 1
        return last * self.features.hop + self.features.window

    @property
    def refractory_steps(self) -> int:
        """Steps of the refractory time."""
        return round(self.rule.refractory / self.step_seconds)


def save(path: str, model: TriggerModel, precision: str, fields: Mapping[str, Any]) -> None:
    """Write a model, whole or not at all; ``fields`` say what made it.

    ``precision`` is one of `seqtool.nn.model_weights.PRECISIONS`. Raises SeqtoolError for weights
    that it cannot hold.
    """
    metadata = {
        **fields,
        "kind": KIND,
        "trigger": model.name,
        "model": fields_of(model.network.settings),
        "features": fields_of(model.features),
        "mean": model.mean.tolist(),
        "scale": model.scale.tolist(),
        "rule": fields_of(model.rule),
    }
    write_model(path, weights_as(path, model.network.parameters, precision), metadata)


def load(name: str | None) -> TriggerModel:
    """The model of -m (a file or an installed model), or the built-in one.

    Raises SeqtoolError for a file that is damaged, or holds no trigger model.
    """
    path = resolve_model("detect-trigger", name)
    with open_model(path, KIND, "a trigger model") as file:
        return _load(file)


def _load(file: ModelReader) -> TriggerModel:
    path, metadata = file.path, file.metadata
    heard = read_settings(path, "features", metadata.get("features"), FeatureSettings)
    shape = read_settings(path, "model", metadata.get("model"), AcousticSettings)
    rule = read_settings(path, "rule", metadata.get("rule"), Rule)
    name = metadata.get("trigger")
    if not (isinstance(name, str) and is_name(name) and _fits(heard, shape, rule)):
        raise SeqtoolError(f"{path}: its metadata is damaged")
    check_size(file, fewest_numbers(shape))
    try:
        checked_settings(heard)
        network = FrameDetector(shape)
    except (ValueError, SeqtoolError) as error:
        raise SeqtoolError(f"{path}: its metadata is damaged (model: {error})") from error
    read_weights(file, network.parameters)
    mean, scale = (_numbers(path, part, metadata, heard.size) for part in ("mean", "scale"))
    return TriggerModel(path, name, network, heard, mean, scale, rule, metadata)


def is_name(text: str) -> bool:
    """Whether a trigger can be called so: in a line of its own, between tabs."""
    return bool(text.strip()) and text.isprintable()


def _fits(heard: FeatureSettings, shape: AcousticSettings, rule: Rule) -> bool:
    """Whether settings that came from a file go together, and are not absurd."""
    return (
        heard.rate == 16_000
        and heard.window <= _LONGEST
        and heard.hop <= _LONGEST
        and heard.hop * heard.rate == heard.hop_samples  # else the times of steps drift
        and heard.size == shape.features <= _MOST_FRAME
        and 1 <= shape.channels <= _MOST_FRAME
        and shape.kernel <= _MOST_FRAME
        and 1 <= shape.convolutions <= MOST_LAYERS
        and shape.stride**shape.convolutions <= _MOST_FRAME
        and 1 <= shape.stack.layers <= MOST_LAYERS
        and 1 <= shape.stack.hidden <= _MOST_FRAME
        and 0 < rule.threshold <= 1
        and 1 <= rule.smoothing <= _MOST_FRAME
        and 0 <= rule.refractory <= _LONGEST
        and 0 <= rule.delay <= _LONGEST
    )


def _numbers(path: str, field: str, metadata: Mapping[str, Any], size: int) -> Floats:
    """An array that metadata holds, of numbers of a sensible size."""
    found = metadata.get(field)
    if not isinstance(found, list) or len(found) != size:
        raise SeqtoolError(f"{path}: its metadata is damaged ({field})")
    if not all(type(x) in (int, float) and abs(x) <= _LARGEST for x in found):
        raise SeqtoolError(f"{path}: its metadata is damaged ({field})")
    return np.array(found, np.float32)
