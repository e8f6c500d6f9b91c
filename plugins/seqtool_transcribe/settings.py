"""From the options of a command line to a recogniser."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from seqtool.ctc.beam import CtcBeamOptions, prefix_beam_search
from seqtool.ctc.fusion import LanguageFusion
from seqtool.errors import SeqtoolError
from seqtool.ngrams.model import NgramModel
from seqtool.options import given
from seqtool.text import numbered_lines
from seqtool_generate.model_files import load as load_language_model
from seqtool_transcribe.decoders import AttentionDecoder, CtcDecoder, Decoder
from seqtool_transcribe.model_files import Loaded, load
from seqtool_transcribe.recogniser import Recogniser

_WIDTH = 100  # of a beam, where one is needed
_LANGUAGE = ("lm_weight", "word_bonus")


def check_search(settings: Mapping[str, Any]) -> None:
    """Refuse options of searching that contradict each other. Raises click.UsageError."""
    for name in _LANGUAGE:
        if given(name) and not settings["lm"]:
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --lm")
    if settings["beam"] == 1 and (settings["lm"] or settings["hotwords"]):
        raise click.UsageError("--lm and --hotwords need a --beam of more than 1")


def make_recogniser(settings: Mapping[str, Any]) -> Recogniser:
    """Load the model and say how to search. Raises SeqtoolError."""
    loaded = load(settings["model"])
    return Recogniser(loaded, settings["threads"], make_decoder(loaded, settings))


def make_decoder(loaded: Loaded, settings: Mapping[str, Any]) -> Decoder:
    """The decoder that options ask for. Raises SeqtoolError."""
    loss = loaded.model.settings.loss
    wanted = settings["decoder"] or ("attention" if loss == "attention" else "ctc")
    if loss not in (wanted, "both"):
        raise SeqtoolError(f"{loaded.path}: was trained with --loss {loss}: no --decoder {wanted}")
    words = read_hotwords(settings["hotwords"]) if settings["hotwords"] else []
    if wanted == "attention":
        if settings["lm"] or words:
            raise SeqtoolError("--lm and --hotwords go with --decoder ctc")
        return AttentionDecoder(loaded, settings["beam"] or 1)
    width = settings["beam"] or (_WIDTH if settings["lm"] or words else 1)
    if width == 1:
        return CtcDecoder()
    options = CtcBeamOptions(width)
    language = None
    if settings["lm"] or words:
        language = LanguageFusion(
            loaded.alphabet.marked_texts,
            _ngrams(settings["lm"]) if settings["lm"] else None,
            settings["lm_weight"],
            settings["word_bonus"],
            words,
        )
    return CtcDecoder(lambda log_probs: prefix_beam_search(log_probs, options, language)[0])


def _ngrams(path: str) -> NgramModel:
    model = load_language_model(path).model
    if not isinstance(model, NgramModel):
        raise SeqtoolError(f"{path}: a neural language model: --lm takes n-grams (ARPA, or ours)")
    return model


def read_hotwords(wanted: str) -> list[str]:
    """The words of a file, one or more a line; or those of a list with commas between."""
    if not os.path.exists(wanted):
        words = [word.strip() for word in wanted.split(",")]
    else:
        words = [line.strip() for _, line in numbered_lines(wanted)]
    return [word for word in words if word]


def search_signature(settings: Mapping[str, Any], loaded: Loaded) -> str:
    """How texts are looked for."""
    loss = loaded.model.settings.loss
    decoder = settings["decoder"] or ("attention" if loss == "attention" else "ctc")
    extra = bool(settings["lm"] or settings["hotwords"])
    parts = [f"decoder:{decoder}", f"beam:{settings['beam'] or (_WIDTH if extra else 1)}"]
    if settings["lm"]:
        parts.append(f"lm:{settings['lm_weight']:g}+{settings['word_bonus']:g}")
    if settings["hotwords"]:
        parts.append("hotwords")
    return "|".join(parts)
