"""Make the built-in tokenizer of `seqtool tokenize`: models/default.json in its package.

    SEQTOOL_DATA=... python tools/make_default_tokenizer.py

Reads text/wiki-en.txt.xz (a part of the English Wikipedia of 2018) and the training texts of
parallel/multi30k in SEQTOOL_DATA. Nothing in it is random: the same text gives the same file.
"""

import os
from pathlib import Path

from seqtool.tokenizers.load import load, save
from seqtool.tokenizers.specials import STANDARD
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.train import Recipe, train

TARGET = Path(__file__).parents[1] / "plugins/seqtool_tokenize/models/default.json"
PIECES = 16_000
# The German and French text is small beside the English: counted so often it gets its pieces.
REPEATED = 10
MEMORY = 2 << 30
CARD = """\
Byte-level BPE of 16,000 tokens for English, German and French
Trained on 102 MB of the English Wikipedia of 2018 and on the 29,000 image descriptions of Multi30k
in three languages. It encodes any bytes; other languages just take more tokens. {figures}."""
LICENCE = "CC BY-SA 4.0 (made from text of Wikipedia and of Multi30k)"


def main() -> None:
    """Train, measure, write."""
    data = Path(os.environ["SEQTOOL_DATA"])
    multi30k = data / "parallel/multi30k"
    paths = [str(data / "text/wiki-en.txt.xz"), str(multi30k / "train.en")]
    paths += [str(multi30k / f"train.{language}") for language in ("de", "fr")] * REPEATED
    recipe = Recipe("bpe", PIECES, "gpt2", STANDARD, threads=os.cpu_count() or 1)
    arguments = {"model": "bpe", "vocab_size": PIECES, "pretokenize": "gpt2"}
    notes = {"arguments": arguments, "licence": LICENCE}
    tokenizer = train(recipe, paths, notes, memory=MEMORY)
    figures = ", ".join(
        f"{_tokens_a_word(tokenizer, multi30k / f'test2016.{language}'):.2f} in {name}"
        for language, name in (("en", "English"), ("de", "German"), ("fr", "French"))
    )
    tokenizer.metadata["card"] = CARD.format(figures=f"Tokens a word of its test: {figures}")
    TARGET.parent.mkdir(exist_ok=True)
    save(str(TARGET), tokenizer)
    print(load(str(TARGET)).metadata["card"])


def _tokens_a_word(tokenizer: Tokenizer, path: Path) -> float:
    """Tokens a word (between white space) of a file."""
    text = path.read_text(encoding="utf-8")
    return len(tokenizer.encode_batch(text.split("\n")).ids) / len(text.split())


if __name__ == "__main__":
    main()
