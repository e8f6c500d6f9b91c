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
    loss, wanted = loaded.model.settings.loss, _decoder_name(settings, loaded)
    if loss not in (wanted, "both"):
        raise SeqtoolError(f"{loaded.path}: was trained with --loss {loss}: no --decoder {wanted}")
    extra, width = _is_helped(settings), _width(settings)
    if wanted == "attention":
        if extra:
            raise SeqtoolError("--lm and --hotwords go with --decoder ctc")
        return AttentionDecoder(loaded, width)
    if width == 1:
        return CtcDecoder()
    options = CtcBeamOptions(width)
    language = None
    if extra:
        words = _hotwords(settings["hotwords"], loaded) if settings["hotwords"] else []
        language = LanguageFusion(
            loaded.alphabet.marked_texts,
            _ngrams(settings["lm"]) if settings["lm"] else None,
            settings["lm_weight"],
            settings["word_bonus"],
            words,
        )
    return CtcDecoder(lambda log_probs: prefix_beam_search(log_probs, options, language)[0])


def _decoder_name(settings: Mapping[str, Any], loaded: Loaded) -> str:
    """What --decoder is, or stands for."""
    by_attention = loaded.model.settings.loss == "attention"
    return str(settings["decoder"] or ("attention" if by_attention else "ctc"))


def _is_helped(settings: Mapping[str, Any]) -> bool:
    """Whether words are known to be probable."""
    return bool(settings["lm"] or settings["hotwords"])


def _width(settings: Mapping[str, Any]) -> int:
    """What --beam is, or stands for."""
    return settings["beam"] or (_WIDTH if _is_helped(settings) else 1)


def _ngrams(path: str) -> NgramModel:
    model = load_language_model(path).model
    if not isinstance(model, NgramModel):
        raise SeqtoolError(f"{path}: a neural language model: --lm takes n-grams (ARPA, or ours)")
    return model


def _hotwords(wanted: str, loaded: Loaded) -> list[str]:
    """The words of --hotwords. Raises SeqtoolError if the model can write none of them."""
    words = read_hotwords(wanted)
    if words and all(loaded.alphabet.unknown_in(word) for word in words):
        missing = "" if os.path.isfile(wanted) else "no such file, and "
        raise SeqtoolError(
            f"--hotwords {wanted}: {missing}{loaded.path} has symbols for none of the words"
        )
    return words


def read_hotwords(wanted: str) -> list[str]:
    """The words of a file, one or more a line; or those of a list with commas between."""
    if not os.path.exists(wanted) or os.path.isdir(wanted):
        words = [word.strip() for word in wanted.split(",")]
    else:
        words = [line.strip() for _, line in numbered_lines(wanted)]
    return [word for word in words if word]


def search_signature(settings: Mapping[str, Any], loaded: Loaded) -> str:
    """How texts are looked for."""
    parts = [f"decoder:{_decoder_name(settings, loaded)}", f"beam:{_width(settings)}"]
    if settings["lm"]:
        parts.append(f"lm:{settings['lm_weight']:g}+{settings['word_bonus']:g}")
    if settings["hotwords"]:
        parts.append("hotwords")
    return "|".join(parts)
