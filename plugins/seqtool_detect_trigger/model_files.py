"""Files of trigger models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, get_type_hints

import numpy as np

from seqtool.audio.features import FeatureSettings, checked_settings
from seqtool.errors import SeqtoolError
from seqtool.modelfile import ModelReader, open_model, write_model
from seqtool.models import resolve_model
from seqtool.nn.acoustic import AcousticSettings
from seqtool.nn.detector import FrameDetector
from seqtool.nn.model_weights import MOST_LAYERS, check_size, read_weights, weights_as
from seqtool.nn.parameters import Floats
from seqtool.nn.stack import StackSettings
from seqtool_detect_trigger.rule import Rule

KIND = "trigger-detector"
_MOST_FRAME = 10_000  # numbers of a frame, mels, and steps of smoothing that make sense
_LONGEST = 10.0  # seconds of a window


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
    shape = model.network.settings
    metadata = {
        **fields,
        "kind": KIND,
        "trigger": model.name,
        "model": {**shape._asdict(), "stack": shape.stack._asdict()},
        "features": model.features._asdict(),
        "mean": model.mean.tolist(),
        "scale": model.scale.tolist(),
        "rule": model.rule._asdict(),
    }
    write_model(path, weights_as(path, model.network.parameters, precision), metadata)


def load(name: str | None) -> TriggerModel:
    """The model of -m (a file or an installed model), or the built-in one.

    Raises SeqtoolError for a file that is damaged, or holds no trigger model.
    """
    path = resolve_model("detect-trigger", name)
    with open_model(path) as file:
        kind = file.metadata.get("kind")
        if kind != KIND:
            raise SeqtoolError(
                f"{path}: holds '{kind or 'tensors'}', not a trigger model (see 'seqtool info')"
            )
        return _load(file)


def _load(file: ModelReader) -> TriggerModel:
    path, metadata = file.path, file.metadata
    heard: FeatureSettings = _settings(path, "features", metadata, FeatureSettings)
    shape: AcousticSettings = _settings(path, "model", metadata, AcousticSettings)
    stack: StackSettings = _settings(path, "stack", metadata["model"], StackSettings)
    shape = shape._replace(stack=stack)
    rule: Rule = _settings(path, "rule", metadata, Rule)
    name = metadata.get("trigger")
    if not (isinstance(name, str) and is_name(name) and _fits(heard, shape, rule)):
        raise SeqtoolError(f"{path}: its metadata is damaged")
    check_size(file, stack.layers * stack.hidden * stack.hidden)
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
        and 0 < heard.hop <= heard.window <= _LONGEST
        and 1 <= heard.mels <= _MOST_FRAME
        and heard.size == shape.features <= _MOST_FRAME
        and shape.channels <= _MOST_FRAME
        and shape.kernel <= _MOST_FRAME
        and 1 <= shape.convolutions <= MOST_LAYERS
        and shape.stride**shape.convolutions <= _MOST_FRAME
        and 1 <= shape.stack.layers <= MOST_LAYERS
        and 1 <= rule.smoothing <= _MOST_FRAME
    )


def _settings(path: str, field: str, metadata: Mapping[str, Any], kind: Any) -> Any:
    """A NamedTuple that metadata holds, with fields of the types that it must have."""
    found = metadata.get(field)
    types = get_type_hints(kind)
    if not isinstance(found, dict) or found.keys() != types.keys():
        raise SeqtoolError(f"{path}: its metadata is damaged ({field})")
    for name, wanted in types.items():
        if name != "stack" and not _is_a(found[name], wanted):
            raise SeqtoolError(f"{path}: its metadata is damaged ({field}: {name})")
    return kind(**found)


def _is_a(value: Any, wanted: Any) -> bool:
    """Whether a value from JSON is of a type; numbers are finite and not below 0."""
    if wanted in (bool, str):
        return type(value) is wanted
    if wanted is int:
        return type(value) is int and value >= 0
    if wanted == dict[str, Any]:
        return bool(value == {})
    if value is None:
        return type(None) in getattr(wanted, "__args__", ())
    return type(value) in (int, float) and 0 <= value < math.inf


def _numbers(path: str, field: str, metadata: Mapping[str, Any], size: int) -> Floats:
    """An array of finite numbers that metadata holds."""
    found = metadata.get(field)
    if not isinstance(found, list) or len(found) != size:
        raise SeqtoolError(f"{path}: its metadata is damaged ({field})")
    if not all(type(x) in (int, float) and math.isfinite(x) for x in found):
        raise SeqtoolError(f"{path}: its metadata is damaged ({field})")
    return np.array(found, np.float32)
