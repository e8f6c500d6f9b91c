"""What `seqtool transcribe train` does once its options are read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

from seqtool.audio.features import FeatureSettings
from seqtool.ctc.loss import frames_needed
from seqtool.errors import SeqtoolError
from seqtool.nn.acoustic import AcousticSettings
from seqtool.nn.cells import find_cell
from seqtool.nn.checkpoint import Checkpoint
from seqtool.nn.frame_batches import FrameBatches
from seqtool.nn.hold_back import hold_back
from seqtool.nn.speech import SpeechModel, SpeechSettings
from seqtool.nn.stack import StackSettings
from seqtool.nn.trainer import make_training
from seqtool.nn.training_log import TrainingLog
from seqtool.nn.training_options import DECIDING
from seqtool.text import display_name
from seqtool.tokenizers.embedded import names_sha256
from seqtool_transcribe.alphabet import Alphabet, make_alphabet
from seqtool_transcribe.drawing import Augmentation
from seqtool_transcribe.front_end import FrontEnd, frames_of, measured
from seqtool_transcribe.manifest import (
    Clip,
    find_manifests,
    read_manifests,
    sha256_of,
    sounds_sha256,
)
from seqtool_transcribe.model_files import Loaded, alphabet_fields, save
from seqtool_transcribe.recordings import Recordings, Sound, noise_files, read_sounds
from seqtool_transcribe.source import DrawnSource, KeptSource, make_source
from seqtool_transcribe.train_checks import check, check_different
from seqtool_transcribe.validation import SpeechValidation

_DECIDING = (
    "level", "vocab_size", "tokenizer", "rate", "mels", "normalise", "errors", "join", "empty",
    "noise", "snr", "speed", "echo", "spec_augment", "cell", "hidden", "layers", "unidirectional",
    "convolutions", "channels", "stride", "dropout", "loss", "precision", *DECIDING,
)  # fmt: skip
_MEASURED = 500  # examples whose bands are measured
_FRAMES = 40_000  # of a batch at most, with padding: bounds the memory of long recordings


class Data(NamedTuple):
    """What is trained and validated on, and the symbols."""

    train: Recordings
    validation: Recordings | None
    noises: Sequence[Sound]
    alphabet: Alphabet
    sha256: str


def run_train(manifests: Sequence[str], settings: dict[str, Any]) -> None:
    """Train, keep the weights that validate best, and write the model.

    Raises SeqtoolError and click.UsageError.
    """
    check(settings)
    paths = find_manifests(manifests)
    held_out = settings["validation"]
    held_out = find_manifests([held_out]) if isinstance(held_out, str) else []
    check_different([*paths, *held_out], settings)
    data = _read(paths, held_out, settings)
    loaded = _model(data, settings)
    about = _about(data, settings)
    _report(data, settings)
    checkpoint = Checkpoint(settings["output"], about)
    checkpoint.begin(settings["resume"])
    source = _source(data, loaded.front_end, settings)
    validate = _validation(data, loaded, settings)
    training = make_training(
        loaded.model,
        FrameBatches(
            source, settings["batch_size"], settings["seed"], _FRAMES, settings["threads"]
        ),
        settings,
        TrainingLog(checkpoint, settings["log"], settings["quiet"]),
        validate,
    )
    if settings["resume"]:
        checkpoint.load(training)
    training.run()
    fields = {**about, **_results(data, paths, validate)}
    save(settings["output"], loaded, settings["precision"], fields)
    checkpoint.remove()


# --- data -----------------------------------------------------------------------------------------


def _read(paths: Sequence[str], held_out: Sequence[str], settings: Mapping[str, Any]) -> Data:
    """Read the recordings, learn or read the symbols, and leave out what cannot be learned."""
    clips = read_manifests(paths, settings["errors"])
    held = read_manifests(held_out, settings["errors"]) if held_out else []
    noises = noise_files(settings["noise"]) if settings["noise"] else []
    if isinstance(settings["validation"], float):
        kept, rest = hold_back(
            len(clips), settings["validation"], settings["seed"], "recordings", "name a manifest"
        )
        clips, held = [clips[n] for n in kept], [clips[n] for n in rest]
    alphabet = make_alphabet(_texts(clips, settings), settings)
    alphabet_fields(alphabet)  # a tokenizer that a model cannot hold is refused now
    recordings = _recordings(clips, alphabet, settings)
    sha256 = sha256_of(recordings.clips, recordings.sounds)
    validation = _recordings(held, alphabet, settings) if held else None
    return Data(
        _fitting(recordings, "train on", settings),
        validation and _fitting(validation, "validate on", settings),
        read_sounds(noises, settings["rate"], settings["threads"], settings["quiet"]),
        alphabet,
        sha256,
    )


def _texts(clips: Sequence[Clip], settings: Mapping[str, Any]) -> list[str]:
    """The texts that symbols are learned from; the space between joined ones is among them."""
    texts = [clip.text for clip in clips]
    return [*texts, f"{texts[0]} {texts[-1]}"] if settings["join"] else texts


def _recordings(
    clips: Sequence[Clip], alphabet: Alphabet, settings: Mapping[str, Any]
) -> Recordings:
    paths = [clip.path for clip in clips]
    sounds = read_sounds(paths, settings["rate"], settings["threads"], settings["quiet"])
    return Recordings(clips, sounds, alphabet.encode([clip.text for clip in clips]))


def _fitting(recordings: Recordings, purpose: str, settings: Mapping[str, Any]) -> Recordings:
    """Those in which the labels of their text have room; the others are said."""
    front_end = _front_end(settings)
    reduction = settings["stride"] ** settings["convolutions"]
    kept = []
    for number, (sound, labels) in enumerate(
        zip(recordings.sounds, recordings.labels, strict=True)
    ):
        steps = -(-frames_of(len(sound), front_end) // reduction)
        if steps >= max(1, frames_needed(labels)):
            kept.append(number)
        elif not settings["quiet"]:
            clip = recordings.clips[number]
            click.echo(
                f"{clip.place}: left out: {len(sound) / settings['rate']:.2f} s are too short for "
                "the text",
                err=True,
            )
    if not kept:
        raise SeqtoolError(f"all recordings to {purpose} are too short for their texts")
    return recordings.take(kept)


def _report(data: Data, settings: Mapping[str, Any]) -> None:
    if settings["quiet"]:
        return
    minutes = data.train.samples / settings["rate"] / 60
    held = f", {len(data.validation.clips):,} to validate on" if data.validation else ""
    click.echo(
        f"{len(data.train.clips):,} recordings of {minutes:,.1f} minutes to train on{held}; "
        f"{data.alphabet.symbols - 1:,} symbols",
        err=True,
    )


def _about(data: Data, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the result; of files that is what they hold, wherever they lie."""
    held = data.validation
    arguments = {name: settings[name] for name in _DECIDING}
    for name in ("validation", "noise", "tokenizer"):
        if isinstance(arguments[name], str):
            arguments[name] = os.path.basename(os.path.normpath(arguments[name]))
    return {
        "arguments": arguments,
        "seed": settings["seed"],
        "corpus_sha256": data.sha256,
        "validation_sha256": held and sha256_of(held.clips, held.sounds),
        "noise_sha256": sounds_sha256(data.noises) if data.noises else None,
        "vocabulary_sha256": names_sha256(data.alphabet.tokenizer.names),
    }


