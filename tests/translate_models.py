"""Small translation models of random weights that tests share: they write nonsense, but quickly."""

from pathlib import Path
from typing import Any

from seqtool.nn.encoder_decoder import EncoderDecoder, EncoderDecoderSettings
from seqtool_translate.model_files import save
from seqtool_translate.pairs import Pairs
from seqtool_translate.vocabulary import make_sides

GERMAN = [
    "der Hund jagt einen Vogel",
    "ein Mann malt das rote Haus",
    "das Kind spielt mit dem Ball im Garten",
    "zwei Frauen sehen eine Katze",
    "Hunde schlafen",
]
ENGLISH = [
    "the dog chases a bird",
    "a man paints the red house",
    "the child plays with the ball in the garden",
    "two women see a cat",
    "dogs sleep",
]


def make_model(
    path: Path,
    level: str = "word",
    seed: int = 1,
    end: float = 0.0,
    unknown: float = 0.0,
    **shape: Any,
) -> Path:
    """Write a model; ``end`` and ``unknown`` are added to the logits of these ids."""
    names = ("vocab_size", "tokenizer", "source_tokenizer", "target_tokenizer")
    settings = {**dict.fromkeys(names), "level": level, "joint": False, "threads": 1}
    source, target = make_sides(Pairs(GERMAN, ENGLISH, "", 0), settings)
    sizes = {"embedding": 12, "hidden": 16, **shape}
    model = EncoderDecoder(EncoderDecoderSettings(source.vocab_size, target.vocab_size, **sizes))
    model.initialise(seed)
    for name, weight in model.parameters.items():
        if not name.startswith("output."):
            weight *= 4  # so that what is read matters
    bias = model.parameters["output.bias"]
    bias[target.end] += end
    if target.unknown is not None:
        bias[target.unknown] += unknown
    save(str(path), model, source, target, "float32", {})
    return path
