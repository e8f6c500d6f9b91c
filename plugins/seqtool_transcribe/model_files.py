"""Files of speech recognisers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seqtool.audio.features import FeatureSettings, checked_settings
from seqtool.errors import SeqtoolError
from seqtool.modelfile import ModelReader, open_model, write_model
from seqtool.models import resolve_model
from seqtool.nn.acoustic import fewest_numbers
from seqtool.nn.model_fields import fields_of, read_settings
from seqtool.nn.model_weights import MOST_LAYERS, check_size, read_weights, weights_as
from seqtool.nn.speech import SpeechModel, SpeechSettings
from seqtool.tokenizers.embedded import read_tokenizer_text, tokenizer_text
from seqtool_transcribe.alphabet import Alphabet
from seqtool_transcribe.front_end import NORMALISE, FrontEnd

KIND = "speech-recogniser"
_TOKENIZER = "tokenizer"  # field of the metadata
_MOST = 1 << 20  # of anything that is counted
_LARGEST = 1e3  # nats that a band's mean is from 0, or its deviation
_LEAST = 1e-3  # nats of a deviation


class Loaded(NamedTuple):
    """A recogniser; ``path`` is for messages."""

    path: str
    model: SpeechModel
    alphabet: Alphabet
    front_end: FrontEnd
    metadata: Mapping[str, Any]

    @property
    def rate(self) -> int:
        """Samples a second that it hears."""
        return self.front_end.features.rate

    @property
    def step_seconds(self) -> float:
        """How long a step of it is."""
        features = self.front_end.features
        return self.model.acoustic.reduction * features.hop_samples / features.rate


def alphabet_fields(alphabet: Alphabet) -> dict[str, str]:
    """What a model's metadata says of its symbols.

    Raises SeqtoolError for a tokenizer that a model cannot hold.
    """
    return {_TOKENIZER: tokenizer_text(alphabet.tokenizer)}


def save(path: str, loaded: Loaded, precision: str, fields: Mapping[str, Any]) -> None:
    """Write a model, whole or not at all; ``fields`` say what made it.

    ``precision`` is one of `seqtool.nn.model_weights.PRECISIONS`. Raises SeqtoolError for weights
    that it cannot hold.
    """
    model = loaded.model
    metadata = {
        **fields,
        **alphabet_fields(loaded.alphabet),
        "kind": KIND,
        "model": fields_of(model.settings),
        "features": fields_of(loaded.front_end.features),
        "normalise": loaded.front_end.normalise,
        "means": loaded.front_end.means,
        "deviations": loaded.front_end.deviations,
    }
    write_model(path, weights_as(path, model.parameters, precision), metadata)


def load(name: str | None) -> Loaded:
    """The model of -m (a file or an installed model), or the built-in one.

    Raises SeqtoolError for a file that is damaged, or holds no recogniser.
    """
    path = resolve_model("transcribe", name)
    with open_model(path, KIND, "a speech recogniser") as file:
        return _load(file)


def _load(file: ModelReader) -> Loaded:
    path = file.path
    settings = _shape(path, file.metadata.get("model"))
    front_end = _front_end(path, file.metadata)
    check_size(file, _least_numbers(settings))
    acoustic = settings.acoustic
    alphabet = Alphabet(read_tokenizer_text(path, file.metadata.get(_TOKENIZER)))
    if alphabet.symbols != acoustic.symbols:
        raise SeqtoolError(f"{path}: damaged: weights and tokenizer have different vocabularies")
    if front_end.features.size != acoustic.features:
        raise SeqtoolError(f"{path}: damaged: weights and features have different sizes")
    try:
        model = SpeechModel(settings)
    except ValueError as error:
        raise SeqtoolError(f"{path}: its metadata is damaged (model: {error})") from error
    read_weights(file, model.parameters)
    return Loaded(path, model, alphabet, front_end, file.metadata)


def _least_numbers(settings: SpeechSettings) -> int:
    """How many numbers the weights of a model are at least."""
    count = fewest_numbers(settings.acoustic)
    if settings.loss != "ctc":
        count += settings.hidden**2 + settings.acoustic.symbols * settings.embedding
    return count


def _shape(path: str, fields: Any) -> SpeechSettings:
    """The shape of a model, of the types and sizes that it must have."""
    settings = read_settings(path, "model", fields, SpeechSettings)
    if not _is_possible(settings):
        raise SeqtoolError(f"{path}: its metadata is damaged (model)")
    return settings


def _is_possible(settings: SpeechSettings) -> bool:
    acoustic, stack = settings.acoustic, settings.acoustic.stack
    counts = (
        settings.embedding, settings.hidden, acoustic.features, acoustic.symbols,
        acoustic.channels, acoustic.kernel, acoustic.stride, stack.hidden, stack.layers,
    )  # fmt: skip
    rates = (settings.share, settings.smoothing, acoustic.dropout, stack.dropout)
    layers = (acoustic.convolutions, stack.layers)
    return (
        all(1 <= count <= _MOST for count in counts)
        and all(0 <= rate < 1 for rate in rates)
        and all(0 <= count <= MOST_LAYERS for count in layers)
        and acoustic.stride ** min(acoustic.convolutions, 64) <= _MOST
    )


def _front_end(path: str, metadata: Mapping[str, Any]) -> FrontEnd:
    features = read_settings(path, "features", metadata.get("features"), FeatureSettings)
    damaged = f"{path}: its metadata is damaged (features"
    if metadata.get("normalise") not in NORMALISE:
        raise SeqtoolError(f"{damaged})")
    try:
        front_end = FrontEnd(checked_settings(features), metadata["normalise"])
    except SeqtoolError as error:
        raise SeqtoolError(f"{damaged}: {error})") from error
    means, deviations = (
        _band_numbers(metadata.get(name, []), features.size) for name in ("means", "deviations")
    )
    if means is None or deviations is None or len(means) != len(deviations):
        raise SeqtoolError(f"{damaged})")
    if not all(number >= _LEAST for number in deviations):
        raise SeqtoolError(f"{damaged})")
    return front_end._replace(means=means, deviations=deviations)


def _band_numbers(found: Any, size: int) -> tuple[float, ...] | None:
    """A number a band, or none at all; None if it is something else."""
    if not isinstance(found, list) or len(found) not in (0, size):
        return None
    if not all(type(number) is float and abs(number) <= _LARGEST for number in found):
        return None
    return tuple(found)