# --- model and examples ---------------------------------------------------------------------------


def _front_end(settings: Mapping[str, Any]) -> FrontEnd:
    return FrontEnd(
        FeatureSettings(rate=settings["rate"], mels=settings["mels"]), settings["normalise"]
    )


def _model(data: Data, settings: Mapping[str, Any]) -> Loaded:
    find_cell(settings["cell"])
    alphabet, front_end = data.alphabet, _front_end(settings)
    if front_end.normalise == "level":
        front_end = _measured(data, front_end, settings)
    acoustic = AcousticSettings(
        features=front_end.features.size,
        symbols=alphabet.symbols,
        stack=StackSettings(
            cell=settings["cell"],
            hidden=settings["hidden"],
            layers=settings["layers"],
            bidirectional=not settings["unidirectional"],
            dropout=settings["dropout"],
        ),
        channels=settings["channels"],
        stride=settings["stride"],
        convolutions=settings["convolutions"],
        dropout=settings["dropout"],
    )
    shape = SpeechSettings(acoustic, settings["loss"], hidden=2 * settings["hidden"])
    model = SpeechModel(shape)
    model.initialise(settings["seed"])
    return Loaded("the model in training", model, alphabet, front_end, {})


def _measured(data: Data, front_end: FrontEnd, settings: Mapping[str, Any]) -> FrontEnd:
    """With the means and deviations of bands in some examples of the first epoch."""
    source = _source(data, front_end, {**settings, "spec_augment": False})
    numbers = range(min(_MEASURED, len(source.start_epoch(0))))
    return measured(front_end, (source.features(number) for number in numbers))


def _source(
    data: Data, front_end: FrontEnd, settings: Mapping[str, Any]
) -> DrawnSource | KeptSource:
    augmentation = Augmentation(
        settings["join"],
        settings["empty"],
        settings["speed"],
        settings["snr"],
        settings["echo"],
        settings["spec_augment"],
    )
    seed = settings["seed"]
    return make_source(data.train, data.alphabet, front_end, augmentation, data.noises, seed)


def _validation(data: Data, loaded: Loaded, settings: Mapping[str, Any]) -> SpeechValidation | None:
    """Joined as in training if they are joined there, and else as they are."""
    if data.validation is None:
        return None
    augmentation = Augmentation(join=settings["join"])
    seed, rows = settings["seed"], settings["batch_size"]
    source = make_source(data.validation, data.alphabet, loaded.front_end, augmentation, (), seed)
    kept = source.kept() if isinstance(source, DrawnSource) else source
    return SpeechValidation(loaded, kept, rows, seed, settings["threads"])


# --- results --------------------------------------------------------------------------------------


def _results(data: Data, paths: Sequence[str], validate: SpeechValidation | None) -> dict[str, Any]:
    """What the file says of how good the model is, and a card for people."""
    names = ", ".join(map(display_name, paths))
    card = f"Writes down speech; trained on {len(data.train.clips):,} recordings of {names}"
    if data.validation is None or validate is None:
        return {"card": card}
    held, found = len(data.validation.clips), validate()
    card += f"\n{found.figures['wer']:.2f} % WER, greedily, on {held:,} other recordings"
    return {"validation": {"loss": found.loss, **found.figures, "recordings": held}, "card": card}
